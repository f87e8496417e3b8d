//! The code of a symbol, and the fixed code (RFC 1951 §3.2.6).

use crate::deflate::symbols::{DISTANCES, LITERALS, fixed_len};

/// The symbol of the shortest length (§3.2.5).
pub(crate) const FIRST_LENGTH: usize = 257;

/// A symbol's frequency, later its [`Code`].
pub(crate) type Entry = [u8; 4];

/// A symbol's code and its length in bits. The code is reversed: its lowest bit is written first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) bits: u32,
    pub(crate) len: u32,
}

impl Code {
    pub(crate) const NONE: Self = Self { bits: 0, len: 0 };

    #[inline]
    pub(crate) const fn of(entry: Entry) -> Self {
        let entry = u32::from_le_bytes(entry);
        Self { bits: entry & 0xFFFF, len: entry >> 16 }
    }

    #[inline]
    pub(crate) const fn entry(self) -> Entry {
        (self.len << 16 | self.bits).to_le_bytes()
    }
}

/// The length of each distance in the fixed codes, in bits.
pub(crate) const FIXED_DISTANCE_LEN: u32 = 5;

/// The prefix codes of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codes<'a> {
    pub(crate) literals: &'a [Entry; LITERALS],
    pub(crate) distances: &'a [Entry; DISTANCES],
}

impl Codes<'_> {
    /// The fixed codes (§3.2.6).
    pub(crate) const FIXED: Self = Codes { literals: &FIXED_LITERALS, distances: &FIXED_DISTANCES };

    /// The code of a literal, a length or the end of the block.
    #[inline]
    pub(crate) fn symbol(&self, symbol: usize) -> Code {
        code(self.literals, symbol)
    }

    #[inline]
    pub(crate) fn distance(&self, index: usize) -> Code {
        code(self.distances, index)
    }
}

#[inline]
pub(super) fn code(entries: &[Entry], symbol: usize) -> Code {
    entries.get(symbol).map_or(Code::NONE, |entry| Code::of(*entry))
}

static FIXED_LITERALS: [Entry; LITERALS] = {
    let mut codes = [[0; 4]; LITERALS];
    let mut symbol = 0_u16;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
    while (symbol as usize) < LITERALS {
        let code = match symbol {
            0..144 => symbol + 0x30,
            144..256 => symbol - 144 + 0x190,
            256..280 => symbol - 256,
            _ => symbol - 280 + 0xC0,
        };
        let len = fixed_len(symbol) as u32;
        let bits = (code.reverse_bits() >> (16 - len)) as u32;
        codes[symbol as usize] = Code { bits, len }.entry();
        symbol += 1;
    }
    codes
};

static FIXED_DISTANCES: [Entry; DISTANCES] = {
    let mut codes = [[0; 4]; DISTANCES];
    let mut index = 0_u8;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
    while (index as usize) < DISTANCES {
        let bits = (index.reverse_bits() >> (8 - FIXED_DISTANCE_LEN)) as u32;
        codes[index as usize] = Code { bits, len: FIXED_DISTANCE_LEN }.entry();
        index += 1;
    }
    codes
};
