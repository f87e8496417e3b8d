//! RFC 7692 §6: RSV1 on received and sent frames, and which messages are inflated.

use barews::frame::{Compressed, Content};
use barews::{Config, Connection, Error, Input, Kind, SendError};

use crate::support::endpoint::{Call, Either, SIDES, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use crate::support::inflated::{Outcome, RSV1, compressed, context, opcode, run, unmasked};

/// RFC 7692 §7.2.3.1 and §7.2.3.2: "Hello", and "Hello" again as a reference to the first.
const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
const AGAIN: &[u8] = b"\xF2\x00\x11\x00\x00";

const KINDS: [Kind; 2] = [Kind::Text, Kind::Binary];

fn negotiated() -> Config {
    Config::new().deflate(true)
}

/// Whether each piece of data in `wire` is compressed.
fn marks(side: Side, wire: &[u8]) -> Vec<bool> {
    let mut ws = side.ws(negotiated());
    let mut bytes = wire.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut marks = Vec::new();
    while let barews::Event::Data(data) = ws.receive(&mut input).unwrap() {
        marks.push(data.compressed);
    }
    marks
}

#[test]
fn r7692_6_01_rsv1_on_the_first_frame_marks_the_whole_message() {
    for side in SIDES {
        let wire = [
            side.frame(FIN | RSV1 | TEXT, HELLO),
            side.frame(FIN | TEXT, b"Hello"),
            side.frame(RSV1 | BINARY, &HELLO[..3]),
            side.frame(CONTINUATION, b""),
            side.frame(FIN | CONTINUATION, &HELLO[3..]),
            side.frame(BINARY, b"He"),
            side.frame(FIN | CONTINUATION, b"llo"),
            side.frame(FIN | RSV1 | BINARY, HELLO),
        ]
        .concat();
        assert_eq!(marks(side, &wire), [true, false, true, true, true, false, false, true]);
    }
}

#[test]
fn r7692_6_01_compressed_and_plain_messages_alternate_with_controls_between_fragments() {
    for side in SIDES {
        let wire = [
            compressed(side, Kind::Text, &[HELLO]),
            side.frame(FIN | TEXT, b"plain"),
            side.frame(RSV1 | BINARY, &AGAIN[..2]),
            side.frame(PING, b"ping"),
            side.frame(CONTINUATION, &AGAIN[2..4]),
            side.frame(PONG, b""),
            side.frame(PING, &[0xFF; 125]),
            side.frame(FIN | CONTINUATION, &AGAIN[4..]),
            side.frame(BINARY, b"pl"),
            side.frame(PING, b""),
            side.frame(FIN | CONTINUATION, b"ain"),
            compressed(side, Kind::Text, &[AGAIN]),
        ]
        .concat();
        let (hello, plain) = (&b"Hello"[..], &b"plain"[..]);
        let wanted = Outcome::whole(&[
            (Kind::Text, hello),
            (Kind::Text, plain),
            (Kind::Binary, hello),
            (Kind::Binary, plain),
            (Kind::Text, hello),
        ]);
        let context = context(15, true);
        for size in 1..=6 {
            for cut in 0..=wire.len() {
                assert_eq!(run(side, context, &wire, &[cut], &[size]), wanted, "{cut} {size}");
            }
            let bytes: Vec<_> = (0..wire.len()).collect();
            assert_eq!(run(side, context, &wire, &bytes, &[size]), wanted, "{size}");
        }
    }
}

#[test]
fn r7692_6_01_a_ping_after_whole_compressed_messages_is_delivered_first() {
    for side in SIDES {
        let mut ws = side.ws(negotiated());
        let long = [0; 300];
        let messages = [(Kind::Text, HELLO), (Kind::Binary, AGAIN), (Kind::Binary, &long[..])];
        let mut bytes = messages.map(|(kind, payload)| compressed(side, kind, &[payload])).concat();
        bytes.extend(side.frame(PING, b"ping"));
        let mut input = Input::new(&mut bytes);
        assert!(matches!(ws.receive(&mut input), Ok(barews::Event::Ping(_))));
        for (kind, payload) in messages {
            let Ok(barews::Event::Data(data)) = ws.receive(&mut input) else {
                panic!("expected a message")
            };
            assert_eq!((data.kind, &*data.payload), (kind, payload));
            assert!(data.first && data.fin && data.frame_fin && data.compressed);
            assert_eq!((data.offset, data.frame_left), (0, 0));
        }
    }
}

#[test]
fn r7692_6_01_without_negotiation_rsv1_is_refused_at_the_first_byte() {
    for side in SIDES {
        for lead in [TEXT, BINARY, CONTINUATION, PING] {
            let mut ws = side.ws(Config::new());
            assert_eq!(ws.feed(&[FIN | RSV1 | lead]), [Ev::Fail(Error::ReservedBits)]);
            assert_eq!(unmasked(&ws.sent(Call::Transmit)), [CLOSE, 2, 0x03, 0xEA]);
        }
    }
}

#[test]
fn r7692_6_02_negotiated_rsv1_is_refused_except_on_first_frames() {
    for side in SIDES {
        for (open, lead) in [
            (None, CONTINUATION),
            (Some(TEXT), CONTINUATION),
            (Some(RSV1 | TEXT), CONTINUATION),
            (Some(RSV1 | BINARY), FIN | CONTINUATION),
            (None, CLOSE),
            (None, PING),
            (None, PONG),
            (Some(RSV1 | TEXT), PING),
        ] {
            let mut ws = side.ws(negotiated());
            if let Some(first) = open {
                assert_eq!(ws.feed(&side.frame(first, b"")).len(), 2);
            }
            assert_eq!(ws.feed(&[RSV1 | lead]), [Ev::Fail(Error::ReservedBits)], "{lead:#x}");
            assert_eq!(unmasked(&ws.sent(Call::Transmit)), [CLOSE, 2, 0x03, 0xEA]);
        }
    }
}

#[test]
fn r7692_6_02_the_other_reserved_bits_stay_reserved() {
    for side in SIDES {
        for rsv in 0..8 {
            for lead in [TEXT, BINARY] {
                let events = side.ws(negotiated()).feed(&[FIN | rsv << 4 | lead]);
                let refused = events == [Ev::Fail(Error::ReservedBits)];
                assert_eq!(refused, rsv & 3 != 0, "{rsv:03b}");
            }
            // A reserved opcode is invalid with any RSV bits.
            let events = side.ws(negotiated()).feed(&[FIN | rsv << 4 | 0x3]);
            assert!(matches!(events[..], [Ev::Fail(_)]));
        }
        let mut ws = side.ws(negotiated());
        ws.feed(&side.frame(RSV1 | TEXT, b""));
        assert_eq!(ws.feed(&[RSV1 | TEXT]), [Ev::Fail(Error::ExpectedContinuation)]);
    }
}

/// The APIs that send a fragment.
#[derive(Clone, Copy, Debug)]
enum Api {
    Fragment,
    InPlace,
    Begin,
}

const APIS: [Api; 3] = [Api::Fragment, Api::InPlace, Api::Begin];

/// Sends a fragment; returns the unmasked frame.
fn send(
    ws: &mut Ws,
    api: Api,
    content: impl Into<Content>,
    fin: bool,
    bytes: &[u8],
) -> Result<Vec<u8>, SendError> {
    fn on<R: barews::Role>(
        ws: &mut Connection<R>,
        api: Api,
        content: Content,
        fin: bool,
        bytes: &[u8],
    ) -> Result<Vec<u8>, SendError> {
        let mut payload = bytes.to_vec();
        let header = match api {
            Api::Fragment => {
                let mut out = [0; 139];
                let n = ws.send_fragment(content, fin, bytes, &mut out)?;
                return Ok(out[..n].to_vec());
            }
            Api::InPlace => ws.send_in_place(content, fin, &mut payload)?,
            Api::Begin => {
                let header = ws.begin_frame(content, fin, bytes.len().try_into().unwrap())?;
                for byte in &mut payload {
                    ws.mask_next(core::slice::from_mut(byte))?;
                }
                header
            }
        };
        Ok([&header[..], &payload].concat())
    }
    let frame = match &mut ws.either {
        Either::Server(ws) => on(ws, api, content.into(), fin, bytes),
        Either::Client(ws) => on(ws, api, content.into(), fin, bytes),
    };
    frame.map(|frame| unmasked(&frame))
}

#[test]
fn r7692_6_02_rsv1_is_sent_on_first_frames_of_compressed_messages_only() {
    for (side, kind) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind))) {
        let opcode = opcode(kind);
        let mut ws = side.ws(negotiated());
        for (first, second) in APIS.into_iter().flat_map(|api| APIS.map(|next| (api, next))) {
            let sent = [
                send(&mut ws, first, Compressed(kind), false, &HELLO[..3]).unwrap(),
                send(&mut ws, second, Compressed(kind), false, b"").unwrap(),
                send(&mut ws, second, Compressed(kind), true, &HELLO[3..]).unwrap(),
                send(&mut ws, first, Compressed(kind), true, HELLO).unwrap(),
                send(&mut ws, first, kind, false, b"a").unwrap(),
                send(&mut ws, second, kind, true, b"b").unwrap(),
                send(&mut ws, second, kind, true, b"c").unwrap(),
            ];
            let leads = [
                RSV1 | opcode,
                CONTINUATION,
                FIN | CONTINUATION,
                FIN | RSV1 | opcode,
                opcode,
                FIN | CONTINUATION,
                FIN | opcode,
            ];
            assert_eq!(sent.each_ref().map(|frame| frame[0]), leads, "{first:?} {second:?}");
            assert_eq!(sent[0][2..], HELLO[..3]);
            assert_eq!(sent[2][2..], HELLO[3..]);
        }
    }
}

#[test]
fn r7692_6_02_a_control_frame_between_compressed_fragments_is_sent_without_rsv1() {
    let mut ws = Connection::server(negotiated());
    let mut out = [0; 64];
    ws.send_fragment(Compressed(Kind::Text), false, HELLO, &mut out).unwrap();
    let n = ws.send_ping(b"p", &mut out).unwrap();
    assert_eq!(out[..n], *b"\x89\x01p");
    let n = ws.send_pong(b"", &mut out).unwrap();
    assert_eq!(out[..n], *b"\x8A\x00");
    let n = ws.send_fragment(Compressed(Kind::Text), true, b"", &mut out).unwrap();
    assert_eq!(out[..n], *b"\x80\x00");
}

#[test]
fn r9_1_03_a_compressed_message_is_not_sent_without_negotiation() {
    for (side, api) in SIDES.into_iter().flat_map(|side| APIS.map(|api| (side, api))) {
        let mut ws = side.ws(Config::new());
        for fin in [false, true] {
            let refused = send(&mut ws, api, Compressed(Kind::Text), fin, HELLO);
            assert_eq!(refused, Err(SendError::NotNegotiated));
        }
        // The state is unchanged: no message is in progress.
        assert_eq!(send(&mut ws, api, Kind::Binary, true, b"a").unwrap(), [FIN | BINARY, 1, b'a']);
        send(&mut ws, api, Kind::Text, false, b"a").unwrap();
        let refused = send(&mut ws, api, Compressed(Kind::Text), true, b"b");
        assert_eq!(refused, Err(SendError::NotNegotiated));
        assert_eq!(
            send(&mut ws, api, Kind::Text, true, b"b").unwrap(),
            [FIN | CONTINUATION, 1, b'b']
        );
    }
}

#[test]
fn r7692_6_01_a_message_is_compressed_in_all_its_fragments_or_in_none() {
    for (side, api) in SIDES.into_iter().flat_map(|side| APIS.map(|api| (side, api))) {
        let mut ws = side.ws(negotiated());
        for kind in KINDS {
            send(&mut ws, api, Compressed(kind), false, HELLO).unwrap();
            let refused = send(&mut ws, api, kind, true, b"plain");
            assert_eq!(refused, Err(SendError::MessageInProgress));
            send(&mut ws, api, Compressed(kind), true, b"").unwrap();

            send(&mut ws, api, kind, false, b"plain").unwrap();
            let refused = send(&mut ws, api, Compressed(kind), true, HELLO);
            assert_eq!(refused, Err(SendError::MessageInProgress));
            send(&mut ws, api, kind, true, b"").unwrap();
        }
    }
}

#[test]
fn r7692_6_03_the_kind_is_that_of_the_opcode() {
    for (side, kind) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind))) {
        for parts in [&[HELLO][..], &[&HELLO[..1], b"", &HELLO[1..]]] {
            let wire = compressed(side, kind, parts);
            let seen = run(side, context(8, false), &wire, &[], &[2]);
            assert_eq!(seen, Outcome::whole(&[(kind, b"Hello")]));
        }
    }
}

#[test]
fn r7692_6_04_compressed_bytes_need_not_be_utf_8() {
    for side in SIDES {
        assert!(String::from_utf8(HELLO.to_vec()).is_err());
        let wire = compressed(side, Kind::Text, &[HELLO]);
        let seen = run(side, context(8, true), &wire, &[], &[9]);
        assert_eq!(seen, Outcome::whole(&[(Kind::Text, b"Hello")]));
        // The next message is checked as text of its own.
        let wire = [wire, side.frame(FIN | TEXT, b"\xF2")].concat();
        assert_eq!(side.ws(negotiated()).feed(&wire).last(), Some(&Ev::Fail(Error::InvalidUtf8)));
        for api in APIS {
            let mut ws = side.ws(negotiated());
            send(&mut ws, api, Compressed(Kind::Text), false, &HELLO[..1]).unwrap();
            send(&mut ws, api, Compressed(Kind::Text), true, &HELLO[1..]).unwrap();
            let refused = send(&mut ws, api, Kind::Text, true, b"\xF2");
            assert_eq!(refused, Err(SendError::InvalidUtf8));
        }
    }
}

#[test]
fn r7692_6_04_the_inflated_text_is_utf_8() {
    for side in SIDES {
        // 0xFF after "a", in a stored block.
        let message = b"\x00\x02\x00\xFD\xFFa\xFF\x00";
        let seen =
            run(side, context(8, true), &compressed(side, Kind::Text, &[message]), &[], &[9]);
        let error = Some(Error::InvalidUtf8);
        assert_eq!(seen, Outcome { open: b"a".to_vec(), error, ..Outcome::default() });
        let wire = compressed(side, Kind::Binary, &[message]);
        let seen = run(side, context(8, true), &wire, &[], &[9]);
        assert_eq!(seen, Outcome::whole(&[(Kind::Binary, b"a\xFF")]));
    }
}

#[test]
fn r7692_6_05_fragments_are_joined_and_then_inflated() {
    let wanted = Outcome::whole(&[(Kind::Text, b"Hello"), (Kind::Text, b"Hello")]);
    for side in SIDES {
        // Every way to cut the seven bytes into fragments, with an empty one before and after.
        for cuts in 0..1 << (HELLO.len() - 1) {
            let mut parts: Vec<&[u8]> = vec![b""];
            let mut start = 0;
            for end in 1..=HELLO.len() {
                if end == HELLO.len() || cuts >> (end - 1) & 1 == 1 {
                    parts.push(&HELLO[start..end]);
                    start = end;
                }
            }
            parts.push(b"");
            let wire =
                [compressed(side, Kind::Text, &parts), compressed(side, Kind::Text, &[AGAIN])];
            assert_eq!(run(side, context(9, true), &wire.concat(), &[], &[3]), wanted);
        }
    }
}

#[test]
fn r7692_6_06_an_uncompressed_message_is_unchanged_and_does_not_change_the_window() {
    for (side, takeover) in SIDES.into_iter().flat_map(|side| [(side, true), (side, false)]) {
        let plain = b"\xF2\x48 no DEFLATE";
        let wire = [
            compressed(side, Kind::Text, &[HELLO]),
            side.frame(FIN | BINARY, plain),
            side.frame(FIN | BINARY, b""),
            side.frame(TEXT, b"te"),
            side.frame(CONTINUATION, b""),
            side.frame(FIN | CONTINUATION, b"xt"),
            compressed(side, Kind::Text, &[AGAIN]),
        ]
        .concat();
        for size in 1..=20 {
            let seen = run(side, context(8, takeover), &wire, &[], &[size]);
            let mut wanted = Outcome::whole(&[
                (Kind::Text, b"Hello"),
                (Kind::Binary, plain),
                (Kind::Binary, b""),
                (Kind::Text, b"text"),
                (Kind::Text, b"Hello"),
            ]);
            if !takeover {
                wanted.messages.pop();
                // The match reaches before the start of the message.
                wanted.open = b"H".to_vec();
                wanted.error = Some(Error::InvalidDeflate);
            }
            assert_eq!(seen, wanted);
        }
    }
}

#[test]
fn r7692_6_06_an_uncompressed_message_with_an_empty_first_fragment_has_a_first_piece() {
    for side in SIDES {
        let wire = [
            side.frame(TEXT, b""),
            side.frame(CONTINUATION, b""),
            side.frame(FIN | CONTINUATION, b"text"),
            compressed(side, Kind::Binary, &[b"", HELLO]),
        ];
        for size in [1, 9] {
            // The receiver checks `first` of every piece.
            let seen = run(side, context(8, true), &wire.concat(), &[], &[size]);
            assert_eq!(seen, Outcome::whole(&[(Kind::Text, b"text"), (Kind::Binary, b"Hello")]));
        }
    }
}
