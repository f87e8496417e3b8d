//! Writes the tokens of a block.

use super::bit_writer::{BitWriter, Out, low};
use super::huffman::{Codes, FIRST_LENGTH};
use super::tokens::Tokens;

/// The progress in writing the tokens of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenCursor {
    /// The index of the next token.
    token: u16,
    /// The index of the next byte of the block.
    at: u16,
    /// The number of literals of the token that are written.
    literals: u8,
}

/// The number of literals to reserve room for at a time, and their maximum length in bits.
const SYMBOLS: usize = 3;
const SYMBOLS_LEN: u32 = 3 * 15;

/// The maximum length of a match in bits: 15 + 5 for its length, 15 + 13 for its distance.
const MATCH_LEN: u32 = 48;

impl TokenCursor {
    pub(super) const START: Self = Self { token: 0, at: 0, literals: 0 };

    /// Writes as many of the tokens, which represent `bytes`, as fit. Returns whether
    /// all are written.
    #[inline(never)]
    pub(super) fn emit(
        &mut self,
        codes: Codes<'_>,
        bytes: &[u8],
        tokens: &Tokens<'_>,
        bits: &mut BitWriter,
        out: &mut Out<'_>,
    ) -> bool {
        // Local copies stay in registers.
        let (mut held, mut cursor) = (*bits, *self);
        let all = cursor.write(codes, bytes, tokens, &mut held, out);
        (*bits, *self) = (held, cursor);
        all
    }

    #[inline]
    fn write(
        &mut self,
        codes: Codes<'_>,
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
                    let code = codes.symbol(usize::from(byte));
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
                let code = codes.symbol(FIRST_LENGTH + length.index);
                bits.put(code.bits, code.len);
                bits.put(length.extra, length.extra_len);
                let code = codes.distance(distance.index);
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
