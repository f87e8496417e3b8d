//! What a receiver can inflate after each `Flush`, and how many bytes a flushed part takes.

use std::iter::{once, repeat};

use barews::deflate::{CompressionContext, Deflate, Deflated, Effort, Flush, Inflate};
use barews::{Config, Kind};
use flate2::{Decompress, FlushDecompress};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::roundtrip::{Decoders, EFFORTS, context, effort, memory, message};
use crate::support::endpoint::Side;
use crate::support::frame::{BINARY, CONTINUATION, FIN, frame};
use crate::support::inflated::{self, RSV1, Receiver};

/// The end of the empty stored block that `Flush::Sync` writes.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// A part of a message, and how it is pushed.
type Part<'b> = (&'b [u8], Flush);

type Codec<'m> = Deflate<&'m mut Vec<u8>>;

/// Pushes a part with output slices of these lengths.
fn push(
    deflate: &mut Codec<'_>,
    (mut input, flush): Part<'_>,
    outs: &mut impl Iterator<Item = usize>,
) -> Vec<u8> {
    let mut written = Vec::new();
    loop {
        let mut out = vec![0xAA; outs.next().unwrap()];
        let deflated = deflate.push(input, flush, &mut out);
        written.extend_from_slice(&out[..deflated.written]);
        input = &input[deflated.consumed..];
        if deflated.done {
            assert!(input.is_empty());
            return written;
        }
        assert_eq!(deflated.written, out.len(), "not done, but the output is not full");
    }
}

/// Pushes the parts of a message, checks what each flush writes, and returns the output of each.
fn parts(
    deflate: &mut Codec<'_>,
    parts: &[Part<'_>],
    outs: &mut impl Iterator<Item = usize>,
) -> Vec<Vec<u8>> {
    // The input and output since the last flush.
    let (mut len, mut written) = (0, Vec::new());
    let push = |part: &Part<'_>| {
        let output = push(deflate, *part, outs);
        len += part.0.len();
        written.extend_from_slice(&output);
        match part.1 {
            Flush::Finish => assert!(written.len() <= Deflate::max_len(len)),
            Flush::Sync if len == 0 => assert_eq!(output, []),
            Flush::Sync => {
                assert!(output.ends_with(&TAIL));
                assert!(written.len() <= Deflate::max_len(len) + TAIL.len());
                (len, written) = (0, Vec::new());
            }
            _ => {}
        }
        output
    };
    parts.iter().map(push).collect()
}

/// The receiving side: this crate, zlib part by part, and the decoders of whole messages.
struct Peer<'m> {
    context: CompressionContext,
    receiver: Receiver<'m>,
    zlib: Decompress,
    decoders: Decoders,
    /// The payload and the bytes of the open message.
    payload: Vec<u8>,
    message: Vec<u8>,
    inflated_by_zlib: Vec<u8>,
}

impl<'m> Peer<'m> {
    fn new(context: CompressionContext, memory: &'m mut Vec<u8>) -> Self {
        let inflate = Inflate::new(context, memory).unwrap();
        Self {
            context,
            receiver: Receiver::new(Side::Client, Config::new(), inflate),
            zlib: Decompress::new(false),
            decoders: Decoders::new(context),
            payload: Vec::new(),
            message: Vec::new(),
            inflated_by_zlib: Vec::new(),
        }
    }

    /// Receives a part as a fragment, and checks that everything up to a flush is inflated.
    fn receive(&mut self, (bytes, flush): Part<'_>, payload: &[u8]) {
        self.message.extend_from_slice(bytes);
        let fin = flush == Flush::Finish;
        if fin || !payload.is_empty() {
            let opcode = if self.payload.is_empty() { RSV1 | BINARY } else { CONTINUATION };
            let first = if fin { FIN | opcode } else { opcode };
            self.receiver.read(&frame(first, None, payload), &mut repeat(999));
            self.inflate_by_zlib(payload);
        }
        self.payload.extend_from_slice(payload);
        assert_eq!(self.receiver.seen.error, None);
        if flush == Flush::Sync {
            assert!(self.receiver.seen.open == self.message);
            assert!(self.inflated_by_zlib == self.message);
        }
        if fin {
            self.inflate_by_zlib(&TAIL);
            assert!(self.inflated_by_zlib == self.message);
            assert!(self.receiver.seen.open.is_empty());
            let last = self.receiver.seen.messages.pop().expect("the message has ended");
            assert!(last == (Kind::Binary, std::mem::take(&mut self.message)));
            self.decoders.check(&std::mem::take(&mut self.payload), &last.1);
            self.inflated_by_zlib.clear();
            if !self.context.takeover {
                self.zlib.reset(false);
            }
        }
    }

    fn inflate_by_zlib(&mut self, payload: &[u8]) {
        self.inflated_by_zlib.reserve(self.message.len() + 64);
        let out = &mut self.inflated_by_zlib;
        self.zlib.decompress_vec(payload, out, FlushDecompress::Sync).unwrap();
    }
}

/// All parts of `message`, cut or flushed at every place in all combinations.
fn all_parts(message: &[u8]) -> impl Iterator<Item = Vec<Part<'_>>> {
    let places = message.len() + 1;
    (0..3_usize.pow(u32::try_from(places).unwrap())).map(move |number| {
        let (mut parts, mut start) = (Vec::new(), 0);
        for place in 0..places {
            let flush = match number / 3_usize.pow(u32::try_from(place).unwrap()) % 3 {
                0 => continue,
                1 => Flush::None,
                _ => Flush::Sync,
            };
            parts.push((&message[start..place], flush));
            start = place;
        }
        parts.push((&message[start..], Flush::Finish));
        parts
    })
}

#[test]
fn p03_every_flush_of_a_short_message_is_inflated() {
    for (effort, takeover) in
        [(Effort::TINY, true), (Effort::TINY, false), (Effort::BEST, true), (Effort::BEST, false)]
    {
        let context = context(15, takeover);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let mut memory = inflated::memory(context);
        let mut peer = Peer::new(context, &mut memory);
        // Long enough for a match that begins before a flush.
        for flushed in all_parts(b"ababab") {
            let payloads = parts(&mut deflate, &flushed, &mut repeat(64));
            for (part, payload) in flushed.iter().zip(&payloads) {
                peer.receive(*part, payload);
            }
        }
    }
}

#[test]
fn p02_the_output_may_be_full_at_every_byte_of_a_flush() {
    for effort in EFFORTS {
        let context = context(15, true);
        let (mut one, mut other) = (memory(context, effort), memory(context, effort));
        let mut at_once = Deflate::new(context, effort, &mut one).unwrap();
        let mut by_byte = Deflate::new(context, effort, &mut other).unwrap();
        for flushed in all_parts(b"ababab") {
            let whole = parts(&mut at_once, &flushed, &mut repeat(64));
            assert_eq!(parts(&mut by_byte, &flushed, &mut [0, 1].into_iter().cycle()), whole);
        }
    }
}

/// Cuts a message into parts, whose lengths and flushes cycle.
fn cut<'b>(message: &'b [u8], lens: &[usize], flushes: &[Flush]) -> Vec<Part<'b>> {
    let (mut parts, mut rest) = (Vec::new(), message);
    for (len, flush) in lens.iter().cycle().zip(flushes.iter().cycle()) {
        let (part, later) = rest.split_at(rest.len().min(*len));
        rest = later;
        if rest.is_empty() {
            parts.push((part, Flush::Finish));
            return parts;
        }
        parts.push((part, *flush));
    }
    unreachable!("the lengths cycle")
}

/// The same parts without the cuts that flush nothing.
fn joined<'b>(message: &'b [u8], parts: &[Part<'b>]) -> Vec<Part<'b>> {
    let (mut joined, mut start, mut end) = (Vec::new(), 0, 0);
    for (part, flush) in parts {
        end += part.len();
        if *flush != Flush::None {
            joined.push((&message[start..end], *flush));
            start = end;
        }
    }
    joined
}

proptest! {
    #[test]
    fn p03_any_flushed_message_round_trips(
        effort in effort(),
        bits in 8..=15_u8,
        takeover: bool,
        messages in vec(message(), 1..6),
        lens in vec(0..700_usize, 1..5).prop_filter("some are longer", |lens| lens.iter().any(|len| *len > 0)),
        flushes in vec(prop::sample::select(vec![Flush::None, Flush::Sync]), 1..6),
        outs in vec(1..300_usize, 1..5),
    ) {
        let context = context(bits, takeover);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let mut memory = crate::roundtrip::memory(context, effort);
        let mut at_once = Deflate::new(context, effort, &mut memory).unwrap();
        let mut memory = inflated::memory(context);
        let mut peer = Peer::new(context, &mut memory);
        let mut outs = outs.iter().copied().cycle();
        for message in &messages {
            let flushed = cut(message, &lens, &flushes);
            let payloads = parts(&mut deflate, &flushed, &mut outs);
            for (part, payload) in flushed.iter().zip(&payloads) {
                peer.receive(*part, payload);
            }
            let joined = joined(message, &flushed);
            let whole = parts(&mut at_once, &joined, &mut repeat(2 * message.len() + 99));
            prop_assert!(payloads.concat() == whole.concat(), "cuts change the output");
        }
    }
}

#[test]
fn a_sync_with_nothing_new_writes_nothing() {
    let nothing = Deflated { consumed: 0, written: 0, done: true };
    for effort in EFFORTS {
        for takeover in [true, false] {
            let context = context(15, takeover);
            let mut memory = memory(context, effort);
            let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
            let mut push = |input: &[u8], flush| {
                let mut out = [0; 64];
                let deflated = deflate.push(input, flush, &mut out);
                assert!(deflated.done);
                out[..deflated.written].to_vec()
            };
            for _ in 0..3 {
                assert_eq!(push(b"", Flush::Sync), []);
                let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff];
                let first = push(b"Hello", Flush::Sync);
                assert!(first == hello || takeover, "{first:02x?}");
                assert_eq!(push(b"", Flush::None), []);
                assert_eq!(push(b"", Flush::Sync), []);
                // The empty stored block of the end, without its last four bytes.
                assert_eq!(push(b"", Flush::Finish), [0x00]);
            }
            // Nor does it take any room.
            assert_eq!(deflate.push(b"", Flush::Sync, &mut []), nothing);
            assert_eq!(deflate.push(b"", Flush::None, &mut []), nothing);
        }
    }
}

/// A stored block ends with a whole byte, and the fixed code has nine bits for the upper half.
#[test]
fn flushed_noise_ends_with_an_empty_block_and_takes_no_more_than_max_len() {
    let mut random = fastrand::Rng::with_seed(3);
    let noise: Vec<u8> = (0..400).map(|_| random.u8(..)).collect();
    let high: Vec<u8> = (0..400).map(|_| random.u8(144..)).collect();
    for effort in EFFORTS {
        for bytes in [&noise, &high] {
            for len in 1..400 {
                let context = context(15, false);
                let mut memory = memory(context, effort);
                let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
                let (first, second) = (&bytes[..len], &bytes[400 - len..]);
                let flushed = [(first, Flush::Sync), (second, Flush::Sync), (b"", Flush::Finish)];
                parts(&mut deflate, &flushed, &mut repeat(600));
            }
        }
    }
}

/// If the output is full, the caller repeats the call; if it makes another one instead, no byte
/// is lost.
#[test]
fn an_interrupted_sync_loses_nothing() {
    for effort in EFFORTS {
        let context = context(15, true);
        let mut memory = memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let mut decoders = Decoders::new(context);
        for room in 0..12 {
            for then in [Flush::None, Flush::Sync, Flush::Finish] {
                let mut out = vec![0; room];
                let first = deflate.push(b"Hello", Flush::Sync, &mut out);
                let rest = [&b"Hello"[first.consumed..], b" again"].concat();
                out.truncate(first.written);
                out.extend(push(&mut deflate, (&rest, then), &mut repeat(64)));
                if then != Flush::Finish {
                    out.extend(push(&mut deflate, (b"", Flush::Finish), &mut once(64)));
                }
                decoders.check(&out, b"Hello again");
            }
        }
    }
}
