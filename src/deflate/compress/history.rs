//! The bytes that a match can refer to, followed by those not written yet.

use crate::bytes;
use crate::deflate::symbols::MAX_MATCH;

/// A contiguous buffer: the window, then the current block.
///
/// When it is full, the bytes that no match can reach are dropped and the rest is
/// moved to the front.
#[derive(Debug)]
pub(super) struct History<'m> {
    bytes: &'m mut [u8],
    /// The number of valid bytes.
    pub(super) len: usize,
    window: usize,
}

impl<'m> History<'m> {
    pub(super) const fn new(bytes: &'m mut [u8], len: usize, window: usize) -> Self {
        Self { bytes, len, window }
    }

    /// Appends as much of `input` as fits, and returns the rest.
    pub(super) fn fill<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = room.len().min(input.len());
        let (taken, rest) = input.split_at_checked(len).unwrap_or_default();
        bytes::copy(taken, room.get_mut(..len).unwrap_or_default());
        self.len += len;
        rest
    }

    /// Drops the bytes that are more than a window before `block`, and returns their number.
    pub(super) fn slide(&mut self, block: usize) -> usize {
        let dead = block.saturating_sub(self.window);
        let live = self.bytes.get_mut(..self.len).unwrap_or_default();
        bytes::move_to_front(live, dead);
        self.len = self.len.saturating_sub(dead);
        dead
    }

    /// Drops all bytes, and returns their number.
    pub(super) const fn clear(&mut self) -> usize {
        let len = self.len;
        self.len = 0;
        len
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The lookahead for a search: the maximum length of a match, but at most a quarter of a block.
    pub(super) fn ahead(&self) -> usize {
        MAX_MATCH.min((self.bytes.len() - self.window) / 4)
    }

    pub(super) const fn window(&self) -> usize {
        self.window
    }
}
