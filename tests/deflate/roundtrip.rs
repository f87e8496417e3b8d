//! Other decoders read the output of `Deflate` (RFC 7692 §7.2) for every effort, window and cut.

use std::cell::Cell;

use barews::StorageFull;
use barews::deflate::{CompressionContext, Deflate, Deflated, Effort, Flush, WindowBits};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::shrinking::Shrinking;
use crate::support::strict_inflate::StrictInflate;

pub(crate) const EFFORTS: [Effort; 4] = [Effort::TINY, Effort::SMALL, Effort::FAST, Effort::BEST];

pub(crate) fn context(bits: u8, takeover: bool) -> CompressionContext {
    CompressionContext { window_bits: WindowBits::new(bits).unwrap(), takeover }
}

pub(crate) fn memory(context: CompressionContext, effort: Effort) -> Vec<u8> {
    vec![0xAA; Deflate::memory(context, effort)]
}

/// Pushes a message in pieces and output slices whose lengths cycle through `pieces` and `outs`.
fn push(
    deflate: &mut Deflate<&mut Vec<u8>>,
    message: &[u8],
    pieces: &[usize],
    outs: &[usize],
) -> Vec<u8> {
    let mut written = Vec::new();
    let mut outs = outs.iter().copied().cycle();
    let mut rest = message;
    for piece in pieces.iter().copied().cycle() {
        let (mut input, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        loop {
            let mut out = vec![0xAA; outs.next().unwrap()];
            let flush = if rest.is_empty() { Flush::Finish } else { Flush::None };
            let deflated = deflate.push(input, flush, &mut out);
            written.extend_from_slice(&out[..deflated.written]);
            input = &input[deflated.consumed..];
            if deflated.done {
                assert!(input.is_empty());
                break;
            }
            assert_eq!(deflated.written, out.len(), "not done, but the output is not full");
        }
        if rest.is_empty() {
            return written;
        }
    }
    unreachable!("the lengths cycle")
}

pub(crate) fn whole(deflate: &mut Deflate<&mut Vec<u8>>, message: &[u8]) -> Vec<u8> {
    let written =
        push(deflate, message, &[message.len().max(1)], &[Deflate::max_len(message.len())]);
    assert!(written.len() <= Deflate::max_len(message.len()), "{} bytes", message.len());
    written
}

/// Other decoders and `StrictInflate`, for one direction of a connection.
pub(crate) struct Decoders {
    takeover: bool,
    strict: StrictInflate,
    zlib: flate2::Decompress,
    miniz: Box<miniz_oxide::inflate::stream::InflateState>,
}

impl Decoders {
    pub(crate) fn new(context: CompressionContext) -> Self {
        Self {
            takeover: context.takeover,
            strict: StrictInflate::new(context.window_bits.get(), context.takeover),
            zlib: flate2::Decompress::new(false),
            miniz: Self::miniz(),
        }
    }

    fn miniz() -> Box<miniz_oxide::inflate::stream::InflateState> {
        miniz_oxide::inflate::stream::InflateState::new_boxed(miniz_oxide::DataFormat::Raw)
    }

    pub(crate) fn check(&mut self, payload: &[u8], message: &[u8]) {
        assert!(self.strict.message(payload).unwrap() == message, "strict");
        if !self.takeover {
            self.zlib.reset(false);
            self.miniz = Self::miniz();
        }
        let input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let mut out = Vec::with_capacity(message.len() + 64);
        self.zlib.decompress_vec(&input, &mut out, flate2::FlushDecompress::Sync).unwrap();
        assert!(out == message, "zlib");
        let mut out = vec![0; message.len() + 64];
        let result = miniz_oxide::inflate::stream::inflate(
            &mut self.miniz,
            &input,
            &mut out,
            miniz_oxide::MZFlush::Sync,
        );
        result.status.unwrap();
        assert_eq!(result.bytes_consumed, input.len());
        assert!(out[..result.bytes_written] == *message, "miniz_oxide");
    }
}

/// Bytes with near and far repetitions, and some noise.
pub(crate) fn message() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => vec(prop_oneof![Just(b'a'), Just(b'b'), b'0'..=b'9'], 0..40),
        2 => vec(any::<u8>(), 0..300),
        2 => (any::<u8>(), 0..1000_usize).prop_map(|(byte, len)| vec![byte; len]),
        3 => (0..200_u32).prop_map(|id| format!("{{\"id\":{id},\"name\":\"sensor\"}},").into_bytes()),
    ];
    (vec(part, 0..12), vec((0..64_usize, 1..64_usize), 0..40)).prop_map(|(parts, copies)| {
        let mut bytes = parts.concat();
        for (from, len) in copies {
            let from = bytes.len() * from / 64;
            let copy = bytes[from..bytes.len().min(from + len)].to_vec();
            bytes.extend(copy);
        }
        bytes
    })
}

pub(crate) fn effort() -> impl Strategy<Value = Effort> {
    let preset = prop::sample::select(EFFORTS.to_vec());
    let bits = (8..=15_u8).prop_map(|bits| WindowBits::new(bits).unwrap());
    let odd = (
        preset.clone(),
        bits,
        0..=16_u8,
        0..=16_u8,
        0..40_u16,
        0..300_u16,
        0..300_u16,
        any::<bool>(),
    );
    let odd = odd.prop_map(|(effort, window, table, block, depth, lazy, nice, dynamic)| {
        let effort = effort.window_bits(window).table_bits(table).block_bits(block);
        effort.depth(depth).lazy(lazy).nice(nice).dynamic(dynamic)
    });
    prop_oneof![preset, odd]
}

proptest! {
    #[test]
    fn p03_any_message_round_trips(
        effort in effort(),
        bits in 8..=15_u8,
        takeover: bool,
        messages in vec(message(), 1..6),
        pieces in vec(1..700_usize, 1..5),
        outs in vec(1..300_usize, 1..5),
    ) {
        let context = context(bits, takeover);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let mut memory = self::memory(context, effort);
        let mut at_once = Deflate::new(context, effort, &mut memory).unwrap();
        let mut decoders = Decoders::new(context);
        for message in &messages {
            let payload = push(&mut deflate, message, &pieces, &outs);
            decoders.check(&payload, message);
            prop_assert!(payload == whole(&mut at_once, message), "pieces change the output");
        }
    }

    #[test]
    fn without_takeover_messages_are_independent(
        effort in effort(),
        bits in 8..=15_u8,
        messages in vec(message(), 2..5),
    ) {
        let context = context(bits, false);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        for message in &messages {
            let mut fresh = self::memory(context, effort);
            let mut fresh = Deflate::new(context, effort, &mut fresh).unwrap();
            prop_assert!(whole(&mut deflate, message) == whole(&mut fresh, message));
        }
    }
}

/// A few hundred KiB, so that every table of positions is rebased more than once.
#[test]
fn long_streams_round_trip() {
    let mut random = fastrand::Rng::with_seed(7);
    let text: Vec<u8> = (0..40_000).flat_map(|_| words(&mut random)).collect();
    for effort in EFFORTS {
        for bits in [8, 9, 11, 15] {
            for takeover in [true, false] {
                let context = context(bits, takeover);
                let mut memory = memory(context, effort);
                let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
                let mut decoders = Decoders::new(context);
                let mut rest = &text[..];
                while !rest.is_empty() {
                    let most = if random.u8(..) < 8 { 90_000 } else { 900 };
                    let len = random.usize(..=rest.len().min(most));
                    let (message, later) = rest.split_at(len);
                    rest = later;
                    let payload = whole(&mut deflate, message);
                    decoders.check(&payload, message);
                }
                let seen = decoders.strict.seen;
                assert!(seen.greatest_distance > 200, "{effort:?} {context:?}: {seen:?}");
            }
        }
    }
}

fn words(random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(..8) {
        0 => (0..random.usize(..40)).map(|_| random.u8(..)).collect(),
        1 => vec![b'-'; random.usize(..400)],
        _ => {
            let words = ["alpha ", "beta ", "gamma\n", "{\"delta\":", "epsilon", "12", "345,"];
            words[random.usize(..words.len())].into()
        }
    }
}

#[test]
fn random_bytes_grow_by_no_more_than_max_len() {
    let mut random = fastrand::Rng::with_seed(1);
    let bytes: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
    let high: Vec<u8> = (0..100_000).map(|_| random.u8(144..)).collect();
    for effort in EFFORTS {
        for bytes in [&bytes, &high] {
            for len in (0..600).chain([1000, 4095, 4096, 20_000, 65_535, 65_536, 100_000]) {
                let context = context(15, false);
                let mut memory = memory(context, effort);
                let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
                let payload = whole(&mut deflate, &bytes[..len]);
                // One stored block; for short messages only the bound of `max_len` holds.
                assert!(len > 48 || payload.len() <= len + 6, "{effort:?}: {len}");
            }
        }
    }
}

#[test]
fn the_examples_of_the_rfc() {
    for effort in EFFORTS {
        let context = context(15, true);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        // RFC 7692 §7.2.3.2, and §7.2.3.6 for the empty message.
        assert_eq!(whole(&mut deflate, b"Hello"), [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(whole(&mut deflate, b"Hello"), [0xf2, 0x00, 0x11, 0x00, 0x00]);
        assert_eq!(whole(&mut deflate, b""), [0x00]);
    }
}

#[test]
fn a_message_may_end_with_an_empty_input() {
    let context = context(15, true);
    let mut memory = memory(context, Effort::SMALL);
    let mut deflate = Deflate::new(context, Effort::SMALL, &mut memory).unwrap();
    let waits = deflate.push(b"Hello", Flush::None, &mut []);
    assert_eq!(waits, Deflated { consumed: 5, written: 0, done: true });
    let mut out = [0; 8];
    let ends = deflate.push(b"", Flush::Finish, &mut out);
    assert_eq!(ends, Deflated { consumed: 0, written: 7, done: true });
    assert_eq!(out[..7], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
}

#[test]
fn the_required_memory_is_exact() {
    for effort in EFFORTS {
        for bits in 8..=15 {
            let context = context(bits, true);
            let needed = Deflate::memory(context, effort);
            let mut memory = vec![0; needed + 7];
            let full = Deflate::new(context, effort, &mut memory[..needed - 1]).unwrap_err();
            assert_eq!(full, StorageFull { needed });
            let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
            whole(&mut deflate, &[b'x'; 5000]);
            assert_eq!(memory[needed..], [0; 7]);
        }
    }
    assert_eq!(Deflate::memory(context(8, true), Effort::TINY), 512);
    assert!(Deflate::memory(context(15, true), Effort::SMALL) <= 6 << 10);
    assert!(Deflate::memory(context(15, true), Effort::BEST) <= 70 << 10);
    assert!(size_of::<Deflate<&mut Vec<u8>>>() <= 256, "{}", size_of::<Deflate<&mut Vec<u8>>>());
}

#[test]
fn a_message_below_the_threshold_is_sent_uncompressed() {
    let context = context(8, true);
    let effort = Effort::TINY.threshold(20);
    let mut memory = memory(context, effort);
    let deflate = Deflate::new(context, effort, &mut memory).unwrap();
    assert!(!deflate.wants(19));
    assert!(deflate.wants(20));
}

/// Covers blocks of all three types and what follows them.
#[test]
fn the_output_may_be_full_at_every_byte() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut skewed = || random.u8(..).min(random.u8(..)).min(random.u8(..)) / 2;
    // Bytes that occur once have the longest codes.
    let rare = |count| (0xF0..).take(count);
    let mut messages: Vec<Vec<u8>> =
        (0..7).map(|count| (0..6000).map(|_| skewed()).chain(rare(count)).collect()).collect();
    messages.extend([
        (0..700).map(|_| random.u8(..)).collect(),
        b"fixed codes, fixed codes".to_vec(),
        Vec::new(),
    ]);
    for effort in EFFORTS {
        let context = context(15, true);
        let (mut one, mut other) = (memory(context, effort), memory(context, effort));
        let mut at_once = Deflate::new(context, effort, &mut one).unwrap();
        let mut by_byte = Deflate::new(context, effort, &mut other).unwrap();
        for message in &messages {
            let whole = whole(&mut at_once, message);
            let (mut written, mut rest) = (Vec::new(), &message[..]);
            loop {
                // A call with an empty output slice may consume input, but does not change the
                // output.
                let full = by_byte.push(rest, Flush::Finish, &mut []);
                assert!(!full.done && full.written == 0);
                rest = &rest[full.consumed..];
                let mut out = [0xAA];
                let deflated = by_byte.push(rest, Flush::Finish, &mut out);
                rest = &rest[deflated.consumed..];
                written.extend_from_slice(&out[..deflated.written]);
                if deflated.done {
                    break;
                }
                assert_eq!(deflated.written, 1);
            }
            assert_eq!(written, whole, "{} bytes, {effort:?}", message.len());
        }
    }
}

#[test]
fn an_exponent_out_of_range_is_clamped() {
    let memory = |effort| Deflate::memory(context(15, true), effort);
    let table = |bits| memory(Effort::FAST.table_bits(bits));
    let block = |bits| memory(Effort::FAST.block_bits(bits));
    for (memory, least, most) in [(&table as &dyn Fn(u8) -> usize, 4, 15), (&block, 6, 14)] {
        assert_eq!([0, least - 1].map(memory), [memory(least); 2]);
        assert_eq!([most + 1, u8::MAX].map(memory), [memory(most); 2]);
        assert!(memory(least) < memory(least + 1) && memory(most - 1) < memory(most));
    }
}

#[test]
fn a_storage_that_shrinks_stops_progress_and_does_not_panic() {
    let context = context(15, true);
    for effort in EFFORTS {
        let needed = Deflate::memory(context, effort);
        let len = Cell::new(needed);
        let mut deflate = Deflate::new(context, effort, Shrinking(vec![0; needed], &len)).unwrap();
        let mut out = [0; 64];
        assert_eq!(deflate.push(b"Hello", Flush::Finish, &mut out).written, 7);
        for short in [needed - 1, needed / 2, 0] {
            len.set(short);
            let nothing = Deflated { consumed: 0, written: 0, done: false };
            assert_eq!(deflate.push(b"Hello", Flush::Finish, &mut out), nothing);
        }
        len.set(needed);
        assert_eq!(deflate.push(b"Hello", Flush::Finish, &mut out).written, 5);
        assert_eq!(out[..5], [0xf2, 0x00, 0x11, 0x00, 0x00]);
    }
}

/// Positions have 16 bits, so the tables are rebased every few tens of KiB, which must not lose
/// matches.
#[test]
fn matches_are_found_after_any_amount_of_data() {
    let context = context(15, true);
    let best = Effort::BEST.window_bits(WindowBits::MAX);
    // Almost a whole window, and half of the longest history.
    for (effort, len) in [(best, 30_000), (best.block_bits(14), 24 << 10)] {
        // Random bytes, in which hardly any three repeat.
        let mut numbers = fastrand::Rng::with_seed(7);
        let block: Vec<u8> = std::iter::repeat_with(|| numbers.u8(..)).take(len).collect();
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let first = push(&mut deflate, &block, &[len], &[64 << 10]).len();
        for round in 0..20 {
            let again = push(&mut deflate, &block, &[len], &[64 << 10]).len();
            assert!(first > len && again < 400, "round {round}: {again} bytes");
        }
    }
}
