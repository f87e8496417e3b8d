//! The tokens of a block on their way out.

use super::bits::{Bits, Out, low};
use super::codes::{Entry, FIRST_LENGTH};
use super::symbols::fixed_len;
use super::tokens::Tokens;

/// A symbol's code, ready to be written with the lowest bit first, and its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) bits: u32,
    pub(super) len: u32,
}

impl Code {
    pub(super) const NONE: Self = Self { bits: 0, len: 0 };

    #[inline]
    pub(super) const fn of(entry: Entry) -> Self {
        let entry = u32::from_le_bytes(entry);
        Self { bits: entry & 0xFFFF, len: entry >> 16 }
    }
}

/// The code of a block.
pub(super) trait Coder {
    /// Of a literal, a length or the end of the block.
    fn symbol(&self, symbol: usize) -> Code;

    fn distance(&self, index: usize) -> Code;
}

/// The code that needs no description (RFC 1951 section 3.2.6).
#[derive(Debug)]
pub(super) struct FixedCode;

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

/// By code: the lengths from 256 on have seven bits, then come the literals.
static FIXED: [Entry; 288] = {
    let mut codes = [[0; 4]; 288];
    let mut symbol = 0_u16;
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
    while symbol < 288 {
        let code = match symbol {
            0..144 => symbol + 0x30,
            144..256 => symbol - 144 + 0x190,
            256..280 => symbol - 256,
            _ => symbol - 280 + 0xC0,
        };
        let len = fixed_len(symbol) as u32;
        let bits = (code.reverse_bits() >> (16 - len)) as u32;
        codes[symbol as usize] = (len << 16 | bits).to_le_bytes();
        symbol += 1;
    }
    codes
};

/// How far the tokens of a block are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The next token.
    token: u16,
    /// The next byte of the block that no symbol says yet.
    at: u16,
    /// How many literals of the token are written.
    literals: u8,
}

/// Literals for which room is made at a time, and the most bits that they take.
const SYMBOLS: usize = 3;
const SYMBOLS_LEN: u32 = 3 * 15;

/// The bits of the longest match: length, distance and their extra bits.
const MATCH_LEN: u32 = 15 + 5 + 15 + 13;

impl Cursor {
    pub(super) const START: Self = Self { token: 0, at: 0, literals: 0 };

    /// Writes what there is room for of the tokens that say `bytes`; whether these are all.
    #[inline(never)]
    pub(super) fn emit(
        &mut self,
        coder: &impl Coder,
        bytes: &[u8],
        tokens: &Tokens<'_>,
        bits: &mut Bits,
        out: &mut Out<'_>,
    ) -> bool {
        // Copies, which stay in registers.
        let (mut held, mut cursor) = (*bits, *self);
        let all = cursor.write(coder, bytes, tokens, &mut held, out);
        (*bits, *self) = (held, cursor);
        all
    }

    #[inline]
    fn write(
        &mut self,
        coder: &impl Coder,
        bytes: &[u8],
        tokens: &Tokens<'_>,
        bits: &mut Bits,
        out: &mut Out<'_>,
    ) -> bool {
        for token in tokens.from(self.token) {
            let left = token.literals.saturating_sub(self.literals);
            let at = usize::from(self.at);
            let literals = bytes.get(at..at + usize::from(left)).unwrap_or_default();
            for few in literals.chunks(SYMBOLS) {
                if !bits.reserve(SYMBOLS_LEN, out) {
                    return false;
                }
                for &byte in few {
                    let code = coder.symbol(usize::from(byte));
                    bits.put(code.bits, code.len);
                }
                self.literals += u8::try_from(few.len()).unwrap_or(left);
                self.at += low(few.len());
            }
            if token.distance != 0 {
                if !bits.reserve(MATCH_LEN, out) {
                    return false;
                }
                let (length, distance) = (token.length(), token.distance());
                let code = coder.symbol(FIRST_LENGTH + length.index);
                bits.put(code.bits, code.len);
                bits.put(length.extra, length.extra_len);
                let code = coder.distance(distance.index);
                bits.put(code.bits, code.len);
                bits.put(distance.extra, distance.extra_len);
                self.at += low(token.match_len());
            }
            self.token += 1;
            self.literals = 0;
        }
        true
    }
}
