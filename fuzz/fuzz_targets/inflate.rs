//! Compressed messages, valid and corrupt, through a connection and an `Inflate`: cuts and output
//! sizes make no difference, and bytes and verdict are those of C zlib and `miniz_oxide`.
#![no_main]

#[path = "../../tests/support/endpoint.rs"]
mod endpoint;
#[path = "../../tests/support/event.rs"]
mod event;
#[path = "../../tests/support/frame.rs"]
mod frame;
#[path = "../../tests/support/inflated.rs"]
mod inflated;
#[path = "../../tests/support/oracles.rs"]
mod oracles;

use std::cell::RefCell;
use std::collections::HashMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use barews::{Error, Kind};
use barews_fuzz::sizes;
use endpoint::Side;
use flate2::FlushCompress;
use frame::FIN;
use inflated::{Outcome, compressed, context, opcode, run_to};
use libfuzzer_sys::fuzz_target;
use oracles::{Level, Verdict, Zlib, miniz_to, zlib_to};

/// A message as the peer sends it.
struct Sent {
    kind: Kind,
    payload: Vec<u8>,
    compressed: bool,
    /// Whether it is unmodified output of zlib.
    sound: bool,
    /// The uncompressed text, if the message and the messages that it may refer to are unmodified.
    text: Option<Vec<u8>>,
}

/// A bit of the first byte: feed a short wire byte by byte.
const BYTES: u8 = 8;
/// A bit of the first byte: inflate every message with both oracles. Otherwise only C zlib is used,
/// and only if the text is unknown.
const ORACLES: u8 = 0x10;

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data), sizes::most(data));
});

fn check(u: &mut Unstructured<'_>, most: usize) -> Result<()> {
    let [flags, window, sizes, limit] = <[u8; 4]>::arbitrary(u)?;
    let side = if flags & 1 == 0 { Side::Client } else { Side::Server };
    let takeover = flags & 2 == 0;
    // Half of the cases use the full window, with which the oracles agree exactly.
    let window_bits = if window & 8 == 0 { 15 } else { 8 + window % 8 };
    let limit = if flags & 4 == 0 { 2 * most } else { usize::from(limit) * 3 };
    let mut room = [1; 4];
    for size in &mut room[..usize::from(sizes % 4) + 1] {
        *size = 1 + usize::from(u16::arbitrary(u)?) % if sizes & 64 == 0 { 33 } else { 5000 };
    }
    let mut cuts = [0; 8];
    for cut in &mut cuts[..usize::from(sizes >> 2 & 7)] {
        *cut = usize::from(u16::arbitrary(u)?);
    }

    let peer = Level { level: u32::from(window >> 4) % 10, window_bits: window_bits.max(9) };
    let (mut messages, mut wire, mut in_step) = (Vec::<Sent>::new(), Vec::new(), true);
    with_compressor(peer, |compressor| {
        while !u.is_empty() && messages.len() < 6 {
            let first = messages.first().and_then(|sent| sent.text.as_deref()).unwrap_or_default();
            let mut sent = message(u, compressor, takeover, most, first)?;
            // After a corrupt message, the windows of compressor and decompressor differ.
            in_step &= sent.sound || !takeover;
            if !in_step {
                sent.text = None;
            }
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
        Ok(())
    })?;

    for cut in &mut cuts {
        *cut %= wire.len() + 1;
    }
    cuts.sort_unstable();
    let context = context(window_bits, takeover);
    let limited = u64::try_from(limit).unwrap();
    let whole = run_to(limited, side, context, &wire, &[], &[most.next_power_of_two() / 2]);
    let bytes: Vec<_>;
    let cuts = if flags & BYTES != 0 && wire.len() < 300 {
        bytes = (0..wire.len()).collect();
        &bytes[..]
    } else {
        &cuts
    };
    // Each piece is a call, so long messages have no very short pieces.
    let room = room.map(|room| room.max(most / 1024));
    assert_eq!(whole, run_to(limited, side, context, &wire, cuts, &room), "{cuts:?} {room:?}");
    compare(&whole, &messages, limit, window_bits, takeover, flags & ORACLES != 0);
    Ok(())
}

/// Reuses compressors: C zlib clears 268 KiB for a new one, and less for a reset.
fn with_compressor<T>(peer: Level, run: impl FnOnce(&mut Zlib) -> T) -> T {
    thread_local! {
        static KEPT: RefCell<HashMap<Level, Zlib>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| {
        let compressor = kept.entry(peer).or_insert_with(|| Zlib::new(peer));
        compressor.reset();
        run(compressor)
    })
}

/// Compares the outcome with the oracles.
fn compare(
    seen: &Outcome,
    sent: &[Sent],
    limit: usize,
    window_bits: u8,
    takeover: bool,
    oracles: bool,
) {
    let mut history = Vec::new();
    for (index, sent) in sent.iter().enumerate() {
        let (bytes, error) = if sent.compressed {
            if !takeover {
                history.clear();
            }
            let verdict = match &sent.text {
                Some(text) if !oracles => Verdict { bytes: text.clone(), ok: true },
                _ => zlib_to(limit, &history, &sent.payload),
            };
            if oracles {
                let theirs = miniz_to(limit, &history, &sent.payload);
                assert!(verdict.is_that_of(&theirs), "{verdict:?} {theirs:?}");
            }
            let (bytes, error) = verdict.of(sent.kind, limit);
            (bytes.to_vec(), error)
        } else {
            let bad = sent.kind == Kind::Text && std::str::from_utf8(&sent.payload).is_err();
            if bad {
                // The target `utf8` checks invalid text in detail.
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
            // The oracles have a window of 32 KiB, so they accept longer distances.
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
    compressor: &mut Zlib,
    takeover: bool,
    most: usize,
    first: &[u8],
) -> Result<Sent> {
    let [how, times, len] = <[u8; 3]>::arbitrary(u)?;
    let kind = if how & 0x80 == 0 { Kind::Binary } else { Kind::Text };
    let bytes = u.bytes(usize::from(len).min(u.len()))?;
    if how & 7 == 0 {
        return Ok(Sent {
            kind,
            payload: bytes.to_vec(),
            compressed: false,
            sound: true,
            text: None,
        });
    }
    if how & 7 == 1 {
        return Ok(Sent {
            kind,
            payload: bytes.to_vec(),
            compressed: true,
            sound: false,
            text: None,
        });
    }
    // An empty input repeats the first message, which may be far back by now.
    let bytes = if len == 0 { &first[..first.len().min(300)] } else { bytes };
    // Repeat the bytes, with a counter that makes each repetition slightly different.
    let mut text = Vec::new();
    let times = if how & 8 == 0 { times % 4 } else { times };
    for time in 0..=times {
        if text.len() > most {
            break;
        }
        text.extend_from_slice(bytes);
        if how & 16 == 0 {
            text.extend_from_slice(time.to_string().as_bytes());
        }
    }
    if !takeover {
        compressor.reset();
    }
    let (first, second) = text.split_at(text.len() / 3);
    let payload = match how & 7 {
        2 => compressor.last_message(&text),
        3 => compressor.message(&[(first, FlushCompress::Full), (second, FlushCompress::None)]),
        4 => compressor.message(&[(first, FlushCompress::Partial), (second, FlushCompress::Sync)]),
        _ => compressor.message(&[(&text, FlushCompress::None)]),
    };
    let mut sent = Sent { kind, payload, compressed: true, sound: true, text: Some(text) };
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
        (sent.sound, sent.text) = (false, None);
    }
    Ok(sent)
}
