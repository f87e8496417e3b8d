//! Text, valid or not, in any frames and reads: the verdict and the first invalid byte are those of
//! `core::str`, for both receiving roles, with and without `Inflate`, and for sending.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use barews::deflate::{CompressionContext, Inflate, WindowBits};
use barews::frame::{Header, Lead, Opcode};
use barews::{
    Config, Connection, ControlOrder, Data, Delivery, Error, Event, Input, Kind, Role, SendError,
};
use libfuzzer_sys::fuzz_target;

const CONTEXT: CompressionContext =
    CompressionContext { window_bits: WindowBits::MIN, takeover: true };

/// How a message is received.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Chunks,
    Frames,
    /// Compressed, and inflated into slices of this many bytes.
    Inflated(usize),
}

struct Case {
    text: Vec<u8>,
    /// Where the frames of the message end, including the last one.
    ends: Vec<usize>,
    way: Way,
    ahead: bool,
    key: [u8; 4],
    /// The number of bytes per read.
    step: usize,
}

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, step, room, count] = <[u8; 4]>::arbitrary(u)?;
    let key = if flags & 1 == 0 { [0; 4] } else { u.arbitrary()? };
    let mut cuts = [0; 7];
    let cuts = &mut cuts[..usize::from(count % 8)];
    for cut in &mut *cuts {
        *cut = u.arbitrary::<u8>()?.into();
    }
    let text = text(u, flags & 2 != 0)?;
    for cut in &mut *cuts {
        *cut %= text.len() + 1;
    }
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([text.len()]).collect();
    let way = match flags >> 2 & 3 {
        0 | 1 => Way::Chunks,
        2 => Way::Frames,
        _ => Way::Inflated(1 + usize::from(room % 40)),
    };
    let step = if step == 0 { usize::MAX } else { 1 + usize::from(step % 16) };
    let case = Case { text, ends, way, ahead: flags & 0x10 != 0, key, step };

    let config = Config::new();
    if flags & 0x20 == 0 {
        receive(&case, true, Connection::server);
        send(&case, flags & 0x40 != 0, Connection::server(config));
    } else {
        receive(&case, false, |config| Connection::client(config, || [1, 2, 3, 4]));
        send(&case, flags & 0x40 != 0, Connection::client(config, || case.key));
    }
    Ok(())
}

/// Raw bytes, or characters of all lengths with occasional errors.
fn text(u: &mut Unstructured<'_>, plain: bool) -> arbitrary::Result<Vec<u8>> {
    if plain {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    const FIRST: [char; 8] = [
        '\u{0}',
        '\u{80}',
        '\u{800}',
        '\u{1000}',
        '\u{D000}',
        '\u{E000}',
        '\u{10000}',
        '\u{100000}',
    ];
    let (mut text, mut bytes) = (Vec::new(), [0; 4]);
    while !u.is_empty() {
        let how = u8::arbitrary(u)?;
        match how {
            ..0xE0 => {
                let first = u32::from(FIRST[usize::from(how % 8)]);
                let character = char::from_u32(first + u32::from(how >> 3)).unwrap_or('\u{FFFD}');
                text.extend(character.encode_utf8(&mut bytes).bytes());
            }
            // Longer than the words and vectors in which text is validated.
            0xE0..0xF0 => text.extend([b'a'; 17]),
            0xF0..0xF8 => text.truncate(text.len().saturating_sub(1)),
            _ => text.push(u8::arbitrary(u)?),
        }
    }
    Ok(text)
}

/// The first byte at which the text is certainly invalid, and whether that is only because the text
/// ends.
fn bad(text: &[u8], ended: bool) -> Option<(usize, bool)> {
    let error = std::str::from_utf8(text).err()?;
    let good = error.valid_up_to();
    if error.error_len().is_none() {
        return ended.then_some((text.len() - 1, true));
    }
    let wrong = |end: &usize| {
        std::str::from_utf8(&text[good..*end]).is_err_and(|e| e.error_len().is_some())
    };
    (good + 1..=text.len()).find(wrong).map(|end| (end - 1, false))
}

fn frame(wire: &mut Vec<u8>, first: u8, payload: &[u8], key: Option<[u8; 4]>) {
    let opcode = Opcode::parse(first).unwrap();
    let lead = Lead { fin: first & 0x80 != 0, rsv1: first & 0x40 != 0, opcode };
    let header = Header { lead, masking_key: key, payload_len: payload.len() as u64 };
    wire.extend_from_slice(&header.encode());
    let key = key.unwrap_or_default();
    wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The payload of a frame: the bytes, or stored blocks of them (RFC 1951 §3.2.4).
fn payload(case: &Case, bytes: &[u8], fin: bool) -> Vec<u8> {
    if !matches!(case.way, Way::Inflated(_)) {
        return bytes.to_vec();
    }
    let len = u16::try_from(bytes.len()).unwrap();
    let mut blocks = Vec::new();
    if len > 0 {
        blocks.push(0);
        blocks.extend([len.to_le_bytes(), (!len).to_le_bytes()].concat());
        blocks.extend(bytes);
    }
    if fin {
        // RFC 7692 §7.2.1: an empty stored block without its last four bytes.
        blocks.push(0);
    }
    blocks
}

fn receive<R: Role>(case: &Case, masked: bool, make: impl Fn(Config) -> Connection<R>) {
    let mut wire = Vec::new();
    let mut start = 0;
    for (n, end) in case.ends.iter().copied().enumerate() {
        let fin = if n + 1 == case.ends.len() { 0x80 } else { 0 };
        let rsv1 = if matches!(case.way, Way::Inflated(_)) { 0x40 } else { 0 };
        let first = if n == 0 { 1 | rsv1 } else { 0 };
        let payload = payload(case, &case.text[start..end], fin != 0);
        frame(&mut wire, fin | first, &payload, masked.then_some(case.key));
        if fin == 0 && n % 2 == 0 {
            frame(&mut wire, 0x89, b"\xFF", masked.then_some(case.key));
        }
        start = end;
    }
    // A second message shows that no state of the first one is left.
    frame(&mut wire, 0x81, "ä".as_bytes(), masked.then_some(case.key));

    let delivery = if case.way == Way::Frames { Delivery::Frames } else { Delivery::Chunks };
    let order = if case.ahead { ControlOrder::Ahead } else { ControlOrder::Wire };
    let config = Config::new().delivery(delivery).control_order(order);
    let mut ws = make(config.deflate(matches!(case.way, Way::Inflated(_))));
    let mut inflate = Inflate::new(CONTEXT, [0xAA; Inflate::memory(CONTEXT)]).unwrap();
    let mut seen = Seen::default();
    let (mut consumed, mut end, mut error) = (0, 0, None);
    while end < wire.len() && error.is_none() {
        end = wire.len().min(end.saturating_add(case.step));
        let mut input = Input::new(&mut wire[consumed..end]);
        error = read(&mut ws, &mut inflate, case.way, &mut input, &mut seen).err();
        consumed += input.consumed();
    }
    judge(case, &seen, error);
}

#[derive(Default)]
struct Seen {
    /// All received bytes of text, of both messages.
    text: Vec<u8>,
    /// The lengths of `text` after each complete message.
    whole: Vec<usize>,
}

impl Seen {
    fn add(&mut self, data: &Data<'_>) {
        assert_eq!((data.kind, data.compressed), (Kind::Text, false));
        self.text.extend_from_slice(data.payload);
        if data.fin {
            self.whole.push(self.text.len());
        }
    }
}

fn read<R: Role>(
    ws: &mut Connection<R>,
    inflate: &mut Inflate<[u8; 256]>,
    way: Way,
    input: &mut Input<'_>,
    seen: &mut Seen,
) -> Result<(), Error> {
    loop {
        match (ws.receive(input)?, way) {
            (Event::NeedMore(_), _) => return Ok(()),
            (Event::Data(mut data), Way::Inflated(room)) => {
                let mut out = [0xAA; 40];
                while let Some(piece) = inflate.push(&mut data, &mut out[..room])? {
                    seen.add(&piece);
                }
            }
            (Event::Data(data), _) => seen.add(&data),
            (Event::Ping(_) | Event::Pong(_) | Event::Close(_), _) => {}
        }
    }
}

fn judge(case: &Case, seen: &Seen, error: Option<Error>) {
    let len = case.text.len();
    let Some((bad, cut)) = bad(&case.text, true) else {
        assert_eq!(error, None);
        assert_eq!(seen.text, [&case.text, "ä".as_bytes()].concat());
        assert_eq!(seen.whole, [len, len + 2]);
        return;
    };
    assert_eq!(error, Some(Error::InvalidUtf8));
    assert_eq!(seen.whole, []);
    // The end of the last frame before the one with the invalid byte.
    let before = case.ends.iter().copied().filter(|end| *end <= bad).max().unwrap_or(0);
    let good = match case.way {
        Way::Chunks if cut => bad.max(last_start(case)),
        Way::Chunks => bad,
        Way::Frames if cut => last_start(case),
        Way::Frames => before,
        // Whether a character is the last one is not yet known when it is inflated.
        Way::Inflated(_) if cut => len,
        Way::Inflated(_) => bad,
    };
    assert_eq!(seen.text, case.text[..good], "{bad} {cut}");
}

/// Where the last frame of the message starts. It can be empty.
fn last_start(case: &Case) -> usize {
    case.ends.iter().rev().nth(1).copied().unwrap_or(0)
}

/// A fragment is refused if and only if the text so far cannot be a prefix of valid text. A refused
/// fragment changes nothing.
fn send<R: Role>(case: &Case, in_place: bool, mut ws: Connection<R>) {
    let mut start = 0;
    let mut out = vec![0; case.text.len() + 14];
    for (n, end) in case.ends.iter().copied().enumerate() {
        let fin = n + 1 == case.ends.len();
        let mut payload = case.text[start..end].to_vec();
        let sent = if in_place {
            ws.send_in_place(Kind::Text, fin, &mut payload).map(|_| ())
        } else {
            ws.send_fragment(Kind::Text, fin, &payload, &mut out).map(|_| ())
        };
        if bad(&case.text[..end], fin).is_some() {
            assert_eq!(sent, Err(SendError::InvalidUtf8));
            assert_eq!(payload, case.text[start..end]);
            // A valid fragment can still be sent.
            let rest =
                [&b"-"[..], b"\x80", b"\xA0\x80", b"\x80\x80", b"\x80\x80\x80", b"\x90\x80\x80"];
            let sound =
                |rest: &&[u8]| std::str::from_utf8(&[&case.text[..start], *rest].concat()).is_ok();
            let rest = rest.into_iter().find(sound).expect("a prefix of a text");
            assert!(ws.send_fragment(Kind::Text, true, rest, &mut [0; 20]).is_ok());
            return;
        }
        assert_eq!(sent, Ok(()));
        start = end;
    }
}
