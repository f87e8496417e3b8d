//! The outcome of receiving a wire, in a form that allows a comparison with other implementations.

use barews::{Connection, Error, Event, Input, Kind, Role};

use crate::walk::Frame;

/// A received message or control frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The receiver needs more bytes.
    More,
    Closed,
    /// An error, by its close code.
    Fault(u16),
}

#[derive(Debug)]
pub struct Outcome {
    pub events: Vec<Seen>,
    pub verdict: Verdict,
    /// The bytes written in reply.
    pub replies: Vec<u8>,
}

/// The outcome of our receiver, and its error with the position in the wire.
pub fn receive<R: Role>(
    mut ws: Connection<R>,
    wire: &[u8],
    step: usize,
) -> (Outcome, Option<(Error, usize)>) {
    let mut outcome = Outcome { events: Vec::new(), verdict: Verdict::More, replies: Vec::new() };
    let (mut bytes, mut open, mut out) = (wire.to_vec(), Vec::new(), [0; 131]);
    let (mut consumed, mut end) = (0, 0);
    while end < wire.len() && outcome.verdict == Verdict::More {
        end = wire.len().min(end.saturating_add(step));
        let mut input = Input::new(&mut bytes[consumed..end]);
        loop {
            let event = ws.receive(&mut input);
            let written = ws.transmit(&mut out).unwrap();
            match event {
                Ok(Event::NeedMore(_)) => break,
                Err(error) => {
                    outcome.verdict = Verdict::Fault(error.close_code().as_u16());
                    return (outcome, Some((error, consumed + input.consumed())));
                }
                Ok(Event::Data(data)) => {
                    open.extend_from_slice(data.payload);
                    if data.fin {
                        let message = std::mem::take(&mut open);
                        outcome.events.push(match data.kind {
                            Kind::Text => Seen::Text(String::from_utf8(message).unwrap()),
                            Kind::Binary => Seen::Binary(message),
                        });
                    }
                }
                Ok(Event::Ping(payload)) => outcome.events.push(Seen::Ping(payload.to_vec())),
                Ok(Event::Pong(payload)) => outcome.events.push(Seen::Pong(payload.to_vec())),
                Ok(Event::Close(close)) => {
                    let close = close.map(|close| (close.code.as_u16(), close.reason.to_owned()));
                    outcome.events.push(Seen::Close(close));
                    outcome.verdict = Verdict::Closed;
                }
            }
            outcome.replies.extend_from_slice(&out[..written]);
        }
        consumed += input.consumed();
    }
    (outcome, None)
}

/// The frame that contains this position or ends there, and where it starts. If an earlier frame is
/// incomplete, that one.
pub fn frame_of(wire: &[u8], place: usize) -> (usize, Option<Frame>) {
    let mut at = 0;
    loop {
        let frame = Frame::at(wire, at);
        match frame {
            // A Close is consumed before it is validated; every other error is before the end of
            // its frame.
            Some(frame)
                if frame.end() < place || (frame.end() == place && frame.opcode() != 0x8) =>
            {
                at = frame.end();
            }
            _ => return (at, frame),
        }
    }
}

/// RFC 6455 §5.2: "the minimal number of bytes MUST be used to encode the length".
pub fn is_minimal(wire: &[u8], at: usize, len: u64) -> bool {
    match wire[at + 1] & 0x7F {
        126 => len >= 126,
        127 => len > 0xFFFF,
        _ => true,
    }
}

/// The frames written in reply: first byte and payload of each.
pub fn replies(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(frame) = Frame::at(bytes, at) {
        all.push((frame.first, frame.payload(bytes)));
        at = frame.end();
    }
    assert_eq!(at, bytes.len());
    all
}
