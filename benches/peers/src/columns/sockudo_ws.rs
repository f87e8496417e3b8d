//! sockudo-ws: `Protocol`, its sans-IO layer, with our driver around its `BytesMut`.

use bytes::{Bytes, BytesMut};
use sockudo_ws::frame::{OpCode, encode_frame_header};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::{self, Message, Protocol};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "sockudo-ws",
    package: "sockudo-ws",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "its sans-IO layer; SSE2 to AVX-512 found at run time, simdutf8; our driver writes the Pongs",
    start,
};

const MAX: usize = 64 << 20;

fn open(role: Role) -> Protocol {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    Protocol::new(role, MAX, MAX)
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => decode(*role, bytes, row.read),
        Work::Send { role, payload, count } => {
            let mut ws = open(*role);
            let mut out = BytesMut::with_capacity(payload.len() + 14);
            let message = Message::Binary(Bytes::from_static(payload));
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    out.clear();
                    ws.encode_message(&message, &mut out).map_err(text)?;
                    std::hint::black_box(&out[..]);
                    tally.frame(out.len());
                }
                Ok(tally)
            })
        }
        Work::Header { payload, count } => {
            let mut out = BytesMut::with_capacity(14);
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    out.clear();
                    let len = std::hint::black_box(payload.len());
                    encode_frame_header(&mut out, OpCode::Binary, len, true, None);
                    std::hint::black_box(&out[..]);
                    tally.frame(out.len());
                }
                Ok(tally)
            })
        }
        Work::InPlace { payload, count } => {
            let mut out = BytesMut::with_capacity(14);
            let mut payload = payload.clone();
            let mut keys = fastrand::Rng::new();
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let key = keys.u32(..).to_ne_bytes();
                    out.clear();
                    let len = std::hint::black_box(payload.len());
                    encode_frame_header(&mut out, OpCode::Binary, len, true, Some(key));
                    sockudo_ws::simd::apply_mask(&mut payload, key);
                    std::hint::black_box((&out[..], &payload));
                    tally.frame(out.len());
                }
                Ok(tally)
            })
        }
        Work::Accept { request, count } => run(move || {
            let mut tally = Tally::default();
            for _ in 0..*count {
                let Some((request, _)) = parse_request(request).map_err(text)? else {
                    return Err("no request".into());
                };
                let answer = build_response(&generate_accept_key(request.key), None, None);
                accepted(&mut tally, &answer)?;
            }
            Ok(tally)
        }),
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}

fn decode(role: Role, bytes: &'static [u8], read: usize) -> Option<Run> {
    let mut source = Source::new(bytes, read);
    let mut ws = open(role);
    let mut buffer = BytesMut::with_capacity(read);
    let mut messages = Vec::new();
    let mut out = BytesMut::with_capacity(131);
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            buffer.extend_from_slice(source.lend(read));
            ws.process_into(&mut buffer, &mut messages).map_err(text)?;
            for message in messages.drain(..) {
                match message {
                    Message::Text(bytes) | Message::Binary(bytes) => tally.message(&bytes),
                    Message::Ping(payload) => {
                        out.clear();
                        ws.encode_pong(&payload, &mut out);
                        std::hint::black_box(&out[..]);
                    }
                    Message::Pong(_) => {}
                    Message::Close(_) => return Err(CLOSED.into()),
                }
            }
        }
        Ok(tally)
    })
}
