//! The deadlines of all clients of a thread: a heap with one entry for most clients.
//!
//! A deadline moves with every byte that comes, nearly always to later. So nothing is done then; the entry comes up at
//! its old time, and the client says when it is to come up again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::worker::RESERVED;

pub(crate) struct Timers {
    /// Milliseconds and key: an idle connection is little but this.
    entries: BinaryHeap<Reverse<(u64, u32)>>,
}

/// When a client's entry comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scheduled(u64);

impl Default for Timers {
    fn default() -> Self {
        // Some clients have more than one entry.
        Self { entries: BinaryHeap::with_capacity(8 * RESERVED) }
    }
}

impl Default for Scheduled {
    /// Never.
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Timers {
    /// Sees to it that `key` comes up at `deadline`, or before it.
    pub(crate) fn schedule(
        &mut self,
        key: usize,
        deadline: Option<Duration>,
        scheduled: &mut Scheduled,
    ) {
        let Some(at) = deadline.map(millis) else { return };
        if at < scheduled.0 {
            scheduled.0 = at;
            self.entries.push(Reverse((at, u32::try_from(key).unwrap_or(u32::MAX))));
        }
    }

    /// When the next entry comes up.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.entries.peek().map(|Reverse((at, _))| Duration::from_millis(*at))
    }

    /// The next entry that is due, and what tells whether it is still the client's.
    pub(crate) fn due(&mut self, now: Duration) -> Option<(usize, Scheduled)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((at, key)) = self.entries.pop()?;
        Some((key as usize, Scheduled(at)))
    }
}

/// Deadlines are whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
