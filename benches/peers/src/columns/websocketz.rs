//! websocketz: `WebSocket` over an always-ready `embedded-io-async` transport, without a runtime.

use std::convert::Infallible;

use futures::executor::block_on;
use rand_core::TryRng;
use websocketz::options::AcceptOptions;
use websocketz::{Message, WebSocket, next};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "websocketz",
    package: "websocketz",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "no_std; its buffers must hold a frame and a message",
    start,
};

#[derive(Debug)]
struct Keys(fastrand::Rng);

impl TryRng for Keys {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.u32(..))
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.u64(..))
    }

    #[inline]
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(to);
        Ok(())
    }
}

fn buffer(len: usize) -> &'static mut [u8] {
    Box::leak(vec![0; len].into_boxed_slice())
}

fn open(role: Role, pipe: Pipe, read: usize, size: usize) -> WebSocket<'static, Pipe, Keys> {
    let keys = Keys(fastrand::Rng::new());
    let (rx, tx, fragments) =
        (buffer(read.max(size) + 131), buffer(size + 131), buffer(size + 131));
    match role {
        Role::Server => WebSocket::server(pipe, keys, rx, tx, fragments),
        Role::Client => WebSocket::client(pipe, keys, rx, tx, fragments),
    }
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let pipe = Pipe::new(Source::new(bytes, row.read), 131);
            let mut ws = open(*role, pipe, row.read, row.size);
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        match next!(ws).ok_or(CLOSED)?.map_err(text)? {
                            Message::Text(text) => tally.message(text.as_bytes()),
                            Message::Binary(bytes) => tally.message(bytes),
                            Message::Ping(_) | Message::Pong(_) => {}
                            Message::Close(_) => return Err(CLOSED.into()),
                        }
                    }
                    Ok(tally)
                })
            })
        }
        Work::Send { role, payload, count } => {
            let pipe = Pipe::sink(payload.len() + 14);
            let written = pipe.written();
            let mut ws = open(*role, pipe, 0, payload.len());
            run(move || {
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        ws.send(Message::Binary(payload)).await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        Work::Accept { request, count } => {
            let mut pipe = Pipe::new(Source::new(request, 4096), 1024);
            let mut buffers = [[0; 4096]; 3];
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    for _ in 0..*count {
                        let [rx, tx, fragments] = &mut buffers;
                        let keys = Keys(fastrand::Rng::new());
                        let options = AcceptOptions::default();
                        WebSocket::accept::<32>(options, &mut pipe, keys, rx, tx, fragments)
                            .await
                            .map_err(text)?;
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
