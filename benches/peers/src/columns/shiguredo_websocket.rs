//! `shiguredo_websocket`: its connections, which are sans-IO.

use shiguredo_websocket::{
    ClientConnectionOptions, ConnectionEvent, ConnectionOutput, Error, RandomSource,
    ServerConnectionOptions, Timestamp, WebSocketClientConnection, WebSocketServerConnection,
};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{ACCEPT, Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "shiguredo_websocket",
    package: "shiguredo_websocket",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "sans-IO; a `Vec` for each message and for each written frame",
    start,
};

/// Longer than the longest message.
const MAX: usize = 64 << 20;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: server.example.com\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Keys(fastrand::Rng);

impl RandomSource for Keys {
    fn masking_key(&mut self) -> [u8; 4] {
        self.0.u32(..).to_ne_bytes()
    }

    fn nonce(&mut self) -> [u8; 16] {
        *b"the sample nonce"
    }
}

enum Connection {
    Server(WebSocketServerConnection),
    Client(WebSocketClientConnection<Keys>),
}

impl Connection {
    /// A connection after the opening handshake.
    fn open(role: Role) -> Result<Self, Error> {
        let mut ws = match role {
            Role::Server => Self::Server(server()),
            Role::Client => Self::Client(client()),
        };
        match &mut ws {
            Self::Server(ws) => {
                ws.feed_recv_buf(REQUEST)?;
                ws.accept_handshake_auto()?;
            }
            Self::Client(ws) => {
                ws.connect()?;
                let response = [
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\nSec-WebSocket-Accept: ",
                    ACCEPT,
                    b"\r\n\r\n",
                ];
                ws.feed_recv_buf(&response.concat(), Timestamp::default())?;
            }
        }
        while ws.poll_output().is_some() {}
        while ws.poll_event().is_some() {}
        Ok(ws)
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Server(ws) => ws.feed_recv_buf(bytes),
            Self::Client(ws) => ws.feed_recv_buf(bytes, Timestamp::default()),
        }
    }

    fn poll_event(&mut self) -> Option<ConnectionEvent> {
        match self {
            Self::Server(ws) => ws.poll_event(),
            Self::Client(ws) => ws.poll_event(),
        }
    }

    fn poll_output(&mut self) -> Option<ConnectionOutput> {
        match self {
            Self::Server(ws) => ws.poll_output(),
            Self::Client(ws) => ws.poll_output(),
        }
    }

    fn send_binary(&mut self, payload: &[u8]) -> Result<(), Error> {
        match self {
            Self::Server(ws) => ws.send_binary(payload),
            Self::Client(ws) => ws.send_binary(payload),
        }
    }
}

fn server() -> WebSocketServerConnection {
    let options = ServerConnectionOptions::new();
    let options = options.ping_interval(0).max_frame_size(MAX).max_message_size(MAX);
    WebSocketServerConnection::new(options)
}

fn client() -> WebSocketClientConnection<Keys> {
    let options = ClientConnectionOptions::new("server.example.com", "/");
    let options = options.ping_interval(0).max_frame_size(MAX).max_message_size(MAX);
    WebSocketClientConnection::new(options, Keys(fastrand::Rng::new()))
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => decode(*role, bytes, row.read),
        Work::Send { role, payload, count } => {
            let mut ws = Connection::open(*role).ok()?;
            let mut out = Vec::with_capacity(payload.len() + 14);
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    ws.send_binary(payload).map_err(text)?;
                    out.clear();
                    while let Some(output) = ws.poll_output() {
                        if let ConnectionOutput::SendData(frame) = output {
                            out.extend_from_slice(&frame);
                        }
                    }
                    std::hint::black_box(&out[..]);
                    tally.frame(out.len());
                }
                Ok(tally)
            })
        }
        Work::Accept { request, count } => run(move || {
            let mut tally = Tally::default();
            for _ in 0..*count {
                let mut ws = server();
                ws.feed_recv_buf(request).map_err(text)?;
                ws.accept_handshake_auto().map_err(text)?;
                match ws.poll_output() {
                    Some(ConnectionOutput::SendData(answer)) => accepted(&mut tally, &answer)?,
                    _ => return Err("no response".into()),
                }
            }
            Ok(tally)
        }),
        _ => None,
    }
}

fn decode(role: Role, bytes: &'static [u8], read: usize) -> Option<Run> {
    let mut source = Source::new(bytes, read);
    let mut ws = Connection::open(role).ok()?;
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            ws.feed(source.lend(read)).map_err(text)?;
            while let Some(event) = ws.poll_event() {
                match event {
                    ConnectionEvent::TextMessage(message) => tally.message(message.as_bytes()),
                    ConnectionEvent::BinaryMessage(message) => tally.message(&message),
                    ConnectionEvent::Close { .. } => return Err(CLOSED.into()),
                    _ => {}
                }
            }
            while let Some(output) = ws.poll_output() {
                std::hint::black_box(&output);
            }
        }
        Ok(tally)
    })
}
