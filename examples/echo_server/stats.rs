//! Counters over all threads.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Open connections.
    pub(crate) connections: AtomicU64,
    /// Data frames received.
    pub(crate) messages: AtomicU64,
    /// Bytes read from sockets.
    pub(crate) bytes: AtomicU64,
    /// Pooled buffers in use.
    pub(crate) buffers: AtomicU64,
    /// How often a buffer was replaced by a longer one.
    pub(crate) grown: AtomicU64,
    /// Connections ended by a deadline other than the one for writing.
    pub(crate) reaped: AtomicU64,
    /// Connections dropped because the client did not read.
    pub(crate) dropped: AtomicU64,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, messages, bytes, buffers, grown, reaped, dropped } = self;
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
