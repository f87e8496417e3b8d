//! Any calls on a client and a server connected by two lossless pipes.
//!
//! Each side must accept everything that the other one sends: misuse is refused before it reaches
//! the wire.
#![no_main]

use std::cell::Cell;

use arbitrary::Arbitrary;
use barews::Status;
use barews::frame::{Compressed, Content, Header};
use barews::{
    Client, CloseCode, Connection, Event, Input, Kind, MaskKeys, NoKey, Role, SendError, Server,
    State, TransportAction,
};
use barews_fuzz::{walk, watch};
use libfuzzer_sys::fuzz_target;

/// The capacity of a pipe in bytes.
const ROOM: usize = 4096;

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Fragment {
        text: bool,
        compressed: bool,
        fin: bool,
        payload: &'a [u8],
    },
    InPlace {
        text: bool,
        compressed: bool,
        fin: bool,
        payload: &'a [u8],
    },
    Begin {
        text: bool,
        compressed: bool,
        fin: bool,
        len: u16,
    },
    Next(&'a [u8]),
    Filler(u8),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(u16, &'a str),
    NormalClose,
    Transmit,
    /// Reads at most this many bytes from the pipe, then at most this many events.
    Receive(u16, u8),
}

#[derive(Arbitrary, Debug)]
struct Op<'a> {
    client: bool,
    call: Call<'a>,
}

struct Counted<'a>(&'a Cell<usize>);

impl MaskKeys for Counted<'_> {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        self.0.set(self.0.get() + 1);
        let n = self.0.get().to_le_bytes();
        Ok([n[0] ^ 0xA5, n[1], 0x5A, n[0]])
    }
}

struct End<R> {
    ws: Connection<R>,
    /// All sent bytes. The far end has read the first `taken`.
    sent: Vec<u8>,
    taken: usize,
    /// Complete messages that were sent, and the open one.
    messages: Vec<(Content, Vec<u8>)>,
    open: Option<(Content, Vec<u8>)>,
    /// Whether the open frame ends its message.
    frame_fin: bool,
    /// Complete messages that were received, and the open one.
    received: Vec<(Content, Vec<u8>)>,
    receiving: Vec<u8>,
    /// Received but not consumed.
    kept: Vec<u8>,
    /// The output buffer, reused.
    out: Vec<u8>,
}

impl<R: Role> End<R> {
    fn new(ws: Connection<R>) -> Self {
        Self {
            ws,
            sent: Vec::new(),
            taken: 0,
            messages: Vec::new(),
            open: None,
            frame_fin: false,
            received: Vec::new(),
            receiving: Vec::new(),
            kept: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Makes a call with an output slice as long as the room in the pipe.
    fn write(
        &mut self,
        call: impl Fn(&mut Connection<R>, &mut [u8]) -> Result<usize, SendError>,
    ) -> bool {
        let mut out = std::mem::take(&mut self.out);
        out.resize(ROOM - (self.sent.len() - self.taken), 0);
        let due = self.ws.wants_write();
        let written = match call(&mut self.ws, &mut out) {
            Ok(n) => {
                assert!(!self.ws.wants_write(), "a queued frame was not written first");
                self.sent.extend_from_slice(&out[..n]);
                true
            }
            Err(SendError::BufferTooSmall { needed }) => {
                assert!(needed > out.len());
                let again = call(&mut self.ws, &mut out);
                assert_eq!(again, Err(SendError::BufferTooSmall { needed }));
                assert_eq!(self.ws.wants_write(), due);
                false
            }
            Err(_) => {
                assert_eq!(self.ws.wants_write(), due);
                false
            }
        };
        self.out = out;
        written
    }

    fn payload(&mut self, content: Content, fin: bool, payload: &[u8]) {
        let (open, bytes) = self.open.get_or_insert((content, Vec::new()));
        assert_eq!(*open, content);
        bytes.extend_from_slice(payload);
        if fin {
            self.messages.extend(self.open.take());
        }
    }

    fn next(&mut self, chunk: &[u8]) -> bool {
        if self.sent.len() - self.taken + chunk.len() > ROOM {
            return false;
        }
        let mut masked = chunk.to_vec();
        if self.ws.mask_next(&mut masked).is_err() {
            assert_eq!(masked, chunk);
            return false;
        }
        self.sent.extend(masked);
        let fin = self.frame_fin && self.ws.frame_left() == 0;
        let content = self.open.as_ref().map_or(Kind::Binary.into(), |(content, _)| *content);
        self.payload(content, fin, chunk);
        true
    }

    fn call<T: Role>(&mut self, far: &mut End<T>, call: &Call<'_>) {
        match *call {
            Call::Text(text) => {
                if self.write(|ws, out| ws.send_text(text, out)) {
                    self.payload(Kind::Text.into(), true, text.as_bytes());
                }
            }
            Call::Binary(bytes) => {
                if self.write(|ws, out| ws.send_binary(bytes, out)) {
                    self.payload(Kind::Binary.into(), true, bytes);
                }
            }
            Call::Fragment { text, compressed, fin, payload } => {
                if self
                    .write(|ws, out| ws.send_fragment(content(text, compressed), fin, payload, out))
                {
                    self.payload(content(text, compressed), fin, payload);
                }
            }
            Call::InPlace { text, compressed, fin, payload } => {
                let mut masked = payload.to_vec();
                if self.sent.len() - self.taken + 14 + payload.len() > ROOM {
                    return;
                }
                match self.ws.send_in_place(content(text, compressed), fin, &mut masked) {
                    Ok(header) => {
                        self.sent.extend_from_slice(&header);
                        self.sent.extend(masked);
                        self.payload(content(text, compressed), fin, payload);
                    }
                    Err(_) => assert_eq!(masked, payload),
                }
            }
            Call::Begin { text, compressed, fin, len } => {
                if self.sent.len() - self.taken + 14 > ROOM {
                    return;
                }
                if let Ok(header) =
                    self.ws.begin_frame(content(text, compressed), fin, u64::from(len))
                {
                    self.sent.extend_from_slice(&header);
                    self.frame_fin = fin;
                    self.payload(content(text, compressed), fin && len == 0, b"");
                    assert_eq!(self.ws.frame_left(), u64::from(len));
                    assert!(!self.ws.wants_write());
                }
            }
            Call::Next(chunk) => {
                self.next(chunk);
            }
            Call::Filler(n) => {
                let n = usize::from(n).min(usize::try_from(self.ws.frame_left()).unwrap());
                self.next(&vec![b'-'; n]);
            }
            Call::Ping(payload) => {
                self.write(|ws, out| ws.send_ping(payload, out));
            }
            Call::Pong(payload) => {
                self.write(|ws, out| ws.send_pong(payload, out));
            }
            Call::Close(any, reason) => {
                let code = walk::close_code(any);
                // RFC 6455 §7.4.1: only a client sends 1010.
                let may = walk::is_close_code(code) && !(R::SERVER && code == 1010)
                    || code == 1005 && reason.is_empty();
                self.write(|ws, out| {
                    let sent = ws.send_close(CloseCode::new(code), reason, out);
                    assert_eq!(sent == Err(SendError::InvalidCloseCode), !may, "{code}");
                    sent
                });
            }
            Call::NormalClose => {
                self.write(|ws, out| ws.send_close(CloseCode::NORMAL, "", out));
            }
            Call::Transmit => {
                let frame = self.ws.frame_left() > 0;
                let before = self.sent.len();
                self.write(Connection::transmit);
                assert!(!frame || self.sent.len() == before, "wrote inside a frame");
            }
            Call::Receive(bytes, events) => self.receive(far, bytes.into(), events.into()),
        }
    }

    fn receive<T: Role>(&mut self, far: &mut End<T>, bytes: usize, events: usize) {
        let here = &far.sent[far.taken..];
        let n = here.len().min(bytes);
        self.kept.extend_from_slice(&here[..n]);
        far.taken += n;
        let mut bytes = std::mem::take(&mut self.kept);
        let mut input = Input::new(&mut bytes);
        let known = self.received.len();
        for _ in 0..events {
            match self.ws.receive(&mut input).expect("the peer sends valid frames") {
                Event::NeedMore(_) => break,
                Event::Data(data) => {
                    if data.first {
                        assert!(self.receiving.is_empty());
                    }
                    self.receiving.extend_from_slice(data.payload);
                    if data.fin {
                        let content = content(data.kind == Kind::Text, data.compressed);
                        self.received.push((content, std::mem::take(&mut self.receiving)));
                    }
                }
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
            }
        }
        let consumed = input.consumed();
        bytes.drain(..consumed);
        self.kept = bytes;
        assert!(far.messages[known..].starts_with(&self.received[known..]));
    }

    /// Appends to the open frame. False if that is impossible because its text can no longer be
    /// completed.
    fn fill(&mut self) -> bool {
        let left = usize::try_from(self.ws.frame_left()).unwrap();
        // After a complete character, append many bytes; inside a character, one continuation byte.
        left == 0
            || self.next(&vec![b'-'; left.min(1000)])
            || [b'-', 0xA0, 0x80].iter().any(|byte| self.next(&[*byte]))
    }

    /// The number of frames on the wire.
    fn frames(&self) -> usize {
        let (mut at, mut frames) = (0, 0);
        while let Some(rest) = self.sent.get(at..).filter(|rest| !rest.is_empty()) {
            let Ok(Status::Complete((header, len))) = Header::parse(rest) else { panic!() };
            at += len + usize::try_from(header.payload_len).unwrap();
            frames += 1;
        }
        frames
    }
}

fn content(text: bool, compressed: bool) -> Content {
    let kind = if text { Kind::Text } else { Kind::Binary };
    if compressed { Compressed(kind).into() } else { kind.into() }
}

fuzz_target!(|case: (u8, u8, Vec<Op<'_>>)| {
    let (a, b, ops) = case;
    let keys = Cell::new(0);
    // Compression is negotiated for both sides or for neither.
    let agreed = a & watch::DEFLATE;
    let [of_client, of_server] = [a, b].map(|byte| watch::config(byte & 0x0F | agreed));
    let mut client = End::new(Connection::client(of_client, Counted(&keys)));
    let mut server = End::new(Connection::server(of_server));
    for op in &ops {
        if op.client {
            client.call(&mut server, &op.call);
        } else {
            server.call(&mut client, &op.call);
        }
    }
    finish(&mut client, &mut server);
    assert_eq!(keys.get(), client.frames(), "not one key per frame");
    server.frames();
});

/// Ends the session: everything arrives, and both sides are closed.
fn finish<K: MaskKeys>(client: &mut End<Client<K>>, server: &mut End<Server>) {
    drain(client, server);
    if !fill(client, server) {
        return;
    }
    client.call(server, &Call::NormalClose);
    drain(client, server);
    assert_eq!(client.received, server.messages);
    assert_eq!(server.received, client.messages);
    assert_eq!((client.ws.state(), server.ws.state()), (State::Closed, State::Closed));
    assert_eq!(
        (client.ws.transport_action(), server.ws.transport_action()),
        (TransportAction::AwaitEnd, TransportAction::HalfClose)
    );
    assert_eq!((client.ws.receive_eof(), server.ws.receive_eof()), (Ok(()), Ok(())));
    assert_eq!(
        (client.ws.transport_action(), server.ws.transport_action()),
        (TransportAction::Drop, TransportAction::Drop)
    );
}

/// Completes the open frames, draining the pipes in between.
fn fill<K: MaskKeys>(client: &mut End<Client<K>>, server: &mut End<Server>) -> bool {
    while client.ws.frame_left() > 0 || server.ws.frame_left() > 0 {
        if !client.fill() || !server.fill() {
            return false;
        }
        drain(client, server);
    }
    true
}

/// Sends everything that is queued, and receives everything in the pipes.
fn drain<A: Role, B: Role>(a: &mut End<A>, b: &mut End<B>) {
    loop {
        let before = (a.sent.len(), b.sent.len(), a.taken, b.taken);
        a.call(b, &Call::Transmit);
        b.call(a, &Call::Transmit);
        a.receive(b, usize::MAX, usize::MAX);
        b.receive(a, usize::MAX, usize::MAX);
        if before == (a.sent.len(), b.sent.len(), a.taken, b.taken) {
            return;
        }
    }
}
