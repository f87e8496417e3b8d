//! The deadlines of all clients of a thread: a heap with one entry for most clients.
//!
//! A deadline moves with every byte that comes, nearly always to later. So nothing is done then; the entry comes up at
//! its old time, and the client says when it is to come up again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Timers {
    entries: BinaryHeap<Reverse<(Duration, u32)>>,
}

/// When a client's entry comes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scheduled(Option<Duration>);

impl Timers {
    /// Sees to it that `key` comes up at `deadline`, or before it.
    pub(crate) fn schedule(
        &mut self,
        key: usize,
        deadline: Option<Duration>,
        scheduled: &mut Scheduled,
    ) {
        let Some(deadline) = deadline else { return };
        if scheduled.0.is_none_or(|at| deadline < at) {
            scheduled.0 = Some(deadline);
            self.entries.push(Reverse((deadline, u32::try_from(key).unwrap_or(u32::MAX))));
        }
    }

    /// When the next entry comes up.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.entries.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry that is due, and what tells whether it is still the client's.
    pub(crate) fn due(&mut self, now: Duration) -> Option<(usize, Scheduled)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((at, key)) = self.entries.pop()?;
        Some((key as usize, Scheduled(Some(at))))
    }
}
