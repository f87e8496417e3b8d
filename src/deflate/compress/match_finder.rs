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
    chains.catch_up(bytes, run.at);
    loop {
        let end = span.end.min(run.room_ends());
        let from = run.at.max(chains.seen.unseen);
        let Some((at, distance)) = first(span, chains.heads(), from, end) else {
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
        chains.seen.unseen = entered.max(at + 1);
        chains.catch_up(bytes, run.at);
    }
}

/// The first index from `from` at which four bytes have occurred before, and the distance.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "one branch instead of two unpredictable ones")]
fn first(span: Span<'_>, mut heads: Heads<'_>, from: usize, end: usize) -> Option<(usize, usize)> {
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
    while run.at < span.end.min(run.room_ends()) {
        let mut found = longest(span, effort, chains, run.at, NO_MATCH);
        if found.len == 0 {
            run.at += 1;
            continue;
        }
        while found.len < usize::from(effort.lazy) {
            let later = longest(span, effort, chains, run.at + 1, found);
            if later.len == 0 {
                break;
            }
            run.at += 1;
            found = later;
        }
        run.matched(found.len, found.distance);
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
    for _ in 0..effort.depth.max(1) {
        if distance > span.window || distance > at {
            break;
        }
        let earlier = tail(span.bytes, at - distance);
        // Most candidates differ in the byte that would make them longer.
        if earlier.get(best.len) == ahead.get(best.len) {
            let len = common(earlier, ahead);
            if len > best.len
                && len >= usize::from(effort.min_match)
                && (len > MIN_MATCH || distance <= FAR)
            {
                best = Match { len, distance };
                if len >= usize::from(effort.nice) || len == ahead.len() {
                    break;
                }
            }
        }
        match chains.next(at, distance) {
            Some(next) => distance = next,
            None => break,
        }
    }
    if best.len > known.len { best } else { NO_MATCH }
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
