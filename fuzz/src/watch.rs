//! A receiver whose every call is checked against the contract of `receive`.

use arbitrary::{Arbitrary, Unstructured};
use barews::frame::{Header, Parsed};
use barews::{Config, Connection, ControlOrder, Delivery, Error, Event, Input, Kind, Role};

/// Of the byte of a [`config`]: compression is agreed on.
pub const DEFLATE: u8 = 0x20;

/// A configuration from one byte.
pub fn config(byte: u8) -> Config {
    let delivery = if byte & 1 == 0 { Delivery::Chunks } else { Delivery::Frames };
    let order = if byte & 2 == 0 { ControlOrder::Ahead } else { ControlOrder::Wire };
    let config = Config::new().delivery(delivery).control_order(order).auto_pong(byte & 4 == 0);
    let config = config.deflate(byte & DEFLATE != 0);
    match byte >> 6 {
        0 | 1 => config,
        2 => config.max_frame_len(300).max_message_len(700).max_fragments(5),
        _ => config.max_frame_len(Config::UNLIMITED).max_message_len(Config::UNLIMITED),
    }
}

/// What one run over the bytes came to.
struct Watch {
    /// All bytes before this were consumed.
    consumed: usize,
    /// The last `NeedMore`: no event before so many bytes, and whether that is exact.
    needed: Option<(usize, bool)>,
    closed: bool,
    controls: usize,
    /// Compression is agreed on, and the open message is compressed.
    deflate: bool,
    compressed: bool,
    /// The open text, to see that it is UTF-8.
    text: Vec<u8>,
}

/// Feeds bytes to `make`'s connection, in reads of sizes from the fuzzer.
pub fn run<R: Role>(data: &[u8], masked: bool, make: impl FnOnce(Config) -> Connection<R>) {
    let mut u = Unstructured::new(data);
    let Ok([flags, step]) = <[u8; 2]>::arbitrary(&mut u) else { return };
    let Ok(wire) = crate::frames::wire(&mut u, masked, flags & DEFLATE != 0) else { return };
    let mut ws = make(config(flags));
    let mut watch = Watch {
        consumed: 0,
        needed: None,
        closed: false,
        controls: 0,
        deflate: flags & DEFLATE != 0,
        compressed: false,
        text: Vec::new(),
    };
    let mut end = 0;
    loop {
        if let Err(error) = read(&mut ws, &mut watch, &wire, end) {
            return poisoned(&mut ws, error, &wire);
        }
        if flags & 8 != 0 {
            let _ = ws.transmit(&mut [0; 131]);
        }
        if end == wire.len() {
            break;
        }
        let step = if step == 0 { wire.len() } else { usize::from(step) + end % 3 };
        // Each read copies what is unread: not too many of them.
        end = wire.len().min(end + step.max(wire.len() / 256));
    }
    let clean = ws.receive_eof();
    assert_eq!(clean, if watch.closed { Ok(()) } else { Err(Error::UnexpectedEof) });
}

/// One read: all bytes up to `end` are here.
fn read<R: Role>(
    ws: &mut Connection<R>,
    watch: &mut Watch,
    wire: &[u8],
    end: usize,
) -> Result<(), Error> {
    // The unread bytes come to a new place with each read.
    let mut bytes = wire[watch.consumed..end].to_vec();
    let mut input = Input::new(&mut bytes);
    let mut awaited = watch.needed.take();
    let start = watch.consumed;
    loop {
        let before = input.consumed();
        let event = ws.receive(&mut input);
        let after = input.consumed();
        assert!(after >= before);
        watch.consumed = start + after;
        assert_eq!(input.unread(), &wire[watch.consumed..end], "unread bytes were altered");
        match event? {
            Event::NeedMore(n) => {
                if let Some((needed, true)) = awaited {
                    assert!(end < needed || watch.closed, "the number was not exact");
                }
                let unread = &wire[watch.consumed..end];
                assert!(!watch.closed || (n.get() == 1 && unread.is_empty()));
                let head = matches!(Header::parse(unread), Ok(Parsed::Complete(..)));
                let exact = head || (unread.is_empty() && n.get() == 1);
                watch.needed = Some((end.saturating_add(n.get()), exact));
                if let Some((needed, _)) = awaited.filter(|(needed, _)| *needed > end) {
                    let now = end.saturating_add(n.get());
                    assert!(now >= needed, "the number can only get sharper");
                }
                return Ok(());
            }
            Event::Data(data) => {
                assert!(after > before, "data is consumed");
                assert!(!watch.closed);
                watch.compressed = if data.first { data.compressed } else { watch.compressed };
                assert_eq!(data.compressed, watch.compressed, "a message is of one sort");
                assert!(watch.deflate || !data.compressed);
                if !data.compressed {
                    text(watch, data.kind, data.payload, data.first, data.fin);
                }
                assert!(!data.fin || data.frame_left == 0);
            }
            Event::Ping(_) | Event::Pong(_) => {
                assert!(!watch.closed);
                watch.controls += 1;
                assert!(watch.controls * 2 <= end, "a control frame came twice");
            }
            Event::Close(close) => {
                assert!(!watch.closed && after > before);
                assert!(close.is_none_or(|close| close.code.is_receivable()));
                watch.closed = true;
            }
        }
        if let Some((needed, _)) = awaited.take() {
            assert!(end >= needed, "an event came before its number");
        }
    }
}

fn text(watch: &mut Watch, kind: Kind, payload: &[u8], first: bool, fin: bool) {
    if first {
        watch.text.clear();
    }
    if kind == Kind::Text {
        watch.text.extend_from_slice(payload);
        match std::str::from_utf8(&watch.text) {
            Ok(_) => {}
            Err(error) => assert!(error.error_len().is_none() && !fin, "not UTF-8"),
        }
    }
}

/// The error stays, nothing is consumed or altered, and one Close is due.
fn poisoned<R: Role>(ws: &mut Connection<R>, error: Error, wire: &[u8]) {
    assert!(ws.wants_write() || ws.state() == barews::State::Closed);
    let mut out = [0; 131];
    if ws.wants_write() {
        let n = ws.transmit(&mut out).expect("131 bytes are enough");
        assert_eq!(out[0], 0x88);
        let key = if R::SERVER { [0; 4] } else { [out[2], out[3], out[4], out[5]] };
        let code = [out[n - 2] ^ key[0], out[n - 1] ^ key[1]];
        assert_eq!(u16::from_be_bytes(code), error.close_code().as_u16());
    }
    for _ in 0..2 {
        let mut bytes = wire.to_vec();
        let mut input = Input::new(&mut bytes);
        assert_eq!(ws.receive(&mut input), Err(error));
        assert_eq!((input.consumed(), input.unread()), (0, wire));
        assert_eq!(ws.transmit(&mut out), Ok(0));
    }
    assert_eq!(ws.receive_eof(), Err(error));
}
