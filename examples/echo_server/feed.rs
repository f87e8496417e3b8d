//! The numbered feed at `/feed`. All clients get the same messages; a client that reconnects
//! catches up on the ones that it missed, as far back as the window reaches.

use std::collections::VecDeque;
use std::sync::Mutex;

use barews::frame::Opcode;

use crate::broadcast::{Frames, encoded};

/// How many of the newest messages are kept for clients to catch up on.
const WINDOW: usize = 1024;

#[derive(Default)]
pub(crate) struct Feed {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    /// The number of the newest message; the first is 1.
    newest: u64,
    frames: VecDeque<Frames>,
}

impl Feed {
    /// Appends the next message.
    pub(crate) fn publish(&self) {
        let mut window = self.window.lock().expect("no thread panics while it holds the lock");
        window.newest += 1;
        let text = format!(r#"{{"seq":{}}}"#, window.newest);
        window.frames.push_back(encoded(Opcode::Text, text.as_bytes()).into());
        if window.frames.len() > WINDOW {
            window.frames.pop_front();
        }
    }

    /// The messages after number `seen`, and the number of the newest. A client that has seen
    /// nothing (`u64::MAX`) starts with the next message. If the messages after `seen` are gone,
    /// because they are older than the window or the server was restarted, the first frame
    /// announces the number at which the feed continues.
    pub(crate) fn after(&self, seen: u64) -> (Vec<Frames>, u64) {
        let window = self.window.lock().expect("no thread panics while it holds the lock");
        let newest = window.newest;
        if seen == u64::MAX || seen == newest {
            return (Vec::new(), newest);
        }
        let oldest = newest + 1 - window.frames.len() as u64;
        if (oldest..=newest + 1).contains(&(seen + 1)) {
            let skip = usize::try_from(seen + 1 - oldest).unwrap_or(usize::MAX);
            return (window.frames.iter().skip(skip).cloned().collect(), newest);
        }
        let gap = format!(r#"{{"gap":{oldest}}}"#);
        let gap = encoded(Opcode::Text, gap.as_bytes()).into();
        (std::iter::once(gap).chain(window.frames.iter().cloned()).collect(), newest)
    }
}
