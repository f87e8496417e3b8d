//! Frames built from RFC 6455 section 5.2 without the crate, and both roles behind one type.
#![allow(dead_code, reason = "each test uses a part of it")]

use barews::{Client, Config, Connection, Error, Event, Input, Kind, SendError, Server};

/// The masking key of the frames that a client sends.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// The receiving side of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

pub(crate) const SIDES: [Side; 2] = [Side::Server, Side::Client];

impl Side {
    /// The key of a frame that this side receives.
    pub(crate) fn key(self) -> Option<[u8; 4]> {
        (self == Self::Server).then_some(KEY)
    }

    pub(crate) fn header(self, first: u8, len: u64) -> Vec<u8> {
        header(first, len, self.key())
    }

    pub(crate) fn frame(self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, payload, self.key())
    }

    pub(crate) fn ws(self, config: Config) -> Ws {
        match self {
            Self::Server => Ws::Server(Connection::server(config)),
            Self::Client => Ws::Client(Connection::client(config, || KEY)),
        }
    }
}

pub(crate) fn header(first: u8, len: u64, key: Option<[u8; 4]>) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..=125), _) => vec![first, mask | short],
        (_, Ok(medium)) => [&[first, mask | 0x7E][..], &medium.to_be_bytes()].concat(),
        _ => [&[first, mask | 0x7F][..], &len.to_be_bytes()].concat(),
    };
    bytes.extend(key.iter().flatten());
    bytes
}

pub(crate) fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = header(first, u64::try_from(payload.len()).unwrap(), key);
    let key = key.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// A source of masking keys.
pub(crate) type Keys = fn() -> [u8; 4];

/// A connection of either role.
#[derive(Debug)]
pub(crate) enum Ws {
    Server(Connection<Server>),
    Client(Connection<Client<Keys>>),
}

macro_rules! each {
    ($self:expr, $ws:ident => $call:expr) => {
        match $self {
            Self::Server($ws) => $call,
            Self::Client($ws) => $call,
        }
    };
}

impl Ws {
    pub(crate) fn receive<'b>(&mut self, input: &mut Input<'b>) -> Result<Event<'b>, Error> {
        each!(self, ws => ws.receive(input))
    }

    pub(crate) fn transmit(&mut self, out: &mut [u8]) -> Result<usize, SendError> {
        each!(self, ws => ws.transmit(out))
    }

    pub(crate) fn send_text(&mut self, text: &str, out: &mut [u8]) -> Result<usize, SendError> {
        each!(self, ws => ws.send_text(text, out))
    }

    pub(crate) fn wants_write(&self) -> bool {
        each!(self, ws => ws.wants_write())
    }

    /// The next event, owned.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Ev {
        self.receive(input).map_or_else(Ev::Fail, Ev::from)
    }

    /// All events up to the first `More` or `Fail`, which is the last.
    pub(crate) fn drain(&mut self, input: &mut Input<'_>) -> Vec<Ev> {
        let mut events = Vec::new();
        loop {
            let event = self.next(input);
            let end = matches!(event, Ev::More(_) | Ev::Fail(_));
            events.push(event);
            if end {
                return events;
            }
        }
    }

    /// All events of `bytes`, which come at once.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Ev> {
        let mut bytes = bytes.to_vec();
        self.drain(&mut Input::new(&mut bytes))
    }

    /// The control frames that are due, as bytes.
    pub(crate) fn due(&mut self) -> Vec<u8> {
        let mut out = [0; 131];
        let n = self.transmit(&mut out).unwrap();
        out[..n].to_vec()
    }
}

/// An owned [`Event`], or the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ev {
    Data { kind: Kind, payload: Vec<u8>, first: bool, fin: bool, left: u64 },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    More(usize),
    Fail(Error),
}

impl From<Event<'_>> for Ev {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(data) => Self::Data {
                kind: data.kind,
                payload: data.payload.to_vec(),
                first: data.first,
                fin: data.fin,
                left: data.frame_left,
            },
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => {
                Self::Close(close.map(|close| (close.code.as_u16(), close.reason.to_owned())))
            }
            Event::NeedMore(n) => Self::More(n.get()),
        }
    }
}

impl Ev {
    pub(crate) fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.to_vec())
    }

    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::Pong(payload.to_vec())
    }

    /// A whole message in one piece.
    pub(crate) fn text(payload: &[u8]) -> Self {
        Self::piece(Kind::Text, payload, true, true, 0)
    }

    /// A whole message in one piece.
    pub(crate) fn binary(payload: &[u8]) -> Self {
        Self::piece(Kind::Binary, payload, true, true, 0)
    }

    pub(crate) fn piece(kind: Kind, payload: &[u8], first: bool, fin: bool, left: u64) -> Self {
        Self::Data { kind, payload: payload.to_vec(), first, fin, left }
    }
}
