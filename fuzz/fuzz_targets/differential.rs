//! Feeds the same bytes, cut in any way, to a connection and to tungstenite. Messages, replies and
//! verdict must be the same, except for the differences in [`Known`].
#![no_main]

use std::io::{self, ErrorKind, Read, Write};

use arbitrary::{Arbitrary, Unstructured};
use barews::{Config, Connection, ControlOrder, Error};
use barews_fuzz::frames;
use barews_fuzz::outcome::{Outcome, Seen, Verdict, frame_of, is_minimal, receive, replies};
use libfuzzer_sys::fuzz_target;
use tungstenite::protocol::{Role as Side, WebSocketConfig};
use tungstenite::{Message, WebSocket};

struct Limits {
    frame_len: usize,
    message_len: usize,
}

/// Where tungstenite 0.30 differs, and what must be the same nevertheless. "§" refers to RFC 6455.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// §5.2 requires the shortest encoding of a length; tungstenite accepts any. Everything before
    /// that frame is the same.
    NonMinimalLength,
    /// tungstenite validates a frame when it is complete; we validate each byte. Everything before
    /// that frame is the same.
    WaitsForTheFrame,
    /// tungstenite checks the length (with the top bit as a part of it) before mask, frame order,
    /// reserved bits and the rules for control frames; we check the bytes in wire order. Only the
    /// close code differs.
    LengthFirst,
    /// tungstenite reports an invalid close code as a Close event with 1002.
    BadCloseCode,
    /// The same for 1014, which we accept because it is registered with IANA.
    BadGateway,
    /// tungstenite checks the reason before the code; we check the code first. Only the close code
    /// differs.
    ReasonFirst,
}

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, step] = <[u8; 2]>::arbitrary(u)?;
    let masked = flags & 8 != 0;
    let wire = frames::wire(u, masked, false)?;
    let limits = if flags & 0xC0 == 0xC0 {
        Limits { frame_len: 300, message_len: 700 }
    } else {
        Limits { frame_len: 1 << 20, message_len: 4 << 20 }
    };
    let step = if step == 0 { usize::MAX } else { usize::from(step).max(wire.len() / 256) };
    let config = Config::new()
        .max_frame_len(limits.frame_len as u64)
        .max_message_len(limits.message_len as u64)
        .control_order(ControlOrder::Wire);
    let (side, (ours, fault)) = if masked {
        (Side::Server, receive(Connection::server(config), &wire, step))
    } else {
        (Side::Client, receive(Connection::client(config, || [1, 2, 3, 4]), &wire, step))
    };
    let theirs = read(side, &limits, &wire, step);
    compare(&wire, &limits, &ours, fault, &theirs);
    Ok(())
}

/// A transport that delivers the bytes in steps, then returns `WouldBlock`, and records what is
/// written.
struct Pipe<'w> {
    wire: &'w [u8],
    step: usize,
    written: Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.wire.len().min(self.step).min(to.len());
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (here, rest) = self.wire.split_at(n);
        to[..n].copy_from_slice(here);
        self.wire = rest;
        Ok(n)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read(side: Side, limits: &Limits, wire: &[u8], step: usize) -> Outcome {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_frame_size(Some(limits.frame_len))
        .max_message_size(Some(limits.message_len));
    let pipe = Pipe { wire, step, written: Vec::new() };
    let mut ws = WebSocket::from_raw_socket(pipe, side, Some(config));
    let mut events = Vec::new();
    let verdict = loop {
        match ws.read() {
            Ok(Message::Text(text)) => events.push(Seen::Text(text.as_str().to_owned())),
            Ok(Message::Binary(bytes)) => events.push(Seen::Binary(bytes.to_vec())),
            Ok(Message::Ping(payload)) => events.push(Seen::Ping(payload.to_vec())),
            Ok(Message::Pong(payload)) => events.push(Seen::Pong(payload.to_vec())),
            Ok(Message::Close(close)) => {
                let close =
                    close.map(|close| (close.code.into(), close.reason.as_str().to_owned()));
                events.push(Seen::Close(close));
                // Writes the reply; the result says that the connection is closed.
                let _ = ws.flush();
                break Verdict::Closed;
            }
            Ok(Message::Frame(frame)) => panic!("{frame:?}"),
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                break Verdict::More;
            }
            Err(tungstenite::Error::Protocol(_)) => break Verdict::Fault(1002),
            Err(tungstenite::Error::Utf8(_)) => break Verdict::Fault(1007),
            Err(tungstenite::Error::Capacity(_)) => break Verdict::Fault(1009),
            Err(error) => panic!("{error:?}"),
        }
    };
    let replies = std::mem::take(&mut ws.get_mut().written);
    Outcome { events, verdict, replies }
}

fn compare(
    wire: &[u8],
    limits: &Limits,
    ours: &Outcome,
    fault: Option<(Error, usize)>,
    theirs: &Outcome,
) {
    let differs = known(wire, limits, ours, fault, theirs);
    let (mut expected, mut seen) = (&ours.events[..], &theirs.events[..]);
    match differs {
        None => assert_eq!(ours.verdict, theirs.verdict, "{fault:?}"),
        Some(Known::NonMinimalLength) => seen = &seen[..expected.len().min(seen.len())],
        Some(Known::WaitsForTheFrame | Known::LengthFirst | Known::ReasonFirst) => {}
        Some(Known::BadCloseCode) => {
            let (last, before) = seen.split_last().unwrap();
            assert!(matches!(last, Seen::Close(Some((1002, _)))));
            seen = before;
        }
        Some(Known::BadGateway) => {
            let (last, before) = seen.split_last().unwrap();
            assert!(matches!(last, Seen::Close(Some((1002, _)))));
            (expected, seen) = (&expected[..expected.len() - 1], before);
        }
    }
    assert_eq!(expected, seen, "{differs:?}");
    let (ours, theirs) = (replies(&ours.replies), replies(&theirs.replies));
    let pongs = |replies: &[(u8, Vec<u8>)]| -> Vec<_> {
        replies.iter().filter(|(first, _)| *first == 0x8A).cloned().collect()
    };
    assert!(pongs(&theirs).starts_with(&pongs(&ours)));
    if differs.is_none() {
        // tungstenite echoes the reason, too; §5.5.1 only mentions the code.
        let codes = |replies: &[(u8, Vec<u8>)]| -> Vec<_> {
            let short = |(first, payload): &(u8, Vec<u8>)| {
                (
                    *first,
                    payload[..payload.len().min(if *first == 0x88 { 2 } else { 125 })].to_vec(),
                )
            };
            replies.iter().map(short).collect()
        };
        assert_eq!(codes(&ours), codes(&theirs));
    }
}

/// The known difference between these outcomes, if the wire can cause it.
fn known(
    wire: &[u8],
    limits: &Limits,
    ours: &Outcome,
    fault: Option<(Error, usize)>,
    theirs: &Outcome,
) -> Option<Known> {
    let Some((error, place)) = fault else {
        let gateway = matches!(ours.events.last(), Some(Seen::Close(Some((1014, _)))));
        return gateway.then_some(Known::BadGateway);
    };
    let (at, frame) = frame_of(wire, place);
    let minimal = match frame {
        Some(frame) => is_minimal(wire, at, frame.len),
        None => true,
    };
    match theirs.verdict {
        Verdict::More if frame.is_none_or(|frame| frame.end() > wire.len()) => {
            Some(Known::WaitsForTheFrame)
        }
        _ if !minimal => Some(Known::NonMinimalLength),
        Verdict::Fault(1009)
            if ours.verdict != theirs.verdict
                && frame.is_some_and(|frame| frame.len > limits.frame_len as u64) =>
        {
            Some(Known::LengthFirst)
        }
        Verdict::Closed if error == Error::InvalidCloseCode => Some(Known::BadCloseCode),
        Verdict::Fault(1007) if error == Error::InvalidCloseCode => Some(Known::ReasonFirst),
        _ => None,
    }
}
