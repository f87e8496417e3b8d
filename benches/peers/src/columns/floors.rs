//! Lower bounds for every receiver and sender.

use super::{Column, Group, Run, run};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMNS: [&Column; 3] = [
    &Column {
        name: "floor memcpy",
        start: copy,
        note: "the copy that every column has to make",
        ..FLOOR
    },
    &Column {
        name: "floor copy+xor",
        unmasks: true,
        start: copy_and_xor,
        note: "the same, and one XOR over all bytes, including headers",
        ..FLOOR
    },
    &Column {
        name: "floor unchecked loop",
        unmasks: true,
        start: unchecked,
        note: "finds and unmasks the frames; no validation, no reassembly",
        ..FLOOR
    },
];

const FLOOR: Column = Column {
    name: "",
    package: "",
    group: Group::Floor,
    unmasks: false,
    protocol: false,
    utf8: false,
    note: "",
    start: |_| None,
};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// XOR in lanes, which compilers vectorize.
#[inline]
fn xor(bytes: &mut [u8], key: [u8; 4]) {
    let lane: [u8; 64] = std::array::from_fn(|i| key[i % 4]);
    let (lanes, rest) = bytes.as_chunks_mut::<64>();
    for bytes in lanes {
        for (byte, key) in bytes.iter_mut().zip(lane) {
            *byte ^= key;
        }
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

fn copy(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { bytes, .. } => received(row, bytes, |_| {}),
        Work::Send { payload, count, .. } => sent(row, payload, *count, |_| {}),
        _ => None,
    }
}

fn copy_and_xor(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role: Role::Server, bytes } => received(row, bytes, |bytes| xor(bytes, KEY)),
        Work::Send { role: Role::Client, payload, count } => {
            sent(row, payload, *count, |bytes| xor(bytes, KEY))
        }
        _ => None,
    }
}

fn received(row: &'static Row, bytes: &'static [u8], each: fn(&mut [u8])) -> Option<Run> {
    let mut source = Source::new(bytes, row.read);
    let mut buffer = vec![0; row.read];
    run(move || {
        while !source.ended() {
            let n = source.receive(&mut buffer);
            each(&mut buffer[..n]);
            std::hint::black_box(&buffer[..n]);
        }
        Ok(row.truth)
    })
}

fn sent(row: &'static Row, payload: &'static [u8], count: u64, each: fn(&mut [u8])) -> Option<Run> {
    let mut out = vec![0; payload.len()];
    run(move || {
        for _ in 0..count {
            out.copy_from_slice(std::hint::black_box(payload));
            each(&mut out);
            std::hint::black_box(&out);
        }
        Ok(row.truth)
    })
}

fn unchecked(row: &'static Row) -> Option<Run> {
    let Work::Decode { role, bytes } = &row.work else { return None };
    let mut source = Source::new(bytes, row.read);
    let masked = *role == Role::Server;
    let mut buffer = vec![0; row.read + 131];
    run(move || {
        let mut tally = Tally::default();
        // The incomplete header, and the rest of the payload.
        let (mut held, mut left, mut key, mut fin, mut control) = (0, 0, [0; 4], false, false);
        while !source.ended() {
            let n = source.receive(&mut buffer[held..]);
            let end = held + n;
            let mut bytes = &mut buffer[..end];
            held = 0;
            loop {
                if left == 0 {
                    let Some((header, payload_len, frame_key)) = header(bytes, masked) else {
                        held = bytes.len();
                        break;
                    };
                    (fin, control) = (bytes[0] & 0x80 != 0, bytes[0] & 0x08 != 0);
                    (left, key) = (payload_len, frame_key);
                    bytes = &mut bytes[header..];
                }
                let n = left.min(bytes.len());
                let (payload, rest) = bytes.split_at_mut(n);
                if masked {
                    xor(payload, key);
                    key.rotate_left(n % 4);
                }
                left -= n;
                if !control {
                    tally.piece(payload, fin && left == 0);
                }
                bytes = rest;
                if bytes.is_empty() {
                    break;
                }
            }
            buffer.copy_within(end - held..end, 0);
        }
        Ok(tally)
    })
}

/// The lengths of header and payload, and the masking key.
#[inline]
fn header(bytes: &[u8], masked: bool) -> Option<(usize, usize, [u8; 4])> {
    let &[_, second, ..] = bytes else { return None };
    let (at, len) = match second & 0x7F {
        126 => (4, usize::from(u16::from_be_bytes(*bytes[2..].first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes[2..].first_chunk()?) as usize),
        len => (2, usize::from(len)),
    };
    if !masked {
        return (bytes.len() >= at).then_some((at, len, [0; 4]));
    }
    Some((at + 4, len, *bytes.get(at..)?.first_chunk()?))
}
