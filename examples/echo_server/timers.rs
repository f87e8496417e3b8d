//! The deadlines of all clients of a thread: a heap with one entry for most clients.
//!
//! Every received byte moves a deadline, nearly always to a later time. The heap is not updated
//! then: the entry fires at its old time, and the client is scheduled again for the new one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::worker::RESERVED;

/// The unit of time, in milliseconds: 32 bits are more than two years.
const TICK: u64 = 16;

pub(crate) struct Timers {
    /// Time and key, kept small because every idle connection has an entry.
    entries: BinaryHeap<Reverse<(u32, u32)>>,
}

/// When a client's entry fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scheduled(u32);

impl Default for Timers {
    fn default() -> Self {
        // A client has several entries if its deadline moved to an earlier time.
        Self { entries: BinaryHeap::with_capacity(8 * RESERVED) }
    }
}

impl Default for Scheduled {
    /// Never.
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Timers {
    /// Makes sure that an entry for `key` fires soon after `deadline`.
    pub(crate) fn schedule(
        &mut self,
        key: usize,
        deadline: Option<Duration>,
        scheduled: &mut Scheduled,
    ) {
        let Some(at) = deadline.map(ticks) else { return };
        if at < scheduled.0 {
            scheduled.0 = at;
            self.entries.push(Reverse((at, u32::try_from(key).unwrap_or(u32::MAX))));
        }
    }

    /// When the next entry fires.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.entries.peek().map(|Reverse((at, _))| Duration::from_millis(TICK * u64::from(*at)))
    }

    /// The next entry that is due. It is stale if the client's [`Scheduled`] differs.
    pub(crate) fn due(&mut self, now: Duration) -> Option<(usize, Scheduled)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((at, key)) = self.entries.pop()?;
        Some((key as usize, Scheduled(at)))
    }
}

/// Rounded up: an entry that fires early would only be set again.
fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(TICK.into())).unwrap_or(u32::MAX - 1)
}
