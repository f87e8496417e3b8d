//! A session with its buffers, driven as its documentation says, over a transport in memory.

use std::collections::VecDeque;
use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{Client, Config, RecvBuffer, SendBuffer, Server, Storage, TransportAction};

/// What happened, with owned contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Upgrade(String),
    Request(String),
    Opened,
    Rejected(u16),
    Data { payload: Vec<u8>, fin: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    Failed(Failure),
}

impl Seen {
    pub(crate) fn of(event: SessionEvent<'_>) -> Self {
        match event {
            SessionEvent::Upgrade(upgrade) => Self::Upgrade(upgrade.request().path().to_owned()),
            SessionEvent::Request(request) => Self::Request(request.path().to_owned()),
            SessionEvent::Opened(_) => Self::Opened,
            SessionEvent::Rejected(rejected) => Self::Rejected(rejected.status()),
            SessionEvent::Data(data) => {
                Self::Data { payload: data.payload.to_vec(), fin: data.fin }
            }
            SessionEvent::Ping(payload) => Self::Ping(payload.to_vec()),
            SessionEvent::Pong(payload) => Self::Pong(payload.to_vec()),
            SessionEvent::Close(close) => Self::Close(close.map(|close| close.code.as_u16())),
            SessionEvent::Failed(failure) => Self::Failed(failure),
        }
    }

    pub(crate) fn data(payload: &[u8]) -> Self {
        Self::Data { payload: payload.to_vec(), fin: true }
    }
}

/// What waits at this side's end of the transport.
#[derive(Debug, Default)]
pub(crate) struct Transport {
    pub(crate) incoming: VecDeque<u8>,
    /// The peer has ended its direction.
    pub(crate) is_ended: bool,
    pub(crate) written: Vec<u8>,
    /// How many more bytes the peer's window takes.
    pub(crate) window: usize,
    pub(crate) is_half_closed: bool,
    pub(crate) is_dropped: bool,
}

/// When the loop reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads {
    Always,
    /// Only when nothing is unsent, as a blocking thread does.
    AfterWriting,
    /// Only when bytes are there, as a loop on `epoll` does.
    WhenReadable,
}

/// One side, with what it has seen.
#[derive(Debug)]
pub(crate) struct End<R: SessionRole, S> {
    pub(crate) ws: Session<R>,
    pub(crate) rx: RecvBuffer<S>,
    pub(crate) tx: SendBuffer<S>,
    pub(crate) transport: Transport,
    pub(crate) seen: Vec<Seen>,
    pub(crate) now: Duration,
    /// Sends every chunk back.
    pub(crate) echoes: bool,
    /// Leaves requests unanswered.
    pub(crate) is_silent: bool,
    pub(crate) reads: Reads,
}

pub(crate) const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
pub(crate) type Keys = fn() -> [u8; 4];

pub(crate) const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn server() -> End<Server, Vec<u8>> {
    server_with(Config::new(), Timeouts::new(), Vec::new(), Vec::new())
}

pub(crate) fn server_with<S: Storage>(
    config: Config,
    timeouts: Timeouts,
    rx: S,
    tx: S,
) -> End<Server, S> {
    let ws = Session::server(config, timeouts, Duration::ZERO);
    End::new(ws, RecvBuffer::new(rx), SendBuffer::new(tx))
}

/// A server whose opening handshake is complete, and whose output was taken.
pub(crate) fn open_server() -> End<Server, Vec<u8>> {
    let mut end = server();
    end.open();
    end
}

pub(crate) fn client(handshake: &Handshake<'_>) -> End<Client<Keys>, Vec<u8>> {
    client_with(Config::new(), handshake)
}

fn client_with(config: Config, handshake: &Handshake<'_>) -> End<Client<Keys>, Vec<u8>> {
    let (mut tx, timeouts) = (SendBuffer::new(Vec::new()), Timeouts::new());
    let keys: Keys = || KEY;
    let ws = Session::client(config, timeouts, keys, handshake, &mut tx, Duration::ZERO).unwrap();
    End::new(ws, RecvBuffer::new(Vec::new()), tx)
}

/// A client whose opening handshake is complete.
pub(crate) fn open_client(config: Config) -> End<Client<Keys>, Vec<u8>> {
    let mut end = client_with(config, &Handshake::new(*b"the sample nonce", "example.com", "/"));
    end.receive(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    assert_eq!(end.take_seen(), [Seen::Opened]);
    end.take_written();
    end
}

impl<S: Storage> End<Server, S> {
    pub(crate) fn open(&mut self) {
        self.receive(REQUEST.as_bytes());
        assert_eq!(self.take_seen(), [Seen::Upgrade("/chat".to_owned())]);
        assert!(self.take_written().starts_with(b"HTTP/1.1 101 "));
    }
}

/// What a role does with its own events.
pub(crate) trait Handles: SessionRole + Sized {
    fn handle<S: Storage>(
        ws: &mut Session<Self>,
        event: &SessionEvent<'_>,
        tx: &mut SendBuffer<S>,
        now: Duration,
    );
}

impl Handles for Server {
    fn handle<S: Storage>(
        ws: &mut Session<Self>,
        event: &SessionEvent<'_>,
        tx: &mut SendBuffer<S>,
        now: Duration,
    ) {
        if let SessionEvent::Upgrade(upgrade) = event {
            ws.answer(upgrade.accept(Origins::Any), tx, now).unwrap();
        }
    }
}

impl Handles for Client<Keys> {
    fn handle<S: Storage>(
        _: &mut Session<Self>,
        _: &SessionEvent<'_>,
        _: &mut SendBuffer<S>,
        _: Duration,
    ) {
    }
}

impl<R: Handles, S: Storage> End<R, S> {
    pub(crate) fn new(ws: Session<R>, rx: RecvBuffer<S>, tx: SendBuffer<S>) -> Self {
        let transport = Transport { window: usize::MAX, ..Transport::default() };
        let (seen, now) = (Vec::new(), Duration::ZERO);
        Self {
            ws,
            rx,
            tx,
            transport,
            seen,
            now,
            echoes: false,
            is_silent: false,
            reads: Reads::Always,
        }
    }

    /// The bytes arrive, and the loop turns until nothing more happens.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.transport.incoming.extend(bytes);
        self.turns();
    }

    /// The peer ends its direction.
    pub(crate) fn ends(&mut self) {
        self.transport.is_ended = true;
        self.turns();
    }

    /// Turns the loop until it would sleep.
    pub(crate) fn turns(&mut self) {
        while self.turn() {}
    }

    /// Time passes up to `now`, with a turn of the loop at each deadline.
    pub(crate) fn sleep_until(&mut self, now: Duration) {
        self.turns();
        while let Some(at) = self.ws.deadline().filter(|at| *at <= now) {
            if self.transport.is_dropped {
                break;
            }
            self.now = self.now.max(at);
            self.turns();
        }
        self.now = now;
        self.turns();
    }

    /// The process was stopped until `now`, and the timers are the first thing that it sees.
    pub(crate) fn stopped_until(&mut self, now: Duration) {
        self.now = now;
        self.events();
        self.turns();
    }

    pub(crate) fn events(&mut self) {
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, self.now) {
            if !self.is_silent {
                R::handle(&mut self.ws, &event, &mut self.tx, self.now);
            }
            if let SessionEvent::Data(data) = &event
                && self.echoes
            {
                self.ws.send_fragment(data.kind, data.fin, data.payload, &mut self.tx).unwrap();
            }
            self.seen.push(Seen::of(event));
        }
    }

    /// One turn of the loop in the documentation; whether it did anything.
    pub(crate) fn turn(&mut self) -> bool {
        if self.transport.is_dropped {
            return false;
        }
        let before = (self.seen.len(), self.transport.written.len());
        self.events();
        let n = self.tx.unsent().len().min(self.transport.window);
        self.transport.written.extend(&self.tx.unsent()[..n]);
        self.transport.window -= n;
        self.tx.sent(n);
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => {
                assert!(!self.transport.is_half_closed, "half-closed twice");
                self.transport.is_half_closed = true;
            }
            TransportAction::Drop => {
                self.transport.is_dropped = true;
                return false;
            }
        }
        let mut was_read = false;
        let is_readable = !self.transport.incoming.is_empty() || self.transport.is_ended;
        if self.ws.wants_read()
            && match self.reads {
                Reads::Always => true,
                Reads::AfterWriting => self.tx.is_empty(),
                Reads::WhenReadable => is_readable,
            }
        {
            let spare = self.rx.spare_mut();
            let n = spare.len().min(self.transport.incoming.len());
            for (to, from) in spare.iter_mut().zip(self.transport.incoming.drain(..n)) {
                *to = from;
            }
            if n > 0 || self.transport.is_ended {
                self.rx.advance(n);
                was_read = n > 0;
            }
            if n == 0 && self.transport.is_ended {
                self.events();
                if self.ws.transport_action(&self.tx) == TransportAction::Drop {
                    self.transport.is_dropped = true;
                }
            }
        }
        was_read || before != (self.seen.len(), self.transport.written.len())
    }

    pub(crate) fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    pub(crate) fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.transport.written)
    }
}

/// A frame of a client.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = plain(first, payload);
    frame[1] |= 0x80;
    let head = frame.len() - payload.len();
    frame.splice(head..head, KEY);
    for (byte, key) in frame[head + 4..].iter_mut().zip(KEY.iter().cycle()) {
        *byte ^= key;
    }
    frame
}

/// A frame of a server.
pub(crate) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(u8::try_from(len).unwrap()),
        len => {
            frame.push(126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}
