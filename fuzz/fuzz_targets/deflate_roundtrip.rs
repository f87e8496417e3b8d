//! What `Deflate` writes comes back from `Inflate` and from a strict decoder: whatever the messages, the memory,
//! the window, the pieces of input and the room for output.
#![no_main]

#[path = "../../tests/common/strict_inflate.rs"]
mod strict_inflate;

use arbitrary::{Arbitrary, Unstructured};
use barews::deflate::{Context, Deflate, Effort, Inflate, WindowBits};
use barews::frame::HeaderBytes;
use barews::{Compressed, Config, Connection, Event, Input, Kind};
use libfuzzer_sys::fuzz_target;
use strict_inflate::StrictInflate;

/// What a message is made of.
#[derive(Arbitrary, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Run {
        byte: u8,
        len: u16,
    },
    /// The same as so far back, in this message or before it.
    Again {
        back: u16,
        len: u16,
    },
}

#[derive(Arbitrary, Debug)]
struct Case {
    window: u8,
    takeover: bool,
    preset: u8,
    /// In place of the preset's: window, table, block, depth, lazy, nice, dynamic.
    odd: Option<(u8, u8, u8, u8, u8, u8, bool)>,
    input: u8,
    output: u8,
    room: u8,
    messages: Vec<Vec<Part>>,
}

fuzz_target!(|data: &[u8]| {
    if let Ok(case) = Case::arbitrary_take_rest(Unstructured::new(data)) {
        check(&case);
    }
});

fn check(case: &Case) {
    let context = Context { window_bits: bits(case.window), takeover: case.takeover };
    let effort = effort(case);
    let memory = |byte| vec![byte; Deflate::memory(context, effort)];
    // What the memory held before, and how the pieces are cut, make no difference.
    let mut pieces = Deflate::new(context, effort, memory(0xAA)).unwrap();
    let mut whole = Deflate::new(context, effort, memory(0x55)).unwrap();
    let mut strict = StrictInflate::new(context.window_bits.get(), context.takeover);
    let mut inflate = Inflate::new(context, vec![0xAA; Inflate::memory(context)]).unwrap();
    let mut server = Connection::server(Config::new().deflate(true));
    let mut client = Connection::client(Config::new().deflate(true), || [0; 4]);
    for message in messages(&case.messages) {
        let mut payload = compress(&mut pieces, &message, case.input.into(), case.output.into());
        let most = Deflate::max_len(message.len());
        assert_eq!(payload, compress(&mut whole, &message, usize::MAX, most));
        assert!(payload.len() <= most);
        assert_eq!(strict.message(&payload).as_deref(), Ok(&message[..]));

        let header = server.send_in_place(Compressed(Kind::Binary), true, &mut payload).unwrap();
        let mut wire = wire(&header, &payload);
        let mut input = Input::new(&mut wire);
        let Ok(Event::Data(mut data)) = client.receive(&mut input) else { panic!() };
        assert!(data.compressed);
        let mut room = vec![0; usize::from(case.room) * 8 + 1];
        let (mut inflated, mut fin) = (Vec::new(), false);
        while let Some(piece) = inflate.push(&mut data, &mut room).unwrap() {
            assert!(!fin);
            inflated.extend_from_slice(piece.payload);
            fin = piece.fin;
        }
        assert!(fin && inflated == message);
    }
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

fn messages(parts: &[Vec<Part>]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let message = |parts: &Vec<Part>| {
        let start = all.len();
        for part in parts {
            match part {
                Part::Bytes(bytes) => all.extend_from_slice(bytes),
                Part::Run { byte, len } => all.resize(all.len() + usize::from(*len), *byte),
                Part::Again { back, len } => {
                    let from = all.len().saturating_sub(usize::from(*back) + 1);
                    let to = all.len().min(from + usize::from(*len));
                    all.extend_from_within(from..to);
                }
            }
        }
        all[start..].to_vec()
    };
    parts.iter().map(message).collect()
}

/// With so many bytes of input and of output at a time.
fn compress(
    deflate: &mut Deflate<Vec<u8>>,
    message: &[u8],
    input: usize,
    output: usize,
) -> Vec<u8> {
    let (mut payload, mut out) = (Vec::new(), vec![0; output.max(1)]);
    let mut rest = message;
    loop {
        let here = rest.len().min(input.max(1));
        let fin = here == rest.len();
        let deflated = deflate.push(&rest[..here], fin, &mut out);
        payload.extend_from_slice(&out[..deflated.written]);
        rest = &rest[deflated.consumed..];
        if fin && deflated.done {
            assert!(rest.is_empty());
            return payload;
        }
        assert!(deflated.done || deflated.written == out.len(), "there is room");
    }
}
