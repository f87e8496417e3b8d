//! The tokens of a block: runs of literals, each followed by a match.

use crate::deflate::symbols::{MAX_MATCH, MIN_MATCH};

/// The maximum number of literals in a token.
const MAX_RUN: usize = 255;

/// Literals, whose bytes are in the history, followed by a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) literals: u8,
    /// The length of the match minus [`MIN_MATCH`].
    pub(super) over: u8,
    /// 0 if there is no match.
    pub(super) distance: u16,
}

impl Token {
    /// The length of the match in bytes.
    #[inline]
    pub(super) fn match_len(self) -> usize {
        if self.distance == 0 { 0 } else { MIN_MATCH + usize::from(self.over) }
    }
}

/// The tokens of a block, four bytes each, in the caller's storage.
#[derive(Debug)]
pub(super) struct Tokens<'m> {
    items: &'m mut [[u8; 4]],
    /// The number of tokens.
    pub(super) len: usize,
}

impl<'m> Tokens<'m> {
    pub(super) const fn new(items: &'m mut [[u8; 4]], len: usize) -> Self {
        Self { items, len }
    }

    #[inline]
    fn push(&mut self, literals: usize, len: usize, distance: usize) {
        let [literals, ..] = literals.to_le_bytes();
        let [over, ..] = len.min(MAX_MATCH).saturating_sub(MIN_MATCH).to_le_bytes();
        let [low, high, ..] = distance.to_le_bytes();
        if let Some(item) = self.items.get_mut(self.len) {
            *item = [literals, over, low, high];
            self.len += 1;
        }
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    /// The number of tokens that still fit.
    #[inline]
    const fn room(&self) -> usize {
        self.items.len().saturating_sub(self.len)
    }

    /// The tokens from index `first`.
    #[inline]
    pub(super) fn from(&self, first: u16) -> impl Iterator<Item = Token> {
        self.items.get(usize::from(first)..self.len).unwrap_or_default().iter().map(
            |&[literals, over, low, high]| Token {
                literals,
                over,
                distance: u16::from_le_bytes([low, high]),
            },
        )
    }
}

/// A run of literals, up to `at`, that is not in a token yet.
#[derive(Debug)]
pub(super) struct Run<'t, 'm> {
    tokens: &'t mut Tokens<'m>,
    start: usize,
    pub(super) at: usize,
}

impl<'t, 'm> Run<'t, 'm> {
    pub(super) const fn new(tokens: &'t mut Tokens<'m>, at: usize) -> Self {
        Self { tokens, start: at, at }
    }

    /// The index up to which literals fit, with a match after them.
    #[inline]
    pub(super) const fn room_ends(&self) -> usize {
        self.start + MAX_RUN * self.tokens.room().saturating_sub(2)
    }

    /// Ends the run with a match.
    #[inline]
    pub(super) fn matched(&mut self, len: usize, distance: usize) {
        self.split();
        self.tokens.push(self.at - self.start, len, distance);
        self.at += len;
        self.start = self.at;
    }

    /// Ends the run without a match.
    pub(super) fn end(&mut self) {
        self.split();
        if self.at > self.start {
            self.tokens.push(self.at - self.start, 0, 0);
            self.start = self.at;
        }
    }

    /// Splits off tokens until the rest of the run fits in one.
    #[inline]
    fn split(&mut self) {
        while self.at - self.start > MAX_RUN {
            self.tokens.push(MAX_RUN, 0, 0);
            self.start += MAX_RUN;
        }
    }
}

/// The index of a length among symbols 257 to 285, or of a distance, with its extra
/// bits (RFC 1951 §3.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) index: usize,
    pub(super) extra: u32,
    pub(super) extra_len: u32,
}

impl Token {
    /// Each group of four symbols has one extra bit more than the previous one; 258
    /// has a symbol of its own.
    #[inline]
    pub(super) fn length(self) -> Symbol {
        let over = u32::from(self.over);
        match over {
            0..8 => Symbol::grouped(over, 0, over),
            255 => Symbol::grouped(28, 0, over),
            _ => {
                let log = over.ilog2();
                let extra_len = log - 2;
                Symbol::grouped(4 * (log - 1) + (over >> extra_len & 3), extra_len, over)
            }
        }
    }

    /// Like [`Self::length`], in groups of two.
    #[inline]
    pub(super) fn distance(self) -> Symbol {
        let before = u32::from(self.distance).saturating_sub(1);
        if before < 4 {
            return Symbol::grouped(before, 0, before);
        }
        let log = before.ilog2();
        let extra_len = log - 1;
        Symbol::grouped(2 * log + (before >> extra_len & 1), extra_len, before)
    }
}

impl Symbol {
    #[inline]
    fn grouped(index: u32, extra_len: u32, value: u32) -> Self {
        Self {
            index: usize::try_from(index).unwrap_or(0),
            extra: value & ((1 << extra_len) - 1),
            extra_len,
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::deflate::symbols::{LENGTHS, OFFSETS};

    /// RFC 1951 §3.2.5
    #[test]
    fn symbols_are_those_of_the_tables() {
        for over in 0..=255 {
            let Symbol { index, extra, extra_len } =
                Token { literals: 0, over, distance: 1 }.length();
            let range = LENGTHS[index];
            assert_eq!(u32::from(range.base) + extra, u32::from(over) + 3);
            assert_eq!(u32::from(range.extra), extra_len);
            assert_eq!(index == 28, over == 255);
        }
        for distance in 1..=32_768 {
            let Symbol { index, extra, extra_len } =
                Token { literals: 0, over: 0, distance }.distance();
            let range = OFFSETS[index];
            assert_eq!(u32::from(range.base) + extra, u32::from(distance));
            assert_eq!(u32::from(range.extra), extra_len);
        }
    }
}
