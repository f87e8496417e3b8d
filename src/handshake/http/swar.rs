//! Byte searches with SWAR (SIMD within a register), eight bytes at a time.

/// The number of leading bytes whose top bits `marks` leaves clear. `marks` takes a
/// word of eight bytes, the first one in the lowest bits.
pub(crate) fn unmarked(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut len = 0_usize;
    for word in words {
        let marked = marks(u64::from_le_bytes(*word)) & each(0x80);
        if marked != 0 {
            let clean = usize::try_from(marked.trailing_zeros() / 8).unwrap_or_default();
            return len.saturating_add(clean);
        }
        len = len.saturating_add(8);
    }
    let clean = rest.iter().take_while(|byte| marks(u64::from(**byte)) & 0x80 == 0).count();
    len.saturating_add(clean)
}

/// Sets the top bit of each byte that equals `byte`, which must be below 0x80.
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ each(byte), 1)
}

/// Sets the top bit of each byte below `least`, which must be in the range 1 to 0x80.
/// No sum carries into the next byte, because both operands are at most 0x7F.
pub(crate) const fn below(word: u64, least: u8) -> u64 {
    !((word & each(0x7F)).wrapping_add(each(0x80_u8.wrapping_sub(least))) | word)
}

/// A word in which each byte is `byte`.
pub(crate) const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}
