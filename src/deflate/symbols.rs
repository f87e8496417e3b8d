//! The alphabets of DEFLATE (RFC 1951 §3.2.5) and the fixed codes (§3.2.6).

/// The end-of-block symbol.
pub(super) const END: u16 = 256;

/// The number of valid literal/length symbols. The fixed code has two more.
pub(super) const LITERALS: usize = 286;

/// The number of valid distance symbols. The fixed code has two more.
pub(super) const DISTANCES: usize = 30;

/// The maximum length of a literal, length or distance code in bits.
pub(super) const MAX_CODE_LEN: usize = 15;

/// The minimum and maximum length of a match in bytes.
pub(super) const MIN_MATCH: usize = 3;
pub(super) const MAX_MATCH: usize = 258;

/// The smallest value of a length or distance symbol, and the number of extra bits to add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) base: u16,
    pub(super) extra: u8,
}

/// The lengths of symbols 257 to 285, padded so that any five-bit index is in bounds.
pub(super) static LENGTHS: [Range; 32] = {
    let mut ranges = ranges(3, 2);
    // 258 has a symbol of its own, although the range of the previous symbol would include it.
    ranges[28] = Range { base: 258, extra: 0 };
    ranges
};

/// The distances of symbols 0 to 29, padded so that any five-bit index is in bounds.
pub(super) static OFFSETS: [Range; 32] = ranges(1, 1);

/// The order in which the lengths of the code length code are transmitted (§3.2.7).
pub(super) const CODE_LENGTH_ORDER: [u8; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The length of a symbol's fixed code in bits (§3.2.6).
pub(super) const fn fixed_len(symbol: u16) -> u8 {
    match symbol {
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    }
}

/// Each group of `1 << group` symbols has one extra bit more than the previous one;
/// the first two groups have none.
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

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    /// §3.2.5: each symbol begins at its base value and ends where the next one begins.
    #[test]
    fn ranges_are_those_of_the_tables() {
        let lengths = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
            115, 131, 163, 195, 227,
        ];
        let distances = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
            1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
        ];
        for (made, wanted) in [(ranges(3, 2), &lengths[..]), (ranges(1, 1), &distances)] {
            for (range, base) in made.iter().zip(wanted) {
                assert_eq!(range.base, *base);
            }
            for (range, next) in made.iter().zip(&wanted[1..]) {
                assert_eq!(range.base + (1 << range.extra), *next);
            }
        }
        assert_eq!(LENGTHS[28], Range { base: 258, extra: 0 });
        assert_eq!(OFFSETS[30..], [Range { base: 0, extra: 0 }; 2]);
    }

    /// §3.2.6
    #[test]
    fn fixed_codes_have_the_lengths_of_the_table() {
        for (symbols, len) in [(0..=143, 8), (144..=255, 9), (256..=279, 7), (280..=287, 8)] {
            for symbol in symbols {
                assert_eq!(fixed_len(symbol), len, "{symbol}");
            }
        }
    }
}
