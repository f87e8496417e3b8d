//! The peer receives what was sent, for every way of sending; and sending what was received gives
//! the same bytes again.
#![no_main]

use std::cell::{Cell, RefCell};

use arbitrary::{Arbitrary, Unstructured};
use barews::deflate::{CompressionContext, Deflate, Effort, Flush, Inflate, WindowBits};
use barews::frame::{self, Opcode};
use barews::{
    CloseCode, Compressed, Config, Connection, Content, ControlOrder, Delivery, Event, Input, Kind,
    Role, SendError, Server,
};
use barews_fuzz::frames;
use barews_fuzz::walk::{self, Frame};
use libfuzzer_sys::fuzz_target;

/// A message or control frame.
#[derive(Clone, Debug, PartialEq)]
enum Sent {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

const CONTEXT: CompressionContext =
    CompressionContext { window_bits: WindowBits::MIN, takeover: true };

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

/// A bit of the first byte: a client sends.
const CLIENT: u8 = 8;
/// The rest of the input is calls; otherwise it is a wire.
const CALLS: u8 = 0x10;
/// Messages may be compressed.
const DEFLATE: u8 = 0x20;

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, step] = <[u8; 2]>::arbitrary(u)?;
    if flags & CALLS == 0 {
        let wire = frames::wire(u, flags & CLIENT != 0, false)?;
        again(flags & CLIENT != 0, &wire);
        return Ok(());
    }
    let config = Config::new().deflate(flags & DEFLATE != 0);
    let delivery = if flags & 1 == 0 { Delivery::Chunks } else { Delivery::Frames };
    let peer = config.delivery(delivery).control_order(ControlOrder::Wire).auto_pong(false);
    let step = if step == 0 { usize::MAX } else { step.into() };
    let keys = RefCell::new(Vec::new());
    let (sent, wire, received) = if flags & CLIENT != 0 {
        let next = || {
            let mut keys = keys.borrow_mut();
            let n = keys.len() as u8;
            // Keys with equal bytes, with zeros, and others.
            keys.push([[0, n, 0x80, 0xFF], [n; 4], [0; 4], [n, 1, 2, 3]][usize::from(n % 4)]);
            *keys.last().unwrap()
        };
        let (sent, wire) = send(u, Connection::client(config, next), flags)?;
        let received = receive(Connection::server(peer), &wire, step, flags);
        (sent, wire, received)
    } else {
        let (sent, wire) = send(u, Connection::server(config), flags)?;
        let received = receive(Connection::client(peer, || [1, 2, 3, 4]), &wire, step, flags);
        (sent, wire, received)
    };
    assert_eq!(sent, received);
    one_key_a_frame(&wire, &keys.borrow(), flags & CLIENT != 0);
    again(flags & CLIENT != 0, &wire);
    Ok(())
}

/// Each frame has the next key, and no key is unused.
fn one_key_a_frame(wire: &[u8], keys: &[[u8; 4]], masked: bool) {
    let (mut at, mut frames) = (0, 0);
    while at < wire.len() {
        let frame = Frame::at(wire, at).expect("an incomplete header");
        assert_eq!(frame.masked, masked);
        if masked {
            assert_eq!(frame.key, keys[frames]);
        }
        at = frame.end();
        frames += 1;
    }
    assert_eq!((at, keys.len()), (wire.len(), if masked { frames } else { 0 }));
}

/// A sending connection, and what it has written.
struct Sender<R> {
    ws: Connection<R>,
    wire: Vec<u8>,
    out: Vec<u8>,
}

impl<R: Role> Sender<R> {
    /// Makes a call with `room` bytes of output; if that is too little, with exactly what it needs.
    fn write(
        &mut self,
        room: usize,
        call: impl Fn(&mut Connection<R>, &mut [u8]) -> Result<usize, SendError>,
    ) {
        self.out.clear();
        self.out.resize(room, 0xEE);
        let n = match call(&mut self.ws, &mut self.out) {
            Err(SendError::BufferTooSmall { needed }) => {
                assert!(needed > room && self.out.iter().all(|byte| *byte == 0xEE));
                self.out.resize(needed, 0xEE);
                assert_eq!(call(&mut self.ws, &mut self.out), Ok(needed));
                needed
            }
            sent => sent.expect("the call is valid"),
        };
        assert!(self.out[n..].iter().all(|byte| *byte == 0xEE), "wrote beyond the frame");
        self.wire.extend_from_slice(&self.out[..n]);
    }

    fn fragment(&mut self, way: u8, content: Content, fin: bool, payload: &[u8], room: usize) {
        let start = self.wire.len();
        match way {
            0 => self.write(room, |ws, out| ws.send_fragment(content, fin, payload, out)),
            1 => {
                let mut masked = payload.to_vec();
                let header = self.ws.send_in_place(content, fin, &mut masked).unwrap();
                self.wire.extend_from_slice(&header);
                self.wire.extend(masked);
            }
            _ => {
                let header = self.ws.begin_frame(content, fin, payload.len() as u64).unwrap();
                self.wire.extend_from_slice(&header);
                let mut masked = payload.to_vec();
                // A long payload is sent in few chunks, because each is a call.
                for chunk in masked.chunks_mut(room.max(payload.len() / 16).max(1)) {
                    self.ws.mask_next(chunk).unwrap();
                }
                assert_eq!(self.ws.frame_left(), 0);
                self.wire.extend(masked);
            }
        }
        let frame = Frame::at(&self.wire, start).unwrap();
        assert_eq!((frame.end(), frame.len), (self.wire.len(), payload.len() as u64));
        assert!(frame.holds(&self.wire, 0, payload), "not masked as in §5.3");
    }
}

fn send<R: Role>(
    u: &mut Unstructured<'_>,
    ws: Connection<R>,
    flags: u8,
) -> arbitrary::Result<(Vec<Sent>, Vec<u8>)> {
    let mut sender = Sender { ws, wire: Vec::new(), out: Vec::new() };
    let mut deflate = (flags & DEFLATE != 0).then(|| {
        let memory = Deflate::memory(CONTEXT, Effort::TINY);
        Deflate::new(CONTEXT, Effort::TINY, vec![0xAA; memory]).unwrap()
    });
    let code = walk::close_code(u16::arbitrary(u)?);
    let mut sent = Vec::new();
    while !u.is_empty() && sender.wire.len() < 100_000 {
        let [what, room] = <[u8; 2]>::arbitrary(u)?;
        let room = usize::from(room);
        match what % 8 {
            6 => {
                let payload = bytes(u)?;
                let payload = &payload[..payload.len().min(125)];
                sender.write(room, |ws, out| ws.send_ping(payload, out));
                sent.push(Sent::Ping(payload.to_vec()));
            }
            7 => {
                let payload = bytes(u)?;
                let payload = &payload[..payload.len().min(125)];
                sender.write(room, |ws, out| ws.send_pong(payload, out));
                sent.push(Sent::Pong(payload.to_vec()));
            }
            _ => {
                let (kind, bytes) = message(u, what & 8 != 0)?;
                whole_or_parts(u, &mut sender, deflate.as_mut(), what, room, (kind, &bytes))?;
                sent.push(Sent::Message(kind, bytes));
            }
        }
    }
    // RFC 6455 §7.4.1: only a client sends 1010.
    let may = walk::is_close_code(code) && !(R::SERVER && code == 1010);
    let code = if may {
        code
    } else {
        let refused = sender.ws.send_close(CloseCode::new(code), "bye", &mut [0; 20]);
        assert_eq!(refused, Err(SendError::InvalidCloseCode), "{code}");
        1001
    };
    sender.write(0, |ws, out| ws.send_close(CloseCode::new(code), "bye", out));
    sent.push(Sent::Close(code, "bye".to_owned()));
    Ok((sent, sender.wire))
}

/// Bytes of the fuzzer, sometimes padded to a length at which the header changes.
fn bytes(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let [len, to] = <[u8; 2]>::arbitrary(u)?;
    let some = u.bytes(usize::from(len % 32).min(u.len()))?;
    let to = match to {
        0 if len == 0xFF => 65_535 + some.len() % 3,
        0..8 => 125 + usize::from(to % 3),
        8..16 => usize::from(len) * 4,
        _ => some.len(),
    };
    Ok(some.iter().copied().chain(std::iter::repeat(b'.')).take(to.max(some.len())).collect())
}

fn message(u: &mut Unstructured<'_>, text: bool) -> arbitrary::Result<(Kind, Vec<u8>)> {
    let bytes = bytes(u)?;
    Ok(if text {
        (Kind::Text, String::from_utf8_lossy(&bytes).into_owned().into_bytes())
    } else {
        (Kind::Binary, bytes)
    })
}

fn whole_or_parts<R: Role>(
    u: &mut Unstructured<'_>,
    sender: &mut Sender<R>,
    deflate: Option<&mut Deflate<Vec<u8>>>,
    what: u8,
    room: usize,
    (kind, bytes): (Kind, &[u8]),
) -> arbitrary::Result<()> {
    let [parts, cut] = <[u8; 2]>::arbitrary(u)?;
    let deflated;
    let (content, payload): (Content, &[u8]) = match deflate {
        Some(deflate) if what & 0x40 != 0 => {
            deflated = compressed(deflate, bytes, 2 + usize::from(parts >> 2));
            (Compressed(kind).into(), &deflated[..])
        }
        _ => (kind.into(), bytes),
    };
    let way = what >> 4 & 3;
    if way == 3 && !content.compressed {
        match kind {
            Kind::Text => {
                let text = std::str::from_utf8(payload).unwrap();
                sender.write(room, |ws, out| ws.send_text(text, out));
            }
            Kind::Binary => sender.write(room, |ws, out| ws.send_binary(payload, out)),
        }
        return Ok(());
    }
    let (mut rest, count) = (payload, usize::from(parts % 4));
    for n in 0..=count {
        let end = if n == count { rest.len() } else { rest.len().min(cut.into()) };
        let (part, behind) = rest.split_at(end);
        // Send each fragment in another way.
        sender.fragment((way + n as u8) % 3, content, n == count, part, room);
        rest = behind;
    }
    Ok(())
}

/// Compresses with `room` bytes of output per call.
fn compressed(deflate: &mut Deflate<Vec<u8>>, bytes: &[u8], room: usize) -> Vec<u8> {
    let (mut payload, mut rest, mut out) = (Vec::new(), bytes, [0; 66]);
    loop {
        let deflated = deflate.push(rest, Flush::Finish, &mut out[..room]);
        payload.extend_from_slice(&out[..deflated.written]);
        rest = &rest[deflated.consumed..];
        if deflated.done {
            return payload;
        }
        assert_eq!(deflated.written, room);
    }
}

fn receive<R: Role>(mut ws: Connection<R>, wire: &[u8], step: usize, flags: u8) -> Vec<Sent> {
    let (mut received, mut open) = (Vec::new(), Vec::new());
    let mut inflate = Inflate::new(CONTEXT, vec![0xAA; Inflate::memory(CONTEXT)]).unwrap();
    let (mut room, size) = ([0; 1000], 5 + usize::from(flags >> 6) * 331);
    let mut bytes = wire.to_vec();
    let step = step.max(wire.len() / 64);
    let (mut consumed, mut end) = (0, 0);
    while end < wire.len() {
        end = wire.len().min(end.saturating_add(step));
        let mut input = Input::new(&mut bytes[consumed..end]);
        loop {
            match ws.receive(&mut input).expect("what was sent is valid") {
                Event::NeedMore(_) => break,
                Event::Data(mut data) if data.compressed => {
                    while let Some(piece) = inflate.push(&mut data, &mut room[..size]).unwrap() {
                        open.extend_from_slice(piece.payload);
                        if piece.fin {
                            received.push(Sent::Message(piece.kind, std::mem::take(&mut open)));
                        }
                    }
                }
                Event::Data(data) => {
                    open.extend_from_slice(data.payload);
                    if data.fin {
                        received.push(Sent::Message(data.kind, std::mem::take(&mut open)));
                    }
                }
                Event::Ping(payload) => received.push(Sent::Ping(payload.to_vec())),
                Event::Pong(payload) => received.push(Sent::Pong(payload.to_vec())),
                Event::Close(close) => {
                    let close = close.expect("a Close with a code");
                    received.push(Sent::Close(close.code.as_u16(), close.reason.to_owned()));
                }
            }
        }
        consumed += input.consumed();
    }
    received
}

/// Receives the valid complete frames at the start of the wire, and sends each again.
fn again(masked: bool, wire: &[u8]) {
    let config =
        Config::new().delivery(Delivery::Frames).control_order(ControlOrder::Wire).auto_pong(false);
    let key = Cell::new([0; 4]);
    if masked {
        let sender = Connection::client(Config::new(), || key.get());
        frame_by_frame(Connection::server(config), sender, &key, wire);
    } else {
        let receiver = Connection::client(config, || [1, 2, 3, 4]);
        frame_by_frame::<_, Server>(receiver, Connection::server(Config::new()), &key, wire);
    }
}

fn frame_by_frame<R: Role, S: Role>(
    mut receiver: Connection<R>,
    mut sender: Connection<S>,
    key: &Cell<[u8; 4]>,
    wire: &[u8],
) {
    let mut bytes = wire.to_vec();
    let mut input = Input::new(&mut bytes);
    loop {
        let start = input.consumed();
        let event = receiver.receive(&mut input);
        let frame = &wire[start..input.consumed()];
        if let Some(frame) = Frame::at(frame, 0) {
            key.set(frame.key);
        }
        // Exactly the length of the received frame.
        let mut out = vec![0; frame.len()];
        let sent = match event {
            Ok(Event::NeedMore(_)) | Err(_) => return,
            Ok(Event::Data(data)) => {
                sender.send_fragment(data.kind, data.fin, data.payload, &mut out)
            }
            Ok(Event::Ping(payload)) => sender.send_ping(&payload, &mut out),
            Ok(Event::Pong(payload)) => sender.send_pong(&payload, &mut out),
            Ok(Event::Close(Some(close))) if S::SERVER && close.code.as_u16() == 1010 => {
                // §7.4.1: only a client sends 1010. Our server refuses, although our client accepts
                // it.
                let refused = sender.send_close(close.code, close.reason, &mut out);
                assert_eq!(refused, Err(SendError::InvalidCloseCode));
                let body = [&1010_u16.to_be_bytes(), close.reason.as_bytes()].concat();
                frame::encode(Opcode::Close, true, &body, &mut out)
            }
            Ok(Event::Close(Some(close))) => sender.send_close(close.code, close.reason, &mut out),
            Ok(Event::Close(None)) => sender.send_close(CloseCode::NO_STATUS, "", &mut out),
        };
        assert_eq!((sent, &out[..]), (Ok(frame.len()), frame));
    }
}
