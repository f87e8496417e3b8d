//! The numbered feed at `/feed`. All clients get the same messages; a client that reconnects
//! catches up on the ones that it missed, as far back as the window reaches.
//!
//! The numbers of a server start at the time of its start, in millionths of a second since 1970, and
//! count the messages from there. So a number tells which server it is of: one that was started later has
//! greater numbers only. They are exact in JavaScript for 200 years more.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::handover::{Body, Parts, invalid};

/// How many of the newest messages are kept for clients to catch up on.
const WINDOW: usize = 1024;

pub(crate) struct Feed {
    window: Mutex<Window>,
}

struct Window {
    /// The number of the newest message, or that before the first one.
    newest: u64,
    messages: VecDeque<Arc<str>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let newest = u64::try_from(epoch.as_micros()).unwrap_or_default();
        Self { window: Mutex::new(Window { newest, messages: VecDeque::new() }) }
    }

    /// For the successor of this process, which goes on with the same numbers.
    pub(crate) fn seal(&self) -> Body {
        let window = self.window();
        let mut body = Body::default();
        body.number(window.newest);
        for message in &window.messages {
            body.part(message.as_bytes());
        }
        body
    }

    pub(crate) fn unseal(body: &[u8]) -> io::Result<Self> {
        let mut parts = Parts(body);
        let (newest, mut messages) = (parts.number()?, VecDeque::new());
        while !parts.is_empty() {
            messages.push_back(str::from_utf8(parts.part()?).map_err(|_| invalid())?.into());
        }
        if messages.len() as u64 > newest {
            return Err(invalid());
        }
        Ok(Self { window: Mutex::new(Window { newest, messages }) })
    }

    /// Appends the next message.
    pub(crate) fn publish(&self) {
        let mut window = self.window();
        window.newest += 1;
        let text = format!(r#"{{"seq":{}}}"#, window.newest);
        window.messages.push_back(text.into());
        if window.messages.len() > WINDOW {
            window.messages.pop_front();
        }
    }

    /// The messages after number `seen`, and the number of the newest. A client that has seen
    /// nothing starts with the next message. If the messages after `seen` are gone, because they are
    /// older than the window or the number is of another server, the first one announces the number at
    /// which the feed continues.
    pub(crate) fn after(&self, seen: Option<u64>) -> (Vec<Arc<str>>, u64) {
        let window = self.window();
        let newest = window.newest;
        let Some(seen) = seen.filter(|seen| *seen != newest) else { return (Vec::new(), newest) };
        // That before the first message of the window.
        let before = newest - window.messages.len() as u64;
        if (before..newest).contains(&seen) {
            let skip = usize::try_from(seen - before).unwrap_or(usize::MAX);
            return (window.messages.iter().skip(skip).cloned().collect(), newest);
        }
        let gap = format!(r#"{{"gap":{}}}"#, before + 1);
        (std::iter::once(gap.into()).chain(window.messages.iter().cloned()).collect(), newest)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
