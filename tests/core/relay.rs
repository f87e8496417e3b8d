//! A relay: what one side of it receives, its other side sends, frame by frame.

#[cfg(feature = "deflate")]
use barews::Compressed;
use barews::{CloseCode, Config, Content, ControlOrder, Data, Delivery, Error, Event, Input, Kind};
use barews::{SendError, State, TransportAction};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

#[cfg(feature = "deflate")]
fn content(data: &Data<'_>) -> Content {
    Content::new(data.kind, data.compressed)
}

#[cfg(not(feature = "deflate"))]
fn content(data: &Data<'_>) -> Content {
    data.kind.into()
}

/// Passes on `wire`, which arrives in pieces of `step` bytes. The relay receives as `side`, so it
/// sends as the other.
fn relayed(side: Side, config: Config, step: usize, wire: &[u8]) -> Vec<u8> {
    let config = config.control_order(ControlOrder::Wire).auto_pong(false);
    let (mut from, mut to) = (side.ws(config), side.peer().ws_of_one_key(config));
    let (mut out, mut unread) = (Vec::new(), Vec::new());
    for piece in wire.chunks(step) {
        unread.extend(piece);
        let mut input = Input::new(&mut unread);
        loop {
            match from.receive(&mut input).unwrap() {
                Event::Data(data) => {
                    assert_eq!(data.fin, data.frame_fin && data.frame_left == 0);
                    if to.frame_left() == 0 {
                        let len = data.payload.len() as u64 + data.frame_left;
                        let header = to.begin(content(&data), data.frame_fin, len).unwrap();
                        out.extend_from_slice(&header);
                    }
                    if !data.payload.is_empty() {
                        to.mask_next(data.payload).unwrap();
                        out.extend_from_slice(data.payload);
                    }
                }
                Event::Ping(payload) => out.extend(to.sent(Call::Ping(&payload))),
                Event::Pong(payload) => out.extend(to.sent(Call::Pong(&payload))),
                Event::Close(close) => {
                    let (code, reason) = close.map_or((CloseCode::NO_STATUS, ""), |close| {
                        assert_ne!(close.code, CloseCode::NO_STATUS);
                        (close.code, close.reason)
                    });
                    out.extend(to.sent(Call::Close(code.as_u16(), reason)));
                }
                Event::NeedMore(_) => break,
            }
        }
        let consumed = input.consumed();
        unread.drain(..consumed);
    }
    assert!(unread.is_empty());
    out
}

/// Whole and fragmented messages, with empty fragments and with control frames between them.
const FRAMES: [(u8, &[u8]); 11] = [
    (FIN | TEXT, "Gr\u{FC}\u{DF}e".as_bytes()),
    (TEXT, b""),
    (CONTINUATION, b"\xE2\x82"),
    (PING, b"between"),
    (CONTINUATION, b"\xAC"),
    (FIN | CONTINUATION, b""),
    (BINARY, &[0xF5; 130]),
    (PONG, b""),
    (FIN | CONTINUATION, b"the last"),
    (FIN | BINARY, b""),
    (FIN | TEXT, b"."),
];

#[test]
fn a_proxy_limits_and_answers_nothing() {
    let config = Config::new().control_order(ControlOrder::Wire).auto_pong(false);
    let config = config.auto_close(false).auto_fail(false).max_frame_len(u64::MAX);
    let config = config.max_message_len(u64::MAX).max_fragments(u32::MAX);
    assert_eq!(Config::proxy(), config);
}

#[test]
fn each_frame_is_passed_on_while_it_arrives() {
    for side in SIDES {
        let mut wire = FRAMES.map(|(first, payload)| side.frame(first, payload)).concat();
        wire.extend(side.frame(CLOSE, b"\x0F\xA0bye"));
        for (delivery, step) in [Delivery::Chunks, Delivery::Frames]
            .into_iter()
            .flat_map(|delivery| (1..=wire.len()).map(move |step| (delivery, step)))
        {
            let out = relayed(side, Config::new().delivery(delivery), step, &wire);
            assert_eq!(out, wire, "{side:?} {delivery:?} {step}");
        }
    }
}

#[test]
fn each_close_is_passed_on_as_it_is() {
    for side in SIDES {
        for body in
            [&b""[..], b"\x03\xE8", b"\x0F\xA0bye", &[b"\x13\x87", &[b'r'; 123][..]].concat()]
        {
            let wire = side.frame(CLOSE, body);
            for step in 1..=wire.len() {
                assert_eq!(relayed(side, Config::new(), step, &wire), wire);
            }
        }
    }
}

/// The receiver of the Close answers with another, which the relay passes back.
#[test]
fn the_answer_to_a_close_is_that_of_the_other_side() {
    let config = Config::new().auto_close(false);
    let mut browser = Side::Client.ws(config);
    let (mut front, mut back) = (Side::Server.ws(config), Side::Client.ws(config));
    let mut origin = Side::Server.ws(config);

    let close = browser.sent(Call::Close(4000, "leaving"));
    assert_eq!(front.push(&close), [Ev::closed(4000, "leaving")]);
    // Until the Close arrives there, the origin goes on sending.
    assert_eq!(back.push(&origin.sent(Call::Text("late"))), [Ev::text(b"late")]);
    assert_eq!(browser.push(&front.sent(Call::Text("late"))), [Ev::text(b"late")]);
    assert_eq!(origin.push(&back.sent(Call::Close(4000, "leaving"))).len(), 1);
    assert_eq!(back.push(&origin.sent(Call::Close(4001, "bye"))), [Ev::closed(4001, "bye")]);
    assert_eq!(front.state(), State::RemoteClosed);
    let answer = front.sent(Call::Close(4001, "bye"));
    assert_eq!(browser.push(&answer), [Ev::closed(4001, "bye")]);
    for ws in [browser, front, back, origin] {
        assert_eq!(ws.state(), State::Closed);
    }
}

/// `auto_fail` off: what the other side has answered to the frames before goes first.
#[test]
fn the_close_that_reports_an_error_waits_for_the_caller() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_fail(false));
        let events = ws.push(&[side.frame(FIN | TEXT, b"valid"), side.frame(0x83, b"")].concat());
        assert_eq!(events, [Ev::text(b"valid"), Ev::Fail(Error::ReservedOpcode)]);
        for _ in 0..2 {
            let state = (ws.state(), ws.wants_write(), ws.transport_action());
            assert_eq!(state, (State::RemoteClosed, false, TransportAction::Keep));
            assert!(ws.due().is_empty());
            assert_eq!(ws.push(b"ignored").last(), Some(&Ev::Fail(Error::ReservedOpcode)));
        }
        let mut peer = side.peer().ws(Config::new());
        assert_eq!(peer.push(&ws.sent(Call::Text("answer"))), [Ev::text(b"answer")]);
        ws.begin(Kind::Binary, true, 1).unwrap();
        assert_eq!(ws.refused(Call::Close(1000, "")), SendError::FrameInProgress);
        assert!(!ws.wants_write());
        ws.mask_next(&mut [0]).unwrap();
        assert!(ws.due().is_empty());
        // The code is that of the error, whatever the caller says.
        let close = ws.sent(Call::Close(4000, "reason"));
        assert_eq!(peer.push(&close), [Ev::closed(1002, "")]);
        assert_eq!(ws.transport_action(), TransportAction::HalfClose);
        assert_eq!(ws.refused(Call::Text("late")), SendError::Closed);
        assert!(ws.sent(Call::Close(1000, "")).is_empty());
    }
}

#[test]
fn without_a_transport_no_close_waits() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_fail(false));
        assert_eq!(ws.eof(), Err(Error::UnexpectedEof));
        assert_eq!(ws.transport_action(), TransportAction::Drop);
        let mut ws = side.ws(Config::new().auto_fail(false));
        ws.push(&side.frame(0x83, b""));
        assert_eq!(ws.eof(), Err(Error::ReservedOpcode));
        assert_eq!(ws.transport_action(), TransportAction::Keep);
        ws.sent(Call::Close(1000, ""));
        assert_eq!(ws.transport_action(), TransportAction::Drop);
    }
}

#[test]
fn the_valid_part_of_an_invalid_text_has_the_fin_bit_of_its_frame() {
    for (side, fin) in SIDES.into_iter().flat_map(|side| [(side, true), (side, false)]) {
        let first = if fin { FIN | TEXT } else { TEXT };
        let (mut ws, mut bytes) = (side.ws(Config::new()), side.frame(first, b"ok\xFF"));
        let event = ws.receive(&mut Input::new(&mut bytes)).unwrap();
        let Event::Data(data) = event else { panic!("{event:?}") };
        assert_eq!((&*data.payload, data.frame_left), (&b"ok"[..], 1));
        assert_eq!((data.fin, data.frame_fin), (false, fin));
    }
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_are_passed_on_as_they_are() {
    use crate::support::inflated::RSV1;

    // RFC 7692 §7.2.3.1 and §7.2.3.2: "Hello", in one frame and in two.
    let frames: [(u8, &[u8]); 5] = [
        (FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00"),
        (RSV1 | TEXT, b"\xF2\x48\xCD"),
        (FIN | CONTINUATION, b"\xC9\xC9\x07\x00"),
        (FIN | TEXT, b"plain"),
        (FIN | RSV1 | BINARY, b"\x00"),
    ];
    for side in SIDES {
        let wire = frames.map(|(first, payload)| side.frame(first, payload)).concat();
        for step in 1..=wire.len() {
            assert_eq!(relayed(side, Config::new().deflate(true), step, &wire), wire);
        }
    }
}

#[cfg(feature = "deflate")]
#[test]
fn content_is_a_kind_and_whether_it_is_compressed() {
    const COMPRESSED: Content = Content::new(Kind::Text, true);
    assert_eq!((COMPRESSED.kind, COMPRESSED.compressed), (Kind::Text, true));
    for kind in [Kind::Text, Kind::Binary] {
        assert_eq!(Content::new(kind, false), kind.into());
        assert_eq!(Content::new(kind, true), Compressed(kind).into());
    }
    // The constructor does not make a connection compress.
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let refused = ws.begin(Content::new(Kind::Text, true), true, 1);
        assert_eq!(refused, Err(SendError::NotNegotiated));
    }
}
