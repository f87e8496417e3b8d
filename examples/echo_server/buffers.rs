//! The buffers of the clients. There is one [`Pool`] per thread.
//!
//! A client has the thread's own two buffers for its turn. After the turn it keeps what is left in
//! buffers of its own: an idle one keeps none.

use std::mem::take;
use std::sync::atomic::Ordering::Relaxed;

use barews::{RecvBuffer, SendBuffer};

use crate::settings::Settings;
use crate::stats::Stats;

/// At most this much memory is kept while it is not in use, in bytes.
const KEPT: usize = 4 << 20;

/// A client's buffer has at most this many times the length of what has arrived.
const GROWTH: usize = 8;

pub(crate) struct Buffers {
    pub(crate) rx: RecvBuffer<Vec<u8>>,
    pub(crate) tx: SendBuffer<Vec<u8>>,
}

pub(crate) struct Pool {
    /// The thread's own storage; empty during a turn.
    rx: Vec<u8>,
    tx: Vec<u8>,
    /// Others that are at least as long, and free.
    spare: Vec<Vec<u8>>,
    read_len: usize,
    low: usize,
    high: usize,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { read_len, low, high, .. } = *settings;
        Self { rx: vec![0; read_len], tx: Vec::new(), spare: Vec::new(), read_len, low, high }
    }

    /// The buffers for a turn of the client that has kept these.
    pub(crate) fn lend(&mut self, kept: Option<Box<Buffers>>, stats: &Stats) -> Buffers {
        let mut buffers = if let Some(kept) = kept {
            stats.buffers.fetch_sub(1, Relaxed);
            *kept
        } else {
            let tx = SendBuffer::with_marks(Vec::new(), self.low.min(self.high), self.high);
            Buffers { rx: RecvBuffer::new(Vec::new()), tx }
        };
        // A long frame continues in its own storage.
        if buffers.rx.len() <= self.read_len / 2 {
            swap(&mut self.rx, |storage| buffers.rx.grow(storage));
            // What the client had was short.
            self.rx = Vec::new();
        }
        if buffers.tx.is_empty() {
            swap(&mut self.tx, |storage| buffers.tx.grow(storage));
        }
        buffers
    }

    /// Takes the thread's buffers back after a turn. What is left in them is kept by the client.
    pub(crate) fn take_back(
        &mut self,
        mut buffers: Buffers,
        stats: &Stats,
    ) -> Option<Box<Buffers>> {
        let Buffers { rx, tx } = &mut buffers;
        if rx.len() <= self.read_len / 2 {
            let mut storage = vec![0; rx.len()];
            swap(&mut storage, |storage| rx.grow(storage));
            self.give(storage);
        }
        if self.rx.is_empty() {
            let at = self.spare.iter().position(|storage| storage.len() == self.read_len);
            self.rx = at.map_or_else(|| vec![0; self.read_len], |at| self.spare.swap_remove(at));
        }
        if tx.len() <= self.high {
            let mut storage = vec![0; tx.len()];
            swap(&mut storage, |storage| tx.grow(storage));
            if storage.len() <= KEPT && storage.len() > self.tx.len() {
                self.tx = storage;
            }
        }
        if rx.is_empty() && tx.is_empty() {
            return None;
        }
        stats.buffers.fetch_add(1, Relaxed);
        Some(Box::new(buffers))
    }

    /// Makes a receive buffer longer if its next event does not fit: with a buffer that exists, or
    /// with one that is paid for by what has arrived, as a header may announce more than ever comes.
    pub(crate) fn lengthen(&mut self, rx: &mut RecvBuffer<Vec<u8>>) {
        let needed = rx.len().saturating_add(rx.need_more());
        if needed <= rx.capacity() || 2 * rx.len() <= rx.capacity() {
            return;
        }
        let at = self.spare.iter().position(|storage| storage.len() >= needed);
        let mut storage = match at {
            Some(at) => self.spare.swap_remove(at),
            None => vec![0; needed.min(GROWTH * rx.len())],
        };
        swap(&mut storage, |storage| rx.grow(storage));
        self.give(storage);
    }

    fn give(&mut self, storage: Vec<u8>) {
        if self.rx.is_empty() && storage.len() == self.read_len {
            self.rx = storage;
        } else if storage.len() >= self.read_len {
            let kept: usize = self.spare.iter().map(Vec::len).sum();
            if kept + storage.len() <= KEPT {
                self.spare.push(storage);
            }
        }
    }
}

/// Exchanges `storage`, which stays where it is if the buffer refuses it.
fn swap(storage: &mut Vec<u8>, exchange: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, Vec<u8>>) {
    *storage = exchange(take(storage)).unwrap_or_else(|refused| refused);
}
