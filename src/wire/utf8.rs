//! Incremental UTF-8 validation (RFC 6455 §5.6, §8.1; RFC 3629).
//!
//! A shift-based DFA: a lookup table holds one 64-bit word per byte value, in which the six bits at
//! the position named by the state are the next state. One step is a load and a shift. 32-bit
//! targets, on which that shift is a call, compare instead and save the table of 2 KiB.
//!
//! Longer text is validated in [lanes] where the target has vectors; then the DFA takes only the ends,
//! and finds the first invalid byte.

mod seal;

use crate::bytes::WORD_64;
use crate::wire::utf8_lanes as lanes;

/// The states: bit positions in the words of [`STEPS`], six bits apart.
mod state {
    pub(super) const REJECT: u8 = 0;
    /// Between two characters.
    pub(super) const ACCEPT: u8 = 6;
    /// One, two or three more bytes of 0x80 to 0xBF.
    pub(super) const ONE: u8 = 12;
    pub(super) const TWO: u8 = 18;
    pub(super) const THREE: u8 = 24;
    /// After E0: 0xA0 to 0xBF, otherwise the encoding is overlong.
    pub(super) const E0: u8 = 30;
    /// After ED: 0x80 to 0x9F, otherwise it is a surrogate.
    pub(super) const ED: u8 = 36;
    /// After F0: 0x90 to 0xBF, otherwise the encoding is overlong.
    pub(super) const F0: u8 = 42;
    /// After F4: 0x80 to 0x8F, otherwise it is above U+10FFFF.
    pub(super) const F4: u8 = 48;
}

/// The lookup table of [`next`], one word per byte.
static STEPS: [u64; 256] = {
    let mut words = [0; 256];
    let mut byte: u8 = 0;
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "evaluated at compile time only"
    )]
    loop {
        let mut state = state::ACCEPT;
        while state <= state::F4 {
            words[byte as usize] |= (next(state, byte) as u64) << state;
            state += state::ACCEPT;
        }
        if byte == 0xFF {
            break words;
        }
        byte += 1;
    }
};

/// The state after `byte` (RFC 3629 §4).
const fn next(state: u8, byte: u8) -> u8 {
    use state::{ACCEPT, E0, ED, F0, F4, ONE, REJECT, THREE, TWO};
    match (state, byte) {
        (ACCEPT, 0x00..=0x7F) | (ONE, 0x80..=0xBF) => ACCEPT,
        (ACCEPT, 0xC2..=0xDF) | (TWO, 0x80..=0xBF) | (E0, 0xA0..=0xBF) | (ED, 0x80..=0x9F) => ONE,
        (ACCEPT, 0xE0) => E0,
        (ACCEPT, 0xED) => ED,
        (ACCEPT, 0xE1..=0xEF) | (THREE, 0x80..=0xBF) | (F0, 0x90..=0xBF) | (F4, 0x80..=0x8F) => TWO,
        (ACCEPT, 0xF0) => F0,
        (ACCEPT, 0xF1..=0xF3) => THREE,
        (ACCEPT, 0xF4) => F4,
        _ => REJECT,
    }
}

/// `bytes` as a text. Without `unsafe` they have to be validated again to become a `str`.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(bytes).ok();
    #[cfg(not(feature = "simd"))]
    let text = core::str::from_utf8(bytes).ok();
    text
}

/// The validation state of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utf8 {
    state: u8,
}

impl Utf8 {
    pub(crate) const fn new() -> Self {
        Self { state: state::ACCEPT }
    }

    /// Whether the text so far ends with a complete character.
    pub(crate) const fn is_boundary(self) -> bool {
        self.state == state::ACCEPT
    }

    /// Whether `bytes` are a complete, valid text.
    pub(crate) fn is_valid(bytes: &[u8]) -> bool {
        check(state::ACCEPT, bytes) == Ok(state::ACCEPT)
    }

    /// Continues with `bytes`, which end the text if `last`.
    ///
    /// The error is the index of the first invalid byte, 0 to `bytes.len() - 1`. For a text that
    /// ends inside a character it is that of the last byte, or 0 if `bytes` is empty.
    pub(crate) fn check(self, bytes: &[u8], last: bool) -> Result<Self, usize> {
        let state = check(self.state, bytes)?;
        if last && state != state::ACCEPT {
            return Err(bytes.len().saturating_sub(1));
        }
        Ok(Self { state })
    }
}

/// The state after `bytes`, or the index of the first invalid byte.
fn check(state: u8, bytes: &[u8]) -> Result<u8, usize> {
    if WORD_64 && lanes::VECTORS && bytes.len() >= lanes::LEAST {
        return check_long(state, bytes);
    }
    steps(state, bytes)
}

/// In lanes, except for the first bytes, the end, and text in which lanes find an error.
fn check_long(state: u8, bytes: &[u8]) -> Result<u8, usize> {
    let (head, _) = bytes.split_at_checked(lanes::BEFORE).unwrap_or_default();
    steps(state, head)?;
    let valid = lanes::valid_prefix(bytes);
    let start = valid.saturating_sub(lanes::BEFORE);
    let last = bytes.get(start..valid).unwrap_or_default();
    if valid == bytes.len() && matches!(last, [..0xF0, ..0xE0, ..0xC0]) {
        return Ok(state::ACCEPT);
    }
    // A character that is cut off starts with one of the last three bytes. Another one may start
    // before it.
    let start = last.iter().position(|byte| *byte >= 0xC0).map_or(valid, |at| start + at);
    let rest = bytes.get(start..).unwrap_or_default();
    steps(state::ACCEPT, rest).map_err(|bad| start + bad)
}

/// As [`check`], by the DFA.
fn steps(mut state: u8, bytes: &[u8]) -> Result<u8, usize> {
    if !WORD_64 {
        for (at, &byte) in bytes.iter().enumerate() {
            state = next(state, byte);
            if state == state::REJECT {
                return Err(at);
            }
        }
        return Ok(state);
    }
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        // Most text has long runs of ASCII, which leave the state unchanged.
        if state == state::ACCEPT && block.is_ascii() {
            continue;
        }
        state = steps_over(state, block).ok_or_else(|| index * BLOCK + first_bad(state, block))?;
    }
    let at = blocks.len() * BLOCK;
    steps_over(state, rest).ok_or_else(|| at + first_bad(state, rest))
}

/// Whether all of `bytes` is ASCII, where this check is cheaper than validation.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    #[cfg(feature = "simd")]
    if bytes.len() >= LONG {
        return false;
    }
    is_ascii(bytes)
}

/// Whether all of `bytes` is ASCII.
///
/// For short slices `core` checks byte by byte. Here, as in `mask`, words are used, of which the
/// last overlaps the one before it.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    match bytes.len() {
        _ if !WORD_64 => bytes.is_ascii(),
        0..4 => bytes.iter().fold(0, |or, byte| or | byte).is_ascii(),
        4..=8 => ends(bytes, |word| u32::from_ne_bytes(word).into()),
        9..=16 => ends(bytes, |word| u64::from_ne_bytes(word).into()),
        17..LONG => {
            let words = bytes.as_chunks().0.iter().map(|word| u128::from_ne_bytes(*word));
            has_no_high_bit(words.fold(0, |or, word| or | word)) && ends(bytes, u128::from_ne_bytes)
        }
        _ => bytes.is_ascii(),
    }
}

/// Whether the first and the last word are ASCII. They may overlap.
#[inline]
fn ends<const N: usize>(bytes: &[u8], word: impl Fn([u8; N]) -> u128) -> bool {
    let ends = bytes.first_chunk().zip(bytes.last_chunk());
    ends.is_some_and(|(first, last)| has_no_high_bit(word(*first) | word(*last)))
}

#[inline]
const fn has_no_high_bit(word: u128) -> bool {
    word & u128::from_ne_bytes([0x80; 16]) == 0
}

/// The length in bytes from which `core` is as fast.
const LONG: usize = 256;

/// Bytes between two checks of the state.
const BLOCK: usize = 32;

/// The state after `bytes`; `None` for REJECT, which is final.
#[inline]
fn steps_over(state: u8, bytes: &[u8]) -> Option<u8> {
    let state = bytes.iter().fold(u64::from(state), |state, &byte| step(state, byte));
    let state = state.to_le_bytes()[0] & 63;
    (state != state::REJECT).then_some(state)
}

/// One step. The low six bits are the state; those above are left over from the table.
#[inline]
fn step(state: u64, byte: u8) -> u64 {
    STEPS.get(usize::from(byte)).copied().unwrap_or_default() >> (state & 63)
}

/// The index of the byte in `bytes` that leads to REJECT.
#[cold]
fn first_bad(mut state: u8, bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&byte| {
            state = next(state, byte);
            state == state::REJECT
        })
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    /// Byte values at which a rule of RFC 3629 §4 begins or ends.
    const EDGES: [u8; 20] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
        0xEE, 0xF0, 0xF3, 0xF4, 0xF5,
    ];

    /// Four bytes at all places of texts that take one lane, several blocks, or several runs.
    #[test]
    fn p16_lanes_give_the_result_of_the_dfa() {
        let states = [state::ACCEPT, state::ONE, state::THREE, state::F4];
        let mut at = 0;
        for (n, (a, b)) in EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))).enumerate() {
            for (c, d) in EDGES.iter().flat_map(|c| EDGES.map(|d| (*c, d))) {
                let fill = ["a", "é", "日", "😀"][(n + at) % 4].as_bytes();
                let len = if (a, c) == (d, 0xED) { 5000 } else { lanes::LEAST + (n + at) % 160 };
                let mut text = [0; 5000];
                let text = &mut text[..len];
                text.iter_mut().zip(fill.iter().cycle()).for_each(|(to, byte)| *to = *byte);
                at = (at + 7) % (len - 3);
                text[at..at + 4].copy_from_slice(&[a, b, c, d]);
                for state in states {
                    let expected = steps(state, text);
                    assert_eq!(check(state, text), expected, "{state} {at} {text:02X?}");
                }
            }
        }
    }
}
