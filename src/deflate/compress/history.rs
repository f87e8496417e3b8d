//! The bytes that a match may refer to, and those of the message that are not written yet.

use crate::deflate::symbols::MAX_MATCH;
use crate::wire::mask;

/// One run of bytes: first the window, then the block that is being made.
///
/// When it is full, what no match can reach any more is dropped and the rest moves to the front.
#[derive(Debug)]
pub(super) struct History<'m> {
    bytes: &'m mut [u8],
    /// How many of them there are.
    pub(super) len: usize,
    window: usize,
}

impl<'m> History<'m> {
    pub(super) const fn new(bytes: &'m mut [u8], len: usize, window: usize) -> Self {
        Self { bytes, len, window }
    }

    /// Takes as much of `input` as there is room for, and gives the rest.
    pub(super) fn fill<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = room.len().min(input.len());
        let (taken, rest) = input.split_at_checked(len).unwrap_or_default();
        mask::copy(taken, room.get_mut(..len).unwrap_or_default());
        self.len += len;
        rest
    }

    /// Drops what lies more than a window before `block`; says how many bytes that were.
    pub(super) fn slide(&mut self, block: usize) -> usize {
        let dead = block.saturating_sub(self.window);
        let live = self.bytes.get_mut(..self.len).unwrap_or_default();
        mask::move_to_front(live, dead);
        self.len = self.len.saturating_sub(dead);
        dead
    }

    /// Forgets everything; says how many bytes that were.
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

    /// How many bytes a match should have ahead of it: its longest, where that leaves room for a block.
    pub(super) fn ahead(&self) -> usize {
        MAX_MATCH.min((self.bytes.len() - self.window) / 4)
    }

    pub(super) const fn window(&self) -> usize {
        self.window
    }
}
