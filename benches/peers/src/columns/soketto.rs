//! soketto: `Receiver` and `Sender` over an always-ready transport, without a runtime.

use futures::executor::block_on;
use soketto::base::{Codec, Header, OpCode};
use soketto::connection::{Builder, Mode};
use soketto::handshake::Server;
use soketto::handshake::server::Response;

use super::{Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "soketto",
    package: "soketto",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: false,
    note: "leaves UTF-8 to the application",
    start,
};

fn open(role: Role, pipe: Pipe) -> (soketto::Sender<Pipe>, soketto::Receiver<Pipe>) {
    let mode = match role {
        Role::Server => Mode::Server,
        Role::Client => Mode::Client,
    };
    Builder::new(pipe, mode).finish()
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let (sender, mut ws) = open(*role, Pipe::new(Source::new(bytes, row.read), 131));
            let mut message = Vec::new();
            run(move || {
                let _ = &sender;
                block_on(async {
                    let mut tally = Tally::default();
                    while tally.messages < row.truth.messages {
                        message.clear();
                        ws.receive_data(&mut message).await.map_err(text)?;
                        tally.message(&message);
                    }
                    Ok(tally)
                })
            })
        }
        Work::Send { role, payload, count } => {
            let pipe = Pipe::sink(payload.len() + 14);
            let written = pipe.written();
            let (mut ws, receiver) = open(*role, pipe);
            run(move || {
                let _ = &receiver;
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        ws.send_binary(payload).await.map_err(text)?;
                        ws.flush().await.map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        Work::Header { payload, count } => {
            let mut codec = Codec::new();
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let mut header = Header::new(OpCode::Binary);
                    header.set_payload_len(std::hint::black_box(payload.len()));
                    tally.frame(std::hint::black_box(codec.encode_header(&header)).len());
                }
                Ok(tally)
            })
        }
        Work::InPlace { payload, count } => {
            let mut codec = Codec::new();
            let mut payload = payload.clone();
            let mut keys = fastrand::Rng::new();
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let mut header = Header::new(OpCode::Binary);
                    header
                        .set_masked(true)
                        .set_mask(keys.u32(..))
                        .set_payload_len(std::hint::black_box(payload.len()));
                    Codec::apply_mask(&header, &mut payload);
                    std::hint::black_box(&payload);
                    tally.frame(std::hint::black_box(codec.encode_header(&header)).len());
                }
                Ok(tally)
            })
        }
        Work::Accept { request, count } => {
            let mut pipe = Pipe::new(Source::new(request, 4096), 1024);
            run(move || {
                block_on(async {
                    let mut tally = Tally::default();
                    for _ in 0..*count {
                        let mut server = Server::new(&mut pipe);
                        let key = server.receive_request().await.map_err(text)?.key();
                        let answer = Response::Accept { key, protocol: None };
                        server.send_response(&answer).await.map_err(text)?;
                        accepted(&mut tally, pipe.take_output())?;
                    }
                    Ok(tally)
                })
            })
        }
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}
