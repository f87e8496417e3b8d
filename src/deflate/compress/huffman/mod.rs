//! The codes of a dynamic block (RFC 1951 §3.2.7): frequencies are turned into code
//! lengths, and those into canonical Huffman codes, in place.

mod code;

pub(super) use self::code::{Codes, Entry, FIRST_LENGTH, FIXED_DISTANCE_LEN};

use core::iter::repeat_n;

use self::code::{Code, code};
use super::bit_writer::low;
use crate::deflate::symbols::{CODE_LENGTH_ORDER, DISTANCES, END, LITERALS, MAX_CODE_LEN};

/// The number of entries in the storage: three alphabets, and the symbols sorted by
/// weight while a code is built.
pub(super) const ENTRIES: usize = LITERALS + DISTANCES + CODE_LENGTHS + LITERALS;

const CODE_LENGTHS: usize = CODE_LENGTH_ORDER.len();

/// The maximum length of a code length code in bits, which is itself transmitted in three bits.
const MAX_CODE_LENGTH_LEN: usize = 7;

/// The alphabets of a block.
#[derive(Debug)]
pub(super) struct Alphabets<'a> {
    literals: &'a mut [Entry; LITERALS],
    distances: &'a mut [Entry; DISTANCES],
    code_lengths: &'a mut [Entry; CODE_LENGTHS],
    order: &'a mut [Entry; LITERALS],
}

/// The number of code lengths of each alphabet: HLIT + 257, HDIST + 1 and HCLEN + 4 (§3.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeSizes {
    pub(super) literals: u16,
    pub(super) distances: u16,
    pub(super) code_lengths: u16,
}

impl CodeSizes {
    /// The number of literal/length and distance symbols.
    pub(super) const fn symbols(self) -> u16 {
        self.literals + self.distances
    }
}

/// A symbol of the code length alphabet with its extra bits, and the number of code
/// lengths that it represents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pub(super) symbol: usize,
    pub(super) extra: u32,
    pub(super) extra_len: u32,
    pub(super) run: u16,
}

impl<'a> Alphabets<'a> {
    /// `None` if the effort has no dynamic codes.
    pub(super) fn new(memory: &'a mut [Entry]) -> Option<Self> {
        let (literals, memory) = memory.split_first_chunk_mut()?;
        let (distances, memory) = memory.split_first_chunk_mut()?;
        let (code_lengths, memory) = memory.split_first_chunk_mut()?;
        let order = memory.first_chunk_mut()?;
        Some(Self { literals, distances, code_lengths, order })
    }

    /// Resets the frequencies. The end of the block occurs once.
    pub(super) fn clear(&mut self) {
        *self.literals = [[0; 4]; LITERALS];
        *self.distances = [[0; 4]; DISTANCES];
        count(self.literals, usize::from(END));
    }

    #[inline]
    pub(super) fn count_literals(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            count(self.literals, usize::from(byte));
        }
    }

    #[inline]
    pub(super) fn count_match(&mut self, length: usize, distance: usize) {
        count(self.literals, FIRST_LENGTH + length);
        count(self.distances, distance);
    }

    /// Builds the codes from the frequencies. Returns the size of the block in bits,
    /// including its header and code lengths, but without the extra bits of matches.
    #[inline(never)]
    pub(super) fn build(&mut self) -> (CodeSizes, u32) {
        let literals = build(self.literals, self.order, MAX_CODE_LEN);
        let distances = build(self.distances, self.order, MAX_CODE_LEN);
        *self.code_lengths = [[0; 4]; CODE_LENGTHS];
        let mut counts = CodeSizes {
            literals: used(self.literals),
            distances: used(self.distances),
            code_lengths: 0,
        };
        let mut extra = 0;
        let mut at = 0;
        while at < counts.symbols() {
            let repeat = self.repeat(counts, at);
            count(self.code_lengths, repeat.symbol);
            extra += repeat.extra_len;
            at += repeat.run;
        }
        let lengths = build(self.code_lengths, self.order, MAX_CODE_LENGTH_LEN);
        let in_order = CODE_LENGTH_ORDER
            .iter()
            .rposition(|&symbol| self.code_length(usize::from(symbol)).len > 0);
        counts.code_lengths = in_order.map_or(0, |last| low(last + 1)).max(4);
        let order = 3 * u32::from(counts.code_lengths);
        (counts, 3 + 5 + 5 + 4 + order + lengths + extra + literals + distances)
    }

    /// The symbol for the code lengths from index `at`, first those of literals and
    /// lengths, then those of distances.
    ///
    /// It depends only on the code lengths, so that writing can resume at any index.
    pub(super) fn repeat(&self, counts: CodeSizes, at: u16) -> Repeat {
        // The format allows a repetition to cross from one to the other, which saves
        // next to nothing.
        let (entries, end, at) = match at.checked_sub(counts.literals) {
            None => (self.literals.as_slice(), counts.literals, at),
            Some(at) => (self.distances.as_slice(), counts.distances, at),
        };
        let at = usize::from(at);
        let ahead = entries.get(at..usize::from(end)).unwrap_or_default();
        let here = ahead.first().map_or(0, |entry| Code::of(*entry).len);
        let repeats = at > 0 && code(entries, at - 1).len == here;
        let most = if here == 0 {
            138
        } else if repeats {
            6
        } else {
            1
        };
        let same = ahead.iter().take(most).take_while(|entry| Code::of(**entry).len == here);
        let run = low(same.count());
        let (symbol, extra_len, least) = match (here, run) {
            (0, 11..) => (18, 7, 11),
            (0, 3..) => (17, 3, 3),
            (1.., 3..) => (16, 2, 3),
            _ => {
                let symbol = usize::try_from(here).unwrap_or(0);
                return Repeat { symbol, extra: 0, extra_len: 0, run: 1 };
            }
        };
        Repeat { symbol, extra: u32::from(run - least), extra_len, run }
    }

    pub(super) fn code_length(&self, symbol: usize) -> Code {
        code(self.code_lengths, symbol)
    }

    /// The codes that were built.
    pub(super) const fn codes(self) -> Codes<'a> {
        Codes { literals: self.literals, distances: self.distances }
    }
}

/// Increments the frequency of a symbol.
#[inline]
fn count(entries: &mut [Entry], symbol: usize) {
    set(entries, symbol, item(entries, symbol) + 1);
}

/// The number of symbols up to the last one that is used.
fn used(entries: &[Entry]) -> u16 {
    entries.iter().rposition(|&entry| Code::of(entry).len > 0).map_or(1, |last| low(last + 1))
}

/// Replaces the frequencies of an alphabet by codes of at most `longest` bits, and returns
/// the sum of frequency times length. The sum of the frequencies must be less than 65,536.
fn build(entries: &mut [Entry], order: &mut [Entry], longest: usize) -> u32 {
    two_at_least(entries);
    let used = gather(entries, order);
    let order = order.get_mut(..used).unwrap_or_default();
    depths(order);
    let mut counts = lengths(order, longest);
    limit(&mut counts, longest);
    let cost = assign(entries, order, &counts);
    number(entries, &counts);
    cost
}

/// A code with one symbol is valid for distances only, and some decoders reject it.
/// Like zlib, always use at least two.
fn two_at_least(entries: &mut [Entry]) {
    let used = entries.iter().filter(|entry| **entry != [0; 4]).count();
    let unused = entries.iter_mut().filter(|entry| **entry == [0; 4]);
    for entry in unused.take(2_usize.saturating_sub(used)) {
        *entry = 1_u32.to_le_bytes();
    }
}

/// Symbols of this weight or more are few, so they are sorted by comparison.
const HEAVY: usize = 127;

/// Sorts the used symbols by weight, and returns their number. The high half of an item is
/// the weight, the low half the symbol. A counting sort, then a heapsort for heavy symbols.
fn gather(entries: &[Entry], order: &mut [Entry]) -> usize {
    let class = |entry: Entry| usize::try_from(u32::from_le_bytes(entry)).unwrap_or(0).min(HEAVY);
    let mut places = [0_u16; HEAVY + 1];
    for &entry in entries {
        add(&mut places, class(entry), 1);
    }
    let mut next = 0;
    for place in places.iter_mut().skip(1) {
        (*place, next) = (next, next + *place);
    }
    for (symbol, &entry) in (0_u16..).zip(entries).filter(|(_, entry)| **entry != [0; 4]) {
        let place = add(&mut places, class(entry), 1);
        set(order, place.into(), u32::from_le_bytes(entry) << 16 | u32::from(symbol));
    }
    let [.., heavy, used] = places.map(usize::from);
    sort(order.get_mut(heavy..used).unwrap_or_default());
    used
}

/// Heapsort, ascending.
fn sort(items: &mut [Entry]) {
    let mut end = items.len();
    let mut root = end / 2;
    while end > 1 {
        if root > 0 {
            root -= 1;
        } else {
            end -= 1;
            swap(items, 0, end);
        }
        sift(items, root, end);
    }
}

fn sift(items: &mut [Entry], mut root: usize, end: usize) {
    loop {
        let mut child = 2 * root + 1;
        if child >= end {
            return;
        }
        if child + 1 < end && item(items, child) < item(items, child + 1) {
            child += 1;
        }
        if item(items, root) >= item(items, child) {
            return;
        }
        swap(items, root, child);
        root = child;
    }
}

fn swap(items: &mut [Entry], a: usize, b: usize) {
    let (at_a, at_b) = (item(items, a), item(items, b));
    set(items, a, at_b);
    set(items, b, at_a);
}

#[inline]
fn item(items: &[Entry], at: usize) -> u32 {
    items.get(at).map_or(0, |item| u32::from_le_bytes(*item))
}

#[inline]
fn set(items: &mut [Entry], at: usize, value: u32) {
    if let Some(item) = items.get_mut(at) {
        *item = value.to_le_bytes();
    }
}

/// The high half of an item: a weight, then a parent, then a depth.
fn high(items: &[Entry], at: usize) -> usize {
    usize::try_from(item(items, at) >> 16).unwrap_or(0)
}

fn set_high(items: &mut [Entry], at: usize, value: usize) {
    set(items, at, item(items, at) & 0xFFFF | u32::from(low(value)) << 16);
}

/// Adds to a count, and returns its previous value.
#[inline]
fn add(counts: &mut [u16], at: usize, more: i16) -> u16 {
    let Some(count) = counts.get_mut(at) else { return 0 };
    let before = *count;
    *count = before.wrapping_add_signed(more);
    before
}

/// The depths of the inner nodes, with Moffat and Katajainen's in-place algorithm for
/// minimum-redundancy codes: ascending weights become parents, then depths. The root
/// is the last item but one.
fn depths(items: &mut [Entry]) {
    let leaves = items.len();
    let (mut leaf, mut root) = (0, 0);
    for next in 0..leaves.saturating_sub(1) {
        let mut weight = 0;
        for _ in 0..2 {
            let inner = root < next && (leaf >= leaves || high(items, root) < high(items, leaf));
            if inner {
                weight += high(items, root);
                set_high(items, root, next);
                root += 1;
            } else {
                weight += high(items, leaf);
                leaf += 1;
            }
        }
        set_high(items, next, weight);
    }
    let root = leaves.saturating_sub(2);
    set_high(items, root, 0);
    for next in (0..root).rev() {
        let depth = high(items, high(items, next)) + 1;
        set_high(items, next, depth);
    }
}

/// The number of codes of each length.
type LenCounts = [u16; MAX_CODE_LEN + 1];

/// Counts the leaves at each depth: the nodes that are not inner ones.
fn lengths(items: &[Entry], longest: usize) -> LenCounts {
    let mut counts = LenCounts::default();
    let mut inner = items.len().saturating_sub(1);
    let mut places: u16 = 1;
    let mut depth = 0;
    while places > 0 {
        let mut nodes = 0;
        while inner > 0 && high(items, inner - 1) == depth {
            nodes += 1;
            inner -= 1;
        }
        add(&mut counts, depth.min(longest), places.saturating_sub(nodes).cast_signed());
        places = 2 * nodes;
        depth += 1;
    }
    counts
}

/// Codes that were too long now have `longest` bits, and may be too many. Until they
/// fit, replaces a shorter code by two that are one bit longer: one for its own
/// symbol, one for a symbol with `longest` bits.
fn limit(counts: &mut LenCounts, longest: usize) {
    let mut taken: u32 = counts
        .iter()
        .enumerate()
        .map(|(len, &count)| u32::from(count) << longest.saturating_sub(len))
        .sum();
    while taken > 1 << longest {
        let split = counts.iter().take(longest).rposition(|&count| count > 0).unwrap_or_default();
        add(counts, longest, -1);
        add(counts, split, -1);
        add(counts, split + 1, 2);
        taken -= 1;
    }
}

/// Assigns the longest codes to the least frequent symbols. Returns the sum of
/// frequency times length.
fn assign(entries: &mut [Entry], order: &[Entry], counts: &LenCounts) -> u32 {
    let mut cost = 0;
    let lens = counts.iter().enumerate().rev();
    let lens = lens.flat_map(|(len, &count)| repeat_n(len, usize::from(count)));
    for (len, place) in lens.zip(order) {
        let len = u32::try_from(len).unwrap_or(0);
        let [low, high, ..] = *place;
        let symbol = usize::from(u16::from_le_bytes([low, high]));
        cost += len * item(entries, symbol);
        set(entries, symbol, len << 16);
    }
    cost
}

/// Assigns the codes: those of a length are consecutive, and follow the shorter ones (§3.2.2).
fn number(entries: &mut [Entry], counts: &LenCounts) {
    let mut next = LenCounts::default();
    let mut code = 0_u16;
    for (next, count) in next.iter_mut().zip(counts) {
        *next = code;
        code = (code + count) << 1;
    }
    for entry in entries {
        let len = Code::of(*entry).len;
        if len == 0 {
            continue;
        }
        let code = add(&mut next, usize::try_from(len).unwrap_or_default(), 1);
        let bits = code.reverse_bits() >> (16 - len);
        *entry = Code { bits: u32::from(bits), len }.entry();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fibonacci numbers have the deepest tree. Limited to 15 bits, the code is still
    /// complete, and is the canonical one of §3.2.2.
    #[test]
    fn the_longest_codes() {
        for symbols in 2..=20_u32 {
            let (mut entries, mut order) = ([[0; 4]; 20], [[0; 4]; 20]);
            let (mut often, mut more) = (1_u32, 1);
            for (entry, _) in entries.iter_mut().zip(0..symbols) {
                *entry = often.to_le_bytes();
                (often, more) = (more, often + more);
            }
            build(&mut entries, &mut order, MAX_CODE_LEN);
            let codes = entries.map(Code::of);
            assert_eq!(codes.iter().map(|code| code.len).max(), Some(15.min(symbols - 1)));
            let mut next = 0_u32;
            for len in 1..=15 {
                for code in codes.iter().filter(|code| code.len == len) {
                    assert_eq!(code.bits, (next >> (15 - len)).reverse_bits() >> (32 - len));
                    next += 1 << (15 - len);
                }
            }
            assert_eq!(next, 1 << 15);
        }
    }
}
