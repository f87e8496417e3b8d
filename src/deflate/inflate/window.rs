//! The sliding window. A match refers to bytes that this call has written to the
//! output or, before those, to a ring buffer in the caller's storage.

use crate::bytes;
use crate::deflate_params::WindowBits;

/// The number of bytes copied at a time.
const WORD: usize = 16;

/// A ring buffer of the last decompressed bytes. The bytes themselves are in the caller's storage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The length of the ring, a power of two.
    size: usize,
    /// The index of the next byte.
    end: usize,
    /// The number of valid bytes. The peer must not see the rest of the storage.
    len: usize,
}

impl Window {
    pub(super) const fn new(size: usize) -> Self {
        Self { size, end: 0, len: 0 }
    }

    /// Discards all bytes.
    pub(super) const fn clear(&mut self) {
        (self.end, self.len) = (0, 0);
    }

    /// Appends `bytes` in place of the oldest ones.
    pub(super) fn push(&mut self, memory: &mut [u8], bytes: &[u8]) {
        let size = self.size;
        let skipped = bytes.len().saturating_sub(size);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let room = size.saturating_sub(self.end).min(bytes.len());
        let (first, second) = bytes.split_at_checked(room).unwrap_or_default();
        bytes::copy(first, memory.get_mut(self.end..self.end + first.len()).unwrap_or_default());
        bytes::copy(second, memory.get_mut(..second.len()).unwrap_or_default());
        self.end = (self.end + bytes.len()) & size.wrapping_sub(1);
        self.len = self.len.saturating_add(bytes.len()).min(size);
    }

    /// The logarithm of the size.
    pub(super) fn bits(self) -> WindowBits {
        let bits = u8::try_from(self.size.trailing_zeros()).ok().and_then(WindowBits::new);
        debug_assert!(bits.is_some(), "made from WindowBits");
        bits.unwrap_or(WindowBits::MAX)
    }

    pub(super) fn size(self) -> u64 {
        bytes::to_u64(self.size)
    }

    /// All valid bytes, the oldest first.
    pub(super) fn parts(self, memory: &[u8]) -> [&[u8]; 2] {
        self.last(memory, self.len).into()
    }

    /// The last `back` bytes, all of which must be valid, as two slices.
    fn last(self, memory: &[u8], back: usize) -> (&[u8], &[u8]) {
        let ring = memory.get(..self.size).unwrap_or_default();
        let (newer, older) = ring.split_at_checked(self.end).unwrap_or_default();
        let wrapped = back.saturating_sub(newer.len());
        let start = newer.len().saturating_sub(back);
        let older = older.get(older.len().saturating_sub(wrapped)..).unwrap_or_default();
        (older, newer.get(start..).unwrap_or_default())
    }
}

/// The output slice, preceded by the window.
#[derive(Debug)]
pub(super) struct Output<'a> {
    window: Window,
    memory: &'a [u8],
    out: &'a mut [u8],
    /// The number of bytes written to `out`.
    len: usize,
}

impl<'a> Output<'a> {
    pub(super) const fn new(window: Window, memory: &'a [u8], out: &'a mut [u8]) -> Self {
        Self { window, memory, out, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether a match may have this distance, which is at least 1.
    #[inline]
    pub(super) fn reaches(&self, distance: usize) -> bool {
        distance <= self.window.size && distance <= self.window.len + self.len
    }

    /// Writes a byte; `None` if there is no room.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        *self.out.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    /// Writes as many of `bytes` as fit, and returns their number.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> usize {
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        let n = room.len().min(bytes.len());
        let room = room.get_mut(..n).unwrap_or_default();
        bytes::copy(bytes.get(..n).unwrap_or_default(), room);
        self.len += n;
        n
    }

    /// Copies a match of `len` bytes at a [reachable](Self::reaches) distance, as far
    /// as it fits, and returns the number of bytes copied.
    #[inline]
    pub(super) fn repeat(&mut self, distance: usize, len: usize) -> usize {
        let by_words = match distance.checked_sub(self.len) {
            None | Some(0) => self.repeat_output(distance, len),
            Some(back) => self.repeat_window(back, len),
        };
        match by_words {
            Some(()) => len,
            None => self.repeat_any(distance, len),
        }
    }

    /// Copies word by word within the output, with the last word possibly extending past
    /// the match. `None` if there is no room for that, or if the words would overlap.
    #[inline]
    fn repeat_output(&mut self, distance: usize, len: usize) -> Option<()> {
        let (mut from, mut to) = (self.len.checked_sub(distance)?, self.len);
        let end = to + len;
        if distance < WORD {
            return None;
        }
        while to < end {
            let word: [u8; WORD] = *self.out.get(from..)?.first_chunk()?;
            *self.out.get_mut(to..)?.first_chunk_mut()? = word;
            (from, to) = (from + WORD, to + WORD);
        }
        self.len = end;
        Some(())
    }

    /// Copies word by word from the window. `None` if there is no room for whole
    /// words, or if the match is not contiguous in the ring.
    #[inline]
    fn repeat_window(&mut self, back: usize, len: usize) -> Option<()> {
        let start = self.window.end.wrapping_sub(back) & self.window.size.wrapping_sub(1);
        let words = self.memory.get(start..self.window.size)?.as_chunks::<WORD>().0;
        let to = self.out.get_mut(self.len..)?.as_chunks_mut::<WORD>().0;
        let count = len.div_ceil(WORD);
        if back < len {
            return None;
        }
        for (to, from) in to.get_mut(..count)?.iter_mut().zip(words.get(..count)?) {
            *to = *from;
        }
        self.len += len;
        Some(())
    }

    #[inline(never)]
    fn repeat_any(&mut self, distance: usize, len: usize) -> usize {
        let mut left = len.min(self.out.len().saturating_sub(self.len));
        let len = left;
        if let Some(back) = distance.checked_sub(self.len) {
            let (older, newer) = self.window.last(self.memory, back);
            for bytes in [older, newer] {
                left -= self.extend(bytes.get(..bytes.len().min(left)).unwrap_or_default());
            }
        }
        // An overlapping match is periodic, so the distance can double after each copy.
        let mut distance = distance;
        while left > 0 {
            let n = distance.min(left);
            let (before, after) = self.out.split_at_mut_checked(self.len).unwrap_or_default();
            let from = before.len().saturating_sub(distance);
            let from = before.get(from..from + n).unwrap_or_default();
            bytes::copy(from, after.get_mut(..n).unwrap_or_default());
            self.len += n;
            left -= n;
            distance *= 2;
        }
        len
    }
}
