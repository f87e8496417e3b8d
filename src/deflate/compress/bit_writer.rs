//! Writes bits to bytes, least significant bit first (RFC 1951 §3.1.1).

use crate::bytes;

/// The output slice, and how much of it is written.
#[derive(Debug)]
pub(super) struct Out<'o> {
    bytes: &'o mut [u8],
    pub(super) written: usize,
}

impl<'o> Out<'o> {
    pub(super) const fn new(bytes: &'o mut [u8]) -> Self {
        Self { bytes, written: 0 }
    }

    /// Copies as much of `from` as fits, and returns the number of bytes.
    pub(super) fn write(&mut self, from: &[u8]) -> usize {
        let room = self.rest();
        let len = room.len().min(from.len());
        let room = room.get_mut(..len).unwrap_or_default();
        bytes::copy(from.get(..len).unwrap_or_default(), room);
        self.written += len;
        len
    }

    #[inline]
    fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.written..).unwrap_or_default()
    }
}

/// Converts a number of at most 16 bits.
#[inline]
pub(super) const fn low(number: usize) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Bits that do not fill a byte yet, or for which the output had no room.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitWriter {
    held: u64,
    /// At most 63, so that no shift overflows.
    count: u32,
}

impl BitWriter {
    /// No bits.
    pub(super) const NONE: Self = Self { held: 0, count: 0 };

    /// Makes room for `count` bits, at most 56; `false` if `out` is full.
    #[inline]
    pub(super) fn reserve(&mut self, count: u32, out: &mut Out<'_>) -> bool {
        if self.count + count > 63 {
            self.drain(out);
        }
        self.count + count <= 63
    }

    /// Appends bits for which room is reserved.
    #[inline]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
    }

    /// Pads the current byte with zeros. Needs room for 7 bits.
    pub(super) const fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
    }

    /// The number of bits not written yet.
    pub(super) const fn len(&self) -> u32 {
        self.count
    }

    /// Writes all whole bytes that fit. Returns whether no bits are left.
    #[inline]
    pub(super) fn drain(&mut self, out: &mut Out<'_>) -> bool {
        let mut whole = self.count / 8;
        if let Some(word) = out.rest().first_chunk_mut() {
            *word = self.held.to_le_bytes();
        } else {
            let bytes = self.held.to_le_bytes();
            let room = out.rest();
            for (to, from) in room.iter_mut().zip(bytes) {
                *to = from;
            }
            whole = whole.min(u32::try_from(room.len()).unwrap_or(0));
        }
        out.written += usize::try_from(whole).unwrap_or(0);
        self.held >>= 8 * whole;
        self.count -= 8 * whole;
        self.count == 0
    }
}
