//! The alphabets of DEFLATE (RFC 1951 section 3.2.5) and the fixed codes (3.2.6).

/// End of block in the alphabet of literals and lengths.
pub(super) const END: u16 = 256;

/// Symbols of literals and lengths that have a meaning; the fixed code has two more.
pub(super) const LITERALS: usize = 286;

/// Distance symbols that have a meaning; the fixed code has two more.
pub(super) const DISTANCES: usize = 30;

/// The longest code of a literal, length or distance in bits.
pub(super) const MAX_CODE_LEN: usize = 15;

/// The shortest and the longest match in bytes.
pub(super) const MIN_MATCH: usize = 3;
pub(super) const MAX_MATCH: usize = 258;

/// The lowest value of a length or distance symbol, and how many bits follow that are added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) base: u16,
    pub(super) extra: u8,
}

/// The lengths of symbols 257 to 285. Padded, so that five bits are always an index.
pub(super) static LENGTHS: [Range; 32] = {
    let mut ranges = ranges(3, 2);
    // 258 has a symbol of its own, though the one before it could have said it.
    ranges[28] = Range { base: 258, extra: 0 };
    ranges
};

/// The distances of symbols 0 to 29. Padded, so that five bits are always an index.
pub(super) static OFFSETS: [Range; 32] = ranges(1, 1);

/// The order in which the lengths of the code length code stand (3.2.7).
pub(super) const CODE_LENGTH_ORDER: [u8; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The length of a symbol's fixed code in bits: 3.2.6.
pub(super) const fn fixed_len(symbol: u16) -> u8 {
    match symbol {
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    }
}

/// Groups of `1 << group` symbols have the same number of extra bits; the first two have none.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
const fn ranges(first: u16, group: u8) -> [Range; 32] {
    let mut ranges = [Range { base: 0, extra: 0 }; 32];
    let mut base = first;
    let mut index = 0_u8;
    let mut place = 0;
    while index < 30 {
        let extra = (index >> group).saturating_sub(1);
        ranges[place] = Range { base, extra };
        base = base.saturating_add(1 << extra);
        index += 1;
        place += 1;
    }
    ranges
}
