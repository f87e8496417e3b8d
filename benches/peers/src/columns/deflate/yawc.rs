//! yawc: `WebSocket` over an always-ready transport, without a runtime.

use futures::SinkExt;
use futures::executor::block_on;
use yawc::{CompressionLevel, OpCode, Options, Role, WebSocket};

use super::Codecs;
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::echo::Pipe;
use crate::streams::{Row, Tally, Work};

pub const COLUMNS: [(&Column, Option<Codecs>); 2] = [
    (
        &Column {
            name: "yawc deflate 1",
            start: |row| start(row, 1),
            note: "level 1, flate2; with_utf8()",
            ..YAWC
        },
        None,
    ),
    (
        &Column {
            name: "yawc deflate 6",
            start: |row| start(row, 6),
            note: "the same at level 6, its default",
            ..YAWC
        },
        None,
    ),
];

const YAWC: Column = Column {
    name: "",
    package: "yawc",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

fn start(row: &'static Row, level: u32) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let extensions = match echo.takeover {
        true => "permessage-deflate",
        false => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    };
    let options = Options::default()
        .with_limits(64 << 20, 128 << 20)
        .with_utf8()
        .with_compression_level(CompressionLevel::new(level));
    let pipe = Pipe::new(echo, row.read);
    let mut ws =
        WebSocket::from_stream_with_extensions(pipe, Role::Server, Some(extensions), options)
            .ok()?;
    run(move || {
        echo.replies.clear();
        block_on(async {
            let mut tally = Tally::default();
            while tally.messages < row.truth.messages {
                let frame = ws.next_frame().await.map_err(text)?;
                match frame.opcode() {
                    OpCode::Text | OpCode::Binary => {
                        tally.message(frame.payload());
                        ws.send(frame).await.map_err(text)?;
                    }
                    OpCode::Ping | OpCode::Pong => {}
                    OpCode::Close | OpCode::Continuation => return Err(CLOSED.into()),
                }
            }
            Ok(tally)
        })
    })
}
