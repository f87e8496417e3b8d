//! A slow and simple reference decoder, written from RFC 6455: takes all bytes at once and returns
//! the full outcome.

use core::str::from_utf8;

use barews::Kind;

use super::event::Ev;
use super::transcript::{Outcome, Rules};

/// A message open between frames.
#[derive(Default)]
struct Message {
    text: bool,
    frames: u32,
    bytes: Vec<u8>,
}

/// Why there is no frame.
enum Stop {
    /// How many more bytes the next event needs.
    Need(u64),
    /// The error, the bytes consumed, and the bytes that decide it.
    Error(&'static str, usize, usize),
}
use Stop::{Error, Need};

/// Decodes `bytes`. Also returns how many bytes decide the outcome: later ones make no difference.
pub(crate) fn decode(bytes: &[u8], rules: &Rules) -> (Outcome, usize) {
    let (mut out, mut open, mut start) = (Outcome::default(), None, 0);
    // §5.5.1: nothing after a Close has a meaning.
    while !matches!(out.events.last(), Some(Ev::Close(_))) {
        match frame(&bytes[start..], rules, &mut open, &mut out.events) {
            Ok(len) => start += len,
            Err(Need(need)) => return (Outcome { need: Some(need), ..out }, start),
            Err(Error(name, consumed, judged)) => {
                out.error = Some((name.to_owned(), start + consumed));
                return (out, start + judged);
            }
        }
    }
    (Outcome { need: Some(1), ..out }, start)
}

/// Decodes the frame at the start of `b` and returns its length.
#[rustfmt::skip]
fn frame(b: &[u8], rules: &Rules, open: &mut Option<Message>, out: &mut Vec<Ev>) -> Result<usize, Stop> {
    let (len, payload_len) = header(b, rules, open.as_ref())?;
    let (fin, opcode, mut payload) = (b[0] & 0x80 != 0, b[0] & 0x0F, b[len..].to_vec());
    payload.truncate(payload_len.try_into().unwrap_or(usize::MAX));
    if rules.server {
        // §5.3: octet i of the payload is XORed with octet i modulo 4 of the key.
        payload.iter_mut().enumerate().for_each(|(i, byte)| *byte ^= b[len - 4 + i % 4]);
    }
    let end = len + payload.len();
    let left = payload_len - payload.len() as u64;
    if left > 0 && (opcode >= 8 || rules.frames) { return Err(Need(left)) }
    match opcode {
        0x8 => out.push(Ev::Close(close(&payload).map_err(|name| Error(name, end, end))?)),
        0x9 => out.push(Ev::Ping(payload)),
        0xA => out.push(Ev::Pong(payload)),
        _ => {
            let new = || Message { text: opcode == 1, ..Message::default() };
            let mut message = open.take().unwrap_or_else(new);
            let (text, first, before) = (message.text, message.frames == 0, message.bytes.len());
            message.bytes.extend(&payload);
            message.frames += 1;
            let bad = bad_utf8(&message.bytes, fin && left == 0, before).filter(|_| text);
            // Bytes that make the text invalid are not delivered, nor any after them.
            let good = bad.map_or(payload.len(), |bad| if rules.frames { 0 } else { bad - before });
            if good > 0 || (payload_len == 0 && bad.is_none()) {
                let (payload, left) = (payload[..good].to_vec(), payload_len - good as u64);
                let kind = if text { Kind::Text } else { Kind::Binary };
                out.push(Ev::Data { kind, first, fin: fin && left == 0, left, payload });
            }
            if bad.is_some() {
                let judged = if rules.frames { end } else { end.min(len + good + 1) };
                return Err(Error("InvalidUtf8", len + good, judged));
            }
            if left > 0 { return Err(Need(1)) }
            *open = (!fin).then_some(message);
        }
    }
    Ok(end)
}

/// §5.2, byte by byte: an error at one byte takes precedence over the next byte. Returns the
/// lengths of header and payload.
#[rustfmt::skip]
fn header(b: &[u8], rules: &Rules, open: Option<&Message>) -> Result<(usize, u64), Stop> {
    let judge = |judged, faults: &[(bool, &'static str)]| {
        let fault = faults.iter().find(|(there, _)| *there);
        fault.map_or(Ok(()), |(_, name)| Err(Error(name, 0, judged)))
    };
    let key_len = if rules.server { 4 } else { 0 };
    let Some(first) = b.first() else { return Err(Need(2 + key_len)) };
    let (opcode, control) = (first & 0x0F, first & 0x08 != 0);
    judge(1, &[
        (first & 0x30 != 0, "ReservedBits"),
        (!matches!(opcode, 0..=2 | 8..=10), "ReservedOpcode"),
        (control && first & 0x80 == 0, "FragmentedControl"),
        (first & 0x40 != 0, "ReservedBits"),
        (opcode == 0 && open.is_none(), "UnexpectedContinuation"),
        (matches!(opcode, 1 | 2) && open.is_some(), "ExpectedContinuation"),
        (opcode == 0 && open.is_some_and(|open| open.frames >= rules.max_fragments), "TooManyFragments"),
    ])?;
    let Some(second) = b.get(1) else { return Err(Need(1 + key_len)) };
    let (masked, short) = (second & 0x80 != 0, u64::from(second & 0x7F));
    judge(2, &[
        (rules.server && !masked, "Unmasked"),
        (!rules.server && masked, "Masked"),
        (control && short > 125, "ControlTooLong"),
    ])?;
    let (field, floor) = match short { 126 => (2, 126), 127 => (8, 0x1_0000), _ => (0, short) };
    let (held, mut least) = (open.map_or(0, |open| open.bytes.len() as u128), floor);
    for known in 0..=field.min(b.len() - 2) {
        // The smallest and largest length while some of its bytes are missing.
        let bound = |fill| {
            let digits = b[2..2 + known].iter().chain([fill; 8]).take(field);
            digits.fold(0, |bound, digit| bound << 8 | u64::from(*digit))
        };
        least = floor.max(bound(&0x00));
        judge(2 + known, &[
            (least >> 63 == 1, "LengthTopBit"),
            (field > 0 && bound(&0xFF) < floor, "NonMinimalLength"),
            (!control && least > rules.max_frame_len, "FrameTooLong"),
            (!control && held + u128::from(least) > rules.max_message_len.into(), "MessageTooLong"),
        ])?;
    }
    let len = 2 + field + if rules.server { 4 } else { 0 };
    let payload = if control || rules.frames { least } else { least.min(1) };
    if b.len() < len { Err(Need((len - b.len()) as u64 + payload)) } else { Ok((len, least)) }
}

/// The position of the first invalid byte. For a text that has `ended` inside a character, the last
/// byte, but not one before `before`.
fn bad_utf8(text: &[u8], ended: bool, before: usize) -> Option<usize> {
    let good = from_utf8(text).err()?.valid_up_to();
    let wrong = |to: &usize| from_utf8(&text[good..*to]).is_err_and(|e| e.error_len() > None);
    let bad = (good + 1..=text.len()).find(wrong).map(|end| end - 1);
    bad.or_else(|| ended.then(|| before.max(text.len() - 1)))
}

/// §5.5.1 and §7.4.
fn close(body: &[u8]) -> Result<Option<(u16, String)>, &'static str> {
    let [high, low, reason @ ..] = body else {
        return if body.is_empty() { Ok(None) } else { Err("CloseTooShort") };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err("InvalidCloseCode");
    }
    let reason = String::from_utf8(reason.to_vec()).map_err(|_| "InvalidUtf8")?;
    Ok(Some((code, reason)))
}
