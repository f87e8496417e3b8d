//! tungstenite: `WebSocket` over a `Read + Write`.

use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Bytes, Message, WebSocket};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMNS: [&Column; 2] = [
    &Column {
        name: "tungstenite",
        start: |row| start(row, WebSocketConfig::default()),
        note: "read buffer of 128 KiB, the default",
        ..TUNGSTENITE
    },
    &Column {
        name: "tungstenite small buffer",
        start: |row| match row.work {
            Work::Decode { .. } => {
                start(row, WebSocketConfig::default().read_buffer_size(row.read))
            }
            _ => None,
        },
        note: "read buffer of the read size: it zeroes its buffer before every read",
        ..TUNGSTENITE
    },
];

const TUNGSTENITE: Column = Column {
    name: "",
    package: "tungstenite",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

fn side(role: Role) -> protocol::Role {
    match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    }
}

fn start(row: &'static Row, config: WebSocketConfig) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let pipe = Pipe::new(Source::new(bytes, row.read), 131);
            let mut ws = WebSocket::from_raw_socket(pipe, side(*role), Some(config));
            run(move || {
                let mut tally = Tally::default();
                while tally.messages < row.truth.messages {
                    match ws.read().map_err(text)? {
                        Message::Text(text) => tally.message(text.as_bytes()),
                        Message::Binary(bytes) => tally.message(&bytes),
                        Message::Ping(_) | Message::Pong(_) => {}
                        Message::Close(_) | Message::Frame(_) => return Err(CLOSED.into()),
                    }
                }
                Ok(tally)
            })
        }
        Work::Send { role, payload, count } => {
            let pipe = Pipe::sink(payload.len() + 14);
            let written = pipe.written();
            let mut ws = WebSocket::from_raw_socket(pipe, side(*role), Some(config));
            let payload = Bytes::from_static(payload);
            run(move || {
                let before = written.get();
                for _ in 0..*count {
                    ws.send(Message::Binary(payload.clone())).map_err(text)?;
                }
                Ok(Tally { messages: *count, bytes: written.get() - before })
            })
        }
        Work::Header { payload, count } => {
            let header = FrameHeader { opcode: OpCode::Data(Data::Binary), ..Default::default() };
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let mut out = [0; 14];
                    let mut rest = &mut out[..];
                    header
                        .format(std::hint::black_box(payload.len()) as u64, &mut rest)
                        .map_err(text)?;
                    let left = rest.len();
                    std::hint::black_box(&out);
                    tally.frame(out.len() - left);
                }
                Ok(tally)
            })
        }
        Work::InPlace { .. } => None,
        Work::Accept { request, count } => {
            let mut out = Vec::with_capacity(1024);
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let Some((_, request)) = Request::try_parse(request).map_err(text)? else {
                        return Err("no request".into());
                    };
                    let response = create_response(&request).map_err(text)?;
                    out.clear();
                    write_response(&mut out, &response).map_err(text)?;
                    accepted(&mut tally, &out)?;
                }
                Ok(tally)
            })
        }
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}
