//! The numbered feed at `/feed`: everybody gets the same messages, and who was away gets what was missed, as far back as
//! the window goes.

use std::collections::VecDeque;
use std::sync::Mutex;

use barews::frame::Opcode;

use crate::broadcast::{Frames, encoded};

/// So many of the newest messages can be had again.
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
    /// Adds the next message.
    pub(crate) fn publish(&self) {
        let mut window = self.window.lock().expect("no thread panics with it");
        window.newest += 1;
        let text = format!(r#"{{"seq":{}}}"#, window.newest);
        window.frames.push_back(encoded(Opcode::Text, text.as_bytes()).into());
        if window.frames.len() > WINDOW {
            window.frames.pop_front();
        }
    }

    /// What comes behind `seen`, and the number of the newest. Who has seen nothing begins with the next. If messages
    /// are lost, because `seen` is behind the window or of another server's life, the first says where it goes on.
    pub(crate) fn behind(&self, seen: u64) -> (Vec<Frames>, u64) {
        let window = self.window.lock().expect("no thread panics with it");
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
