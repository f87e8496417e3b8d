//! LZ77 match search: greedy with one candidate, or lazy with several.

use super::effort::Effort;
use super::hash_chain::{FIRST, HashChains, Heads, WORD, word};
use super::tokens::Run;
use crate::deflate::symbols::{MAX_MATCH, MIN_MATCH};

/// The history, and the limits of a search in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'h> {
    pub(super) bytes: &'h [u8],
    pub(super) window: usize,
    /// No search begins here or later: the lookahead is too short, and more input follows.
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Match {
    len: usize,
    distance: usize,
}

const NO_MATCH: Match = Match { len: 0, distance: 0 };

/// The work that each byte earns: 1 for a candidate, 1 for comparing it, and 1 for every 32 bytes
/// that are equal. Without this limit, text can be chosen such that each byte has as many candidates
/// as [`Effort::depth`] allows; other text rarely reaches it.
const WORK: usize = 32;

/// The most that is left over for later bytes.
const MAX_CREDIT: usize = 1 << 15;

/// Beyond this distance, a match of three bytes is longer than its literals.
const FAR: usize = 4096;

/// The number of bytes at the end at which no word begins.
const WORDLESS: usize = WORD - 1;

/// Converts bytes to tokens while there is room for them.
pub(super) fn tokenize(
    span: Span<'_>,
    effort: &Effort,
    chains: &mut HashChains<'_>,
    run: &mut Run<'_, '_>,
) {
    if effort.depth <= 1 && effort.lazy == 0 {
        greedy(span, effort, chains, run);
    } else {
        thorough(span, effort, chains, run);
    }
    run.end();
}

/// Takes every match, with a single candidate for each position.
///
/// Not inlined, like all loops of the compressor: together they would run out of registers.
#[inline(never)]
fn greedy(span: Span<'_>, effort: &Effort, chains: &mut HashChains<'_>, run: &mut Run<'_, '_>) {
    let bytes = span.bytes;
    let mut unseen = chains.seen.unseen;
    let mut heads = chains.heads();
    unseen = heads.catch_up(bytes, unseen, run.at);
    loop {
        let end = span.end.min(run.room_ends());
        let from = run.at.max(unseen);
        let Some((at, distance)) = first(span, &mut heads, from, end) else {
            chains.seen.unseen = from.max(end.min(bytes.len().saturating_sub(WORDLESS)));
            run.at = run.at.max(end);
            return;
        };
        let mut start = at;
        // Extends the match backwards, since the tables may lack its start.
        while start > run.at
            && start - distance > FIRST
            && bytes.get(start - 1) == bytes.get(start - 1 - distance)
        {
            start -= 1;
        }
        let len = common(tail(bytes, start - distance), tail(bytes, start));
        run.at = start;
        run.matched(len, distance);
        // The next match often begins with the last bytes of this one.
        let entered = if effort.sparse { run.at.saturating_sub(2) } else { 0 };
        unseen = heads.catch_up(bytes, entered.max(at + 1), run.at);
    }
}

/// The first index from `from` at which four bytes have occurred before, and the distance.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "one branch instead of two unpredictable ones")]
fn first(span: Span<'_>, heads: &mut Heads<'_>, from: usize, end: usize) -> Option<(usize, usize)> {
    let Span { bytes, window, .. } = span;
    let ahead = bytes.get(from..bytes.len().min(end + WORDLESS))?;
    for (at, word) in (from..).zip(ahead.windows(WORD)) {
        let here = u32::from_le_bytes(*word.first_chunk()?);
        let distance = heads.enter(here, at);
        let there = self::word(bytes, at.saturating_sub(distance));
        if (distance <= window.min(at)) & (there == Some(here)) {
            return Some((at, distance));
        }
    }
    None
}

/// Takes the longest match of several candidates, unless a longer one begins at the
/// next byte (lazy matching).
#[inline(never)]
fn thorough(span: Span<'_>, effort: &Effort, chains: &mut HashChains<'_>, run: &mut Run<'_, '_>) {
    let mut budget = Budget { from: run.at, credit: chains.seen.credit, spent: 0 };
    while run.at < span.end.min(run.room_ends()) {
        let mut found = longest(span, effort, chains, run.at, NO_MATCH, &mut budget);
        if found.len == 0 {
            run.at += 1;
            continue;
        }
        while found.len < usize::from(effort.lazy) {
            let later = longest(span, effort, chains, run.at + 1, found, &mut budget);
            if later.len == 0 {
                break;
            }
            run.at += 1;
            found = later;
        }
        run.matched(found.len, found.distance);
    }
    chains.seen.credit = budget.left(run.at).min(MAX_CREDIT);
}

/// The work of a run of searches.
#[derive(Debug)]
struct Budget {
    /// Where the run begins.
    from: usize,
    /// What earlier runs have left over.
    credit: usize,
    spent: usize,
}

impl Budget {
    /// What the bytes before `end` have earned.
    #[inline]
    fn earned(&self, end: usize) -> usize {
        self.credit.saturating_add(end.saturating_sub(self.from).saturating_mul(WORK))
    }

    /// What is left of that.
    #[inline]
    fn left(&self, end: usize) -> usize {
        self.earned(end).saturating_sub(self.spent)
    }

    #[inline]
    fn set_left(&mut self, end: usize, left: usize) {
        self.spent = self.earned(end).saturating_sub(left);
    }
}

/// The longest match at `at`, if it is longer than `known`.
#[inline]
fn longest(
    span: Span<'_>,
    effort: &Effort,
    chains: &mut HashChains<'_>,
    at: usize,
    known: Match,
    budget: &mut Budget,
) -> Match {
    chains.catch_up(span.bytes, at);
    let Some(here) = word(span.bytes, at) else { return NO_MATCH };
    if at < chains.seen.unseen {
        return NO_MATCH;
    }
    let mut distance = chains.enter(here, at);
    chains.seen.unseen = at + 1;
    let ahead = tail(span.bytes, at);
    let ahead = ahead.get(..MAX_MATCH).unwrap_or(ahead);
    let mut best = known;
    let mut search = Search {
        bytes: span.bytes,
        at,
        limit: span.window.min(at),
        last: Last::of(ahead, best.len),
        left: effort.depth.max(1).into(),
    };
    // The first candidate is always examined.
    let mut work = budget.left(at + 1).max(1);
    while let Some(found) = search.candidate(chains, distance, &mut work) {
        let len = common(tail(span.bytes, at - found), ahead);
        work = work.saturating_sub(1 + len / 32);
        if len > best.len
            && len >= usize::from(effort.min_match)
            && (len > MIN_MATCH || found <= FAR)
        {
            best = Match { len, distance: found };
            search.last = Last::of(ahead, len);
            if len >= usize::from(effort.nice) || len == ahead.len() {
                break;
            }
        }
        match chains.next(at, found) {
            Some(next) => distance = next,
            None => break,
        }
    }
    budget.set_left(at + 1, work);
    if best.len > known.len { best } else { NO_MATCH }
}

/// A search among the candidates for a match at `at`.
struct Search<'h> {
    bytes: &'h [u8],
    at: usize,
    /// The greatest distance.
    limit: usize,
    last: Last,
    /// How many candidates may be examined.
    left: usize,
}

impl Search<'_> {
    /// The first candidate from `distance` on that has the last bytes, if it is found with this much
    /// work.
    ///
    /// Not inlined: the loop needs all registers.
    #[inline(never)]
    fn candidate(
        &mut self,
        chains: &HashChains<'_>,
        mut distance: usize,
        work: &mut usize,
    ) -> Option<usize> {
        let most = self.left.min(*work);
        let mut left = most;
        let mut found = None;
        while left > 0 && distance <= self.limit {
            left -= 1;
            if self.last.is_at(self.bytes, self.at - distance) {
                found = Some(distance);
                break;
            }
            match chains.next(self.at, distance) {
                Some(next) => distance = next,
                None => break,
            }
        }
        self.left -= most - left;
        *work -= most - left;
        found
    }
}

/// The last bytes of a match that is longer than the best one: most candidates do not have them.
#[derive(Clone, Copy, Debug)]
struct Last {
    word: u32,
    /// The bits of the word that count: those of the shortest match, if there is no best one.
    mask: u32,
    /// Where the word begins in the match.
    offset: usize,
}

impl Last {
    #[inline]
    fn of(ahead: &[u8], best: usize) -> Self {
        let offset = best.saturating_sub(MIN_MATCH);
        let mask = if best < MIN_MATCH { 0x00FF_FFFF } else { u32::MAX };
        Self { word: word(ahead, offset).unwrap_or_default(), mask, offset }
    }

    #[inline]
    fn is_at(self, bytes: &[u8], start: usize) -> bool {
        word(bytes, start + self.offset).is_some_and(|there| (there ^ self.word) & self.mask == 0)
    }
}

#[inline]
fn tail(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// The length of the common prefix, up to the maximum length of a match.
#[inline]
fn common(earlier: &[u8], ahead: &[u8]) -> usize {
    let ahead = ahead.get(..MAX_MATCH).unwrap_or(ahead);
    let mut len = 0;
    let ((words, _), (ahead, rest)) = (earlier.as_chunks::<8>(), ahead.as_chunks::<8>());
    for (a, b) in words.iter().zip(ahead) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return len + usize::try_from(differ.trailing_zeros() / 8).unwrap_or(0);
        }
        len += 8;
    }
    len + tail(earlier, len).iter().zip(rest).take_while(|(a, b)| a == b).count()
}
