//! Decompressors, from payloads to messages: ours, used after a connection, and other crates.

use barews::deflate::{CompressionContext, Inflate, WindowBits};
use barews::{Config, Connection, Event, Input};
use flate2::{Decompress, FlushDecompress};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};
use zlib_rs::InflateFlush;

use crate::columns::{Column, ROOM, Run, TAIL};

pub const ALL: &[Column] = &[
    Column { name: "barews", input: frame, start: |takeover| ours(takeover, ROOM) },
    Column {
        name: "barews, 4 KiB at a time",
        input: frame,
        start: |takeover| ours(takeover, 4096),
    },
    Column { name: "zlib", input: with_tail, start: zlib },
    Column { name: "zlib-rs", input: with_tail, start: zlib_rs },
    Column { name: "miniz_oxide", input: with_tail, start: miniz_oxide },
];

/// An unmasked frame with RSV1, as from a server.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xC2];
    match u16::try_from(payload.len()) {
        Ok(len @ ..126) => frame.push(len as u8),
        Ok(len) => {
            frame.push(126);
            frame.extend(len.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    [&frame[..], payload].concat()
}

fn with_tail(payload: &[u8]) -> Vec<u8> {
    [payload, &TAIL].concat()
}

fn ours(takeover: bool, at_a_time: usize) -> Run {
    let context = CompressionContext { window_bits: WindowBits::MAX, takeover };
    let memory = vec![0; Inflate::memory(context)];
    let mut inflate = Inflate::new(context, memory).expect("the memory has the required length");
    let mut connection = Connection::client(Config::new().deflate(true), || [0; 4]);
    Box::new(move |wire, out| {
        let mut input = Input::new(wire);
        let (mut len, mut done) = (0, false);
        while !done {
            let Ok(Event::Data(mut data)) = connection.receive(&mut input) else {
                panic!("expected a compressed message")
            };
            while let Some(piece) = {
                let end = out.len().min(len + at_a_time);
                inflate.push(&mut data, &mut out[len..end]).expect("decompression succeeds")
            } {
                (len, done) = (len + piece.payload.len(), piece.fin);
            }
        }
        len
    })
}

fn zlib(takeover: bool) -> Run {
    let mut zlib = Decompress::new(false);
    Box::new(move |payload, out| {
        let start = zlib.total_out();
        zlib.decompress(payload, out, FlushDecompress::Sync).expect("decompression succeeds");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset(false);
        }
        written as usize
    })
}

fn zlib_rs(takeover: bool) -> Run {
    let mut zlib = zlib_rs::Inflate::new(false, 15);
    Box::new(move |payload, out| {
        let start = zlib.total_out();
        zlib.decompress(payload, out, InflateFlush::SyncFlush).expect("decompression succeeds");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset(false);
        }
        written as usize
    })
}

fn miniz_oxide(takeover: bool) -> Run {
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    Box::new(move |payload, out| {
        let result = inflate(&mut state, payload, out, MZFlush::Sync);
        result.status.expect("decompression succeeds");
        if !takeover {
            state.reset(DataFormat::Raw);
        }
        result.bytes_written
    })
}
