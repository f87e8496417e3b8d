//! The tokens of a block on their way out.

use super::bit_writer::{BitWriter, Out, low};
use super::huffman::{Coder, FIRST_LENGTH};
use super::tokens::Tokens;

/// How far the tokens of a block are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenCursor {
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

/// The bits of the longest match with its extra bits: 15 and 5 of the length, 15 and 13 of the distance.
const MATCH_LEN: u32 = 48;

impl TokenCursor {
    pub(super) const START: Self = Self { token: 0, at: 0, literals: 0 };

    /// Writes what there is room for of the tokens that say `bytes`; whether these are all.
    #[inline(never)]
    pub(super) fn emit(
        &mut self,
        coder: &impl Coder,
        bytes: &[u8],
        tokens: &Tokens<'_>,
        bits: &mut BitWriter,
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
        bits: &mut BitWriter,
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
