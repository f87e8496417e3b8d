//! UTF-8 validation in lanes: every byte is compared with the three before it, 32 at a time.
//!
//! Nothing depends on the result for the byte before, so the compiler vectorises the comparisons to
//! the widest registers of the target. They need saturating arithmetic on bytes and no table
//! lookups, which SSE2 does not have.

use core::iter::zip;

use crate::bytes;

/// Whether the target has vectors of bytes. Without them a lane costs more than the DFA.
pub(super) const VECTORS: bool = cfg!(any(target_feature = "sse2", target_feature = "neon"));

/// How many bytes before its own position a byte depends on.
pub(super) const BEFORE: usize = 3;

/// The length of a lane in bytes: one vector, so that all that is seen of a run stays in registers.
const LANE: usize = if cfg!(any(feature = "simd", target_feature = "avx2")) { 32 } else { 16 };

/// Bytes between two checks whether all are ASCII.
const BLOCK: usize = 64;

/// Bytes between two checks of the result.
const RUN: usize = 32 * BLOCK;

/// The length of the shortest text in bytes for which lanes are faster than the DFA.
pub(super) const LEAST: usize = 40;

type Lane = [u8; LANE];

/// How many bytes of `bytes` are valid, except that a character may be cut off at their end.
///
/// The first three are known to be valid, after what precedes `bytes`. At least three, or all.
/// Characters above U+FFFFF are left to the caller, like invalid ones.
pub(super) fn valid_prefix(bytes: &[u8]) -> usize {
    #[cfg(feature = "simd")]
    let len = pulp::Arch::new().dispatch(vectors::Prefix(bytes));
    #[cfg(not(feature = "simd"))]
    let len = prefix(bytes);
    len
}

/// The same with the widest vectors of the processor, detected at run time.
#[cfg(feature = "simd")]
mod vectors {
    use pulp::{Simd, WithSimd};

    pub(super) struct Prefix<'a>(pub(super) &'a [u8]);

    impl WithSimd for Prefix<'_> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            super::prefix(self.0)
        }
    }
}

#[inline(always)]
fn prefix(bytes: &[u8]) -> usize {
    let is_ascii = |block: &&[u8; 2 * BLOCK]| block.is_ascii();
    let ascii = bytes.as_chunks().0.iter().take_while(is_ascii).count() * 2 * BLOCK;
    let mut start = ascii.saturating_sub(BEFORE);
    // A run with a character of four bytes is done again. In a short text that costs too much, and
    // no lane looks at the first two bytes for one.
    if bytes.len() >= BEFORE + BLOCK && !matches!(bytes, [0xF0..=0xFF, ..] | [_, 0xF0..=0xFF, ..]) {
        start = runs::<false>(bytes, start);
    }
    if start + BEFORE < bytes.len() {
        start = runs::<true>(bytes, start);
    }
    start + BEFORE
}

/// Advances over all valid runs. `start` is where the bytes before the next run start.
#[inline(always)]
fn runs<const FOUR: bool>(bytes: &[u8], mut start: usize) -> usize {
    while start + BEFORE < bytes.len() {
        let mut seen = Seen::new();
        let run = bytes::part(bytes, start..);
        let run = run.get(..BEFORE + RUN).unwrap_or(run);
        let mut blocks = run;
        while let Some(block) = blocks.first_chunk::<{ BEFORE + BLOCK }>() {
            let is_ascii = block.first_chunk::<32>().is_some_and(|start| start.is_ascii())
                && block.last_chunk::<BLOCK>().is_some_and(|block| block.is_ascii());
            if !is_ascii {
                for lane in 0..BLOCK / LANE {
                    seen.check::<FOUR>(bytes::part(block, lane * LANE..).first_chunk());
                }
            }
            blocks = bytes::part(blocks, BLOCK..);
        }
        let mut at = start + run.len().saturating_sub(blocks.len());
        let mut rest = bytes::part(bytes, at..);
        if rest.len() < BEFORE + BLOCK {
            while let window @ Some(_) = rest.first_chunk() {
                seen.check::<FOUR>(window);
                rest = bytes::part(rest, LANE..);
            }
            // The last lane may overlap the one before it.
            seen.check::<FOUR>(bytes.last_chunk());
            at = bytes.len().saturating_sub(BEFORE);
        }
        if !seen.is_valid::<FOUR>() {
            return start;
        }
        start = at;
    }
    start
}

/// What has been seen of a run, for each place of a lane.
struct Seen {
    /// Bit 7 is set once a byte was a continuation and should not be, or the reverse.
    misplaced: Lane,
    /// Bit 5 is set once a continuation was out of the range that the byte before it allows.
    out_of_range: Lane,
    /// The highest byte.
    highest: Lane,
    /// The lowest byte, counted from 0xC0.
    lowest: Lane,
}

impl Seen {
    #[inline(always)]
    fn new() -> Self {
        let (none, all) = ([0; LANE], [0xFF; LANE]);
        Self { misplaced: none, out_of_range: none, highest: none, lowest: all }
    }

    /// Checks a lane and the three bytes before it (RFC 3629 §4); with `FOUR`, characters of four
    /// bytes, too.
    #[inline(always)]
    fn check<const FOUR: bool>(&mut self, window: Option<&[u8; BEFORE + LANE]>) {
        let Some(window) = window else { return };
        let [three @ .., _, _, _] = window;
        let [_, two @ .., _, _] = window;
        let [_, _, one @ .., _] = window;
        let [_, _, _, here @ ..] = window;
        let bytes = zip(zip(here, one), zip(two, three));
        let seen = zip(
            zip(&mut self.misplaced, &mut self.out_of_range),
            zip(&mut self.highest, &mut self.lowest),
        );
        for (((&here, &one), (&two, &three)), ((misplaced, out_of_range), (highest, lowest))) in
            zip(bytes, seen)
        {
            // At least 0xC0 if a byte before this one asks for a continuation here.
            let mut lead = one.max(two.saturating_sub(0xE0 - 0xC0));
            // From 0xC0 on if this byte is a continuation.
            let from_c0 = here.wrapping_sub(0xC0);
            // After E0: at least A0, otherwise overlong. After ED: at most 9F, otherwise a surrogate.
            // One comparison for both: bit 5 of this byte makes ED an E0.
            *out_of_range |= all_ones(one.wrapping_sub((here & 0x20).min(0xED - 0xE0)) == 0xE0);
            if FOUR {
                lead = lead.max(three.saturating_sub(0xF0 - 0xC0));
                // After F0: at least 90, otherwise overlong.
                *out_of_range |= all_ones(one == 0xF0) & !(here | here.wrapping_add(here));
            }
            *misplaced |= lead.saturating_sub(0x40) ^ from_c0.saturating_sub(0x40);
            // As lead, so that the last byte of a text is judged when the next one is there.
            *highest = one.max(*highest);
            *lowest = from_c0.min(*lowest);
        }
    }

    #[inline(always)]
    fn is_valid<const FOUR: bool>(&self) -> bool {
        // After F4, less than 90 would have to be checked.
        let end = if FOUR { 0xF4 } else { 0xF0 };
        let seen = zip(zip(&self.misplaced, &self.out_of_range), zip(&self.highest, &self.lowest));
        let mut invalid = [0; LANE];
        for (invalid, ((misplaced, out_of_range), (highest, lowest))) in zip(&mut invalid, seen) {
            // C0 and C1 are 0 and 1.
            *invalid = misplaced
                | (out_of_range & 0x20) << 2
                | highest.saturating_sub(end - 0x80)
                | 0x81_u8.saturating_sub(*lowest);
        }
        invalid.is_ascii()
    }
}

#[inline(always)]
const fn all_ones(yes: bool) -> u8 {
    if yes { 0xFF } else { 0 }
}
