//! Prefix codes to decode with (RFC 1951 section 3.2.2).

use super::bit_reader::BitReader;
use crate::deflate::symbols::MAX_CODE_LEN;

/// Index bits of the table of literals and lengths, and of that of distances.
const LITERAL_BITS: u32 = 9;
const DISTANCE_BITS: u32 = 7;

/// What the next bits say, for each value that they can have: a [`slot`], or 0 where the code is longer
/// than the index, or there is none.
type Table<const LEN: usize> = [u16; LEN];

/// A symbol, and in the lowest four bits the length of its code.
const fn slot(symbol: u16, len: u16) -> u16 {
    symbol << 4 | len
}

/// The code of literals and lengths.
pub(super) type Literals = PrefixCode<{ 1 << LITERAL_BITS }, 288>;

/// The code of distances, and before it that of code lengths.
pub(super) type Distances = PrefixCode<{ 1 << DISTANCE_BITS }, 32>;

/// 3.2.6: 288 codes of 7 to 9 bits.
pub(super) static FIXED_LITERALS: Table<{ 1 << LITERAL_BITS }> = {
    let mut table = [0; 1 << LITERAL_BITS];
    let mut index = 0_u16;
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
    while index < 1 << LITERAL_BITS {
        let code = index.reverse_bits() >> (16 - LITERAL_BITS);
        let (symbol, len) = match code >> 1 {
            0x00..=0x2F => (256 + (code >> 2), 7),
            short @ 0x30..=0xBF => (short - 0x30, 8),
            short @ 0xC0..=0xC7 => (280 + short - 0xC0, 8),
            _ => (144 + code - 0x190, 9),
        };
        table[index as usize] = slot(symbol, len);
        index += 1;
    }
    table
};

/// 3.2.6: 32 "fixed-length codes of 5 bits".
pub(super) static FIXED_DISTANCES: Table<{ 1 << DISTANCE_BITS }> = {
    let mut table = [0; 1 << DISTANCE_BITS];
    let mut index = 0_u16;
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
    while index < 1 << DISTANCE_BITS {
        let symbol = (index & 31).reverse_bits() >> 11;
        table[index as usize] = slot(symbol, 5);
        index += 1;
    }
    table
};

/// What came of looking for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// More bits are needed to tell.
    Bits,
    /// No code begins like that.
    Code,
}

/// The symbol that `bits` begin with, by table alone; 0 and 0 bits if it does not say.
#[inline]
fn entry<const LEN: usize>(table: &Table<LEN>, bits: BitReader) -> (u16, u32) {
    let index = bits.peek(LEN.trailing_zeros());
    let entry = table.get(index).copied().unwrap_or_default();
    (entry >> 4, u32::from(entry & 15))
}

/// Takes the symbol that `bits` begin with, where no code is longer than the index of `table`.
#[inline]
pub(super) fn take<const LEN: usize>(
    table: &Table<LEN>,
    bits: &mut BitReader,
) -> Result<u16, Missing> {
    let (symbol, len) = entry(table, *bits);
    bits.skip(len).ok_or(Missing::Bits)?;
    Ok(symbol)
}

/// A code of at most `SYMBOLS` symbols whose table has `LEN` entries, a power of two.
#[derive(Debug)]
pub(super) struct PrefixCode<const LEN: usize, const SYMBOLS: usize> {
    table: Table<LEN>,
    /// How many codes have each length, and all symbols in the order of their codes: for what is too long
    /// for the table.
    counts: [u16; MAX_CODE_LEN + 1],
    symbols: [u16; SYMBOLS],
}

impl<const LEN: usize, const SYMBOLS: usize> PrefixCode<LEN, SYMBOLS> {
    pub(super) const fn new() -> Self {
        Self { table: [0; LEN], counts: [0; MAX_CODE_LEN + 1], symbols: [0; SYMBOLS] }
    }

    /// The code whose symbols have these lengths in bits, 0 to 15; `None` if there is no such code.
    ///
    /// Some bits may stand for nothing only if there is no symbol, or one of one bit: 3.2.7 has that for
    /// distances, and zlib for both alphabets.
    pub(super) fn build(&mut self, lengths: &[u8]) -> Option<()> {
        build(&mut self.table, &mut self.counts, &mut self.symbols, lengths)
    }

    /// Takes the symbol that `bits` begin with.
    #[inline]
    pub(super) fn take(&self, bits: &mut BitReader) -> Result<u16, Missing> {
        let (symbol, len) = entry(&self.table, *bits);
        if len == 0 {
            return take_long(&self.counts, &self.symbols, bits);
        }
        bits.skip(len).ok_or(Missing::Bits)?;
        Ok(symbol)
    }
}

/// Fills in a [`PrefixCode`]. One function for both lengths of table is short; where words have 64 bits, speed counts.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn build(
    table: &mut [u16],
    counts: &mut [u16; MAX_CODE_LEN + 1],
    symbols: &mut [u16],
    lengths: &[u8],
) -> Option<()> {
    *counts = [0; MAX_CODE_LEN + 1];
    for &len in lengths {
        *counts.get_mut(usize::from(len))? += 1;
    }
    let unused = counts.first_mut().map_or(0, core::mem::take);
    let used = lengths.len().saturating_sub(unused.into());
    let mut next_code = [0_u16; MAX_CODE_LEN + 1];
    let mut next_place = [0_u16; MAX_CODE_LEN + 1];
    let (mut code, mut place, mut free) = (0_u16, 0_u16, 1_u32);
    for ((count, next_code), next_place) in
        counts.iter().zip(&mut next_code).zip(&mut next_place).skip(1)
    {
        free = (free << 1).checked_sub((*count).into())?;
        code <<= 1;
        (*next_code, *next_place) = (code, place);
        code = code.wrapping_add(*count);
        place = place.wrapping_add(*count);
    }
    let only_one_bit = used == 1 && counts.get(1) == Some(&1);
    if free > 0 && used > 0 && !only_one_bit {
        return None;
    }
    table.fill(0);
    for (&len, symbol) in lengths.iter().zip(0_u16..) {
        if len == 0 {
            continue;
        }
        let code = next_code.get_mut(usize::from(len))?;
        let place = next_place.get_mut(usize::from(len))?;
        *symbols.get_mut(usize::from(*place))? = symbol;
        // 3.1.1: codes are packed "starting with the most-significant bit of the code".
        let first = usize::from(code.reverse_bits() >> (16 - u32::from(len & 15)));
        *code = code.wrapping_add(1);
        *place = place.wrapping_add(1);
        if u32::from(len) <= table.len().trailing_zeros() {
            let mut index = first;
            while let Some(to) = table.get_mut(index) {
                *to = slot(symbol, len.into());
                index += 1 << (len & 15);
            }
        }
    }
    Some(())
}

/// The next symbol of a [`PrefixCode`] bit by bit: the codes of one length are consecutive numbers, and follow those of the
/// lengths before.
#[inline(never)]
fn take_long(
    counts: &[u16; MAX_CODE_LEN + 1],
    symbols: &[u16],
    bits: &mut BitReader,
) -> Result<u16, Missing> {
    let mut rest = *bits;
    let (mut code, mut first, mut place) = (0_u16, 0_u16, 0_u16);
    for count in counts.iter().skip(1) {
        code = code << 1 | rest.take(1).ok_or(Missing::Bits)?;
        let ahead = code.wrapping_sub(first);
        if ahead < *count {
            *bits = rest;
            let symbol = symbols.get(usize::from(place.wrapping_add(ahead)));
            return symbol.copied().ok_or(Missing::Code);
        }
        place = place.wrapping_add(*count);
        first = first.wrapping_add(*count) << 1;
    }
    Err(Missing::Code)
}
