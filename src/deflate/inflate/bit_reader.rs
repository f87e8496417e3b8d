//! Reads bits from bytes, least significant bit first (RFC 1951 §3.1.1).

/// Bits taken from the input but not consumed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitReader {
    /// The next bit is the lowest. The bits above `len` may already belong to the next
    /// input byte; a later refill ORs the same bits into the same position.
    word: u64,
    len: u32,
}

impl BitReader {
    /// The minimum number of bits after a [`refill`](Self::refill) from eight or more bytes.
    const FULL: u32 = 56;

    pub(super) const fn new() -> Self {
        Self { word: 0, len: 0 }
    }

    pub(super) const fn len(self) -> u32 {
        self.len
    }

    /// The next `len` bits, 0 to 63, and no others.
    pub(super) const fn lowest(self, len: u32) -> u64 {
        self.word & (1_u64 << (len & 63)).wrapping_sub(1)
    }

    /// Holds the `len` lowest bits of `word`, 0 to 63; the others are 0.
    pub(super) const fn holding(word: u64, len: u32) -> Self {
        Self { word, len }
    }

    /// Takes as many whole bytes from `input` as fit.
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

    /// The next `count` bits, 0 to 16, without a check that they are available.
    #[inline]
    pub(super) fn peek(self, count: u32) -> usize {
        to_usize(self.word & ((1 << (count & 31)) - 1))
    }

    /// Consumes `count` bits; `None` if fewer are available.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.len = self.len.checked_sub(count)?;
        self.word >>= count & 63;
        Some(())
    }

    /// Consumes and returns `count` bits, 0 to 16; `None` if fewer are available.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> Option<u16> {
        let bits = self.peek(count);
        self.skip(count)?;
        u16::try_from(bits).ok()
    }

    /// Discards the remaining bits of the current byte.
    pub(super) fn align(&mut self) {
        self.word >>= self.len % 8;
        self.len -= self.len % 8;
    }

    /// Consumes and returns a byte. The reader must be [aligned](Self::align).
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = self.word.to_le_bytes()[0];
        self.skip(8)?;
        Some(byte)
    }

    /// Discards all bits, including those above `len`, so that the next one comes from the input.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

/// Converts a value of at most 16 bits.
#[inline]
fn to_usize(bits: u64) -> usize {
    usize::try_from(bits).unwrap_or_default()
}
