//! The two roles of a session: heads that arrive, what the caller answers, and what it writes.

use std::num::NonZero;
use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::handshake::deflate::{DeflateConfig, DeflateOffer};
use barews::handshake::server::{Incoming, Origins, RequestReader, Upgrade};
use barews::handshake::{self, Status};
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{Client, Config, Connection, Error, MaskKeys, NoKey, SendBuffer, Server};

use crate::expected::{self, Head, Log};
use crate::memory::Memory;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const OFFERS: &[DeflateOffer] = &[DeflateOffer::new()];

pub const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// The masking keys of a client; this many.
#[derive(Debug)]
pub struct FewKeys(pub u32);

impl MaskKeys for FewKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        self.0 = self.0.checked_sub(1).ok_or(NoKey)?;
        Ok(KEY)
    }
}

/// The head that arrives. Often it is valid; if it is empty, the frames of the wire are its bytes.
pub fn head(is_server: bool, byte: u8, is_compressed: bool) -> Vec<u8> {
    let start = if is_server { REQUEST } else { RESPONSE };
    let mut head = format!("{start}{}\r\n", if is_compressed { DEFLATE } else { "" }).into_bytes();
    match byte % 8 {
        0 | 1 => head.clear(),
        2 if is_server => head = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_vec(),
        2 => head = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec(),
        3 if !is_server => {
            head.splice(0..0, *b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        }
        4 => {
            let at = usize::from(byte) * 7 % head.len();
            head[at] ^= 1 << (byte >> 5);
        }
        _ => {}
    }
    head
}

pub fn handshake(is_compressed: bool) -> Handshake<'static> {
    let handshake = Handshake::new(*b"the sample nonce", "example.com", "/chat");
    if is_compressed { handshake.deflate(OFFERS) } else { handshake }
}

/// Whether every deadline is finite, so that a silent peer is always given up.
pub fn all_end(byte: u8) -> bool {
    byte % 8 != 7
}

pub fn timeouts(byte: u8) -> Timeouts {
    let time = |n: u8| Some(Duration::from_millis(1 << (4 + n % 13)));
    let timeouts = Timeouts::new();
    match byte % 8 {
        0..3 => timeouts,
        3 => timeouts.handshake_within(time(byte)).message_within(time(byte / 3)),
        4 => timeouts.write_within(time(byte)).close_within(time(byte / 5)).ping_after(time(byte)),
        5 => timeouts.idle_within(time(byte)).pong_within(time(byte / 7)),
        6 => {
            let rate = NonZero::new(u32::from(byte)).unwrap_or(NonZero::<u32>::MIN);
            timeouts.message_within(time(byte)).message_rate(rate)
        }
        _ => timeouts.ping_after(None).write_within(None).handshake_within(None),
    }
}

/// The request that a server answers, whatever it was asked.
pub fn with_request(is_compressed: bool, act: impl FnOnce(&Upgrade<'_>)) {
    let head = format!("{REQUEST}{}\r\n", if is_compressed { DEFLATE } else { "" });
    match RequestReader::new().read(head.as_bytes()) {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => act(&upgrade),
        other => panic!("{other:?}"),
    }
}

/// What differs between the roles.
pub trait Side: SessionRole + std::fmt::Debug + Sized {
    /// What the bytes mean as a head.
    fn head(bytes: &[u8], is_compressed: bool) -> Head;
    /// The events of frames that arrive at once.
    fn frames(config: Config, bytes: &[u8]) -> Log;
    /// Asserts that the peer accepts the frames that were written, and that no frame follows a
    /// Close.
    fn is_accepted(config: Config, bytes: &[u8]);
    /// Answers the opening handshake in one of several ways, at any time.
    fn answer(
        ws: &mut Session<Self>,
        how: u8,
        upgrade: Option<&Upgrade<'_>>,
        tx: &mut SendBuffer<Memory>,
        now: Duration,
    );
}

impl Side for Server {
    fn head(bytes: &[u8], _: bool) -> Head {
        expected::request(bytes)
    }

    fn frames(config: Config, bytes: &[u8]) -> Log {
        expected::frames(Connection::server(config), bytes)
    }

    fn is_accepted(config: Config, bytes: &[u8]) {
        expected::is_accepted(Connection::client(config, FewKeys(u32::MAX)), bytes);
    }

    fn answer(
        ws: &mut Session<Self>,
        how: u8,
        upgrade: Option<&Upgrade<'_>>,
        tx: &mut SendBuffer<Memory>,
        now: Duration,
    ) {
        let before = tx.len();
        let result = match (how % 16, upgrade) {
            (0..12, Some(upgrade)) => {
                let accept = upgrade.accept(Origins::Any).expect("any origin is accepted");
                let deflate = upgrade.negotiate_deflate(&DeflateConfig::new());
                ws.answer(Ok(deflate.map_or(accept, |deflate| accept.deflate(deflate))), tx, now)
            }
            (12, _) => ws.answer(Err(handshake::Error::OriginRefused), tx, now),
            (13, _) => ws.respond(404, &[("X-Why", "not here")], b"sorry", tx, now),
            (14, _) => ws.respond(99, &[], b"", tx, now),
            _ => Ok(()),
        };
        assert!(result.is_ok() || tx.len() == before, "a part of a response is queued");
    }
}

impl Side for Client<FewKeys> {
    fn head(bytes: &[u8], is_compressed: bool) -> Head {
        expected::response(handshake(is_compressed), bytes)
    }

    fn frames(config: Config, bytes: &[u8]) -> Log {
        expected::frames(Connection::client(config, FewKeys(u32::MAX)), bytes)
    }

    fn is_accepted(config: Config, bytes: &[u8]) {
        expected::is_accepted(Connection::server(config), bytes);
    }

    fn answer(
        _: &mut Session<Self>,
        _: u8,
        _: Option<&Upgrade<'_>>,
        _: &mut SendBuffer<Memory>,
        _: Duration,
    ) {
    }
}

/// What an event was.
pub enum Seen {
    Head(Head, bool),
    Frame,
    Failed(Failure),
}

/// Records an event, and answers a request.
pub fn handle<R: Side, D>(
    ws: &mut Session<R>,
    tx: &mut SendBuffer<Memory>,
    log: &mut Log,
    event: SessionEvent<'_, D>,
    policy: u8,
    now: Duration,
    piece: impl FnOnce(&mut Log, D),
) -> Seen {
    match event {
        SessionEvent::Upgrade(upgrade) => {
            R::answer(ws, policy, Some(&upgrade), tx, now);
            let is_compressed = upgrade.negotiate_deflate(&DeflateConfig::new()).is_some();
            return Seen::Head(Head::Upgrade(0), is_compressed);
        }
        SessionEvent::Request(_) => {
            R::answer(ws, policy, None, tx, now);
            return Seen::Head(Head::Other, false);
        }
        SessionEvent::Opened(accepted) => {
            return Seen::Head(Head::Upgrade(0), accepted.deflate().is_some());
        }
        SessionEvent::Rejected(_) => return Seen::Head(Head::Other, false),
        SessionEvent::Data(data) => piece(log, data),
        SessionEvent::Ping(payload) => log.control(true, &payload),
        SessionEvent::Pong(payload) => log.control(false, &payload),
        SessionEvent::Close(close) => log.close(close),
        SessionEvent::Failed(failure) => {
            if let Failure::Protocol(error) = failure
                && error != Error::UnexpectedEof
            {
                log.error = Some(error);
            }
            return Seen::Failed(failure);
        }
    }
    Seen::Frame
}
