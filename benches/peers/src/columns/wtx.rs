//! wtx: `WebSocket` over an always-ready transport, without a runtime.

use futures::executor::block_on;
use wtx::collection::Vector;
use wtx::rng::{Xorshift64, simple_seed};
use wtx::stream::{StreamReader, StreamWriter};
use wtx::web_socket::{Frame, OpCode, WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin};

use super::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "wtx",
    package: "wtx",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "payload in the read buffer (Adaptive), simdutf8; a client masks the caller's payload in place",
    start,
};

impl StreamReader for Pipe {
    #[inline]
    async fn read(&mut self, to: &mut [u8]) -> wtx::Result<usize> {
        Ok(std::io::Read::read(self, to)?)
    }
}

impl StreamWriter for Pipe {
    #[inline]
    async fn write_all(&mut self, from: &[u8]) -> wtx::Result<()> {
        Ok(std::io::Write::write_all(self, from)?)
    }

    #[inline]
    async fn write_all_vectored(&mut self, from: &[&[u8]]) -> wtx::Result<()> {
        for from in from {
            std::io::Write::write_all(self, from)?;
        }
        Ok(())
    }
}

fn open<const CLIENT: bool>(pipe: Pipe) -> WebSocketOwned<(), Xorshift64, Pipe, CLIENT> {
    let keys = Xorshift64::from(simple_seed());
    WebSocketOwned::new((), false, keys, pipe, WebSocketBuffer::new())
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let pipe = Pipe::new(Source::new(bytes, row.read), 131);
            match role {
                Role::Server => decode(open::<false>(pipe), row),
                Role::Client => decode(open::<true>(pipe), row),
            }
        }
        Work::Send { role, payload, count } => match role {
            Role::Server => send::<false>(payload, *count),
            Role::Client => send::<true>(payload, *count),
        },
        _ => None,
    }
}

fn decode<const CLIENT: bool>(
    mut ws: WebSocketOwned<(), Xorshift64, Pipe, CLIENT>,
    row: &'static Row,
) -> Option<Run> {
    let mut buffer = Vector::new();
    run(move || {
        block_on(async {
            let mut tally = Tally::default();
            while tally.messages < row.truth.messages {
                let frame = ws
                    .read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive)
                    .await
                    .map_err(text)?;
                match frame.op_code() {
                    OpCode::Text | OpCode::Binary => {
                        tally.message(frame.payload());
                        // Not after a Ping: the buffer holds the fragments so far.
                        buffer.clear();
                    }
                    OpCode::Ping | OpCode::Pong => {}
                    OpCode::Close | OpCode::Continuation => return Err(CLOSED.into()),
                }
            }
            Ok(tally)
        })
    })
}

fn send<const CLIENT: bool>(payload: &'static [u8], count: u64) -> Option<Run> {
    let pipe = Pipe::sink(payload.len() + 14);
    let written = pipe.written();
    let mut ws = open::<CLIENT>(pipe);
    let mut payload = payload.to_vec();
    run(move || {
        let before = written.get();
        block_on(async {
            for _ in 0..count {
                let mut frame = Frame::<_, CLIENT>::new_fin(OpCode::Binary, &mut payload[..]);
                ws.write_frame(&mut frame).await.map_err(text)?;
            }
            Ok(Tally { messages: count, bytes: written.get() - before })
        })
    })
}
