//! Output of `Deflate` round-trips through `Inflate` and through a strict decoder, for all
//! messages, window sizes, efforts, flushes, input pieces and output sizes.
#![no_main]

#[path = "../../tests/support/strict_inflate.rs"]
mod strict_inflate;

use std::cell::RefCell;

use arbitrary::{Arbitrary, Unstructured};
use barews::deflate::{CompressionContext, Deflate, Effort, Flush, Inflate, WindowBits};
use barews::frame::HeaderBytes;
use barews::{Compressed, Config, Connection, Event, Input, Kind};
use barews_fuzz::sizes;
use libfuzzer_sys::fuzz_target;
use strict_inflate::StrictInflate;

/// A part of a message.
#[derive(Arbitrary, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Run {
        byte: u8,
        len: u16,
    },
    /// A copy of earlier bytes, in this message or before it.
    Again {
        back: u16,
        len: u16,
    },
}

#[derive(Arbitrary, Debug)]
struct Case {
    /// The window, and in the upper bits after how many times 16 bytes to flush.
    window: u8,
    takeover: bool,
    preset: u8,
    /// Overrides of the preset: window, table, block, depth, lazy, nice, dynamic.
    odd: Option<(u8, u8, u8, u8, u8, u8, bool)>,
    input: u8,
    output: u8,
    room: u8,
    messages: Vec<Vec<Part>>,
}

/// Memory that is reused between cases, because clearing is cheaper than allocating.
#[derive(Default)]
struct Memory {
    pieces: Vec<u8>,
    whole: Vec<u8>,
    inflate: Vec<u8>,
    out: Vec<u8>,
}

fuzz_target!(|data: &[u8]| {
    thread_local! {
        static MEMORY: RefCell<Memory> = RefCell::default();
    }
    if let Ok(case) = Case::arbitrary_take_rest(Unstructured::new(data)) {
        MEMORY.with_borrow_mut(|memory| check(&case, sizes::most(data), memory));
    }
});

fn check(case: &Case, most: usize, memory: &mut Memory) {
    let context = CompressionContext { window_bits: bits(case.window), takeover: case.takeover };
    let effort = effort(case);
    let len = Deflate::memory(context, effort);
    let Memory { pieces, whole, inflate, out } = memory;
    // Neither the previous content of the memory nor the cuts of the input may make a difference.
    let mut pieces = Deflate::new(context, effort, filled(pieces, len, 0xAA)).unwrap();
    let mut whole = Deflate::new(context, effort, filled(whole, len, 0x55)).unwrap();
    let mut strict = StrictInflate::new(context.window_bits.get(), context.takeover);
    let inflate = filled(inflate, Inflate::memory(context), 0xAA);
    let mut inflate = Inflate::new(context, inflate).unwrap();
    let mut server = Connection::server(Config::new().deflate(true));
    let mut client = Connection::client(Config::new().deflate(true), || [0; 4]);
    for message in messages(&case.messages, most) {
        // Each piece is a call, so a long message has no very short pieces.
        let least = message.len() / 128;
        let (input, room) = (least.max(case.input.into()), least.max(case.output.into()));
        let parts = parts(&message, usize::from(case.window / 8) * 16);
        let mut payload = compress(&mut pieces, &parts, input, filled(out, room.max(1), 0));
        let most = parts.iter().map(|part| Deflate::max_len(part.len()) + 4).sum::<usize>() - 4;
        assert_eq!(payload, compress(&mut whole, &parts, usize::MAX, filled(out, most, 0)));
        assert!(payload.len() <= most);
        assert_eq!(strict.message(&payload).as_deref(), Ok(&message[..]));

        let header = server.send_in_place(Compressed(Kind::Binary), true, &mut payload).unwrap();
        let mut wire = wire(&header, &payload);
        let mut input = Input::new(&mut wire);
        let Ok(Event::Data(mut data)) = client.receive(&mut input) else { panic!() };
        assert!(data.compressed);
        let room = filled(out, least.max(usize::from(case.room) * 8 + 1), 0);
        let (mut inflated, mut fin) = (Vec::new(), false);
        while let Some(piece) = inflate.push(&mut data, room).unwrap() {
            assert!(!fin);
            inflated.extend_from_slice(piece.payload);
            fin = piece.fin;
        }
        assert!(fin && inflated == message);
    }
}

/// Fills `memory` with `len` bytes of this value.
fn filled(memory: &mut Vec<u8>, len: usize, byte: u8) -> &mut [u8] {
    memory.clear();
    memory.resize(len, byte);
    memory
}

fn wire(header: &HeaderBytes, payload: &[u8]) -> Vec<u8> {
    [&header[..], payload].concat()
}

fn bits(any: u8) -> WindowBits {
    WindowBits::new(8 + any % 8).unwrap()
}

fn effort(case: &Case) -> Effort {
    let presets = [Effort::TINY, Effort::SMALL, Effort::FAST, Effort::BEST];
    let preset = presets[usize::from(case.preset) % presets.len()];
    let Some((window, table, block, depth, lazy, nice, dynamic)) = case.odd else { return preset };
    let preset = preset.window_bits(bits(window)).table_bits(table % 17).block_bits(block % 16);
    preset.depth(depth.into()).lazy(lazy.into()).nice(u16::from(nice) + 3).dynamic(dynamic)
}

/// The messages, with at most `most` bytes in total.
fn messages(parts: &[Vec<Part>], most: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let message = |parts: &Vec<Part>| {
        let start = all.len();
        for part in parts {
            let left = most.saturating_sub(all.len());
            let times = |len: u16| (usize::from(len) % (most / 2)).min(left);
            match part {
                Part::Bytes(bytes) => all.extend_from_slice(&bytes[..bytes.len().min(left)]),
                Part::Run { byte, len } => all.resize(all.len() + times(*len), *byte),
                Part::Again { back, len } => {
                    let from = all.len().saturating_sub(usize::from(*back) + 1);
                    let to = all.len().min(from + times(*len));
                    all.extend_from_within(from..to);
                }
            }
        }
        all[start..].to_vec()
    };
    parts.iter().map(message).collect()
}

/// The parts of a message, each but the last flushed: of `len` bytes, but not too many; one part if
/// `len` is 0.
fn parts(message: &[u8], len: usize) -> Vec<&[u8]> {
    let len = if len == 0 { message.len() } else { len.max(message.len() / 64) };
    if message.is_empty() { vec![message] } else { message.chunks(len).collect() }
}

/// Compresses a message with `input` bytes of input per call, into pieces of at most `out.len()`
/// bytes.
fn compress(
    deflate: &mut Deflate<&mut [u8]>,
    parts: &[&[u8]],
    input: usize,
    out: &mut [u8],
) -> Vec<u8> {
    let mut payload = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let last = if index + 1 == parts.len() { Flush::Finish } else { Flush::Sync };
        let mut rest = *part;
        loop {
            let here = rest.len().min(input.max(1));
            let flush = if here == rest.len() { last } else { Flush::None };
            let deflated = deflate.push(&rest[..here], flush, out);
            payload.extend_from_slice(&out[..deflated.written]);
            rest = &rest[deflated.consumed..];
            if flush == last && deflated.done {
                assert!(rest.is_empty());
                break;
            }
            let full = deflated.written == out.len();
            assert!(deflated.done || full, "stopped although there is room");
        }
    }
    payload
}
