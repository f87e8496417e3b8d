//! Class J: protocol state, closing, control frames, disclosed memory.

use barews::{Config, Error, Kind, SendError, State, TransportAction};

use crate::support::endpoint::{Call, SIDES, Side, Ws};
use crate::support::event::{Ev, joined};
use crate::support::frame::{frame, header_in, plain, written};

use super::{UNLIMITED, fault};

/// libsoup, CVE-2026-15711: a control frame of more than 125 bytes was accepted.
#[test]
fn libsoup_cve_2026_15711_a_control_frame_has_125_bytes_at_most() {
    for (side, first) in SIDES.iter().flat_map(|side| [0x88, 0x89, 0x8A].map(|f| (*side, f))) {
        for (field, len) in [(2, 126), (2, 200), (8, 65_536), (2, 5)] {
            let head = header_in(field, first, side.key(), len);
            assert_eq!(fault(side, UNLIMITED, &head), Error::ControlTooLong);
            assert_eq!(side.ws(UNLIMITED).push(&head[..2]), [Ev::Fail(Error::ControlTooLong)]);
        }
    }
}

/// ws, CVE-2016-10518: a Ping given a number sent that many bytes of uninitialized memory.
#[test]
fn ws_cve_2016_10518_a_ping_contains_only_its_payload() {
    for side in SIDES {
        for len in 0..=125 {
            // `sent` checks that nothing is written after the frame.
            let payload = vec![b'p'; len];
            let wire = side.ws(Config::new()).sent(Call::Ping(&payload));
            assert_eq!(wire.len(), 2 + side.key_len() + len);
            assert_eq!(plain(&wire), [(0x89, payload)]);
        }
    }
}

/// ws, CVE-2026-45736: the same with the reason of a Close.
#[test]
fn ws_cve_2026_45736_a_close_contains_only_its_reason() {
    for side in SIDES {
        for len in 0..=123 {
            let reason = "r".repeat(len);
            let wire = side.ws(Config::new()).sent(Call::Close(1001, &reason));
            assert_eq!(wire.len(), 2 + side.key_len() + 2 + len);
            assert_eq!(plain(&wire), [(0x88, [b"\x03\xE9", reason.as_bytes()].concat())]);
        }
    }
}

/// The same in pending frames: a shorter Pong must not contain bytes of an earlier, longer Ping.
#[test]
fn ws_cve_2026_45736_a_short_pong_after_a_long_one() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x89, &[b's'; 125]));
        ws.push(&side.frame(0x89, b"x"));
        assert_eq!(ws.due(), [(0x8A, b"x".to_vec())]);
    }
}

/// WebSocket-for-Python, issue 263: the code 1005, which only reports that there was no code, was
/// sent back.
#[test]
fn websocket_for_python_263_a_close_without_a_code_is_answered_without_one() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&side.frame(0x88, b"")), [Ev::Close(None)]);
        assert_eq!(ws.due(), [(0x88, vec![])]);
        let mut ws = side.ws(Config::new());
        assert_eq!(plain(&ws.sent(Call::Close(1005, ""))), [(0x88, vec![])]);
        for (code, reason) in [(1004, ""), (1005, "r"), (1006, ""), (1015, "")] {
            let mut ws = side.ws(Config::new());
            assert_eq!(ws.refused(Call::Close(code, reason)), SendError::InvalidCloseCode);
        }
    }
}

/// fastwebsockets, commit 17b2a24: a Close after a Close was an error.
#[test]
fn fastwebsockets_17b2a24_a_close_after_a_close_is_ignored() {
    for side in SIDES {
        let close = side.frame(0x88, b"\x03\xE8");
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&close.repeat(3)), [Ev::closed(1000, "")]);
        assert_eq!(ws.push(&close), []);
        assert_eq!((ws.due(), ws.state()), (vec![(0x88, vec![0x03, 0xE8])], State::Closed));
        assert_eq!(ws.eof(), Ok(()));
    }
}

/// libwebsockets, CVE-2025-11677: the same, with an unexpected order of calls.
#[test]
fn libwebsockets_cve_2025_11677_closes_in_every_order() {
    type Step = fn(&mut Ws, Side);
    let steps: [Step; 5] = [
        |ws, _| assert!(ws.call(Call::Close(1000, "bye"), &mut [0; 200]).is_ok()),
        |ws, side| assert!(ws.push(&side.frame(0x88, b"\x03\xE8")).len() <= 1),
        |ws, side| assert!(ws.push(&side.frame(0x70, b"")).len() <= 1),
        |ws, _| assert!(ws.call(Call::Transmit, &mut [0; 200]).is_ok()),
        |ws, _| assert_eq!(ws.eof(), ws.eof(), "repeated `eof` differs"),
    ];
    for side in SIDES {
        for order in 0..5_usize.pow(5) {
            let mut ws = side.ws(Config::new());
            let mut closes = 0;
            for place in 0..5 {
                steps[order / 5_usize.pow(place) % 5](&mut ws, side);
                closes += usize::from(ws.state() == State::Closed);
                assert!(closes == 0 || ws.state() == State::Closed, "left the closed state");
            }
            // The end of the transport is final.
            let _ = ws.eof();
            ws.sent(Call::Transmit);
            assert!(matches!(ws.state(), State::Closed | State::RemoteClosed));
            assert_eq!(ws.transport_action(), TransportAction::Drop, "{order}");
        }
    }
}

/// ws-framer 0.4.0: a Close with code 1005 was accepted.
#[test]
fn ws_framer_0_4_0_a_reported_only_code_is_refused() {
    for (side, code) in SIDES.iter().flat_map(|side| {
        [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map(|c: u16| (*side, c))
    }) {
        let wire = side.frame(0x88, &code.to_be_bytes());
        assert_eq!(fault(side, Config::new(), &wire), Error::InvalidCloseCode, "{code}");
    }
}

/// embedded-websocket 0.9.5: a Pong between two fragments was sent as a continuation, and the next
/// fragment as a new message.
#[test]
fn embedded_websocket_0_9_5_a_pong_between_fragments() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let calls = [
            Call::Fragment(Kind::Text, false, b"a"),
            Call::Pong(b"p"),
            Call::Fragment(Kind::Text, true, b"b"),
        ];
        let wire = calls.map(|call| ws.sent(call)).concat();
        let firsts: Vec<u8> = written(&wire).iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x01, 0x8A, 0x80]);
    }
}

/// embedded-websocket 0.9.5: a reason of 200 bytes gave a Close with a 16-bit length, and was cut
/// inside a character.
#[test]
fn embedded_websocket_0_9_5_a_reason_is_not_cut() {
    for side in SIDES {
        let reason = "ä".repeat(62);
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.refused(Call::Close(1000, &reason)), SendError::ControlTooLong);
        assert_eq!(ws.state(), State::Open, "a Close was sent");
        ws.sent(Call::Close(1000, &reason[..122]));
    }
}

/// embedded-websocket 0.9.5: reserved bits were accepted on every kind of frame.
#[test]
fn embedded_websocket_0_9_5_reserved_bits() {
    for (side, bit) in SIDES.iter().flat_map(|side| [0x40, 0x20, 0x10].map(|bit| (*side, bit))) {
        for first in [0x81, 0x82, 0x88, 0x89, 0x8A] {
            let wire = side.frame(first | bit, b"");
            assert_eq!(fault(side, UNLIMITED, &wire), Error::ReservedBits, "{first:02X}");
        }
    }
}

/// tungstenite 0.29: non-minimal lengths were accepted.
#[test]
fn tungstenite_0_29_lengths_in_too_many_bytes() {
    for (side, (field, len)) in SIDES.iter().flat_map(|side| {
        [(2, 0), (2, 125), (8, 0), (8, 126), (8, 65_535)].map(|form| (*side, form))
    }) {
        let head = header_in(field, 0x82, side.key(), len);
        assert_eq!(fault(side, UNLIMITED, &head), Error::NonMinimalLength, "{field} {len}");
    }
}

/// tungstenite 0.29, sockudo-ws before 3.1.0: the registered codes 1012 to 1014 were refused.
#[test]
fn tungstenite_0_29_registered_codes_are_accepted() {
    for (side, code) in SIDES.iter().flat_map(|side| [1012, 1013, 1014].map(|c: u16| (*side, c))) {
        let wire = side.frame(0x88, &code.to_be_bytes());
        assert_eq!(side.ws(Config::new()).push(&wire), [Ev::closed(code, "")]);
        assert_eq!(written(&side.ws(Config::new()).sent(Call::Close(code, ""))).len(), 1);
    }
}

/// tokio-tungstenite, issue 310: closing after the peer's Close was an error.
#[test]
fn tokio_tungstenite_310_closing_after_the_peers_close() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x88, b"\x03\xE9"));
        assert_eq!(plain(&ws.sent(Call::Close(1000, "me too"))), [(0x88, vec![0x03, 0xE9])]);
        assert_eq!(ws.sent(Call::Close(1000, "again")), []);
        assert_eq!(ws.state(), State::Closed);
    }
}

/// sockudo-ws before 3.1.0: valid messages before a malformed frame in the same read were lost.
#[test]
fn sockudo_ws_3_1_0_valid_messages_come_before_the_fault() {
    for side in SIDES {
        let wire = [side.frame(0x81, b"one"), side.frame(0x82, b"two"), vec![0x83]].concat();
        let wanted = [Ev::text(b"one"), Ev::binary(b"two"), Ev::Fail(Error::ReservedOpcode)];
        for step in 1..=wire.len() {
            assert_eq!(side.ws(Config::new()).push_by(step, &wire), wanted, "{step}");
        }
    }
}

/// sockudo-ws before 3.1.0: control frames that were too long, and reasons that were not UTF-8,
/// could be sent.
#[test]
fn sockudo_ws_3_1_0_control_frames_are_checked_when_sent() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.refused(Call::Ping(&[0; 126])), SendError::ControlTooLong);
        assert_eq!(ws.refused(Call::Pong(&[0; 126])), SendError::ControlTooLong);
        assert_eq!(ws.refused(Call::Fragment(Kind::Text, true, b"\xFF")), SendError::InvalidUtf8);
        assert_eq!(ws.refused(Call::Fragment(Kind::Text, true, b"\xC3")), SendError::InvalidUtf8);
    }
}

/// mu-server, issue 238: invalid UTF-8 was detected only at the end of the text.
#[test]
fn mu_server_238_invalid_text_is_refused_at_its_byte() {
    for side in SIDES {
        for bad in [&b"\xC0"[..], b"\xF5", b"\xE0\x80", b"\xED\xA0", b"\xF4\x90", b"\x80"] {
            // Of a text of 1000 bytes, only those up to the invalid one have arrived.
            let text = [bad, &vec![b'x'; 1000]].concat();
            let wire = side.frame(0x81, &text);
            let events = joined(&side.ws(Config::new()).push(&wire[..wire.len() - 1000]));
            assert_eq!(events.last(), Some(&Ev::Fail(Error::InvalidUtf8)), "{bad:02X?}");
        }
    }
}

/// tokio-tungstenite, issue 296: a transport that ended without a closing handshake was reported as
/// a protocol violation.
#[test]
fn tokio_tungstenite_296_an_end_without_a_close_is_an_error_of_its_own() {
    for side in SIDES {
        for start in [vec![], side.frame(0x81, b"x"), frame(0x01, side.key(), b"open")] {
            let mut ws = side.ws(Config::new());
            ws.push(&start);
            assert_eq!(ws.eof(), Err(Error::UnexpectedEof));
            assert_eq!((ws.wants_write(), ws.transport_action()), (false, TransportAction::Drop));
            assert_eq!(Error::UnexpectedEof.close_code().as_u16(), 1006);
        }
    }
}
