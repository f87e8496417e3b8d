//! Feeds the same bytes, cut in any way, to a connection and to wslay. Messages, replies and
//! verdict must be the same, except for the differences in [`Known`]. Sending the same messages
//! with both must give the same bytes, which both accept.
#![no_main]

use std::cell::Cell;

use arbitrary::{Arbitrary, Unstructured};
use barews::{CloseCode, Config, Connection, ControlOrder, Error, Role, SendError};
use barews_fuzz::frames;
use barews_fuzz::outcome::{Outcome, Seen, Verdict, frame_of, receive, replies};
use barews_fuzz::walk::Frame;
use barews_fuzz::wslay::{NO_CODE, Wslay, key};
use libfuzzer_sys::fuzz_target;

/// Where wslay 1.1.1 differs, and what must be the same nevertheless. "§" refers to RFC 6455.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// wslay checks most of a header when the whole header and one byte of payload are received; we
    /// check each byte. Everything before that frame is the same.
    WaitsForTheHeader,
    /// For a length that is not minimal, and for a control frame that is too long or fragmented,
    /// the Close of wslay has no code.
    NoCode,
    /// wslay rejects the close codes 1012 to 1014, which we accept because they are registered with
    /// IANA.
    LaterCode,
    /// wslay validates the reason of a Close byte by byte; we validate the complete Close, code
    /// first.
    ReasonFirst,
    /// §5.5.1: a body starts with "a 2-byte unsigned integer". wslay treats a Close with one byte
    /// as one without a code.
    ShortClose,
    /// §5.5.1: a reason is UTF-8. wslay skips the first two bytes of every received piece of a
    /// Close, not only of the first one, and accepts a reason that ends inside a character.
    LooseReason,
    /// For the same cause, wslay rejects a valid reason.
    StrictReason,
}

/// A bit of the first byte: the wire is masked, or a client sends.
const CLIENT: u8 = 8;
/// The rest of the input is messages to send; otherwise it is a wire.
const SEND: u8 = 0x10;

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, step] = <[u8; 2]>::arbitrary(u)?;
    let masked = flags & CLIENT != 0;
    let max_message_len = if flags & 0xC0 == 0xC0 { 700 } else { 1 << 20 };
    let sent;
    let wire = if flags & SEND == 0 {
        sent = None;
        frames::wire(u, masked, false)?
    } else {
        let keys = Cell::new(0_u8);
        let next = || key(keys.replace(keys.get().wrapping_add(1)));
        let (events, wire) = if masked {
            send(u, Connection::client(Config::new(), next))?
        } else {
            send(u, Connection::server(Config::new()))?
        };
        sent = Some(events);
        wire
    };
    let step = if step == 0 { wire.len().max(1) } else { usize::from(step).max(wire.len() / 256) };
    let config = Config::new()
        .max_frame_len(max_message_len)
        .max_message_len(max_message_len)
        .control_order(ControlOrder::Wire);
    let (ours, fault) = if masked {
        receive(Connection::server(config), &wire, step)
    } else {
        receive(Connection::client(config, || key(0)), &wire, step)
    };
    let theirs = Wslay::new(masked, max_message_len).read(&wire, step);
    if let Some(sent) = sent.filter(|_| ours.verdict == Verdict::Closed) {
        assert_eq!(ours.events, sent);
    }
    compare(&wire, &ours, fault, &theirs);
    Ok(())
}

/// Sends the same messages with both.
fn send<R: Role>(
    u: &mut Unstructured<'_>,
    mut ours: Connection<R>,
) -> arbitrary::Result<(Vec<Seen>, Vec<u8>)> {
    let mut theirs = Wslay::new(R::SERVER, 0);
    let (mut sent, mut wire) = (Vec::new(), Vec::new());
    let mut out = Vec::new();
    let mut write =
        |seen: Seen, bytes: &[u8], call: &mut dyn FnMut(&mut [u8]) -> Result<usize, SendError>| {
            out.clear();
            out.resize(bytes.len(), 0xEE);
            assert_eq!((call(&mut out), &out[..]), (Ok(bytes.len()), bytes));
            wire.extend_from_slice(bytes);
            sent.push(seen);
        };
    while !u.is_empty() {
        let [what, len] = <[u8; 2]>::arbitrary(u)?;
        let bytes = u.bytes(usize::from(len).min(u.len()))?;
        let mut bytes = bytes.to_vec();
        match what >> 3 {
            0 => bytes.resize(125 + usize::from(len % 3), b'.'),
            1 if what == 15 => bytes.resize(65_535 + usize::from(len % 3), b'.'),
            _ => {}
        }
        match what % 4 {
            0 => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let frame = theirs.send(1, text.as_bytes());
                write(Seen::Text(text.clone()), &frame, &mut |out| ours.send_text(&text, out));
            }
            1 => {
                let frame = theirs.send(2, &bytes);
                write(Seen::Binary(bytes.clone()), &frame, &mut |out| {
                    ours.send_binary(&bytes, out)
                });
            }
            2 => {
                bytes.truncate(125);
                let frame = theirs.send(9, &bytes);
                write(Seen::Ping(bytes.clone()), &frame, &mut |out| ours.send_ping(&bytes, out));
            }
            _ => {
                bytes.truncate(125);
                let frame = theirs.send(10, &bytes);
                write(Seen::Pong(bytes.clone()), &frame, &mut |out| ours.send_pong(&bytes, out));
            }
        }
    }
    let frame = theirs.send_close(1000, "bye");
    write(Seen::Close(Some((1000, "bye".to_owned()))), &frame, &mut |out| {
        ours.send_close(CloseCode::NORMAL, "bye", out)
    });
    Ok((sent, wire))
}

fn compare(wire: &[u8], ours: &Outcome, fault: Option<(Error, usize)>, theirs: &Outcome) {
    let differs = known(wire, ours, fault, theirs);
    let (mut expected, mut seen) = (&ours.events[..], &theirs.events[..]);
    match differs {
        None => assert_eq!(ours.verdict, theirs.verdict, "{fault:?} {ours:?} {theirs:?}"),
        Some(Known::WaitsForTheHeader | Known::NoCode | Known::ReasonFirst) => {}
        Some(Known::LaterCode | Known::StrictReason) if ours.verdict == Verdict::Closed => {
            expected = &expected[..expected.len() - 1];
        }
        Some(Known::LaterCode | Known::StrictReason) => {}
        Some(Known::ShortClose | Known::LooseReason) => seen = &seen[..seen.len() - 1],
    }
    assert_eq!(expected, seen, "{differs:?}");
    let (sent, seen) = (replies(&ours.replies), replies(&theirs.replies));
    let pongs = |replies: &[(u8, Vec<u8>)]| -> Vec<_> {
        replies.iter().filter(|(first, _)| *first == 0x8A).cloned().collect()
    };
    if theirs.verdict == Verdict::More {
        assert_eq!(pongs(&sent), pongs(&seen));
    } else {
        // wslay sends its Close before queued Pongs, and nothing after a Close.
        assert!(pongs(&sent).starts_with(&pongs(&seen)), "{sent:?} {seen:?}");
    }
    if differs.is_none() && ours.verdict == Verdict::Closed {
        // wslay echoes the reason, too; §5.5.1 only mentions the code.
        let code = |replies: &[(u8, Vec<u8>)]| {
            let (first, payload) = replies.last().unwrap();
            (*first, payload[..payload.len().min(2)].to_vec())
        };
        assert_eq!(code(&sent), code(&seen));
    }
}

/// The known difference between these outcomes, if the wire can cause it.
fn known(
    wire: &[u8],
    ours: &Outcome,
    fault: Option<(Error, usize)>,
    theirs: &Outcome,
) -> Option<Known> {
    let (error, place) = fault.map_or((None, wire.len()), |(error, place)| (Some(error), place));
    let (at, frame) = frame_of(wire, place);
    match theirs.verdict {
        Verdict::Fault(1002)
            if matches!(ours.events.last(), Some(Seen::Close(Some((1012..=1014, _))))) =>
        {
            Some(Known::LaterCode)
        }
        // With an invalid reason that wslay does not detect.
        Verdict::Fault(1002)
            if error == Some(Error::InvalidUtf8)
                && frame.is_some_and(|frame| is_later_close(&frame, wire)) =>
        {
            Some(Known::LaterCode)
        }
        Verdict::Fault(1007)
            if wire.get(at) == Some(&0x88)
                && (error == Some(Error::InvalidCloseCode) || ours.verdict == Verdict::More) =>
        {
            Some(Known::ReasonFirst)
        }
        Verdict::Closed if error == Some(Error::CloseTooShort) => Some(Known::ShortClose),
        Verdict::Closed if error == Some(Error::InvalidUtf8) && wire[at] == 0x88 => {
            Some(Known::LooseReason)
        }
        Verdict::Fault(1007) if matches!(ours.events.last(), Some(Seen::Close(Some((_, reason)))) if !reason.is_ascii()) => {
            Some(Known::StrictReason)
        }
        Verdict::More if error.is_some() && frame.is_none_or(|frame| frame.start >= wire.len()) => {
            Some(Known::WaitsForTheHeader)
        }
        Verdict::Fault(NO_CODE)
            if matches!(ours.verdict, Verdict::Fault(1002 | 1009))
                && (is_bad_length(&wire[at..]) || is_bad_control(&wire[at..])) =>
        {
            Some(Known::NoCode)
        }
        _ => None,
    }
}

/// Whether this is a Close with a code of [`Known::LaterCode`].
fn is_later_close(frame: &Frame, wire: &[u8]) -> bool {
    frame.first == 0x88 && matches!(frame.payload(wire)[..], [0x03, 0xF4..=0xF6, ..])
}

/// §5.2: "the minimal number of bytes MUST be used to encode the length", and "the most significant
/// bit MUST be 0".
fn is_bad_length(bytes: &[u8]) -> bool {
    match bytes {
        [_, 0x7E | 0xFE, high, low, ..] => u16::from_be_bytes([*high, *low]) < 126,
        [_, 0x7F | 0xFF, len @ ..] => len.first_chunk().is_some_and(|len| {
            let len = u64::from_be_bytes(*len);
            len <= 0xFFFF || len >> 63 != 0
        }),
        _ => false,
    }
}

/// §5.5: all control frames "MUST have a payload length of 125 bytes or less and MUST NOT be
/// fragmented".
fn is_bad_control(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..]
        if first & 8 != 0 && (second & 0x7F > 125 || first & 0x80 == 0))
}
