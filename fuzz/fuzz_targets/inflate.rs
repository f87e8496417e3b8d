//! Compressed messages, sound and faulty, through a connection and an `Inflate`: cuts and sizes of output change
//! nothing, and bytes and verdict are those of C zlib and `miniz_oxide`.
#![no_main]

#[path = "../../tests/common/inflated.rs"]
mod inflated;
#[path = "../../tests/common/oracles.rs"]
mod oracles;
#[path = "../../tests/common/wire.rs"]
mod wire;

use arbitrary::{Arbitrary, Result, Unstructured};
use barews::{Error, Kind};
use flate2::FlushCompress;
use inflated::{Outcome, compressed, context, opcode, run_to};
use libfuzzer_sys::fuzz_target;
use oracles::{Level, Zlib, miniz, zlib};
use wire::{FIN, Side};

/// The most that a message may inflate to here.
const LIMIT: usize = 1 << 18;

/// A message as the peer sends it.
struct Sent {
    kind: Kind,
    payload: Vec<u8>,
    compressed: bool,
    /// zlib made it, and nothing happened to it.
    sound: bool,
}

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let [flags, window, sizes, limit] = <[u8; 4]>::arbitrary(u)?;
    let side = if flags & 1 == 0 { Side::Client } else { Side::Server };
    let takeover = flags & 2 == 0;
    // Half of them with the window in which the oracles agree to the byte.
    let window_bits = if window & 8 == 0 { 15 } else { 8 + window % 8 };
    let limit = if flags & 4 == 0 { LIMIT } else { usize::from(limit) * 3 };
    let mut room = [1; 4];
    for size in &mut room[..usize::from(sizes % 4) + 1] {
        *size = 1 + usize::from(u16::arbitrary(u)?) % if sizes & 64 == 0 { 33 } else { 5000 };
    }
    let mut cuts = [0; 8];
    for cut in &mut cuts[..usize::from(sizes >> 2 & 7)] {
        *cut = usize::from(u16::arbitrary(u)?);
    }

    let peer = Level { level: u32::from(window >> 4) % 10, window_bits: window_bits.max(9) };
    let mut compressor = Zlib::new(peer);
    let (mut messages, mut wire) = (Vec::new(), Vec::new());
    while !u.is_empty() && messages.len() < 6 {
        let sent = message(u, peer, &mut compressor, takeover)?;
        let mut parts = Vec::new();
        let mut rest = &sent.payload[..];
        for _ in 0..u8::arbitrary(u).unwrap_or(0) % 4 {
            let (part, behind) =
                rest.split_at(usize::from(u.arbitrary::<u8>().unwrap_or(0)).min(rest.len()));
            parts.push(part);
            rest = behind;
        }
        parts.push(rest);
        if sent.compressed {
            wire.extend(compressed(side, sent.kind, &parts));
        } else {
            wire.extend(side.frame(FIN | opcode(sent.kind), &sent.payload));
        }
        messages.push(sent);
    }

    for cut in &mut cuts {
        *cut %= wire.len() + 1;
    }
    cuts.sort_unstable();
    let context = context(window_bits, takeover);
    let limited = u64::try_from(limit).unwrap();
    let whole = run_to(limited, side, context, &wire, &[], &[1 << 16]);
    assert_eq!(whole, run_to(limited, side, context, &wire, &cuts, &room), "{cuts:?} {room:?}");
    if wire.len() < 300 {
        let bytes: Vec<_> = (0..wire.len()).collect();
        assert_eq!(whole, run_to(limited, side, context, &wire, &bytes, &room), "{room:?}");
    }
    compare(&whole, &messages, limit, window_bits, takeover);
    Ok(())
}

/// Holds what came out against the oracles.
fn compare(seen: &Outcome, sent: &[Sent], limit: usize, window_bits: u8, takeover: bool) {
    let mut history = Vec::new();
    for (index, sent) in sent.iter().enumerate() {
        let (bytes, error) = if sent.compressed {
            if !takeover {
                history.clear();
            }
            let verdict = zlib(&history, &sent.payload);
            let theirs = miniz(&history, &sent.payload);
            assert!(verdict.is_that_of(&theirs), "{verdict:?} {theirs:?}");
            let (bytes, error) = verdict.of(sent.kind, limit);
            (bytes.to_vec(), error)
        } else {
            let bad = sent.kind == Kind::Text && std::str::from_utf8(&sent.payload).is_err();
            if bad {
                // What comes of bad text is another target's.
                assert_eq!(seen.error, Some(Error::InvalidUtf8));
                return;
            }
            (sent.payload.clone(), None)
        };
        let got = seen.messages.get(index);
        if window_bits < 15
            && sent.compressed
            && got.is_none()
            && seen.error == Some(Error::InvalidDeflate)
        {
            // The oracles have a window of 32 KiB, so more is sound to them.
            assert!(!sent.sound || error == Some(Error::InvalidDeflate));
            assert!(bytes.starts_with(&seen.open));
            return;
        }
        if let Some(error) = error {
            assert_eq!((&seen.open, seen.error), (&bytes, Some(error)));
            assert_eq!(seen.messages.len(), index);
            return;
        }
        assert_eq!(got, Some(&(sent.kind, bytes.clone())), "{:?}", seen.error);
        if sent.compressed {
            history.extend(bytes);
        }
    }
    assert_eq!((seen.messages.len(), seen.error), (sent.len(), None));
}

fn message(
    u: &mut Unstructured<'_>,
    peer: Level,
    compressor: &mut Zlib,
    takeover: bool,
) -> Result<Sent> {
    let [how, times, len] = <[u8; 3]>::arbitrary(u)?;
    let kind = if how & 0x80 == 0 { Kind::Binary } else { Kind::Text };
    let bytes = u.bytes(usize::from(len).min(u.len()))?;
    if how & 7 == 0 {
        return Ok(Sent { kind, payload: bytes.to_vec(), compressed: false, sound: true });
    }
    if how & 7 == 1 {
        return Ok(Sent { kind, payload: bytes.to_vec(), compressed: true, sound: false });
    }
    // The bytes again and again, with a counter that makes each time a little different.
    let mut text = Vec::new();
    let times = if how & 8 == 0 { times % 4 } else { times };
    for time in 0..=times {
        text.extend_from_slice(bytes);
        if how & 16 == 0 {
            text.extend_from_slice(time.to_string().as_bytes());
        }
    }
    if !takeover {
        *compressor = Zlib::new(peer);
    }
    let (first, second) = text.split_at(text.len() / 3);
    let payload = match how & 7 {
        2 => Zlib::last_message(peer, &text),
        3 => compressor.message(&[(first, FlushCompress::Full), (second, FlushCompress::None)]),
        4 => compressor.message(&[(first, FlushCompress::Partial), (second, FlushCompress::Sync)]),
        _ => compressor.message(&[(&text, FlushCompress::None)]),
    };
    let mut sent = Sent { kind, payload, compressed: true, sound: true };
    if how & 0x60 == 0 {
        for _ in 0..1 + how % 3 {
            let [high, low, bit] = <[u8; 3]>::arbitrary(u)?;
            let at = usize::from(u16::from_be_bytes([high, low])) % sent.payload.len();
            sent.payload[at] ^= 1 << (bit % 8);
            if bit & 0x80 != 0 {
                sent.payload.truncate(at);
                break;
            }
        }
        sent.sound = false;
    }
    Ok(sent)
}
