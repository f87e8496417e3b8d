//! RFC 6455 §5.5.1: the Close that the caller sends, on its own or in answer to the peer's.

use barews::{Config, Error, Kind, SendError, State, TransportAction};

use crate::support::endpoint::{Call, Keys, SIDES, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, frame, plain};

#[test]
fn r5_5_1_09_a_close_without_a_code_is_sent_with_1005() {
    for side in SIDES {
        let key = (side == Side::Client).then(|| Keys::nth(0));
        let mut ws = side.ws(Config::new());
        let close = frame(CLOSE, key, b"");
        // Nothing but the header is needed.
        for room in 0..close.len() {
            let refused = ws.call(Call::Close(1005, ""), &mut vec![0; room]);
            assert_eq!(refused, Err(SendError::BufferTooSmall { needed: close.len() }));
        }
        assert_eq!(ws.sent(Call::Close(1005, "")), close);
        assert_eq!(ws.state(), State::LocalClosed);
        // It is a Close like any other: no second one, and nothing after it.
        assert_eq!(ws.sent(Call::Close(1000, "")), b"");
        assert_eq!(ws.refused(Call::Text("t")), SendError::Closed);
        let mut peer = side.peer().ws(Config::new());
        assert_eq!(peer.push(&close), [Ev::Close(None)]);
        assert_eq!(ws.push(&peer.sent(Call::Transmit)), [Ev::Close(None)]);
        assert_eq!((ws.state(), peer.state()), (State::Closed, State::Closed));
    }
}

#[test]
fn r5_5_1_09_a_reason_needs_a_code() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for reason in ["r", "\0", &"r".repeat(123), &"r".repeat(124)] {
            assert_eq!(ws.refused(Call::Close(1005, reason)), SendError::InvalidCloseCode);
        }
        assert_eq!((ws.keys(), ws.state()), (0, State::Open));
    }
}

#[test]
fn r5_5_1_09_a_close_without_a_code_follows_the_queued_pong() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(PING, b"p"));
        let wire = ws.sent(Call::Close(1005, ""));
        assert_eq!(plain(&wire), [(PONG, b"p".to_vec()), (CLOSE, vec![])]);
    }
}

/// A connection whose caller answers the peer's Close, after that Close.
fn owing(side: Side, body: &[u8]) -> Ws {
    let mut ws = side.ws(Config::new().auto_close(false));
    assert_eq!(ws.push(&side.frame(CLOSE, body)).len(), 1);
    ws
}

/// What to do with the transport after both Closes.
fn closed(side: Side) -> (State, TransportAction) {
    let server = side == Side::Server;
    (State::Closed, if server { TransportAction::HalfClose } else { TransportAction::AwaitEnd })
}

#[test]
fn r5_5_1_10_the_caller_answers_with_a_code_and_a_reason_of_its_own() {
    for (side, body) in SIDES
        .into_iter()
        .flat_map(|side| [&b""[..], b"\x03\xE8", b"\x03\xE9going away"].map(|body| (side, body)))
    {
        for (code, reason, answer) in
            [(1000, "", &b"\x03\xE8"[..]), (4001, "why", b"\x0F\xA1why"), (1005, "", b"")]
        {
            let mut ws = owing(side, body);
            // Nothing is queued, and the transport stays until the answer.
            assert_eq!((ws.wants_write(), ws.due()), (false, vec![]));
            let state = (State::RemoteClosed, TransportAction::Keep);
            assert_eq!((ws.state(), ws.transport_action()), state);
            assert_eq!(ws.push(&side.frame(PING, b"late")), []);
            assert_eq!(ws.refused(Call::Close(1006, "")), SendError::InvalidCloseCode);
            assert_eq!((ws.state(), ws.transport_action()), state);
            assert_eq!(plain(&ws.sent(Call::Close(code, reason))), [(CLOSE, answer.to_vec())]);
            assert_eq!((ws.state(), ws.transport_action()), closed(side));
            // It is the last frame.
            assert_eq!(ws.sent(Call::Close(1000, "")), b"");
            assert_eq!(ws.due(), []);
            assert_eq!(ws.refused(Call::Pong(b"")), SendError::Closed);
            assert_eq!((ws.eof(), ws.transport_action()), (Ok(()), TransportAction::Drop));
        }
    }
}

#[test]
fn r5_5_1_10_the_current_message_can_be_finished_first() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_close(false));
        let mut wire = ws.sent(Call::Fragment(Kind::Binary, false, b"1"));
        wire.extend(ws.begin(Kind::Binary, false, 2).unwrap().iter());
        ws.push(&side.frame(CLOSE, b"\x03\xE8"));
        // The Close waits for the frame in progress, as always.
        assert_eq!(ws.refused(Call::Close(1000, "")), SendError::FrameInProgress);
        let mut chunk = *b"23";
        ws.mask_next(&mut chunk).unwrap();
        wire.extend(chunk);
        wire.extend(ws.sent(Call::Fragment(Kind::Binary, true, b"4")));
        assert_eq!(
            (ws.state(), ws.transport_action()),
            (State::RemoteClosed, TransportAction::Keep)
        );
        wire.extend(ws.sent(Call::Close(1000, "")));
        let frames = [
            (BINARY, b"1".to_vec()),
            (CONTINUATION, b"23".to_vec()),
            (FIN | CONTINUATION, b"4".to_vec()),
            (CLOSE, vec![0x03, 0xE8]),
        ];
        assert_eq!(plain(&wire), frames);
        assert_eq!((ws.state(), ws.transport_action()), closed(side));
    }
}

#[test]
fn r5_5_1_10_a_pong_that_is_queued_goes_before_the_answer() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_close(false));
        ws.push(&[side.frame(PING, b"p"), side.frame(CLOSE, b"")].concat());
        assert!(ws.wants_write());
        let wire = ws.sent(Call::Close(1001, ""));
        assert_eq!(plain(&wire), [(PONG, b"p".to_vec()), (CLOSE, vec![0x03, 0xE9])]);
    }
}

#[test]
fn r5_5_1_10_the_transport_may_end_before_the_answer() {
    for side in SIDES {
        let mut ws = owing(side, b"\x03\xE8");
        assert_eq!(ws.eof(), Ok(()));
        assert_eq!(
            (ws.state(), ws.transport_action()),
            (State::RemoteClosed, TransportAction::Keep)
        );
        // The peer may have closed its writing half alone.
        assert_eq!(plain(&ws.sent(Call::Close(1000, ""))), [(CLOSE, vec![0x03, 0xE8])]);
        assert_eq!((ws.state(), ws.transport_action()), (State::Closed, TransportAction::Drop));
    }
}

#[test]
fn r5_5_1_10_a_close_of_the_caller_that_was_first_needs_no_answer() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_close(false));
        ws.sent(Call::Close(1000, ""));
        ws.push(&side.frame(CLOSE, b"\x03\xE8"));
        assert_eq!((ws.state(), ws.transport_action()), closed(side));
        assert_eq!((ws.wants_write(), ws.sent(Call::Close(4000, ""))), (false, vec![]));
    }
}

#[test]
fn r5_5_1_10_a_fault_of_the_peer_queues_its_close_anyway() {
    for side in SIDES {
        let faults = [
            (side.frame(CLOSE, b"\x03\xED"), Error::InvalidCloseCode, [0x03, 0xEA]),
            (side.frame(CLOSE, b"x"), Error::CloseTooShort, [0x03, 0xEA]),
            (side.frame(0x81, b"\xFF"), Error::InvalidUtf8, [0x03, 0xEF]),
            (vec![0x70], Error::ReservedBits, [0x03, 0xEA]),
        ];
        for (bytes, error, code) in faults {
            let mut ws = side.ws(Config::new().auto_close(false));
            assert_eq!(ws.push(&bytes), [Ev::Fail(error)]);
            assert_eq!(ws.refused(Call::Text("t")), SendError::Closed);
            assert_eq!(plain(&ws.sent(Call::Close(1000, "mine"))), [(CLOSE, code.to_vec())]);
            let end = (State::Closed, TransportAction::HalfClose);
            assert_eq!((ws.state(), ws.transport_action()), end);
        }
    }
}
