//! All short streams up to a given length.
#![allow(dead_code, reason = "each test uses part of it")]

use super::endpoint::Side;
use super::event::Ev;
use super::reference::decode;
use super::transcript::Rules;

/// Whether to try longer streams than a normal run has time for.
pub(crate) fn exhaustive() -> bool {
    std::env::var_os("BAREWS_EXHAUSTIVE").is_some_and(|value| value == "1")
}

/// Limits out of reach for short streams, except the limit on fragments.
pub(crate) fn rules(side: Side, frames: bool) -> Rules {
    Rules {
        server: side == Side::Server,
        frames,
        max_frame_len: 1 << 20,
        max_message_len: 1 << 20,
        max_fragments: 3,
    }
}

/// Short frames, valid or not: one for each distinction a receiver makes.
fn short_frames(side: Side) -> Vec<Vec<u8>> {
    let sound: [(u8, &[u8]); 15] = [
        (0x81, b""),
        (0x81, b"a"),
        (0x81, b"\xC3\xA4"),
        (0x01, b"\xC3"),
        (0x80, b"\xA4"),
        (0x80, b""),
        (0x00, b"b"),
        (0x82, b"\xFF"),
        (0x02, b""),
        (0x89, b""),
        (0x89, b"p"),
        (0x8A, b"q"),
        (0x88, b""),
        (0x88, b"\x03\xE8"),
        (0x88, b"\x03"),
    ];
    let mask = if side == Side::Server { 0x80 } else { 0 };
    let mut frames: Vec<_> =
        sound.iter().map(|(first, payload)| side.frame(*first, payload)).collect();
    frames.extend([
        side.frame(0xC1, b""),
        side.frame(0x83, b""),
        side.frame(0x09, b""),
        vec![0x82, mask ^ 0x80],
        vec![0x82, mask | 0x7E, 0, 5],
        vec![0x82, mask | 0x7E, 0, 126],
        vec![0x89, mask | 0x7E],
        vec![0x82, mask | 0x7F, 0x80],
    ]);
    frames
}

/// All streams of up to three short frames and at most `most` bytes. A fault or a Close ends a
/// stream.
pub(crate) fn short_streams(side: Side, most: usize) -> Vec<Vec<u8>> {
    let frames = short_frames(side);
    let goes_on = |stream: &Vec<u8>| {
        let (outcome, whole) = decode(stream, &rules(side, false));
        let closed = matches!(outcome.events.last(), Some(Ev::Close(_)));
        outcome.error.is_none() && !closed && whole == stream.len()
    };
    let mut streams = vec![vec![]];
    let mut start = 0;
    for _ in 0..3 {
        let end = streams.len();
        for at in start..end {
            let stream = streams[at].clone();
            if goes_on(&stream) {
                let longer = frames.iter().map(|frame| [&stream[..], frame].concat());
                streams.extend(longer.filter(|longer| longer.len() <= most));
            }
        }
        start = end;
    }
    streams
}
