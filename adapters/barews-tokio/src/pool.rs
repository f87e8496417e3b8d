//! Memory that connections share: each has it only while it is in use.

use std::sync::{Mutex, PoisonError};

/// Free objects of the process, up to a number.
pub(crate) struct Pool<T> {
    free: Mutex<Vec<T>>,
    most: usize,
}

impl<T> Pool<T> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), most }
    }

    /// A free object that is suitable.
    pub(crate) fn take(&self, is_suitable: impl Fn(&T) -> bool) -> Option<T> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.iter().rposition(is_suitable)?;
        Some(free.swap_remove(at))
    }

    /// Takes an object back, or drops it.
    pub(crate) fn give(&self, object: T) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.most {
            free.push(object);
        }
    }
}

/// The length of a buffer of the pool in bytes.
pub(crate) const BUFFER: usize = 32 << 10;

/// Buffers of [`BUFFER`] bytes, at most 4 MiB.
static BUFFERS: Pool<Vec<u8>> = Pool::new(128);

/// A buffer of [`BUFFER`] bytes.
pub(crate) fn buffer() -> Vec<u8> {
    BUFFERS.take(|_| true).unwrap_or_else(|| vec![0; BUFFER])
}

/// Keeps the memory of a buffer, unless it has another length.
pub(crate) fn keep(buffer: Vec<u8>) {
    if buffer.len() == BUFFER {
        BUFFERS.give(buffer);
    }
}
