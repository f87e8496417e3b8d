//! Messages compressed by C zlib and `miniz_oxide`, valid, corrupted and truncated. For all cuts
//! and output lengths, `Inflate` gives the bytes and the verdict of both libraries.

use barews::Kind;
use flate2::FlushCompress;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::endpoint::{SIDES, Side};
use crate::support::inflated::{Outcome, compressed, context, run, run_to};
use crate::support::oracles::{Level, Zlib, miniz, miniz_message, zlib};

/// Cuts of the wire, fragments of the message and lengths of the output slices.
#[derive(Clone, Debug)]
struct Splits {
    cuts: Vec<Index>,
    fragments: Vec<Index>,
    sizes: Vec<usize>,
}

fn splits() -> impl Strategy<Value = Splits> {
    let size = prop_oneof![3 => 1..40_usize, 1 => 200..700_usize, 1 => Just(1 << 16)];
    (vec(any::<Index>(), 0..12), vec(any::<Index>(), 0..6), vec(size, 1..5))
        .prop_map(|(cuts, fragments, sizes)| Splits { cuts, fragments, sizes })
}

/// The sorted positions of the indices in `len` bytes.
fn places(indices: &[Index], len: usize) -> Vec<usize> {
    let mut places: Vec<usize> = indices.iter().map(|index| index.index(len + 1)).collect();
    places.sort_unstable();
    places
}

/// The frames of a message in these fragments.
fn wire(side: Side, kind: Kind, message: &[u8], fragments: &[Index]) -> Vec<u8> {
    let mut parts = Vec::new();
    let mut start = 0;
    for end in places(fragments, message.len()).into_iter().chain([message.len()]) {
        parts.push(&message[start..end]);
        start = end;
    }
    compressed(side, kind, &parts)
}

/// Words, runs and noise.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words = vec(select(vec!["the ", "window", "ß€😀", "compress", "a", ", "]), 0..60);
    let piece = prop_oneof![
        3 => words.prop_map(|words| words.concat().into_bytes()),
        2 => (any::<u8>(), 0..3000_usize).prop_map(|(byte, len)| vec![byte; len]),
        2 => vec(any::<u8>(), 0..300),
        1 => (vec(any::<u8>(), 1..40), 1..200_usize).prop_map(|(bytes, n)| bytes.repeat(n)),
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn flush() -> impl Strategy<Value = FlushCompress> {
    prop_oneof![
        2 => Just(FlushCompress::None),
        1 => Just(FlushCompress::Partial),
        1 => Just(FlushCompress::Sync),
        1 => Just(FlushCompress::Full),
    ]
}

fn level() -> impl Strategy<Value = Level> {
    (0..10_u32, 9..16_u8).prop_map(|(level, window_bits)| Level { level, window_bits })
}

fn side() -> impl Strategy<Value = Side> {
    select(SIDES.to_vec())
}

/// A message compressed by zlib or `miniz_oxide`.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (level(), vec((bytes(), flush()), 0..4)).prop_map(|(level, pieces)| {
            let pieces: Vec<_> = pieces.iter().map(|(bytes, flush)| (&bytes[..], *flush)).collect();
            Zlib::new(level).message(&pieces)
        }),
        1 => (level(), bytes()).prop_map(|(level, bytes)| Zlib::new(level).last_message(&bytes)),
        2 => (0..10, 0..5, bytes()).prop_map(|(level, strategy, bytes)| {
            miniz_message(level, strategy, &bytes)
        }),
    ]
}

/// Truncates a message and flips bits in it.
fn corrupt(mut message: Vec<u8>, flips: &[(Index, u8)], cut: Option<Index>) -> Vec<u8> {
    if let Some(cut) = cut {
        message.truncate(cut.index(message.len() + 1));
    }
    for (at, bits) in flips {
        if !message.is_empty() {
            let at = at.index(message.len());
            message[at] ^= bits;
        }
    }
    message
}

/// Checks one message with a window of 32 KiB, split and whole, against both oracles.
fn matches_oracles(
    side: Side,
    kind: Kind,
    message: &[u8],
    splits: &Splits,
    limit: usize,
) -> Result<(), TestCaseError> {
    let wire = wire(side, kind, message, &splits.fragments);
    let limited = u64::try_from(limit).unwrap();
    let context = context(15, true);
    let whole = run_to(limited, side, context, &wire, &[], &[1 << 17]);
    let cuts = places(&splits.cuts, wire.len());
    let cut = run_to(limited, side, context, &wire, &cuts, &splits.sizes);
    prop_assert_eq!(&whole, &cut, "cuts {:?}", cuts);
    let verdict = zlib(b"", message);
    let theirs = miniz(b"", message);
    prop_assert!(verdict.is_that_of(&theirs), "{:02X?}: {:?}, {:?}", message, verdict, theirs);
    let (bytes, error) = verdict.of(kind, limit);
    let wanted = match error {
        None => Outcome::whole(&[(kind, bytes)]),
        Some(_) => Outcome { open: bytes.to_vec(), error, ..Outcome::default() },
    };
    prop_assert_eq!(whole, wanted, "{:02X?}", message);
    Ok(())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![3 => Just(Kind::Binary), 1 => Just(Kind::Text)]
}

fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(usize::MAX >> 1), 1 => 0..2000_usize]
}

proptest! {
    #[test]
    fn messages_of_zlib_are_inflated_in_order(
        side in side(),
        level in level(),
        takeover in any::<bool>(),
        messages in vec(vec((bytes(), flush()), 0..4), 0..6),
        splits in splits(),
    ) {
        let mut peer = Zlib::new(level);
        let (mut stream, mut wanted) = (Vec::new(), Vec::new());
        for pieces in &messages {
            if !takeover {
                peer = Zlib::new(level);
            }
            let pieces: Vec<_> = pieces.iter().map(|(bytes, flush)| (&bytes[..], *flush)).collect();
            let message = peer.message(&pieces);
            stream.extend(wire(side, Kind::Binary, &message, &splits.fragments));
            wanted.push(pieces.iter().flat_map(|(bytes, _)| *bytes).copied().collect::<Vec<_>>());
        }
        let wanted: Vec<_> = wanted.iter().map(|bytes| (Kind::Binary, &bytes[..])).collect();
        // Exactly the negotiated window.
        let context = context(level.window_bits, takeover);
        let cuts = places(&splits.cuts, stream.len());
        let seen = run(side, context, &stream, &cuts, &splits.sizes);
        prop_assert_eq!(seen, Outcome::whole(&wanted));
    }

    #[test]
    fn valid_messages_give_the_verdict_of_both_oracles(
        side in side(),
        kind in kind(),
        message in message(),
        splits in splits(),
        limit in limit(),
    ) {
        matches_oracles(side, kind, &message, &splits, limit)?;
        prop_assert!(zlib(b"", &message).ok);
    }

    #[test]
    fn corrupted_and_truncated_messages_give_the_verdict_of_both_oracles(
        side in side(),
        kind in kind(),
        message in message(),
        flips in vec((any::<Index>(), any::<u8>()), 0..4),
        cut in proptest::option::weighted(0.4, any::<Index>()),
        splits in splits(),
        limit in limit(),
    ) {
        matches_oracles(side, kind, &corrupt(message, &flips, cut), &splits, limit)?;
    }

    /// Corrupts the start, where the codes are.
    #[test]
    fn corrupted_heads_give_the_verdict_of_both_oracles(
        side in side(),
        message in message(),
        flips in vec((0..40_usize, any::<u8>()), 1..4),
        splits in splits(),
    ) {
        let mut message = message;
        for (at, bits) in flips {
            if let Some(byte) = message.get_mut(at) {
                *byte ^= bits;
            }
        }
        matches_oracles(side, Kind::Binary, &message, &splits, usize::MAX >> 1)?;
    }

    #[test]
    fn any_bytes_give_the_verdict_of_both_oracles(
        side in side(),
        message in vec(any::<u8>(), 0..80),
        // Chooses the first three bits, so that more blocks have codes.
        first in select(vec![0, 1, 2, 3, 4, 5, 6]),
        splits in splits(),
    ) {
        let mut message = message;
        if let Some(byte) = message.first_mut() {
            *byte = *byte & !7 | first;
        }
        matches_oracles(side, Kind::Binary, &message, &splits, usize::MAX >> 1)?;
    }
}

/// A truncated message is rejected, unless the rest happens to be valid according to zlib.
#[test]
fn messages_truncated_at_every_byte() {
    let text = "What is cut is no message, what is cut is none. ".repeat(6);
    let splits = Splits { cuts: vec![], fragments: vec![], sizes: vec![7] };
    for level in [0, 1, 6, 9].map(|level| Level { level, window_bits: 15 }) {
        let pieces = [(text.as_bytes(), FlushCompress::None)];
        let flushed = [
            (&text.as_bytes()[..99], FlushCompress::Sync),
            (&text.as_bytes()[99..], FlushCompress::Full),
        ];
        for message in [
            Zlib::new(level).message(&pieces),
            Zlib::new(level).message(&flushed),
            Zlib::new(level).last_message(text.as_bytes()),
            miniz_message(6, 4, text.as_bytes()),
        ] {
            let mut refused = 0;
            for cut in 0..message.len() {
                matches_oracles(Side::Client, Kind::Binary, &message[..cut], &splits, 1 << 20)
                    .unwrap();
                refused += usize::from(!zlib(b"", &message[..cut]).ok);
            }
            // A cut at a flush, or before the last four bytes of a stored block, happens to be
            // valid.
            assert!(refused > message.len() - 8, "{refused} of {}", message.len());
        }
    }
}
