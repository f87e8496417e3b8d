//! Decoding of prefix codes (RFC 1951 §3.2.2): short codes with a lookup table, longer
//! ones bit by bit.

use super::bit_reader::BitReader;
use crate::bytes::{self, WORD_64};
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

pub(super) type LiteralTable = Table<{ 1 << LITERAL_BITS }>;
pub(super) type DistanceTable = Table<{ 1 << DISTANCE_BITS }>;

/// The literal/length code.
pub(super) type Literals = PrefixCode<{ 1 << LITERAL_BITS }, 288>;

/// The distance code, and before it the code length code.
pub(super) type Distances = PrefixCode<{ 1 << DISTANCE_BITS }, 32>;

/// §3.2.6: 288 codes of 7 to 9 bits.
pub(super) static FIXED_LITERALS: LiteralTable = {
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
pub(super) static FIXED_DISTANCES: DistanceTable = {
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
                let to = lengths.get_mut(usize::from(*symbol));
                bytes::set(Some([len]), to.map(core::array::from_mut));
            }
        }
        lengths
    }

    /// Decodes a symbol.
    #[inline]
    pub(super) fn take(&self, bits: &mut BitReader) -> Result<u16, Missing> {
        self.take_with(&self.table, bits)
    }

    /// Decodes a symbol with `table`, which is that of a fixed code or that of this code.
    #[inline]
    pub(super) fn take_with(
        &self,
        table: &Table<LEN>,
        bits: &mut BitReader,
    ) -> Result<u16, Missing> {
        let mut slot = table.get(bits.peek(LEN.trailing_zeros())).copied().unwrap_or_default();
        if slot == 0 {
            let longest = u32::try_from(MAX_CODE_LEN).unwrap_or_default();
            let missing = if bits.len() < longest { Missing::Bits } else { Missing::Code };
            slot = long(&self.counts, &self.symbols, bits.peek(longest)).ok_or(missing)?;
        }
        bits.skip(u32::from(slot & 15)).ok_or(Missing::Bits)?;
        Ok(slot >> 4)
    }

    /// The lookup table, for [`take_with`](Self::take_with).
    pub(super) const fn table(&self) -> &Table<LEN> {
        &self.table
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
    let used = compact(table, lengths)?;
    *counts = [0; MAX_CODE_LEN + 1];
    for slot in used {
        *counts.get_mut(usize::from(slot & 15))? += 1;
    }
    let mut next_place = [0_u16; MAX_CODE_LEN + 1];
    let (mut place, mut free) = (0_u16, 1_u32);
    for (count, next_place) in counts.iter().zip(&mut next_place) {
        free = free.checked_sub((*count).into())? << 1;
        *next_place = place;
        place = place.wrapping_add(*count);
    }
    let only_one_bit = place == 1 && counts.get(1) == Some(&1);
    if free > 0 && place > 0 && !only_one_bit {
        return None;
    }
    for slot in used {
        let place = next_place.get_mut(usize::from(slot & 15))?;
        *symbols.get_mut(usize::from(*place))? = slot >> 4;
        *place = place.wrapping_add(1);
    }
    fill(table, counts, symbols)
}

/// Writes a [`slot`] for each symbol that has a code to the start of `table`, and returns them.
#[inline]
fn compact<'t>(table: &'t mut [u16], lengths: &[u8]) -> Option<&'t [u16]> {
    /// Most symbols have no code: this many are skipped at a time.
    const GROUP: usize = if WORD_64 { 8 } else { usize::MAX };
    let (mut used, mut first) = (0, 0_u16);
    for group in lengths.chunks(GROUP) {
        if !WORD_64 || group != [0; 8] {
            for (&len, symbol) in group.iter().zip(first..) {
                *table.get_mut(used)? = slot(symbol, len.into());
                // Not a branch, which would often be mispredicted.
                used += usize::from(len > 0);
            }
        }
        first = first.wrapping_add(8);
    }
    table.get(..used)
}

/// Fills the table from a canonical code. Each round adds the codes of one length, at the indices
/// of so many bits, and repeats all entries for the next one.
#[inline]
fn fill(table: &mut [u16], counts: &[u16; MAX_CODE_LEN + 1], symbols: &[u16]) -> Option<()> {
    *table.first_mut()? = 0;
    let (mut code, mut symbols) = (0_u16, symbols.iter());
    for (count, len) in counts.iter().zip(0_u16..) {
        for _ in 0..*count {
            // §3.1.1: codes are packed "starting with the most-significant bit of the code".
            let index = code.reverse_bits() >> ((16 - len) & 15);
            *table.get_mut(usize::from(index))? = slot(*symbols.next()?, len);
            code = code.wrapping_add(1);
        }
        code <<= 1;
        let (here, rest) = table.split_at_mut_checked(1 << (len & 15))?;
        if rest.is_empty() {
            break;
        }
        for (to, from) in rest.iter_mut().zip(here) {
            *to = *from;
        }
    }
    Some(())
}

/// Looks for a code of a [`PrefixCode`] bit by bit, and returns its [`slot`]: in a canonical code, the
/// codes of a length are consecutive and follow the shorter ones.
#[inline(never)]
fn long(counts: &[u16; MAX_CODE_LEN + 1], symbols: &[u16], mut bits: usize) -> Option<u16> {
    let (mut code, mut first, mut place) = (0_usize, 0_usize, 0_usize);
    for (count, len) in counts.iter().zip(0_u16..) {
        let count = usize::from(*count);
        let ahead = code.wrapping_sub(first);
        if ahead < count {
            return symbols.get(place + ahead).map(|symbol| slot(*symbol, len));
        }
        (place, first) = (place + count, (first + count) << 1);
        (code, bits) = (code << 1 | (bits & 1), bits >> 1);
    }
    None
}
