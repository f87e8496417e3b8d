//! Finds earlier occurrences of the same bytes with a hash table and, if the effort
//! has them, hash chains.

use super::bit_writer::low;
use super::effort::Effort;

/// Tables of positions. A position is `base` plus the index in the history; 0 means none.
///
/// Bytes dropped from the history have positions below `base`, so they need not be removed.
#[derive(Debug)]
pub(super) struct HashChains<'m> {
    heads: &'m mut [[u8; 2]],
    chain: &'m mut [[u8; 2]],
    pub(super) seen: Seen,
    /// The number of bits that a left shift removes from a word, so that only the
    /// hashed bytes remain.
    dropped: u32,
    /// Whether only odd indices are entered. [`FIRST`] is odd.
    every_other: bool,
}

/// The part of the history that the tables cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    base: usize,
    /// The first index that is not in the tables.
    pub(super) unseen: usize,
    /// The work that earlier searches have left over.
    pub(super) credit: usize,
}

impl Seen {
    pub(super) const NOTHING: Self = Self { base: 1, unseen: FIRST, credit: CREDIT };
}

/// The work that may be done in advance: the first match is searched as thoroughly as later ones.
const CREDIT: usize = 256;

/// The maximum number of bytes that are hashed.
pub(super) const WORD: usize = 4;

/// The first byte of an empty window is never matched, so that the second "Hello" is
/// compressed as in RFC 7692 §7.2.3.2.
pub(super) const FIRST: usize = 1;

impl<'m> HashChains<'m> {
    /// `heads` must be zeroed before its first use.
    pub(super) fn new(
        heads: &'m mut [[u8; 2]],
        chain: &'m mut [[u8; 2]],
        seen: Seen,
        effort: &Effort,
    ) -> Self {
        let dropped = if usize::from(effort.min_match) < WORD { 8 } else { 0 };
        Self { heads, chain, seen, dropped, every_other: effort.every_other }
    }

    /// Follows the history, which has room for `capacity` bytes, in dropping its first `len` bytes.
    pub(super) fn slide(&mut self, len: usize, capacity: usize) {
        self.seen.base += len;
        self.seen.unseen = self.seen.unseen.saturating_sub(len);
        if self.seen.base + capacity > usize::from(u16::MAX) {
            let by = low(self.seen.base - 1);
            for entry in self.heads.iter_mut().chain(self.chain.iter_mut()) {
                *entry = u16::from_le_bytes(*entry).saturating_sub(by).to_le_bytes();
            }
            self.seen.base = 1;
            // The position of a link determines its slot. All positions have decreased
            // by `by`, so rotate.
            let turn = slot(by.into(), self.chain.len());
            if let Some((front, back)) = self.chain.split_at_mut_checked(turn) {
                reverse(front);
                reverse(back);
                reverse(self.chain);
            }
        }
    }

    /// Follows the history in dropping all its `len` bytes.
    pub(super) fn clear(&mut self, len: usize, capacity: usize) {
        self.slide(len, capacity);
        self.seen.unseen = FIRST;
    }

    /// Enters all indices before `index` that are not in the tables.
    #[inline]
    pub(super) fn catch_up(&mut self, bytes: &[u8], index: usize) {
        let unseen = self.seen.unseen;
        self.seen.unseen = catch_up(bytes, unseen, index, |word, at| self.enter(word, at));
    }

    /// Enters `index`, and returns the distance to the previous index with the same
    /// hash. Without one, the distance reaches beyond the first byte.
    #[inline]
    pub(super) fn enter(&mut self, word: u32, index: usize) -> usize {
        let distance = self.heads().enter(word, index);
        let position = self.seen.base + index;
        if let Some(link) = self.chain.get_mut(slot(position, self.chain.len())) {
            *link = low(position.wrapping_sub(distance)).to_le_bytes();
        }
        distance
    }

    /// The hash table, for a search without chains.
    #[inline]
    pub(super) fn heads(&mut self) -> Heads<'_> {
        let bits = self.heads.len().trailing_zeros();
        Heads {
            shift: u32::BITS.wrapping_sub(bits) & 31,
            dropped: self.dropped,
            base: self.seen.base,
            must_have: usize::from(self.every_other),
            last: self.heads,
        }
    }

    /// The distance from `index` of the candidate after the one at `distance`; `None`
    /// at the end of the chain.
    #[inline]
    pub(super) fn next(&self, index: usize, distance: usize) -> Option<usize> {
        let position = self.seen.base + index;
        let link = self.chain.get(slot(position.wrapping_sub(distance), self.chain.len()))?;
        let next = position.wrapping_sub(u16::from_le_bytes(*link).into());
        // The slot of a distant candidate may have been reused, and then links forward.
        (next > distance).then_some(next)
    }
}

/// The last position of each hash.
#[derive(Debug)]
pub(super) struct Heads<'p> {
    last: &'p mut [[u8; 2]],
    base: usize,
    /// The bits that an index must have to be entered.
    must_have: usize,
    dropped: u32,
    shift: u32,
}

impl Heads<'_> {
    /// Like [`HashChains::enter`], without chains.
    #[inline]
    pub(super) fn enter(&mut self, word: u32, index: usize) -> usize {
        let hash = (word << self.dropped).wrapping_mul(0x9E37_79B1) >> self.shift;
        let position = self.base + index;
        let last = usize::try_from(hash).ok().and_then(|hash| self.last.get_mut(hash));
        last.map_or(position, |last| {
            let before = u16::from_le_bytes(*last);
            if index & self.must_have == self.must_have {
                *last = low(position).to_le_bytes();
            }
            position.wrapping_sub(before.into())
        })
    }

    /// Like [`catch_up`].
    #[inline]
    pub(super) fn catch_up(&mut self, bytes: &[u8], unseen: usize, index: usize) -> usize {
        catch_up(bytes, unseen, index, |word, at| self.enter(word, at))
    }
}

/// Enters the indices from `unseen` until `index`, and returns the first that is not entered then.
#[inline]
fn catch_up(
    bytes: &[u8],
    mut unseen: usize,
    index: usize,
    mut enter: impl FnMut(u32, usize) -> usize,
) -> usize {
    while unseen < index
        && let Some(word) = word(bytes, unseen)
    {
        enter(word, unseen);
        unseen += 1;
    }
    unseen
}

/// Like `slice::reverse`, which retains a panic when optimized for size.
fn reverse(links: &mut [[u8; 2]]) {
    let mut links = links.iter_mut();
    while let (Some(front), Some(back)) = (links.next(), links.next_back()) {
        core::mem::swap(front, back);
    }
}

/// `links` is a power of two, or 0.
#[inline]
const fn slot(position: usize, links: usize) -> usize {
    position & links.wrapping_sub(1)
}

/// The four bytes at `at`; `None` if fewer are left.
#[inline]
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
