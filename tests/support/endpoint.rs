//! A connection of either side as a single type, with its unconsumed bytes and a counting key
//! source.
#![allow(dead_code, reason = "each program uses part of it")]

use std::cell::Cell;
use std::rc::Rc;

use barews::frame::HeaderBytes;
use barews::{
    Client, CloseCode, Config, Connection, Content, Error, Event, Input, Kind, MaskKeys, NoKey,
    SendError, Server, State, TransportAction,
};

use super::event::{Ev, joined};
use super::frame::{KEY, frame, header, plain};

/// The side under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

pub(crate) const SIDES: [Side; 2] = [Side::Server, Side::Client];

impl Side {
    pub(crate) fn peer(self) -> Self {
        if self == Self::Server { Self::Client } else { Self::Server }
    }

    /// The masking key that this side's peer uses.
    pub(crate) fn key(self) -> Option<[u8; 4]> {
        (self == Self::Server).then_some(KEY)
    }

    /// The length of the masking key in headers that this side writes.
    pub(crate) fn key_len(self) -> usize {
        if self == Self::Client { 4 } else { 0 }
    }

    /// A header as sent by this side's peer.
    pub(crate) fn header(self, first: u8, len: u64) -> Vec<u8> {
        header(first, self.key(), len)
    }

    /// A frame as sent by this side's peer.
    pub(crate) fn frame(self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, self.key(), payload)
    }

    /// A connection of this side; a client's keys are all distinct.
    pub(crate) fn ws(self, config: Config) -> Ws {
        Ws::new(self, config, Keys::default())
    }

    /// The same, but a client always uses [`KEY`].
    pub(crate) fn ws_of_one_key(self, config: Config) -> Ws {
        Ws::new(self, config, Keys { only: Some(KEY), ..Keys::default() })
    }
}

/// A key source that counts the keys drawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    drawn: Rc<Cell<u32>>,
    only: Option<[u8; 4]>,
}

impl Keys {
    /// The key of call number `n`, from 0.
    pub(crate) fn nth(n: u32) -> [u8; 4] {
        (n + 1).wrapping_mul(0x9E37_79B9).to_be_bytes()
    }

    pub(crate) fn drawn(&self) -> u32 {
        self.drawn.get()
    }
}

impl MaskKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        let n = self.drawn.get();
        self.drawn.set(n + 1);
        Ok(self.only.unwrap_or(Self::nth(n)))
    }
}

/// A writing call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Fragment(Kind, bool, &'a [u8]),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(u16, &'a str),
    Transmit,
}

/// A connection of either side.
#[derive(Debug)]
pub(crate) enum Either {
    Server(Connection<Server>),
    Client(Connection<Client<Keys>>),
}

macro_rules! each {
    ($either:expr, $ws:ident => $call:expr) => {
        match $either {
            Either::Server($ws) => $call,
            Either::Client($ws) => $call,
        }
    };
}

/// A connection of either side, with the bytes it has not consumed yet.
#[derive(Debug)]
pub(crate) struct Ws {
    pub(crate) either: Either,
    keys: Keys,
    unread: Vec<u8>,
    /// The total of consumed bytes.
    pub(crate) consumed: usize,
    /// The number of the last `NeedMore`; 0 after an error.
    pub(crate) need: usize,
}

impl Ws {
    fn new(side: Side, config: Config, keys: Keys) -> Self {
        let either = match side {
            Side::Server => Either::Server(Connection::server(config)),
            Side::Client => Either::Client(Connection::client(config, keys.clone())),
        };
        Self { either, keys, unread: Vec::new(), consumed: 0, need: 0 }
    }

    /// The number of keys drawn.
    pub(crate) fn keys(&self) -> u32 {
        self.keys.drawn()
    }

    pub(crate) fn receive<'b>(&mut self, input: &mut Input<'b>) -> Result<Event<'b>, Error> {
        each!(&mut self.either, ws => ws.receive(input))
    }

    /// The next event, owned.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Ev {
        self.receive(input).map_or_else(Ev::Fail, Ev::from)
    }

    /// Returns all events up to and including the first `More` or `Fail`.
    pub(crate) fn drain(&mut self, input: &mut Input<'_>) -> Vec<Ev> {
        // Each event takes at least one byte; an error may follow.
        let most = input.len() + 1;
        let mut events = Vec::new();
        loop {
            assert!(events.len() <= most, "calls without progress: {:?}", events.last());
            let event = self.next(input);
            let end = matches!(event, Ev::More(_) | Ev::Fail(_));
            events.push(event);
            if end {
                return events;
            }
        }
    }

    /// Adds bytes and returns all events up to and including the first `More` or `Fail`.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Ev> {
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend(bytes);
        let mut input = Input::new(&mut unread);
        let events = self.drain(&mut input);
        let consumed = input.consumed();
        self.need = if let Some(Ev::More(n)) = events.last() { *n } else { 0 };
        self.consumed += consumed;
        unread.drain(..consumed);
        self.unread = unread;
        events
    }

    /// [`feed`](Self::feed) without the `More`.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Ev> {
        let mut events = self.feed(bytes);
        events.pop_if(|event| matches!(event, Ev::More(_)));
        events
    }

    /// [`push`](Self::push) in pieces of `n` bytes, with the pieces of messages joined.
    pub(crate) fn push_by(&mut self, n: usize, bytes: &[u8]) -> Vec<Ev> {
        let mut events = Vec::new();
        for chunk in bytes.chunks(n) {
            events.extend(self.push(chunk));
            if let Some(Ev::Fail(_)) = events.last() {
                break;
            }
        }
        joined(&events)
    }

    pub(crate) fn call(&mut self, call: Call<'_>, out: &mut [u8]) -> Result<usize, SendError> {
        each!(&mut self.either, ws => match call {
            Call::Text(text) => ws.send_text(text, out),
            Call::Binary(payload) => ws.send_binary(payload, out),
            Call::Fragment(kind, fin, payload) => ws.send_fragment(kind, fin, payload, out),
            Call::Ping(payload) => ws.send_ping(payload, out),
            Call::Pong(payload) => ws.send_pong(payload, out),
            Call::Close(code, reason) => ws.send_close(CloseCode::new(code), reason, out),
            Call::Transmit => ws.transmit(out),
        })
    }

    /// The bytes that a call writes, given enough room.
    pub(crate) fn sent(&mut self, call: Call<'_>) -> Vec<u8> {
        let mut out = vec![0xEE; 80_000];
        let n = self.call(call, &mut out).unwrap();
        assert!(out[n..].iter().all(|byte| *byte == 0xEE), "wrote past the end");
        out.truncate(n);
        out
    }

    /// The pending output, as frames.
    pub(crate) fn due(&mut self) -> Vec<(u8, Vec<u8>)> {
        plain(&self.sent(Call::Transmit))
    }

    /// The error of a call that has enough room.
    pub(crate) fn refused(&mut self, call: Call<'_>) -> SendError {
        self.call(call, &mut vec![0; 80_000]).unwrap_err()
    }

    pub(crate) fn in_place(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &mut [u8],
    ) -> Result<HeaderBytes, SendError> {
        each!(&mut self.either, ws => ws.send_in_place(content, fin, payload))
    }

    pub(crate) fn begin(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        len: u64,
    ) -> Result<HeaderBytes, SendError> {
        each!(&mut self.either, ws => ws.begin_frame(content, fin, len))
    }

    pub(crate) fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        each!(&mut self.either, ws => ws.mask_next(chunk))
    }

    pub(crate) fn frame_left(&self) -> u64 {
        each!(&self.either, ws => ws.frame_left())
    }

    pub(crate) fn is_receiving_message(&self) -> bool {
        each!(&self.either, ws => ws.is_receiving_message())
    }

    pub(crate) fn is_sending_message(&self) -> bool {
        each!(&self.either, ws => ws.is_sending_message())
    }

    pub(crate) fn eof(&mut self) -> Result<(), Error> {
        each!(&mut self.either, ws => ws.receive_eof())
    }

    pub(crate) fn wants_write(&self) -> bool {
        each!(&self.either, ws => ws.wants_write())
    }

    pub(crate) fn state(&self) -> State {
        each!(&self.either, ws => ws.state())
    }

    pub(crate) fn transport_action(&self) -> TransportAction {
        each!(&self.either, ws => ws.transport_action())
    }
}
