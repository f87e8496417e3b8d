//! `RecvBuffer` and `SendBuffer` against a model, with storage that refuses at random.

use std::cell::Cell;
use std::rc::Rc;

use arbitrary::{Arbitrary, Result, Unstructured};
use barews::{RecvBuffer, SendBuffer, Storage, StorageFull};

use crate::memory::Memory;

/// Storage that does not grow while a switch is on.
pub struct Flaky {
    memory: Memory,
    refuses: Rc<Cell<bool>>,
}

impl Flaky {
    pub fn new(memory: Memory, refuses: &Rc<Cell<bool>>) -> Self {
        Self { memory, refuses: Rc::clone(refuses) }
    }
}

impl AsRef<[u8]> for Flaky {
    fn as_ref(&self) -> &[u8] {
        self.memory.as_ref()
    }
}

impl AsMut<[u8]> for Flaky {
    fn as_mut(&mut self) -> &mut [u8] {
        self.memory.as_mut()
    }
}

impl Storage for Flaky {
    fn max_len(&self) -> usize {
        self.memory.max_len()
    }

    fn try_grow(&mut self, len: usize) -> core::result::Result<(), StorageFull> {
        if self.refuses.get() && len > self.memory.as_ref().len() {
            return Err(StorageFull { needed: len });
        }
        self.memory.try_grow(len)
    }
}

/// Bytes that are all different from their neighbours, so that a shift shows.
pub struct Source(u8);

impl Source {
    pub const fn new() -> Self {
        Self(0)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let next = || {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            self.0
        };
        std::iter::repeat_with(next).take(len).collect()
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

/// A length that is mostly short.
fn some(u: &mut Unstructured<'_>) -> Result<usize> {
    let [how, byte] = <[u8; 2]>::arbitrary(u)?;
    Ok(usize::from(byte) << (how % 8 / 5 * 3))
}

/// Checks a refusal: the storage is too short for it, and a storage of `needed` bytes is enough.
fn refused(full: StorageFull, len: usize, capacity: usize, n: usize) {
    assert!(full.needed > capacity, "refused although there is space: {full:?} of {capacity}");
    assert!(full.needed >= len + n, "{full:?} is not enough for {len} and {n}");
}

pub fn receive(u: &mut Unstructured<'_>) -> Result<()> {
    let refuses = Rc::new(Cell::new(false));
    let mut rx = RecvBuffer::new(Flaky::new(Memory::new(u8::arbitrary(u)?), &refuses));
    let (mut held, mut source) = (Vec::new(), Source::new());
    for _ in 0..64 {
        if u.is_empty() {
            break;
        }
        let [what, flag] = <[u8; 2]>::arbitrary(u)?;
        refuses.set(flag & 1 == 1);
        let (len, capacity) = (rx.len(), rx.capacity());
        match what % 6 {
            0 => {
                let bytes = source.bytes(some(u)?);
                match rx.push(&bytes) {
                    Ok(()) => held.extend(bytes),
                    Err(full) => refused(full, len, capacity, bytes.len()),
                }
            }
            1 => {
                let spare = rx.spare_mut();
                let bytes = source.bytes(some(u)?.min(spare.len()));
                spare[..bytes.len()].copy_from_slice(&bytes);
                let is_full = spare.is_empty();
                rx.advance(bytes.len());
                assert!(!is_full || len == capacity, "no space, and the storage is not full");
                held.extend(bytes);
            }
            2 => {
                let n = some(u)?;
                match rx.reserve(n) {
                    // A storage grows as bytes come, at the latest in `spare_mut`.
                    Ok(()) => assert!(n == 0 || capacity == 0 || !rx.spare_mut().is_empty()),
                    Err(full) => assert!(full.needed > capacity),
                }
            }
            3 => {
                let n = some(u)?;
                rx.consume(n);
                held.drain(..n.min(held.len()));
            }
            4 => {
                let bigger = Flaky::new(Memory::new(u8::arbitrary(u)?), &refuses);
                let fits = bigger.as_ref().len() >= len;
                assert_eq!(rx.grow(bigger).is_ok(), fits);
            }
            _ => assert_eq!(rx.input().unread(), held),
        }
        assert_eq!(
            (rx.unread(), rx.len(), rx.is_empty()),
            (&held[..], held.len(), held.is_empty())
        );
        assert!(rx.capacity() >= held.len());
    }
    Ok(())
}

pub fn send(u: &mut Unstructured<'_>) -> Result<()> {
    let refuses = Rc::new(Cell::new(false));
    let [memory, low, high] = <[u8; 3]>::arbitrary(u)?;
    let (low, high) = (usize::from(low.min(high)) * 4, usize::from(high) * 4);
    let mut tx = SendBuffer::with_marks(Flaky::new(Memory::new(memory), &refuses), low, high);
    let (mut held, mut source, mut is_over, mut capacity) =
        (Vec::new(), Source::new(), false, Memory::new(memory).as_ref().len());
    for _ in 0..64 {
        if u.is_empty() {
            break;
        }
        let [what, flag] = <[u8; 2]>::arbitrary(u)?;
        refuses.set(flag & 1 == 1);
        let len = tx.len();
        match what % 6 {
            0 => {
                let bytes = source.bytes(some(u)?);
                match tx.push(&bytes) {
                    Ok(()) => held.extend(bytes),
                    Err(full) => refused(full, len, capacity, bytes.len()),
                }
            }
            1 => {
                let n = some(u)?;
                match tx.spare_mut(n) {
                    Ok(spare) => {
                        assert!(spare.len() >= n);
                        let bytes = source.bytes(some(u)?.min(spare.len()));
                        spare[..bytes.len()].copy_from_slice(&bytes);
                        tx.advance(bytes.len());
                        held.extend(bytes);
                    }
                    Err(full) => refused(full, len, capacity, n),
                }
            }
            2 | 3 => {
                let n = some(u)?;
                tx.sent(n);
                held.drain(..n.min(held.len()));
                is_over &= held.len() > low;
            }
            4 => {
                let (n, payload) = (some(u)?, source.bytes(some(u)?));
                let queued = n.min(held.len());
                held.drain(..queued);
                is_over &= held.len() > low;
                let rest = payload.get(n - queued..).unwrap_or_default();
                match tx.sent_with(n, &payload) {
                    Ok(()) => held.extend(rest),
                    Err(full) => refused(full, held.len(), capacity, rest.len()),
                }
            }
            _ => {
                let bigger = Flaky::new(Memory::new(u8::arbitrary(u)?), &refuses);
                let (fits, there) = (bigger.as_ref().len() >= len, bigger.as_ref().len());
                assert_eq!(tx.grow(bigger).is_ok(), fits);
                if fits {
                    capacity = there;
                }
            }
        }
        is_over |= held.len() > high;
        capacity = capacity.max(held.len());
        assert_eq!((tx.len(), tx.is_empty()), (held.len(), held.is_empty()));
        assert_eq!(tx.unsent(), held);
        assert_eq!(tx.is_over_mark(), is_over, "{} of {low} to {high}", held.len());
    }
    Ok(())
}
