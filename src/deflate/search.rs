//! Looking for matches: hash heads, and chains where the effort has them.

use super::effort::Effort;
use super::symbols::{MAX_MATCH, MIN_MATCH};
use super::tokens::{MAX_RUN, Tokens};

/// Tables of positions. A position is `base` and the index in the history; 0 is none.
///
/// What was dropped from the history has positions below `base`, so nothing has to be removed.
#[derive(Debug)]
pub(super) struct Search<'m> {
    heads: &'m mut [[u8; 2]],
    chain: &'m mut [[u8; 2]],
    pub(super) seen: Seen,
    effort: Effort,
}

/// What the tables are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    base: usize,
    /// From this index on, nothing is in the tables.
    unseen: usize,
}

impl Seen {
    pub(super) const NOTHING: Self = Self { base: 1, unseen: FIRST };
}

/// The part of the history that a call works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'h> {
    pub(super) bytes: &'h [u8],
    pub(super) window: usize,
    /// The message ends with `bytes`.
    pub(super) last: bool,
    /// How many bytes must lie ahead of a match if more are to come.
    pub(super) ahead: usize,
}

#[derive(Clone, Copy, Debug)]
struct Match {
    len: usize,
    distance: usize,
}

const NO_MATCH: Match = Match { len: 0, distance: 0 };

/// The bytes that a hash is read from.
const WORD: usize = 4;

/// The first byte of an empty window is never referred to, so that the second "Hello" is that of
/// RFC 7692, section 7.2.3.2.
const FIRST: usize = 1;

/// Where a match of three bytes is longer than its literals.
const FAR: usize = 4096;

impl<'m> Search<'m> {
    /// Heads that were never used are all 0.
    pub(super) const fn new(
        heads: &'m mut [[u8; 2]],
        chain: &'m mut [[u8; 2]],
        seen: Seen,
        effort: Effort,
    ) -> Self {
        Self { heads, chain, seen, effort }
    }

    /// The history lost its first `len` bytes.
    pub(super) fn slide(&mut self, len: usize, capacity: usize) {
        self.seen.base += len;
        self.seen.unseen = self.seen.unseen.saturating_sub(len);
        if self.seen.base + capacity > usize::from(u16::MAX) {
            let [low, high, ..] = (self.seen.base - 1).to_le_bytes();
            let by = u16::from_le_bytes([low, high]);
            for entry in self.heads.iter_mut().chain(self.chain.iter_mut()) {
                *entry = u16::from_le_bytes(*entry).saturating_sub(by).to_le_bytes();
            }
            self.seen.base = 1;
        }
    }

    /// The history lost all of its `len` bytes.
    pub(super) fn clear(&mut self, len: usize, capacity: usize) {
        self.slide(len, capacity);
        self.seen.unseen = FIRST;
    }

    /// Turns bytes from `at` on into tokens while there is room and enough lies ahead; says how far.
    pub(super) fn tokenize(&mut self, span: Span<'_>, at: usize, tokens: &mut Tokens<'_>) -> usize {
        let len = span.bytes.len();
        let end = if span.last { len } else { len.saturating_sub(span.ahead) };
        let mut run = Run { start: at, at };
        // What one step can push, and the literals in the end.
        while run.at < end && tokens.room() > 3 {
            let mut found = self.find(span, run.at, NO_MATCH);
            if found.len == 0 {
                run.literal(tokens);
                continue;
            }
            while found.len < usize::from(self.effort.lazy) && run.at + 1 < end {
                let later = self.find(span, run.at + 1, found);
                if later.len <= found.len {
                    break;
                }
                run.literal(tokens);
                found = later;
            }
            tokens.push(run.at - run.start, found.len, found.distance);
            let behind = run.at + found.len;
            run = Run { start: behind, at: behind };
            if self.effort.sparse {
                self.seen.unseen = self.seen.unseen.max(behind - 1);
            }
        }
        if run.at > run.start {
            tokens.push(run.at - run.start, 0, 0);
        }
        run.at
    }

    /// The longest match at `at` that is longer than `known`.
    #[inline]
    fn find(&mut self, span: Span<'_>, at: usize, known: Match) -> Match {
        while self.seen.unseen < at
            && let Some(word) = word(span.bytes, self.seen.unseen)
        {
            self.insert(word, self.seen.unseen);
            self.seen.unseen += 1;
        }
        if at < self.seen.unseen {
            return NO_MATCH;
        }
        let Some(here) = word(span.bytes, at) else { return NO_MATCH };
        let mut next = self.insert(here, at);
        self.seen.unseen = at + 1;
        let ahead = span.bytes.get(at..).unwrap_or_default();
        let ahead = ahead.get(..MAX_MATCH).unwrap_or(ahead);
        let mut best = known;
        for _ in 0..self.effort.depth.max(1) {
            let Some(index) = next.checked_sub(self.seen.base).filter(|&index| index < at) else {
                break;
            };
            let distance = at - index;
            if distance > span.window {
                break;
            }
            let behind = span.bytes.get(index..).unwrap_or_default();
            if behind.get(best.len) == ahead.get(best.len) {
                let len = common(behind, ahead);
                if len > best.len
                    && len >= usize::from(self.effort.min_match)
                    && (len > MIN_MATCH || distance <= FAR)
                {
                    best = Match { len, distance };
                    if len >= usize::from(self.effort.nice) || len == ahead.len() {
                        break;
                    }
                }
            }
            let Some(link) = self.chain.get(slot(next, self.chain.len())) else { break };
            let link = usize::from(u16::from_le_bytes(*link));
            // A slot that was used again leads forward.
            if link >= next {
                break;
            }
            next = link;
        }
        if best.len > known.len { best } else { NO_MATCH }
    }

    /// Enters the position of `index`; gives the last one with the same hash.
    #[inline]
    fn insert(&mut self, word: u32, index: usize) -> usize {
        let bits = self.heads.len().trailing_zeros();
        let word = if usize::from(self.effort.min_match) < WORD { word << 8 } else { word };
        let hash = word.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits.clamp(1, 16));
        let position = self.seen.base + index;
        let [low, high, ..] = position.to_le_bytes();
        let links = self.chain.len();
        let Some(head) = usize::try_from(hash).ok().and_then(|hash| self.heads.get_mut(hash))
        else {
            return 0;
        };
        let before = *head;
        *head = [low, high];
        if let Some(link) = self.chain.get_mut(slot(position, links)) {
            *link = before;
        }
        usize::from(u16::from_le_bytes(before))
    }
}

/// Literals that no token says yet.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    at: usize,
}

impl Run {
    #[inline]
    fn literal(&mut self, tokens: &mut Tokens<'_>) {
        self.at += 1;
        if self.at - self.start == MAX_RUN {
            tokens.push(MAX_RUN, 0, 0);
            self.start = self.at;
        }
    }
}

/// `links` is a power of two, or 0.
#[inline]
const fn slot(position: usize, links: usize) -> usize {
    position & links.wrapping_sub(1)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// How many bytes at the start of both are the same.
#[inline]
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut len = 0;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return len + usize::try_from(differ.trailing_zeros() / 8).unwrap_or(0);
        }
        len += 8;
    }
    // The longer one may have a whole word where the shorter one has its rest.
    let a_rest = a.get(b.len()).map_or(a_rest, |word| word.as_slice());
    len + a_rest.iter().zip(b_rest).take_while(|(a, b)| a == b).count()
}
