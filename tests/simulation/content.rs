//! The messages: each is a function of its number, so that a receiver knows what to expect.

use barews::Kind;
use fastrand::Rng;

/// The length of the longest message.
pub(crate) const LONGEST: usize = 65_537;

/// The messages of one direction between a client and the server, across all of the client's
/// connections.
pub(crate) struct Stream {
    seed: u64,
    /// The number of the last message.
    pub(crate) last: u64,
    /// The number of the last message that was received.
    pub(crate) seen: u64,
}

impl Stream {
    pub(crate) fn new(seed: u64, last: u64) -> Self {
        Self { seed, last, seen: 0 }
    }

    /// The message with this number, from 1.
    pub(crate) fn message(&self, number: u64) -> (Kind, Vec<u8>) {
        let mut rng = Rng::with_seed(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let len = length(&mut rng);
        if rng.bool() {
            (Kind::Text, text(&mut rng, len))
        } else {
            (Kind::Binary, binary(&mut rng, len))
        }
    }
}

fn length(rng: &mut Rng) -> usize {
    match rng.u32(0..1000) {
        0..30 => 0,
        30..380 => rng.usize(1..=16),
        380..640 => rng.usize(17..=125),
        640..720 => rng.usize(124..=128),
        720..920 => rng.usize(126..=1000),
        920..984 => rng.usize(1000..=5000),
        984..995 => rng.usize(5000..=20_000),
        _ => rng.usize(65_534..=LONGEST),
    }
}

const WORDS: [&str; 16] = [
    "frame ",
    "of ",
    "the ",
    "message ",
    "é",
    "ß ",
    "мир ",
    "字",
    "符號",
    "😀",
    "👩‍🚀 ",
    "0",
    "\u{7F}",
    "\u{7FF}",
    "\u{FFFD}",
    "\u{10FFFF}",
];

/// ASCII only, or characters of every encoded length.
fn text(rng: &mut Rng, len: usize) -> Vec<u8> {
    let words = if rng.bool() { &WORDS[..4] } else { &WORDS[..] };
    let mut text = Vec::with_capacity(len + 16);
    loop {
        let word = words[rng.usize(..words.len())];
        if text.len() + word.len() > len {
            text.resize(len, b'.');
            return text;
        }
        text.extend(word.as_bytes());
    }
}

/// Noise, or a repeated sequence.
fn binary(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    if rng.bool() {
        rng.fill(&mut bytes);
    } else {
        let period = rng.usize(1..=300);
        let start = rng.u8(..);
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = start.wrapping_add((at % period).to_le_bytes()[0]);
        }
    }
    bytes
}

/// The payload of the Ping with this number: 8 to 125 bytes.
pub(crate) fn ping(number: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(number);
    let mut payload = number.to_be_bytes().to_vec();
    let len = if rng.bool() { 8 } else { rng.usize(8..=125) };
    payload.resize_with(len, || rng.u8(..));
    payload
}

/// Returns the number of a Ping from its payload, and checks every byte of it.
pub(crate) fn ping_number(payload: &[u8]) -> u64 {
    let number = payload.first_chunk().map_or(0, |number| u64::from_be_bytes(*number));
    assert_eq!(payload, ping(number), "the payload of a Ping or Pong");
    number
}
