//! The memory of messages: a budget over all clients of the process, and a [`Pool`] per thread.
//!
//! Memory grows with what has arrived, not with what a header announces. A message for which the
//! budget or the allocator has no memory is refused with the close code 1009 (Message Too Big), so
//! the newest long message gives way to those that are under way.

use std::mem::take;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use barews::{Storage, StorageFull};

/// What is shorter, in bytes, counts in the budget, but is not refused: a client can be told that
/// its message is too long, and the others are served. Their number bounds it.
pub(crate) const SHORT: usize = 64 << 10;

/// At most this much free memory is kept per thread, in bytes ...
const KEPT: usize = 4 << 20;
/// ... in at most this many pieces, with one more of this length ...
const PIECES: usize = 64;
const LONG: usize = 32 << 20;
/// ... and this much when it is of no use.
const KEPT_IDLE: usize = 256 << 10;

/// How much memory all clients may use together, in bytes.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);
static USED: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn limit(bytes: usize) {
    LIMIT.store(bytes, Relaxed);
}

/// Takes `more` bytes from the budget, for a storage of `len`.
fn is_granted(more: usize, len: usize) -> bool {
    let used = USED.fetch_add(more, Relaxed).saturating_add(more);
    let is_granted = used <= LIMIT.load(Relaxed) || len <= SHORT;
    if !is_granted {
        USED.fetch_sub(more, Relaxed);
    }
    is_granted
}

/// A storage that counts in the budget.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    bytes: Vec<u8>,
    /// The storage is what follows these bytes.
    skipped: usize,
}

impl Memory {
    /// An initialized storage of `len` bytes.
    pub(crate) fn new(len: usize) -> Result<Self, StorageFull> {
        let mut memory = Self::default();
        memory.try_grow(len)?;
        Ok(memory)
    }

    /// A storage that consists of these bytes.
    pub(crate) fn copy(bytes: &[u8]) -> Result<Self, StorageFull> {
        let mut memory = Self::new(bytes.len())?;
        memory.as_mut().copy_from_slice(bytes);
        Ok(memory)
    }

    pub(crate) fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Removes the first `n` bytes from the storage, until [`restore`](Self::restore).
    pub(crate) fn skip(&mut self, n: usize) {
        self.skipped = self.skipped.saturating_add(n).min(self.bytes.len());
    }

    pub(crate) fn restore(&mut self) {
        self.skipped = 0;
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.skipped..).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.skipped..).unwrap_or_default()
    }
}

impl Storage for Memory {
    fn max_len(&self) -> usize {
        usize::MAX
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        let full = StorageFull { needed: len };
        let len = len.saturating_add(self.skipped);
        let more = len.saturating_sub(self.bytes.len());
        if !is_granted(more, len) {
            return Err(full);
        }
        if self.bytes.try_reserve_exact(more).is_err() {
            USED.fetch_sub(more, Relaxed);
            return Err(full);
        }
        self.bytes.resize(self.bytes.len().max(len), 0);
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            USED.fetch_sub(self.bytes.len(), Relaxed);
        }
    }
}

/// The free memory of a thread, which does not count in the budget.
#[derive(Default)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
    kept: usize,
    long: Vec<u8>,
    /// It was of use since [`trim`](Self::trim).
    is_used: bool,
}

impl Pool {
    /// The shortest free storage of at least `len` bytes, and not of many more.
    pub(crate) fn find(&mut self, len: usize) -> Option<Memory> {
        let fit = self.free.iter().enumerate().filter(|(_, bytes)| fits(bytes, len));
        let found = fit.min_by_key(|(_, bytes)| bytes.len()).map(|(at, bytes)| (at, bytes.len()));
        let bytes = match found {
            Some((at, long)) if is_granted(long, len) => {
                self.kept = self.kept.saturating_sub(long);
                self.free.swap_remove(at)
            }
            None if fits(&self.long, len) && is_granted(self.long.len(), len) => {
                take(&mut self.long)
            }
            _ => return None,
        };
        self.is_used = true;
        Some(Memory { bytes, skipped: 0 })
    }

    /// A storage of at least `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<Memory, StorageFull> {
        if let Some(memory) = self.find(len) {
            return Ok(memory);
        }
        Memory::new(len).or_else(|_| {
            self.clear();
            Memory::new(len)
        })
    }

    /// Takes back a storage, if it is worth keeping.
    pub(crate) fn give(&mut self, mut memory: Memory) {
        let len = memory.bytes.len();
        let kept = self.kept.saturating_add(len);
        let most = LIMIT.load(Relaxed) / 4;
        if len >= SHORT / 4 && self.free.len() < PIECES && kept <= KEPT.min(most) {
            self.kept = kept;
            self.free.push(take(&mut memory.bytes));
            USED.fetch_sub(len, Relaxed);
        } else if len > KEPT.max(self.long.len()) && len <= LONG.min(most) {
            self.long = take(&mut memory.bytes);
            USED.fetch_sub(len, Relaxed);
        }
    }

    /// Whether there is much to free.
    pub(crate) fn is_long(&self) -> bool {
        self.kept.saturating_add(self.long.len()) > KEPT_IDLE
    }

    /// Frees all of it, if it was of no use since this was called last.
    pub(crate) fn trim(&mut self) {
        if !take(&mut self.is_used) {
            self.clear();
        }
    }

    /// Frees all of it.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn fits(bytes: &[u8], len: usize) -> bool {
    (len..=len.saturating_mul(4)).contains(&bytes.len())
}
