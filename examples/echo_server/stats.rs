//! Counters over all threads.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Open connections.
    pub(crate) connections: AtomicU64,
    /// Whole messages received.
    pub(crate) messages: AtomicU64,
    /// Bytes read from sockets.
    pub(crate) bytes: AtomicU64,
    /// Clients that hold memory: an incomplete message, or unsent output.
    pub(crate) buffers: AtomicU64,
    /// How often the memory for a message has grown.
    pub(crate) grown: AtomicU64,
    /// Connections ended by a deadline other than the one for writing.
    pub(crate) reaped: AtomicU64,
    /// Connections dropped because the client did not read.
    pub(crate) dropped: AtomicU64,
    /// The second after the last one in which an error was logged.
    quiet_until: AtomicU64,
}

impl Stats {
    /// Whether an error may be logged: once per second and process.
    pub(crate) fn may_log(&self, now: Duration) -> bool {
        let next = now.as_secs() + 1;
        self.quiet_until.fetch_max(next, Relaxed) < next
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, messages, bytes, buffers, grown, reaped, dropped, .. } = self;
        let read = |n: &AtomicU64| n.load(Relaxed);
        write!(
            f,
            "connections={} messages={} bytes={} buffers={} grown={} reaped={} dropped={}",
            read(connections),
            read(messages),
            read(bytes),
            read(buffers),
            read(grown),
            read(reaped),
            read(dropped),
        )
    }
}
