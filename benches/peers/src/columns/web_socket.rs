//! web-socket: `WebSocket` over a tokio `BufReader`, as in its documentation, without a runtime.

use futures::executor::block_on;
use tokio::io::BufReader;
use web_socket::{DataType, Event, Stream, WebSocket};

use super::{Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "web-socket",
    package: "web-socket",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: false,
    note: "frames, one allocation each; no handshake; our driver writes the Pongs",
    start,
};

fn open<IO>(role: Role, io: IO) -> WebSocket<IO> {
    match role {
        Role::Server => WebSocket::server(io),
        Role::Client => WebSocket::client(io),
    }
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let pipe = Pipe::new(Source::new(bytes, row.read), 131);
            let mut ws = open(*role, BufReader::with_capacity(row.read, pipe));
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        match ws.recv().await.map_err(text)? {
                            Event::Data { ty, data } => {
                                let more = matches!(
                                    ty,
                                    DataType::Stream(Stream::Start(_) | Stream::Next(_))
                                );
                                tally.piece(&data, !more);
                            }
                            Event::Ping(payload) => ws.send_pong(payload).await.map_err(text)?,
                            Event::Pong(_) => {}
                            event @ (Event::Error(_) | Event::Close { .. }) => {
                                return Err(text(event));
                            }
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
                        ws.send(&payload[..]).await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        _ => None,
    }
}
