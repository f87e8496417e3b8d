//! Payloads, streams of frames, and receive loops, for all benchmarks.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "the streams are valid")]
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each benchmark uses a part of it")]

use std::hint::black_box;

use barews::frame::{Header, Lead, Opcode};
use barews::{Client, Config, Connection, Event, Input, MIN_BUFFER_LEN, RecvBuffer, Role, Server};

/// A constant masking key: no cost, no secrecy.
pub type NoKeys = fn() -> [u8; 4];

/// The measured side. Its peer writes the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

pub const SIDES: [Side; 2] = [Side::Server, Side::Client];

impl Side {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A connection of either role. The branch is outside of the measured code.
#[derive(Debug)]
pub enum Ws {
    Server(Connection<Server>),
    Client(Connection<Client<NoKeys>>),
}

impl Ws {
    pub fn new(side: Side, config: Config) -> Self {
        match side {
            Side::Server => Self::Server(Connection::server(config)),
            Side::Client => Self::Client(client(config)),
        }
    }

    /// Receives a whole stream from one input.
    pub fn receive(&mut self, bytes: &mut [u8]) -> usize {
        match self {
            Self::Server(ws) => receive(ws, bytes),
            Self::Client(ws) => receive(ws, bytes),
        }
    }
}

pub fn client(config: Config) -> Connection<Client<NoKeys>> {
    Connection::client(config, || [0x37, 0xFA, 0x21, 0x3D])
}

/// The content of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Binary,
    Ascii,
    /// Words with accents: one character in eight takes two bytes.
    Latin,
    /// Mostly characters of three bytes.
    Cjk,
}

pub const TEXTS: [Content; 3] = [Content::Ascii, Content::Latin, Content::Cjk];

impl Content {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Ascii => "ascii",
            Self::Latin => "latin",
            Self::Cjk => "cjk",
        }
    }

    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Binary => Opcode::Binary,
            Self::Ascii | Self::Latin | Self::Cjk => Opcode::Text,
        }
    }

    /// Exactly `len` bytes. `shift` selects where in the pattern they start.
    pub fn payload(self, len: usize, shift: usize) -> Vec<u8> {
        let pattern = match self {
            Self::Binary => return noise(len, shift),
            Self::Ascii => r#"{"id":4711,"name":"Ada","tags":["x","y"],"note":"plain words"},"#,
            Self::Latin => "Žluťoučký kůň, façade, Öl, naïve; smörgåsbord and plain words too. ",
            Self::Cjk => "春眠不覚暁、처처문제조, 夜来風雨声 (12)。花落知多少？ok ",
        };
        let skip = shift % pattern.chars().count();
        let mut text = String::with_capacity(len);
        for character in pattern.chars().cycle().skip(skip) {
            if text.len() + character.len_utf8() > len {
                break;
            }
            text.push(character);
        }
        // Pad where the next character does not fit.
        text.extend(std::iter::repeat_n('.', len - text.len()));
        text.into_bytes()
    }
}

fn noise(len: usize, seed: usize) -> Vec<u8> {
    let mut state = u64::try_from(seed).unwrap();
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(len).collect()
}

/// Frames from the peer of a side.
///
/// Frames for a server have the masking key 0, which costs the same as any other key but leaves the
/// bytes unchanged. So a stream can be received repeatedly without restoring it.
#[derive(Clone, Debug)]
pub struct Stream {
    side: Side,
    pub bytes: Vec<u8>,
    /// The result of [`receive`]: the number of messages, Pings and Pongs.
    pub events: usize,
    /// The total payload length of the messages.
    pub payload: usize,
}

impl Stream {
    pub const fn new(side: Side) -> Self {
        Self { side, bytes: Vec::new(), events: 0, payload: 0 }
    }

    /// `count` messages of `len` bytes, each in one frame.
    pub fn messages(side: Side, content: Content, len: usize, count: usize) -> Self {
        let mut stream = Self::new(side);
        for i in 0..count {
            stream.frame(content.opcode(), true, &content.payload(len, i));
        }
        stream
    }

    /// A mix of at least `total` bytes: short and long messages, fragments, Pings and Pongs.
    pub fn mix(side: Side, total: usize) -> Self {
        let mut stream = Self::new(side);
        let mut i = 0;
        while stream.bytes.len() < total {
            for len in [12, 40, 40, 90] {
                stream.frame(Opcode::Text, true, &Content::Ascii.payload(len, i));
                i += 1;
            }
            let text = Content::Cjk.payload(301, i);
            stream.frame(Opcode::Text, false, &text[..100]);
            stream.frame(Opcode::Ping, true, b"still there?");
            stream.frame(Opcode::Continuation, false, &text[100..200]);
            stream.frame(Opcode::Continuation, true, &text[200..]);
            stream.frame(Opcode::Binary, true, &noise(125, i));
            stream.frame(Opcode::Pong, true, b"");
            stream.frame(Opcode::Text, true, &Content::Latin.payload(700, i));
            stream.frame(Opcode::Binary, true, &noise(2000, i));
        }
        stream
    }

    pub fn frame(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let header = Header {
            lead: Lead { fin, rsv1: false, opcode },
            masking_key: (self.side == Side::Server).then_some([0; 4]),
            payload_len: u64::try_from(payload.len()).unwrap(),
        };
        self.bytes.extend_from_slice(&header.encode());
        self.bytes.extend_from_slice(payload);
        self.events += usize::from(fin);
        if !opcode.is_control() {
            self.payload += payload.len();
        }
    }
}

/// Receives a whole stream from one input and answers Pings. Returns the number of messages, Pings
/// and Pongs.
#[inline]
pub fn receive<R: Role>(ws: &mut Connection<R>, bytes: &mut [u8]) -> usize {
    let mut input = Input::new(bytes);
    let mut events = 0;
    while let Some(n) = next(ws, &mut input) {
        events += n;
    }
    events
}

/// Like [`receive`], through a buffer of the minimum length.
#[inline]
pub fn receive_131<R: Role>(ws: &mut Connection<R>, mut bytes: &[u8]) -> usize {
    let mut rx = RecvBuffer::new([0; MIN_BUFFER_LEN]);
    let mut events = 0;
    while !bytes.is_empty() {
        let spare = rx.spare_mut();
        let (now, later) = bytes.split_at(spare.len().min(bytes.len()));
        spare[..now.len()].copy_from_slice(now);
        bytes = later;
        rx.advance(now.len());
        let mut input = rx.input();
        while let Some(n) = next(ws, &mut input) {
            events += n;
        }
    }
    events
}

/// Receives the next event. Returns 1 for the end of a message, a Ping or a Pong, 0 for other data,
/// and `None` if more bytes are needed.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a caller would write this loop inline")]
pub fn next<R: Role>(ws: &mut Connection<R>, input: &mut Input<'_>) -> Option<usize> {
    match ws.receive(input).unwrap() {
        Event::Data(data) => {
            let fin = data.fin;
            black_box(data.payload);
            Some(usize::from(fin))
        }
        Event::Ping(_) => {
            let mut out = [0; MIN_BUFFER_LEN];
            black_box(ws.transmit(&mut out).unwrap());
            Some(1)
        }
        Event::Pong(_) => Some(1),
        Event::Close(_) | Event::NeedMore(_) => None,
    }
}

/// An opening handshake of a browser.
pub const REQUEST: &[u8] = b"GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n\
    Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n\
    Cookie: session=0123456789abcdef\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
    Upgrade: websocket\r\n\r\n";
