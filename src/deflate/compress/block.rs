//! Selection of the shortest block type (RFC 1951 §3.2.3).

use super::huffman::{Alphabets, CodeSizes, Codes, Entry, FIRST_LENGTH, FIXED_DISTANCE_LEN};
use super::tokens::Tokens;
use crate::bytes::WORD_64;
use crate::deflate::symbols::fixed_len;

/// The type of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Stored,
    Fixed,
    Dynamic(CodeSizes),
}

/// The bits of a block header: BTYPE, and a BFINAL of 0 in every block (RFC 7692 §7.2.1).
pub(super) const STORED: u32 = 0b000;
pub(super) const FIXED: u32 = 0b010;
pub(super) const DYNAMIC: u32 = 0b100;

/// The lengths in bits of a header, the end of a fixed block, and LEN and NLEN of a stored block.
pub(super) const HEADER_LEN: u32 = 3;
pub(super) const FIXED_END_LEN: u32 = 7;
pub(super) const STORED_LEN: u32 = 32;

/// The state of the output before a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The number of bits not written yet.
    pub(super) held: u32,
    /// A fixed block is open: a fixed block continues it without a header, any other
    /// block ends it first.
    pub(super) open: bool,
}

/// Selects the shortest encoding of `tokens`, which represent `bytes`. If it is a
/// dynamic block, its codes are in `codes` afterwards.
pub(super) fn choose(
    before: Before,
    bytes: &[u8],
    tokens: &Tokens<'_>,
    codes: &mut [Entry],
    codes_from: u16,
) -> BlockKind {
    let mut codes = Alphabets::new(codes);
    let sums = measure(bytes, tokens, &mut codes);
    // The end of an open block was counted when it was opened.
    let fixed = sums.fixed + sums.extra + if before.open { 0 } else { HEADER_LEN + FIXED_END_LEN };
    let end = if before.open { FIXED_END_LEN } else { 0 };
    let header = before.held + end + HEADER_LEN;
    let padding = header.next_multiple_of(8) - header;
    let raw = u32::try_from(bytes.len()).unwrap_or(0).saturating_mul(8);
    let stored = raw.saturating_add(HEADER_LEN + padding + STORED_LEN);
    let (least, kind) =
        if stored < fixed { (stored, BlockKind::Stored) } else { (fixed, BlockKind::Fixed) };
    if let Some(codes) = &mut codes
        && least >= u32::from(codes_from)
    {
        let (counts, bits) = codes.build();
        if bits + sums.extra < least {
            return BlockKind::Dynamic(counts);
        }
    }
    kind
}

/// Sizes in bits.
#[derive(Clone, Copy, Debug)]
struct Sums {
    /// The symbols in the fixed code, without their extra bits.
    fixed: u32,
    /// The extra bits, which are the same in every code.
    extra: u32,
}

/// Computes the size in the fixed code, and counts the frequency of each symbol.
#[inline(never)]
fn measure(bytes: &[u8], tokens: &Tokens<'_>, codes: &mut Option<Alphabets<'_>>) -> Sums {
    let mut sums = Sums { fixed: 0, extra: 0 };
    if let Some(codes) = codes {
        codes.clear();
    }
    // In text without bytes from 144 on, which vectors tell, all literals have 8 bits.
    let is_low = WORD_64 && bytes.iter().fold(0, |most, &byte| byte.max(most)) < 144;
    let mut rest = bytes;
    for token in tokens.from(0) {
        let (run, after) = rest.split_at_checked(usize::from(token.literals)).unwrap_or_default();
        rest = after.get(token.match_len()..).unwrap_or_default();
        sums.fixed += if is_low { 8 * u32::from(token.literals) } else { fixed_literals(run) };
        if let Some(codes) = codes {
            codes.count_literals(run);
        }
        if token.distance == 0 {
            continue;
        }
        let (length, distance) = (token.length(), token.distance());
        sums.fixed += Codes::FIXED.symbol(FIRST_LENGTH + length.index).len + FIXED_DISTANCE_LEN;
        sums.extra += length.extra_len + distance.extra_len;
        if let Some(codes) = codes {
            codes.count_match(length.index, distance.index);
        }
    }
    sums
}

/// The size of literals in the fixed code, in bits.
#[inline]
fn fixed_literals(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&byte| u32::from(fixed_len(byte.into()))).sum()
}
