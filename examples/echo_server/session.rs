//! The protocol side of one client: bytes in, bytes out, no socket.

use std::rc::Rc;

use barews::handshake::server::{Incoming, Origins, Reader, Upgrade};
use barews::handshake::{BuildError, Status, server};
use barews::{Advice, Config, Connection, Data, Event, Input, Kind, Server};

/// A message in pieces is echoed in fragments of at least this many bytes.
const FRAGMENT_LEN: usize = 64 << 10;

const PAGE: &str = include_str!("page.html");

/// What all sessions share.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) protocols: Vec<String>,
}

pub(crate) struct Session {
    settings: Rc<Settings>,
    phase: Phase,
}

enum Phase {
    Handshake(Reader),
    Open(Box<Echo>),
    /// An HTTP answer was given, and the connection ends behind it.
    Done,
}

/// A WebSocket whose messages go back to where they came from.
struct Echo {
    ws: Connection<Server>,
    /// Of a message in pieces, what is not sent back yet.
    staged: Vec<u8>,
    /// How many bytes are sent back of a message that has not ended.
    unended_len: usize,
}

impl Session {
    pub(crate) fn new(settings: Rc<Settings>) -> Self {
        Self { settings, phase: Phase::Handshake(Reader::new()) }
    }

    /// Takes what was received and not consumed before, with what came since; appends the answers
    /// to `out` and returns how many bytes were consumed.
    pub(crate) fn receive(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> usize {
        let mut consumed = 0;
        if let Phase::Handshake(reader) = &mut self.phase {
            match reader.read(bytes) {
                Ok(Status::NeedMore(_)) => return 0,
                Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                    consumed = upgrade.request().head_len();
                    self.phase = open(&upgrade, &self.settings, out);
                }
                Ok(Status::Complete(Incoming::Plain(request))) => {
                    answer_plain(request.method(), request.path(), out);
                    self.phase = Phase::Done;
                }
                Err(error) => {
                    append(out, |out| error.respond(out));
                    self.phase = Phase::Done;
                }
            }
        }
        match &mut self.phase {
            // The bytes behind the request's head are frames already.
            Phase::Open(echo) => consumed + echo.receive(&mut bytes[consumed..], out),
            Phase::Handshake(_) | Phase::Done => bytes.len(),
        }
    }

    /// How many bytes of the output belong to a message that has not ended.
    pub(crate) fn unended_len(&self) -> usize {
        match &self.phase {
            Phase::Open(echo) => echo.unended_len,
            Phase::Handshake(_) | Phase::Done => 0,
        }
    }

    /// What to do with the transport, once all output is written.
    pub(crate) fn advice(&self) -> Advice {
        match &self.phase {
            Phase::Handshake(_) => Advice::Keep,
            Phase::Open(echo) => echo.ws.advice(),
            Phase::Done => Advice::HalfClose,
        }
    }
}

fn open(upgrade: &Upgrade<'_>, settings: &Settings, out: &mut Vec<u8>) -> Phase {
    let ours = |offered: &&str| settings.protocols.iter().any(|name| name == offered);
    let protocol = upgrade.protocols().find(ours);
    // An echo tells nobody's secrets, so pages of any origin may use it (10.2).
    let accept = match upgrade.accept(Origins::Any) {
        Ok(accept) => accept,
        Err(error) => {
            append(out, |out| error.respond(out));
            return Phase::Done;
        }
    };
    let accept = match protocol {
        Some(protocol) => accept.protocol(protocol),
        None => accept,
    };
    append(out, |out| accept.write(out));
    let ws = Connection::server(settings.config);
    Phase::Open(Box::new(Echo { ws, staged: Vec::new(), unended_len: 0 }))
}

fn answer_plain(method: &str, path: &str, out: &mut Vec<u8>) {
    let html = ("Content-Type", "text/html; charset=utf-8");
    let (status, headers, body) = match (method, path) {
        ("GET", "/") => (200, vec![html], PAGE),
        ("GET", _) => (404, vec![], ""),
        _ => (405, vec![("Allow", "GET")], ""),
    };
    append(out, |out| server::respond(status, &headers, body.as_bytes(), out));
}

/// Appends what `write` writes, with as much room as it asks for.
fn append(out: &mut Vec<u8>, write: impl Fn(&mut [u8]) -> Result<usize, BuildError>) {
    let start = out.len();
    let mut room = 512;
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]) {
            Ok(n) => return out.truncate(start + n),
            Err(BuildError::BufferTooSmall { needed }) => room = needed,
            Err(error) => unreachable!("an answer of our own is refused: {error}"),
        }
    }
}

impl Echo {
    fn receive(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> usize {
        let mut input = Input::new(bytes);
        loop {
            let event = self.ws.receive(&mut input);
            // What answers the event goes out before any later data.
            self.transmit(out);
            match event {
                Ok(Event::Data(data)) => self.echo(data, out),
                Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
                Ok(Event::NeedMore(_)) | Err(_) => return input.consumed(),
            }
        }
    }

    fn transmit(&mut self, out: &mut Vec<u8>) {
        if self.ws.wants_write() {
            let mut frame = [0; barews::MIN_BUFFER_LEN];
            let n = self.ws.transmit(&mut frame).expect("it holds any control frame");
            out.extend_from_slice(&frame[..n]);
        }
    }

    /// Sends `data` back: at once if it ends its message, else when enough has come together. So of
    /// a message only that is held which the client has not taken back yet.
    fn echo(&mut self, data: Data<'_>, out: &mut Vec<u8>) {
        let Data { kind, payload, fin, .. } = data;
        let start = out.len();
        if self.staged.is_empty() && (fin || payload.len() >= FRAGMENT_LEN) {
            send(&mut self.ws, kind, fin, payload, out);
        } else {
            self.staged.extend_from_slice(payload);
            if fin || self.staged.len() >= FRAGMENT_LEN {
                send(&mut self.ws, kind, fin, &mut self.staged, out);
                self.staged.clear();
            }
        }
        self.unended_len += out.len() - start;
        if fin {
            self.unended_len = 0;
            self.staged = Vec::new();
        }
    }
}

fn send(ws: &mut Connection<Server>, kind: Kind, fin: bool, payload: &mut [u8], out: &mut Vec<u8>) {
    // The only refusal that can be is `Closed`: then nobody waits for the echo any more.
    if let Ok(header) = ws.send_in_place(kind, fin, payload) {
        if out.capacity() - out.len() < header.len() + payload.len() {
            // By an eighth and not to the double: it may hold a message of the greatest length.
            out.reserve_exact(header.len() + payload.len() + out.len() / 8);
        }
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }
}
