//! The code of a symbol, and the fixed code (RFC 1951 §3.2.6).

use crate::deflate::symbols::fixed_len;

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

/// The prefix codes of a block.
pub(crate) trait Coder {
    /// The code of a literal, a length or the end of the block.
    fn symbol(&self, symbol: usize) -> Code;

    fn distance(&self, index: usize) -> Code;
}

/// The fixed code (§3.2.6).
#[derive(Debug)]
pub(crate) struct FixedCode;

impl Coder for FixedCode {
    #[inline]
    fn symbol(&self, symbol: usize) -> Code {
        FIXED.get(symbol).map_or(Code::NONE, |entry| Code::of(*entry))
    }

    #[inline]
    fn distance(&self, index: usize) -> Code {
        let [index, ..] = index.to_le_bytes();
        Code { bits: u32::from(index.reverse_bits() >> 3), len: 5 }
    }
}

/// §3.2.6, indexed by symbol.
static FIXED: [Entry; 288] = {
    let mut codes = [[0; 4]; 288];
    let mut symbol = 0_u16;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
    while symbol < 288 {
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
