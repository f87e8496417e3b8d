//! Frames made by hand from bytes, a connection of either side behind one type, a driver that owns
//! the events, and a source of keys that counts. Nothing here uses the library's own encoder.

#![allow(dead_code, reason = "each test file uses a part")]

use core::cell::Cell;
use std::rc::Rc;

use barews::frame::HeaderBytes;
use barews::{
    Client, CloseCode, Config, Connection, Error, Event, Input, Kind, MaskKeys, NoKey, SendError,
    Server, State, TransportAction,
};

/// The masking key of RFC 6455 section 5.7, used for all frames that a peer sends to a server.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub const SIDES: [Side; 2] = [Side::Server, Side::Client];

/// Which side of the connection is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

impl Side {
    /// The key that the peer of this side has to use.
    pub fn peer_key(self) -> Option<[u8; 4]> {
        (self == Self::Server).then_some(KEY)
    }

    /// A frame as the peer of this side sends it.
    pub fn incoming(self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, self.peer_key(), payload)
    }

    /// The bytes of masking key in a header that this side writes.
    pub fn key_len(self) -> usize {
        if self == Self::Client { 4 } else { 0 }
    }
}

/// RFC 6455 section 5.3, word for word.
pub fn xor(bytes: &mut [u8], key: [u8; 4]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[i % 4];
    }
}

/// A header whose length is in `field` bytes: 0, 2 or 8.
pub fn header_in(field: usize, first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let be = len.to_be_bytes();
    let mut bytes = vec![first];
    match field {
        0 => bytes.push(mask | be[7]),
        2 => bytes.extend([mask | 0x7E, be[6], be[7]]),
        _ => {
            bytes.push(mask | 0x7F);
            bytes.extend(be);
        }
    }
    bytes.extend(key.into_iter().flatten());
    bytes
}

/// A header with its length in the shortest form.
pub fn header(first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    let field = if len < 126 {
        0
    } else if len < 65_536 {
        2
    } else {
        8
    };
    header_in(field, first, key, len)
}

pub fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, key, payload.len() as u64);
    let head = bytes.len();
    bytes.extend(payload);
    if let Some(key) = key {
        xor(&mut bytes[head..], key);
    }
    bytes
}

/// A frame that was written, with its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub first: u8,
    pub key: Option<[u8; 4]>,
    pub payload: Vec<u8>,
}

/// Takes written bytes apart. The lengths must be in their shortest form, and nothing left over.
pub fn written(mut wire: &[u8]) -> Vec<Written> {
    let mut frames = Vec::new();
    while !wire.is_empty() {
        let first = wire[0];
        let field = [0, 2, 8][usize::from(wire[1] & 127).saturating_sub(125)];
        let len = match field {
            0 => u64::from(wire[1] & 127),
            2 => u64::from(u16::from_be_bytes([wire[2], wire[3]])),
            _ => u64::from_be_bytes(wire[2..10].try_into().unwrap()),
        };
        let end = 2 + field;
        let key: Option<[u8; 4]> =
            (wire[1] & 0x80 != 0).then(|| wire[end..end + 4].try_into().unwrap());
        let head = header(first, key, len);
        assert_eq!(wire[..head.len()], head, "not the shortest header");
        let end = head.len() + usize::try_from(len).unwrap();
        let mut payload = wire[head.len()..end].to_vec();
        if let Some(key) = key {
            xor(&mut payload, key);
        }
        frames.push(Written { first, key, payload });
        wire = &wire[end..];
    }
    frames
}

/// First byte and payload of each written frame.
pub fn plain(wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    written(wire).into_iter().map(|frame| (frame.first, frame.payload)).collect()
}

/// Keys that can be told apart, and how many were drawn.
#[derive(Clone, Default)]
pub struct Keys(pub Rc<Cell<u32>>);

impl Keys {
    /// The key that the call number `n` (from 0) gives.
    pub fn nth(n: u32) -> [u8; 4] {
        (n + 1).wrapping_mul(0x9E37_79B9).to_be_bytes()
    }
}

impl MaskKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        let n = self.0.get();
        self.0.set(n + 1);
        Ok(Self::nth(n))
    }
}

/// An event that owns its bytes, or the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ev {
    Data { kind: Kind, payload: Vec<u8>, first: bool, fin: bool, left: u64 },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Fail(Error),
}

/// The last piece of a frame.
pub fn piece(kind: Kind, payload: &[u8], first: bool, fin: bool) -> Ev {
    Ev::Data { kind, payload: payload.to_vec(), first, fin, left: 0 }
}

/// A message in one piece.
pub fn whole(kind: Kind, payload: &[u8]) -> Ev {
    piece(kind, payload, true, true)
}

/// A Close event with a code.
pub fn closed(code: u16, reason: &str) -> Ev {
    Ev::Close(Some((code, reason.to_owned())))
}

/// Puts neighbouring pieces of one message together.
pub fn joined(events: &[Ev]) -> Vec<Ev> {
    let mut all: Vec<Ev> = Vec::new();
    for event in events {
        if let Ev::Data { payload: more, first: false, fin: end, left: still, .. } = event
            && let Some(Ev::Data { payload, fin, left, .. }) = all.last_mut()
            && !*fin
        {
            payload.extend(more);
            (*fin, *left) = (*end, *still);
        } else {
            all.push(event.clone());
        }
    }
    all
}

/// A call that writes.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Fragment(Kind, bool, &'a [u8]),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(u16, &'a str),
    Transmit,
}

enum Either {
    Server(Connection<Server>),
    Client(Connection<Client<Keys>>),
}

macro_rules! either {
    ($self:ident, $ws:ident => $call:expr) => {
        match &mut $self.either {
            Either::Server($ws) => $call,
            Either::Client($ws) => $call,
        }
    };
}

/// A connection of either side with the bytes that it has not consumed yet.
pub struct Ws {
    either: Either,
    keys: Keys,
    unread: Vec<u8>,
    /// How many bytes were consumed in all.
    pub consumed: usize,
    /// The number of the last `NeedMore`; 0 after an error.
    pub need: usize,
}

impl Ws {
    pub fn new(side: Side, config: Config) -> Self {
        let keys = Keys::default();
        let either = match side {
            Side::Server => Either::Server(Connection::server(config)),
            Side::Client => Either::Client(Connection::client(config, keys.clone())),
        };
        Self { either, keys, unread: Vec::new(), consumed: 0, need: 0 }
    }

    /// How many keys were drawn.
    pub fn keys(&self) -> u32 {
        self.keys.0.get()
    }

    /// Adds bytes and takes all events up to `NeedMore` or the error.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Ev> {
        let mut unread = core::mem::take(&mut self.unread);
        unread.extend(bytes);
        let most = unread.len() + 1;
        let mut events = Vec::new();
        let mut input = Input::new(&mut unread);
        loop {
            // An event has a byte at least; then there may be the error.
            assert!(events.len() <= most, "calls that move nothing: {:?}", events.last());
            events.push(match either!(self, ws => ws.receive(&mut input)) {
                Ok(Event::Data(data)) => Ev::Data {
                    kind: data.kind,
                    payload: data.payload.to_vec(),
                    first: data.first,
                    fin: data.fin,
                    left: data.frame_left,
                },
                Ok(Event::Ping(payload)) => Ev::Ping(payload.to_vec()),
                Ok(Event::Pong(payload)) => Ev::Pong(payload.to_vec()),
                Ok(Event::Close(close)) => {
                    Ev::Close(close.map(|close| (close.code.as_u16(), close.reason.to_owned())))
                }
                Ok(Event::NeedMore(n)) => {
                    self.need = n.get();
                    break;
                }
                Err(error) => {
                    self.need = 0;
                    events.push(Ev::Fail(error));
                    break;
                }
            });
        }
        let consumed = input.consumed();
        self.consumed += consumed;
        unread.drain(..consumed);
        self.unread = unread;
        events
    }

    /// [`push`](Self::push) in pieces of `n` bytes, with the pieces of messages joined.
    pub fn push_by(&mut self, n: usize, bytes: &[u8]) -> Vec<Ev> {
        let mut events = Vec::new();
        for chunk in bytes.chunks(n) {
            events.extend(self.push(chunk));
            if let Some(Ev::Fail(_)) = events.last() {
                break;
            }
        }
        joined(&events)
    }

    pub fn call(&mut self, call: Call<'_>, out: &mut [u8]) -> Result<usize, SendError> {
        either!(self, ws => match call {
            Call::Text(text) => ws.send_text(text, out),
            Call::Binary(payload) => ws.send_binary(payload, out),
            Call::Fragment(kind, fin, payload) => ws.send_fragment(kind, fin, payload, out),
            Call::Ping(payload) => ws.send_ping(payload, out),
            Call::Pong(payload) => ws.send_pong(payload, out),
            Call::Close(code, reason) => ws.send_close(CloseCode::new(code), reason, out),
            Call::Transmit => ws.transmit(out),
        })
    }

    /// The bytes that a call writes into enough room.
    pub fn sent(&mut self, call: Call<'_>) -> Vec<u8> {
        let mut out = vec![0xEE; 80_000];
        let n = self.call(call, &mut out).unwrap();
        assert!(out[n..].iter().all(|byte| *byte == 0xEE), "written behind the end");
        out.truncate(n);
        out
    }

    /// What is due, as frames.
    pub fn due(&mut self) -> Vec<(u8, Vec<u8>)> {
        plain(&self.sent(Call::Transmit))
    }

    /// The refusal of a call that has room enough.
    pub fn refused(&mut self, call: Call<'_>) -> SendError {
        self.call(call, &mut vec![0; 80_000]).unwrap_err()
    }

    pub fn in_place(
        &mut self,
        kind: Kind,
        fin: bool,
        payload: &mut [u8],
    ) -> Result<HeaderBytes, SendError> {
        either!(self, ws => ws.send_in_place(kind, fin, payload))
    }

    pub fn begin(&mut self, kind: Kind, fin: bool, len: u64) -> Result<HeaderBytes, SendError> {
        either!(self, ws => ws.begin_frame(kind, fin, len))
    }

    pub fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        either!(self, ws => ws.mask_next(chunk))
    }

    pub fn eof(&mut self) -> Result<(), Error> {
        either!(self, ws => ws.receive_eof())
    }

    pub fn wants_write(&mut self) -> bool {
        either!(self, ws => ws.wants_write())
    }

    pub fn state(&mut self) -> State {
        either!(self, ws => ws.state())
    }

    pub fn transport_action(&mut self) -> TransportAction {
        either!(self, ws => ws.transport_action())
    }
}
