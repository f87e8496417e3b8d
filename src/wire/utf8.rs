//! UTF-8 validity of bytes that come in pieces (RFC 6455 sections 5.6 and 8.1, RFC 3629).
//!
//! A state machine whose transitions are shifts: each byte has a word that holds, at the bit
//! position named by the state, the next state. So a step is a load and a shift, and the state of a
//! cut character is six bits. A machine of 32 bits, where that shift is a call, does without the 2 KiB of
//! words and compares.

use crate::wire::target::WORD_64;

/// The states: bit positions in the words of [`STEPS`], six bits apart.
mod state {
    pub(super) const REJECT: u8 = 0;
    /// Between two characters.
    pub(super) const ACCEPT: u8 = 6;
    /// One, two or three more bytes of 0x80 to 0xBF.
    pub(super) const ONE: u8 = 12;
    pub(super) const TWO: u8 = 18;
    pub(super) const THREE: u8 = 24;
    /// Behind E0: 0xA0 to 0xBF, else the form is overlong.
    pub(super) const E0: u8 = 30;
    /// Behind ED: 0x80 to 0x9F, else it is a surrogate.
    pub(super) const ED: u8 = 36;
    /// Behind F0: 0x90 to 0xBF, else the form is overlong.
    pub(super) const F0: u8 = 42;
    /// Behind F4: 0x80 to 0x8F, else it is above U+10FFFF.
    pub(super) const F4: u8 = 48;
}

/// [`next`] as one word for each byte.
static STEPS: [u64; 256] = {
    let mut words = [0; 256];
    let mut byte: u8 = 0;
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
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

/// RFC 3629 section 4: the state behind `byte`.
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

/// `bytes` as a text. Without `unsafe` only a library can tell the compiler that they are one, even if
/// they were checked before.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(bytes).ok();
    #[cfg(not(feature = "simd"))]
    let text = core::str::from_utf8(bytes).ok();
    text
}

/// The validity of a text so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utf8 {
    state: u8,
}

impl Utf8 {
    pub(crate) const fn new() -> Self {
        Self { state: state::ACCEPT }
    }

    /// Whether the text so far ends with a whole character.
    pub(crate) const fn is_boundary(self) -> bool {
        self.state == state::ACCEPT
    }

    /// Whether `bytes` are a whole text.
    pub(crate) fn is_valid(bytes: &[u8]) -> bool {
        #[cfg(feature = "simd")]
        if bytes.len() >= vectors::LEAST {
            return simdutf8::basic::from_utf8(bytes).is_ok();
        }
        check(state::ACCEPT, bytes) == Ok(state::ACCEPT)
    }

    /// Goes on with `bytes`; `last` says that the text ends with them.
    ///
    /// The error is the place of the first byte that cannot be: 0 to `bytes.len() - 1`. For a text
    /// that ends inside a character it is the last byte, or 0 if there is none.
    pub(crate) fn check(self, bytes: &[u8], last: bool) -> Result<Self, usize> {
        #[cfg(feature = "simd")]
        let state =
            vectors::check(self.state, bytes).map_or_else(|| check(self.state, bytes), Ok)?;
        #[cfg(not(feature = "simd"))]
        let state = check(self.state, bytes)?;
        if last && state != state::ACCEPT {
            return Err(bytes.len().saturating_sub(1));
        }
        Ok(Self { state })
    }
}

/// The state behind `bytes`, or the place of the first byte that cannot be.
fn check(mut state: u8, bytes: &[u8]) -> Result<u8, usize> {
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
        // Most text has long runs of ASCII, where the state does not move.
        if state == state::ACCEPT && block.is_ascii() {
            continue;
        }
        state = steps_over(state, block).ok_or_else(|| index * BLOCK + first_bad(state, block))?;
    }
    let at = blocks.len() * BLOCK;
    steps_over(state, rest).ok_or_else(|| at + first_bad(state, rest))
}

/// The same by vectors, for what lies between the first and the last whole character.
#[cfg(feature = "simd")]
mod vectors {
    use super::{state, steps_over};

    /// Below, the call costs more than it saves.
    pub(super) const LEAST: usize = 64;

    /// The state behind `bytes`; `None` if they are too few, or somewhere not UTF-8.
    pub(super) fn check(before: u8, bytes: &[u8]) -> Option<u8> {
        bytes.get(LEAST..)?;
        // What is cut off at the start ends at the first byte that is no continuation.
        let is_start = |byte: &u8| !matches!(byte, 0x80..=0xBF);
        let (head, rest) = bytes.split_at_checked(bytes.iter().position(is_start)?)?;
        (steps_over(before, head)? == state::ACCEPT).then_some(())?;
        // The last character may be cut off: it is left to the steps.
        let (middle, tail) = rest.split_at_checked(rest.iter().rposition(is_start)?)?;
        simdutf8::basic::from_utf8(middle).ok()?;
        steps_over(state::ACCEPT, tail)
    }
}

/// Whether all of `bytes` is ASCII, where it is cheaper to look than to check.
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
/// Of short text `core` looks at many bytes one by one. Here, as in `mask`, the last word overlaps the one
/// before it.
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

/// The same for the first and the last word.
#[inline]
fn ends<const N: usize>(bytes: &[u8], word: impl Fn([u8; N]) -> u128) -> bool {
    let ends = bytes.first_chunk().zip(bytes.last_chunk());
    ends.is_some_and(|(first, last)| has_no_high_bit(word(*first) | word(*last)))
}

#[inline]
const fn has_no_high_bit(word: u128) -> bool {
    word & u128::from_ne_bytes([0x80; 16]) == 0
}

/// From how many bytes on `core` is as good.
const LONG: usize = 256;

/// Bytes between two looks at the state.
const BLOCK: usize = 32;

/// The state behind `bytes`; `None` for REJECT, which no byte leads out of.
#[inline]
fn steps_over(state: u8, bytes: &[u8]) -> Option<u8> {
    let state = bytes.iter().fold(u64::from(state), |state, &byte| step(state, byte));
    let state = state.to_le_bytes()[0] & 63;
    (state != state::REJECT).then_some(state)
}

/// The lowest six bits are the state; what is above them is left over from the word.
#[inline]
fn step(state: u64, byte: u8) -> u64 {
    STEPS.get(usize::from(byte)).copied().unwrap_or_default() >> (state & 63)
}

/// The place of the byte in `bytes` that takes `state` to REJECT.
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
