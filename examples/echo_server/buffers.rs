//! The buffers of the clients.
//!
//! A client has the thread's own two buffers for its turn. After the turn it keeps what is left in
//! buffers of its own: an idle one keeps none.

use std::io;
use std::mem::take;

use barews::{RecvBuffer, SendBuffer};

use crate::memory::{Memory, Pool, SHORT};
use crate::settings::Settings;

/// The thread's own storage for output is at most this long, in bytes.
const LONGEST: usize = 1 << 20;

pub(crate) struct Buffers {
    pub(crate) rx: RecvBuffer<Memory>,
    pub(crate) tx: SendBuffer<Memory>,
}

impl Buffers {
    pub(crate) fn is_empty(&self) -> bool {
        self.rx.is_empty() && self.tx.is_empty()
    }
}

/// The thread's own storage; that which is lent is empty here.
pub(crate) struct Lender {
    rx: Memory,
    tx: Memory,
    read_len: usize,
    low: usize,
    high: usize,
}

impl Lender {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { read_len, low, high, .. } = *settings;
        Self { rx: Memory::default(), tx: Memory::default(), read_len, low: low.min(high), high }
    }

    /// Buffers without a storage.
    pub(crate) fn buffers(&self) -> Buffers {
        let tx = SendBuffer::with_marks(Memory::default(), self.low, self.high);
        Buffers { rx: RecvBuffer::new(Memory::default()), tx }
    }

    /// Moves what a client has kept into the thread's storage, for a turn.
    pub(crate) fn lend(&mut self, buffers: &mut Buffers, pool: &mut Pool) -> io::Result<()> {
        let Buffers { rx, tx } = buffers;
        if self.rx.len() == 0 {
            self.rx = pool.take(self.read_len).map_err(io::Error::other)?;
        }
        if rx.len() <= self.read_len / 2 {
            swap(&mut self.rx, |storage| rx.grow(storage));
            // What the client had was short.
            self.rx = Memory::default();
        }
        if tx.is_empty() {
            swap(&mut self.tx, |storage| tx.grow(storage));
        }
        Ok(())
    }

    /// Takes the thread's storage back after a turn. What is left is kept by the client.
    pub(crate) fn take_back(&mut self, buffers: &mut Buffers, pool: &mut Pool) -> io::Result<()> {
        let Buffers { rx, tx } = buffers;
        if rx.len() <= self.read_len / 2 {
            let mut storage = Memory::new(rx.len()).map_err(io::Error::other)?;
            swap(&mut storage, |storage| rx.grow(storage));
            if self.rx.len() == 0 && storage.len() == self.read_len {
                self.rx = storage;
            } else {
                pool.give(storage);
            }
        }
        if tx.len() <= SHORT {
            let mut storage = Memory::new(tx.len()).map_err(io::Error::other)?;
            swap(&mut storage, |storage| tx.grow(storage));
            storage.restore();
            if storage.len() > self.tx.len() && storage.len() <= LONGEST {
                std::mem::swap(&mut self.tx, &mut storage);
            }
            pool.give(storage);
        }
        Ok(())
    }
}

/// Exchanges `storage`, which stays where it is if the buffer refuses it.
fn swap(storage: &mut Memory, exchange: impl FnOnce(Memory) -> Result<Memory, Memory>) {
    *storage = exchange(take(storage)).unwrap_or_else(|refused| refused);
}
