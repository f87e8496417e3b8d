//! The protocol of one client: received bytes in, replies out, no socket.

use std::ops::Range;

use barews::deflate::DeflateParams;
use barews::frame::{Header, HeaderBytes, Lead, Opcode};
use barews::handshake::server::{Incoming, Origins, RequestReader, Upgrade};
use barews::handshake::{BuildError, Status, server};
use barews::{
    CloseCode, Connection, Data, Event, Input, SendError, Server, State, TransportAction,
};

use crate::broadcast::{BroadcastMessage, Encoder, Publisher};
use crate::codec::{self, Codec};
use crate::settings::Settings;

/// Room in front of received bytes, for the header of an echo.
pub(crate) const HEADROOM: usize = 16;

/// The page with style and script inlined: the server closes the connection after each HTTP
/// response.
const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>\n",
    include_str!("page/style.css"),
    "</style>\n",
    include_str!("page/body.html"),
    "<script>\n",
    include_str!("page/script.js"),
    "</script>\n</html>\n",
);
/// At most this much memory for replies is kept between reads.
const KEPT: usize = 1 << 20;

pub(crate) enum Session {
    Handshake(RequestReader),
    Open {
        ws: Connection<Server>,
        service: Service,
    },
    /// An HTTP response was sent; the connection ends after it.
    Done,
}

/// What the server sends to a client.
pub(crate) enum Service {
    /// Its own frames.
    Echo,
    /// Its own messages, compressed if they came compressed.
    Deflate(Box<Codec>),
    /// The messages of all clients.
    Broadcast(Box<Publisher>),
    /// The numbered feed, after this number.
    Feed { seen: u64 },
}

/// The replies to one read, in the order in which they are written. The clients of a thread share
/// one.
pub(crate) struct Replies {
    /// Pongs, responses to requests, and echoes that are not built in place.
    pub(crate) first: Vec<u8>,
    /// The range of the received bytes that holds the echoes, after [`compact`](Self::compact).
    pub(crate) echoes: Range<usize>,
    /// The Close.
    pub(crate) last: Vec<u8>,
    /// Messages to broadcast.
    pub(crate) broadcasts: Vec<BroadcastMessage>,
    pub(crate) encoder: Encoder,
    frames: Vec<(HeaderBytes, Range<usize>)>,
}

impl Replies {
    pub(crate) fn new(encoder: Encoder) -> Self {
        Self {
            first: Vec::new(),
            echoes: 0..0,
            last: Vec::new(),
            broadcasts: Vec::new(),
            encoder,
            frames: Vec::new(),
        }
    }

    /// Called once the replies are written or moved to the pending output. Messages to broadcast
    /// stay.
    pub(crate) fn clear(&mut self) {
        self.first.clear();
        self.first.shrink_to(KEPT);
        self.echoes = 0..0;
        self.last.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.echoes.len() + self.last.len()
    }

    /// Makes the echoed frames contiguous, in the buffer in which they were received. There is
    /// room because a server's header lacks the masking key; a single frame does not move. If the
    /// header came in an earlier read, its echo uses the [`HEADROOM`].
    fn compact(&mut self, bytes: &mut [u8]) {
        let mut end = None;
        for (header, payload) in self.frames.drain(..) {
            let at: usize = end.unwrap_or(payload.start - header.len());
            if end.is_none() {
                self.echoes.start = at;
            }
            let body = at + header.len();
            bytes[at..body].copy_from_slice(&header);
            let len = payload.len();
            if body != payload.start {
                bytes.copy_within(payload, body);
            }
            end = Some(body + len);
        }
        self.echoes.end = end.unwrap_or(self.echoes.start);
    }
}

/// The result of [`Session::receive`].
#[derive(Default)]
pub(crate) struct Received {
    /// The first byte that was not consumed.
    pub(crate) consumed: usize,
    /// How many more bytes are needed to make progress. 0 if the remaining bytes are processed
    /// once the replies so far are written.
    pub(crate) missing: usize,
    /// The payload of an incomplete frame, which is echoed once its last `missing` bytes have
    /// arrived, and whether the frame is the first of its message.
    pub(crate) held: Option<(Range<usize>, bool)>,
    /// Complete data frames.
    pub(crate) messages: u64,
    /// Whether the last of them leaves its message unfinished.
    pub(crate) unended: Option<bool>,
    /// The opening handshake was completed by this call.
    pub(crate) opened: bool,
}

/// What is kept from one read to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The start of a frame or of a request head, as it was received.
    Raw,
    /// The payload of a frame so far, unmasked and validated.
    Payload { first: bool },
}

impl Received {
    /// Which of the first `len` bytes to keep.
    pub(crate) fn kept(&self, len: usize) -> (Range<usize>, Kept) {
        match &self.held {
            None => (self.consumed..len, Kept::Raw),
            Some((payload, first)) => (payload.clone(), Kept::Payload { first: *first }),
        }
    }
}

impl Session {
    pub(crate) fn new() -> Self {
        Self::Handshake(RequestReader::new())
    }

    fn plain(service: Service, settings: &Settings) -> Self {
        Self::Open { ws: Connection::server(settings.config), service }
    }

    fn compressed(agreed: DeflateParams, settings: &Settings) -> Self {
        let service = if settings.broadcast {
            Service::Broadcast(Box::new(Publisher::compressed(agreed)))
        } else {
            Service::Deflate(Box::new(Codec::new(agreed, settings)))
        };
        Self::Open { ws: Connection::server(codec::config(settings)), service }
    }

    /// Processes `bytes`. Those from [`HEADROOM`] to `end` were kept from earlier reads, those from
    /// `end` on are new.
    pub(crate) fn receive(
        &mut self,
        bytes: &mut [u8],
        end: usize,
        kept: Kept,
        replies: &mut Replies,
        settings: &Settings,
    ) -> Received {
        let mut opened = false;
        let mut from = if kept == Kept::Raw { HEADROOM } else { end };
        if let Self::Handshake(reader) = self {
            match reader.read(&bytes[from..]) {
                Ok(Status::NeedMore(missing)) => {
                    return Received {
                        consumed: from,
                        missing: missing.get(),
                        ..Received::default()
                    };
                }
                Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                    let head_len = upgrade.request().head_len();
                    *self = open(&upgrade, replies, settings);
                    from += head_len;
                    opened = self.is_open();
                }
                Ok(Status::Complete(Incoming::Plain(request))) => {
                    answer_plain(request.method(), request.path(), &mut replies.first);
                    *self = Self::Done;
                }
                Err(error) => {
                    append(&mut replies.first, |out| error.respond(out));
                    *self = Self::Done;
                }
            }
        }
        match self {
            // The bytes after the request are frames.
            Self::Open { ws, service } => {
                let received = frames(ws, service, bytes, from, kept, replies, settings.high);
                replies.compact(bytes);
                Received { opened, ..received }
            }
            Self::Handshake(_) | Self::Done => {
                Received { consumed: bytes.len(), missing: 1, ..Received::default() }
            }
        }
    }

    pub(crate) fn service(&mut self) -> Option<&mut Service> {
        match self {
            Self::Open { service, .. } => Some(service),
            Self::Handshake(_) | Self::Done => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Appends a Ping.
    pub(crate) fn ping(&mut self, out: &mut Vec<u8>) {
        if let Self::Open { ws, .. } = self {
            control(out, |out| ws.send_ping(b"", out));
        }
    }

    /// Appends a Close. False if there is no WebSocket to close.
    pub(crate) fn close(&mut self, code: CloseCode, out: &mut Vec<u8>) -> bool {
        let Self::Open { ws, .. } = self else { return false };
        control(out, |out| ws.send_close(code, "", out));
        true
    }

    /// What to do with the transport once all output is written.
    pub(crate) fn transport_action(&self) -> TransportAction {
        match self {
            Self::Handshake(_) => TransportAction::Keep,
            Self::Open { ws, .. } => ws.transport_action(),
            Self::Done => TransportAction::HalfClose,
        }
    }

    /// Whether the server has sent its Close.
    pub(crate) fn is_closing(&self) -> bool {
        match self {
            Self::Handshake(_) => false,
            Self::Open { ws, .. } => {
                matches!(ws.state(), State::LocalClosed | State::Closed)
            }
            Self::Done => true,
        }
    }
}

/// Receives the frames from `start` on. The echo of a compressed message can be much longer than
/// the message: with more than `high` bytes of replies, the remaining frames wait.
fn frames(
    ws: &mut Connection<Server>,
    service: &mut Service,
    bytes: &mut [u8],
    start: usize,
    kept: Kept,
    replies: &mut Replies,
    high: usize,
) -> Received {
    let mut received = Received::default();
    let mut held = match kept {
        Kept::Raw => None,
        Kept::Payload { first } => Some((HEADROOM, first)),
    };
    let mut input = Input::new(&mut bytes[start..]);
    loop {
        let event = ws.receive(&mut input);
        received.consumed = start + input.consumed();
        match event {
            Ok(Event::Data(mut data)) => {
                if data.frame_left == 0 {
                    received.messages += 1;
                    received.unended = Some(!data.fin);
                }
                match service {
                    Service::Echo => {
                        let end = received.consumed;
                        let (start, first) =
                            held.take().unwrap_or((end - data.payload.len(), data.first));
                        if data.frame_left == 0 {
                            echo(ws, first, &data, start..end, replies);
                        } else {
                            received.missing =
                                usize::try_from(data.frame_left).unwrap_or(usize::MAX);
                            received.held = Some((start..end, first));
                        }
                    }
                    Service::Deflate(codec) => {
                        received.unended = Some(!data.fin);
                        codec.echo(ws, &mut data, &mut replies.first);
                        if replies.first.len() > high {
                            return received;
                        }
                    }
                    Service::Broadcast(publisher) => publisher.receive(ws, &mut data, replies),
                    Service::Feed { .. } => {}
                }
            }
            Ok(Event::Ping(_)) => control(&mut replies.first, |out| ws.transmit(out)),
            Ok(Event::Pong(_)) => {}
            Ok(Event::Close(_)) => control(&mut replies.last, |out| ws.transmit(out)),
            Ok(Event::NeedMore(missing)) => {
                // For a held frame, `missing` is the rest of its payload.
                received.missing = received.missing.max(missing.get());
                return received;
            }
            Err(_) => {
                control(&mut replies.last, |out| ws.transmit(out));
                received.consumed += input.len();
                received.held = None;
                return received;
            }
        }
    }
}

/// Echoes a frame. Its payload was validated when it was received, so only a header is encoded;
/// `send_in_place` would validate text again.
fn echo(
    ws: &Connection<Server>,
    first: bool,
    data: &Data<'_>,
    payload: Range<usize>,
    replies: &mut Replies,
) {
    if !may_follow(ws) {
        return;
    }
    let opcode = if first { Opcode::from(data.kind) } else { Opcode::Continuation };
    let lead = Lead { fin: data.fin, rsv1: false, opcode };
    let header = Header { lead, masking_key: None, payload_len: payload.len() as u64 };
    replies.frames.push((header.encode(), payload));
}

/// Whether a frame may be sent: not after our own Close (RFC 6455 §5.5.1).
pub(crate) fn may_follow(ws: &Connection<Server>) -> bool {
    matches!(ws.state(), State::Open | State::RemoteClosed)
}

/// Appends a control frame.
pub(crate) fn control(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut [u8]) -> Result<usize, SendError>,
) {
    let mut frame = [0; 2 * barews::MIN_BUFFER_LEN];
    // The only possible error is that our Close was sent before.
    if let Ok(n) = write(&mut frame) {
        out.extend_from_slice(&frame[..n]);
    }
}

fn open(upgrade: &Upgrade<'_>, replies: &mut Replies, settings: &Settings) -> Session {
    let ours = |offered: &&str| settings.protocols.iter().any(|name| name == offered);
    // Echo and feed reveal nothing private, so pages of any origin may use them (§10.2).
    let accept = match upgrade.accept(Origins::Any) {
        Ok(accept) => accept,
        Err(error) => {
            append(&mut replies.first, |out| error.respond(out));
            return Session::Done;
        }
    };
    let accept = match upgrade.protocols().find(ours) {
        Some(protocol) => accept.protocol(protocol),
        None => accept,
    };
    let request = upgrade.request();
    if request.path() == "/feed" {
        let after = request.query().and_then(|query| query.strip_prefix("after="));
        let seen = after.and_then(|n| n.parse().ok()).unwrap_or(u64::MAX);
        append(&mut replies.first, |out| accept.write(out));
        return Session::plain(Service::Feed { seen }, settings);
    }
    if let Some(answer) = codec::negotiate(upgrade, settings) {
        append(&mut replies.first, |out| accept.deflate(answer).write(out));
        return Session::compressed(answer.params(), settings);
    }
    append(&mut replies.first, |out| accept.write(out));
    let service =
        if settings.broadcast { Service::Broadcast(Box::default()) } else { Service::Echo };
    Session::plain(service, settings)
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

/// Appends what `write` writes, growing `out` as needed.
fn append(out: &mut Vec<u8>, write: impl Fn(&mut [u8]) -> Result<usize, BuildError>) {
    let start = out.len();
    let mut room = 512;
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]) {
            Ok(n) => return out.truncate(start + n),
            Err(BuildError::BufferTooSmall { needed }) => room = needed,
            Err(error) => unreachable!("our own response is invalid: {error}"),
        }
    }
}
