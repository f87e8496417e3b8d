//! Decoding of prefix codes (RFC 1951 §3.2.2): short codes with a lookup table, longer
//! ones bit by bit.

use super::bit_reader::BitReader;
use crate::deflate::symbols::MAX_CODE_LEN;

/// The index widths of the lookup tables in bits.
const LITERAL_BITS: u32 = 9;
const DISTANCE_BITS: u32 = 7;

/// Maps the next bits of the input to a [`slot`]; 0 if the code is longer than the
/// index or does not exist.
type Table<const LEN: usize> = [u16; LEN];

/// A symbol, with the length of its code in the lowest four bits.
const fn slot(symbol: u16, len: u16) -> u16 {
    symbol << 4 | len
}

/// The literal/length code.
pub(super) type Literals = PrefixCode<{ 1 << LITERAL_BITS }, 288>;

/// The distance code, and before it the code length code.
pub(super) type Distances = PrefixCode<{ 1 << DISTANCE_BITS }, 32>;

/// §3.2.6: 288 codes of 7 to 9 bits.
pub(super) static FIXED_LITERALS: Table<{ 1 << LITERAL_BITS }> = {
    let mut table = [0; 1 << LITERAL_BITS];
    let mut index = 0_u16;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
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

/// §3.2.6: 32 "fixed-length codes of 5 bits".
pub(super) static FIXED_DISTANCES: Table<{ 1 << DISTANCE_BITS }> = {
    let mut table = [0; 1 << DISTANCE_BITS];
    let mut index = 0_u16;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
    while index < 1 << DISTANCE_BITS {
        let symbol = (index & 31).reverse_bits() >> 11;
        table[index as usize] = slot(symbol, 5);
        index += 1;
    }
    table
};

/// Why no symbol was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// More bits are needed.
    Bits,
    /// No code begins with these bits, or the symbol is not a valid one.
    Code,
}

/// Looks up the next symbol and the length of its code; `(0, 0)` if the table does not contain it.
#[inline]
fn entry<const LEN: usize>(table: &Table<LEN>, bits: BitReader) -> (u16, u32) {
    let index = bits.peek(LEN.trailing_zeros());
    let entry = table.get(index).copied().unwrap_or_default();
    (entry >> 4, u32::from(entry & 15))
}

/// Decodes a symbol with a table that contains all codes.
#[inline]
pub(super) fn take<const LEN: usize>(
    table: &Table<LEN>,
    bits: &mut BitReader,
) -> Result<u16, Missing> {
    let (symbol, len) = entry(table, *bits);
    bits.skip(len).ok_or(Missing::Bits)?;
    Ok(symbol)
}

/// A canonical Huffman code of at most `SYMBOLS` symbols, with a lookup table of `LEN`
/// entries, a power of two.
#[derive(Debug)]
pub(super) struct PrefixCode<const LEN: usize, const SYMBOLS: usize> {
    table: Table<LEN>,
    /// The number of codes of each length, and all symbols in the order of their
    /// codes: used for codes that are longer than the index of the table.
    counts: [u16; MAX_CODE_LEN + 1],
    symbols: [u16; SYMBOLS],
}

impl<const LEN: usize, const SYMBOLS: usize> PrefixCode<LEN, SYMBOLS> {
    pub(super) const fn new() -> Self {
        Self { table: [0; LEN], counts: [0; MAX_CODE_LEN + 1], symbols: [0; SYMBOLS] }
    }

    /// Builds the code from the length of each symbol's code, 0 to 15 bits. `None` if
    /// the lengths are not those of a complete prefix code.
    ///
    /// Incomplete codes are allowed only with no symbol, or with a single one of one
    /// bit: §3.2.7 allows the latter for distances, zlib for both alphabets.
    pub(super) fn build(&mut self, lengths: &[u8]) -> Option<()> {
        build(&mut self.table, &mut self.counts, &mut self.symbols, lengths)
    }

    /// The length of each symbol's code, from which this one was built.
    pub(super) fn lengths(&self) -> [u8; SYMBOLS] {
        let mut lengths = [0; SYMBOLS];
        let mut symbols = self.symbols.iter();
        for (len, count) in (0_u8..).zip(self.counts).skip(1) {
            for symbol in symbols.by_ref().take(count.into()) {
                if let Some(to) = lengths.get_mut(usize::from(*symbol)) {
                    *to = len;
                }
            }
        }
        lengths
    }

    /// Decodes a symbol.
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

/// Builds a [`PrefixCode`]. One function for both table sizes keeps the machine code
/// small; on 64-bit targets, where speed matters more, it is inlined.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn build(
    table: &mut [u16],
    counts: &mut [u16; MAX_CODE_LEN + 1],
    symbols: &mut [u16],
    lengths: &[u8],
) -> Option<()> {
    *counts = [0; MAX_CODE_LEN + 1];
    let mut used = 0_u16;
    for &len in lengths {
        // Most symbols have no code: each increment would wait for the one before it.
        if len > 0 {
            *counts.get_mut(usize::from(len))? += 1;
            used = used.wrapping_add(1);
        }
    }
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
        // §3.1.1: codes are packed "starting with the most-significant bit of the code".
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

/// Decodes a symbol of a [`PrefixCode`] bit by bit: in a canonical code, the codes of
/// a length are consecutive and follow the shorter ones.
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
