//! tokio-websockets: `WebSocketStream` over an always-ready transport, without a runtime.

use bytes::Bytes;
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Limits, Message, ServerBuilder, WebSocketStream};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "tokio-websockets",
    package: "tokio-websockets",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "AVX2 and AVX-512 found at run time, simdutf8",
    start,
};

fn open(role: Role, pipe: Pipe) -> WebSocketStream<Pipe> {
    match role {
        Role::Server => ServerBuilder::new().limits(Limits::default()).serve(pipe),
        Role::Client => ClientBuilder::new().limits(Limits::default()).take_over(pipe),
    }
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let mut ws = open(*role, Pipe::new(Source::new(bytes, row.read), 131));
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        let message = ws.next().await.ok_or(CLOSED)?.map_err(text)?;
                        if message.is_text() || message.is_binary() {
                            tally.message(message.as_payload());
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
            let payload = Bytes::from_static(payload);
            run(move || {
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        ws.send(Message::binary(payload.clone())).await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        Work::Accept { request, count } => {
            let mut pipe = Pipe::new(Source::new(request, 4096), 1024);
            let server = ServerBuilder::new();
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    for _ in 0..*count {
                        server.accept(&mut pipe).await.map_err(text)?;
                        accepted(&mut tally, pipe.take_output())?;
                    }
                    Ok(tally)
                })
            })
        }
        Work::Header { .. } | Work::InPlace { .. } => None,
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}
