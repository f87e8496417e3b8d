//! fastwebsockets: `FragmentCollector` over an always-ready transport, without a runtime.

use fastwebsockets::{self as fws, FragmentCollector, Frame, OpCode, Payload, WebSocket};
use futures::executor::block_on;

use super::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "fastwebsockets",
    package: "fastwebsockets",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "FragmentCollector, simdutf8; its handshake is only for hyper",
    start,
};

fn open(role: Role, pipe: Pipe) -> WebSocket<Pipe> {
    let role = match role {
        Role::Server => fws::Role::Server,
        Role::Client => fws::Role::Client,
    };
    WebSocket::after_handshake(pipe, role)
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let ws = open(*role, Pipe::new(Source::new(bytes, row.read), 131));
            let mut ws = FragmentCollector::new(ws);
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        let frame = ws.read_frame().await.map_err(text)?;
                        match frame.opcode {
                            OpCode::Text | OpCode::Binary => tally.message(&frame.payload),
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
            let mut ws = open(*role, pipe);
            run(move || {
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        let frame = Frame::binary(Payload::Borrowed(payload));
                        ws.write_frame(frame).await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        Work::Header { payload, count } => run(move || {
            let mut tally = Tally::default();
            for _ in 0..*count {
                let mut head = [0; 16];
                let payload = std::hint::black_box(payload);
                let n = Frame::binary(Payload::Borrowed(payload)).fmt_head(&mut head);
                std::hint::black_box(&head);
                tally.frame(n);
            }
            Ok(tally)
        }),
        Work::InPlace { payload, count } => {
            let mut payload = payload.clone();
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let mut head = [0; 16];
                    let mut frame = Frame::binary(Payload::BorrowedMut(&mut payload));
                    frame.mask();
                    let n = frame.fmt_head(&mut head);
                    std::hint::black_box((&head, &payload));
                    tally.frame(n);
                }
                Ok(tally)
            })
        }
        _ => None,
    }
}
