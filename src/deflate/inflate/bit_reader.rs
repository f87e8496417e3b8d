//! Bits out of bytes (RFC 1951 section 3.1.1): the lowest bit of a byte is the first.

/// Bits that were taken from the input and not used yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader {
    /// The next bit is the lowest. Above `len` there may be bits of the input's next byte already: it is
    /// added at the same place once more, and nothing changes.
    word: u64,
    len: u32,
}

impl BitReader {
    /// So many bits are there behind a [`refill`](Self::refill) from input of eight bytes or more.
    const FULL: u32 = 56;

    pub(super) const fn new() -> Self {
        Self { word: 0, len: 0 }
    }

    pub(super) const fn len(self) -> u32 {
        self.len
    }

    /// Takes as many whole bytes from `input` as there is room for.
    #[inline]
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        if let Some(next) = input.first_chunk() {
            self.word |= u64::from_le_bytes(*next) << (self.len & 63);
            let taken = to_usize((63_u32.saturating_sub(self.len) / 8).into());
            *input = input.get(taken..).unwrap_or_default();
            self.len |= Self::FULL;
            return;
        }
        while self.len < Self::FULL
            && let Some((byte, rest)) = input.split_first()
        {
            self.word |= u64::from(*byte) << self.len;
            self.len += 8;
            *input = rest;
        }
    }

    /// The next `count` bits, 0 to 16, whether they are there or not.
    #[inline]
    pub(super) fn peek(self, count: u32) -> usize {
        to_usize(self.word & ((1 << (count & 31)) - 1))
    }

    /// Uses `count` bits; `None` if they are not there.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.len = self.len.checked_sub(count)?;
        self.word >>= count & 63;
        Some(())
    }

    /// Uses and returns `count` bits, 0 to 16; `None` if they are not there.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> Option<u16> {
        let bits = self.peek(count);
        self.skip(count)?;
        u16::try_from(bits).ok()
    }

    /// Drops what is left of a byte.
    pub(super) fn align(&mut self) {
        self.word >>= self.len % 8;
        self.len -= self.len % 8;
    }

    /// The next byte, where bits are [aligned](Self::align).
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = self.word.to_le_bytes()[0];
        self.skip(8)?;
        Some(byte)
    }

    /// No bits are left, so the next one comes from the input.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

/// A number of a few bits.
#[inline]
fn to_usize(bits: u64) -> usize {
    usize::try_from(bits).unwrap_or_default()
}
