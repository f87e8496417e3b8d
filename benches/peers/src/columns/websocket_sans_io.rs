//! websocket-sans-io: frames, in place.

use websocket_sans_io::{
    FrameInfo, Opcode, WebsocketFrameDecoder, WebsocketFrameEncoder, WebsocketFrameEvent as Event,
};

use super::{Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "websocket-sans-io",
    package: "websocket-sans-io",
    group: Group::Peer,
    unmasks: true,
    protocol: false,
    utf8: false,
    note: "sans-IO, no_std, frames only; pieces as they arrive, no checks; writes no Pongs; no handshake",
    start,
};

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { bytes, .. } => decode(Source::new(bytes, row.read), row.read),
        Work::Send { role, payload, count } => {
            let mut encoder = WebsocketFrameEncoder::new();
            let mut keys = fastrand::Rng::new();
            let mut out = vec![0; payload.len() + 14];
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let info = frame(payload, (*role == Role::Client).then(|| keys.u32(..)));
                    let header = encoder.start_frame(&info);
                    let (head, rest) = out.split_at_mut(header.len());
                    head.copy_from_slice(&header);
                    let body = &mut rest[..payload.len()];
                    body.copy_from_slice(payload);
                    encoder.transform_frame_payload(body);
                    std::hint::black_box(&out);
                    tally.frame(header.len() + payload.len());
                }
                Ok(tally)
            })
        }
        Work::Header { payload, count } => in_place(payload, *count, false),
        Work::InPlace { payload, count } => in_place(payload, *count, true),
        _ => None,
    }
}

fn frame(payload: &[u8], key: Option<u32>) -> FrameInfo {
    FrameInfo {
        opcode: Opcode::Binary,
        payload_length: std::hint::black_box(payload.len()) as u64,
        mask: key.map(u32::to_ne_bytes),
        fin: true,
        reserved: 0,
    }
}

fn decode(mut source: Source, read: usize) -> Option<Run> {
    let mut decoder = WebsocketFrameDecoder::new();
    let mut buffer = vec![0; read];
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            let n = source.receive(&mut buffer);
            let mut bytes = &mut buffer[..n];
            loop {
                let added = decoder.add_data(bytes).map_err(text)?;
                let (consumed, rest) = bytes.split_at_mut(added.consumed_bytes);
                match added.event {
                    Some(Event::PayloadChunk { original_opcode }) if original_opcode.is_data() => {
                        tally.piece(consumed, false);
                    }
                    Some(Event::End { frame_info, original_opcode })
                        if original_opcode.is_data() && frame_info.fin =>
                    {
                        tally.messages += 1;
                    }
                    Some(_) => {}
                    None if rest.is_empty() => break,
                    None => {}
                }
                bytes = rest;
            }
        }
        Ok(tally)
    })
}

fn in_place(payload: &'static [u8], count: u64, masked: bool) -> Option<Run> {
    let mut encoder = WebsocketFrameEncoder::new();
    let mut keys = fastrand::Rng::new();
    let mut payload = payload.to_vec();
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let info = frame(&payload, masked.then(|| keys.u32(..)));
            let header = encoder.start_frame(&info);
            if encoder.transform_needed() {
                encoder.transform_frame_payload(&mut payload);
            }
            std::hint::black_box((&header, &payload));
            tally.frame(header.len());
        }
        Ok(tally)
    })
}
