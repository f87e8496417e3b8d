//! yawc: `WebSocket` over an always-ready transport, without a runtime.

use bytes::Bytes;
use futures::SinkExt;
use futures::executor::block_on;
use yawc::{Frame, OpCode, Options, WebSocket};

use super::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "yawc",
    package: "yawc",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "with_utf8(), which is off by default; simdutf8; its handshake is only for hyper",
    start,
};

fn open(role: Role, pipe: Pipe) -> yawc::Result<WebSocket<Pipe>> {
    let role = match role {
        Role::Server => yawc::Role::Server,
        Role::Client => yawc::Role::Client,
    };
    let options = Options::default().with_limits(64 << 20, 128 << 20).with_utf8();
    WebSocket::from_stream(pipe, role, options.without_compression())
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let mut ws = open(*role, Pipe::new(Source::new(bytes, row.read), 131)).ok()?;
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        let frame = ws.next_frame().await.map_err(text)?;
                        match frame.opcode() {
                            OpCode::Text | OpCode::Binary => tally.message(frame.payload()),
                            OpCode::Ping | OpCode::Pong => {}
                            OpCode::Close | OpCode::Continuation => return Err(CLOSED.into()),
                        }
                    }
                    Ok(tally)
                })
            })
        }
        Work::Send { role, payload, count } => {
            let pipe = Pipe::sink(payload.len() + 14);
            let written = pipe.written();
            let mut ws = open(*role, pipe).ok()?;
            let payload = Bytes::from_static(payload);
            run(move || {
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        ws.send(Frame::binary(payload.clone())).await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        _ => None,
    }
}
