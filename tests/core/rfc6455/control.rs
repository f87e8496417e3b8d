//! RFC 6455 §5.5 to §5.8: control frames, kinds of data, the example frames.

use barews::{Config, Connection, Delivery, Error, Kind, SendError, State, TransportAction};
use proptest::prelude::*;

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{KEY, frame, plain};

#[test]
fn r5_5_01_125_bytes_are_accepted_and_written_and_126_are_not() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().max_frame_len(0).max_message_len(0));
        for len in 0..=125 {
            let payload = vec![0xC5; len];
            assert_eq!(ws.push(&side.frame(0x89, &payload)), [Ev::Ping(payload.clone())]);
            assert_eq!(ws.due(), [(0x8A, payload.clone())]);
            assert_eq!(ws.push(&side.frame(0x8A, &payload)), [Ev::Pong(payload.clone())]);
            assert_eq!(plain(&ws.sent(Call::Ping(&payload))), [(0x89, payload.clone())]);
            assert_eq!(plain(&ws.sent(Call::Pong(&payload))), [(0x8A, payload)]);
        }
        let keys = ws.keys();
        for len in [126, 127, 65_536] {
            let payload = vec![0; len];
            assert_eq!(ws.refused(Call::Ping(&payload)), SendError::ControlTooLong);
            assert_eq!(ws.refused(Call::Pong(&payload)), SendError::ControlTooLong);
        }
        assert_eq!(ws.refused(Call::Close(1000, &"r".repeat(124))), SendError::ControlTooLong);
        assert_eq!((ws.keys(), ws.state()), (keys, State::Open));
        let reason = "r".repeat(123);
        let body = [b"\x03\xE8", reason.as_bytes()].concat();
        assert_eq!(plain(&ws.sent(Call::Close(1000, &reason))), [(0x88, body)]);
        // A Close of 125 bytes is accepted as well.
        let mut ws = side.ws(Config::new());
        let body = [b"\x03\xE8", reason.as_bytes()].concat();
        assert_eq!(ws.push(&side.frame(0x88, &body)), [Ev::closed(1000, &reason)]);
    }
}

#[test]
fn r5_5_1_01_a_close_body_is_empty_or_a_code_and_utf8() {
    for side in SIDES {
        let fault = |body: &[u8]| side.ws(Config::new()).push(&side.frame(0x88, body));
        assert_eq!(fault(b""), [Ev::Close(None)]);
        assert_eq!(fault(b"\x03\xE8"), [Ev::closed(1000, "")]);
        for byte in 0..=255 {
            assert_eq!(fault(&[byte]), [Ev::Fail(Error::CloseTooShort)]);
            // All reasons of one byte.
            let expected = match core::str::from_utf8(&[byte]) {
                Ok(reason) => Ev::closed(1000, reason),
                Err(_) => Ev::Fail(Error::InvalidUtf8),
            };
            assert_eq!(fault(&[0x03, 0xE8, byte]), [expected]);
        }
        for bad in [&b"ok\xC0\xAF"[..], b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"cut\xE2\x82"] {
            let mut ws = side.ws(Config::new());
            let body = [b"\x03\xE8", bad].concat();
            assert_eq!(ws.push(&side.frame(0x88, &body)), [Ev::Fail(Error::InvalidUtf8)]);
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEF])]);
        }
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x88, b"1"));
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEA])]);
    }
}

#[test]
fn r5_5_1_02_a_code_that_must_not_be_on_the_wire_fails_with_1002() {
    for (side, code) in SIDES.into_iter().flat_map(|side| {
        [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(|code: u16| (side, code))
    }) {
        let mut ws = side.ws(Config::new());
        let events = ws.push(&side.frame(0x88, &code.to_be_bytes()));
        assert_eq!(events, [Ev::Fail(Error::InvalidCloseCode)], "{code}");
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEA])]);
        assert_eq!(ws.state(), State::Closed);
    }
}

#[test]
fn p10_r5_5_1_04_no_data_follows_a_close_that_was_sent() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.sent(Call::Fragment(Kind::Binary, false, b"open"));
        ws.sent(Call::Close(1000, ""));
        let keys = ws.keys();
        for call in [
            Call::Text("t"),
            Call::Binary(b"b"),
            Call::Fragment(Kind::Binary, true, b"f"),
            Call::Ping(b""),
            Call::Pong(b""),
        ] {
            assert_eq!(ws.refused(call), SendError::Closed);
        }
        assert_eq!(ws.in_place(Kind::Text, true, &mut [b'x']), Err(SendError::Closed));
        assert_eq!(ws.begin(Kind::Text, true, 1), Err(SendError::Closed));
        assert_eq!(ws.mask_next(&mut [b'x']), Err(SendError::PastFrameEnd));
        // Neither a Pong nor a second Close follows.
        assert_eq!(ws.push(&side.frame(0x89, b"?")), [Ev::Ping(b"?".to_vec())]);
        assert!(!ws.wants_write());
        assert_eq!(ws.sent(Call::Close(1001, "again")), b"");
        assert_eq!(ws.push(&side.frame(0x88, b"")), [Ev::Close(None)]);
        assert_eq!(ws.sent(Call::Transmit), b"");
        assert_eq!(ws.keys(), keys);
    }
}

#[test]
fn r5_5_1_05_a_close_is_answered_with_its_code() {
    for (side, auto_pong) in SIDES.into_iter().flat_map(|side| [(side, true), (side, false)]) {
        // No option but `auto_close` turns the answer off.
        let config = Config::new().auto_pong(auto_pong).delivery(Delivery::Frames);
        for (body, answer) in [
            (&b""[..], &b""[..]),
            (b"\x03\xE8", b"\x03\xE8"),
            (b"\x03\xE9going away", b"\x03\xE9"),
            (b"\x0F\xA0", b"\x0F\xA0"),
        ] {
            let mut ws = side.ws(config);
            assert_eq!(ws.push(&side.frame(0x88, body)).len(), 1);
            assert!(ws.wants_write());
            assert_eq!(ws.state(), State::RemoteClosed);
            assert_eq!(ws.due(), [(0x88, answer.to_vec())]);
            assert!(!ws.wants_write());
            assert_eq!(ws.state(), State::Closed);
            assert_eq!(ws.due(), []);
        }
    }
}

#[test]
fn r5_5_1_05_the_answer_waits_for_the_frame_being_sent_and_not_for_the_message() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.begin(Kind::Text, false, 3).unwrap();
        ws.mask_next(&mut [b'a']).unwrap();
        ws.push(&side.frame(0x88, b"\x03\xE8"));
        assert!(!ws.wants_write());
        assert_eq!(ws.sent(Call::Transmit), b"");
        assert_eq!(ws.refused(Call::Close(1000, "")), SendError::FrameInProgress);
        ws.mask_next(&mut [b'b']).unwrap();
        assert!(!ws.wants_write());
        ws.mask_next(&mut [b'c']).unwrap();
        // The frame is complete, but the message is not.
        assert!(ws.wants_write());
        assert_eq!(ws.refused(Call::Fragment(Kind::Text, true, b"d")), SendError::Closed);
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
    }
}

#[test]
fn r5_5_1_05_a_close_of_the_caller_does_not_replace_the_answer() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x88, b"\x03\xE9"));
        assert_eq!(plain(&ws.sent(Call::Close(1000, "mine"))), [(0x88, vec![0x03, 0xE9])]);
        assert_eq!((ws.due(), ws.state()), (vec![], State::Closed));
    }
}

#[test]
fn r5_5_1_06_after_both_closes_the_server_ends_the_transport_and_the_client_waits() {
    for (side, then) in
        [(Side::Server, TransportAction::HalfClose), (Side::Client, TransportAction::AwaitEnd)]
    {
        for first in [true, false] {
            let mut ws = side.ws(Config::new());
            assert_eq!(ws.transport_action(), TransportAction::Keep);
            let close = side.frame(0x88, b"\x03\xE8");
            if first {
                ws.push(&close);
                assert_eq!(ws.transport_action(), TransportAction::Keep);
                ws.due();
            } else {
                ws.sent(Call::Close(1000, ""));
                assert_eq!(ws.transport_action(), TransportAction::Keep);
                ws.push(&close);
            }
            assert_eq!((ws.state(), ws.transport_action()), (State::Closed, then));
            assert_eq!(ws.eof(), Ok(()));
            assert_eq!((ws.state(), ws.transport_action()), (State::Closed, TransportAction::Drop));
        }
    }
}

#[test]
fn r5_5_1_07_both_sides_may_close_at_once() {
    let mut server = Side::Server.ws(Config::new());
    let mut client = Side::Client.ws(Config::new());
    let from_server = server.sent(Call::Close(1001, "server"));
    let from_client = client.sent(Call::Close(1000, "client"));
    assert_eq!(server.push(&from_client), [Ev::closed(1000, "client")]);
    assert_eq!(client.push(&from_server), [Ev::closed(1001, "server")]);
    for ws in [&mut server, &mut client] {
        assert_eq!(ws.state(), State::Closed);
        assert!(!ws.wants_write());
        assert_eq!(ws.sent(Call::Transmit), b"");
        assert_eq!(ws.eof(), Ok(()));
    }
}

#[test]
fn r5_5_1_08_bytes_after_a_close_are_discarded() {
    let tails: [&[u8]; 4] = [b"\x81\x05Hello", b"\xFF\xFF\xFF", b"\x88\x00", b"\x89\x01!"];
    for (side, tail) in SIDES.into_iter().flat_map(|side| tails.map(|tail| (side, tail))) {
        let close = side.frame(0x88, b"\x03\xE8");
        let bytes = [&close[..], tail, &side.frame(0x81, b"late")].concat();
        for cut in 0..=bytes.len() {
            let mut ws = side.ws(Config::new());
            let mut events = ws.push(&bytes[..cut]);
            events.extend(ws.push(&bytes[cut..]));
            assert_eq!(events, [Ev::closed(1000, "")], "{cut}");
            // They are discarded and counted.
            assert_eq!((ws.consumed, ws.need), (bytes.len(), 1));
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
            assert_eq!(ws.eof(), Ok(()));
        }
    }
}

#[test]
fn r5_5_2_01_a_ping_queues_its_pong() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        // If the output is drained after each, ten Pings get ten Pongs.
        for n in 0..10 {
            ws.push(&side.frame(0x89, &[n]));
            assert!(ws.wants_write());
            assert_eq!(ws.due(), [(0x8A, vec![n])]);
            assert!(!ws.wants_write());
        }
        // At the latest, it is written before the next frame.
        ws.push(&side.frame(0x89, b"p"));
        let wire = ws.sent(Call::Text("t"));
        assert_eq!(plain(&wire), [(0x8A, b"p".to_vec()), (0x81, b"t".to_vec())]);
        ws.push(&side.frame(0x89, b"q"));
        assert_eq!(ws.begin(Kind::Text, true, 1), Err(SendError::ControlDue));
        assert_eq!(ws.in_place(Kind::Text, true, &mut [b'x']), Err(SendError::ControlDue));
        let wire = ws.sent(Call::Close(1000, ""));
        assert_eq!(plain(&wire), [(0x8A, b"q".to_vec()), (0x88, vec![0x03, 0xE8])]);
    }
}

#[test]
fn r5_5_2_01_a_pong_waits_for_the_frame_being_sent() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.begin(Kind::Binary, true, 2).unwrap();
        ws.push(&side.frame(0x89, b"p"));
        assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
        assert_eq!(ws.refused(Call::Pong(b"p")), SendError::FrameInProgress);
        ws.mask_next(&mut [1, 2]).unwrap();
        assert_eq!(ws.due(), [(0x8A, b"p".to_vec())]);
    }
}

#[test]
fn r5_5_2_01_without_automatic_pongs_the_caller_answers() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_pong(false));
        assert_eq!(ws.push(&side.frame(0x89, b"p")), [Ev::Ping(b"p".to_vec())]);
        assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
        assert_eq!(plain(&ws.sent(Call::Pong(b"p"))), [(0x8A, b"p".to_vec())]);
    }
}

#[test]
fn r5_5_2_01_after_a_close_no_pong_is_queued() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x88, b"\x03\xE8"));
        ws.push(&side.frame(0x89, b"late"));
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
        assert_eq!(ws.due(), []);
    }
}

#[test]
fn r5_5_3_01_of_many_pings_the_newest_is_answered() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for n in 0..10_000_u32 {
            assert_eq!(ws.push(&side.frame(0x89, &n.to_be_bytes())).len(), 1);
        }
        assert_eq!(ws.due(), [(0x8A, 9_999_u32.to_be_bytes().to_vec())]);
        assert_eq!(ws.due(), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r5_5_3_02_a_pong_has_the_payload_of_its_ping(
        payload in proptest::collection::vec(any::<u8>(), 0..=125),
        step in 1_usize..140,
    ) {
        for side in SIDES {
            let mut ws = side.ws(Config::new());
            let events = ws.push_by(step, &side.frame(0x89, &payload));
            prop_assert_eq!(events, [Ev::Ping(payload.clone())]);
            prop_assert_eq!(ws.due(), [(0x8A, payload.clone())]);
        }
    }
}

#[test]
fn r5_5_3_03_an_unsolicited_pong_changes_nothing() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for n in 0..1_000_u32 {
            let payload = n.to_be_bytes();
            assert_eq!(ws.push(&side.frame(0x8A, &payload)), [Ev::Pong(payload.to_vec())]);
        }
        assert_eq!((ws.wants_write(), ws.state()), (false, State::Open));
        assert_eq!(plain(&ws.sent(Call::Pong(b"by itself"))), [(0x8A, b"by itself".to_vec())]);
    }
}

#[test]
fn r5_6_01_a_text_is_utf8_as_a_whole_and_a_fragment_may_end_inside_a_character() {
    let text = "aµ€😀z";
    let all = text.as_bytes();
    for side in SIDES {
        for (one, two) in (0..=all.len()).flat_map(|two| (0..=two).map(move |one| (one, two))) {
            let mut bytes = side.frame(0x01, &all[..one]);
            bytes.extend(side.frame(0x00, &all[one..two]));
            bytes.extend(side.frame(0x80, &all[two..]));
            let expected = [
                Ev::piece(Kind::Text, &all[..one], true, false, 0),
                Ev::piece(Kind::Text, &all[one..two], false, false, 0),
                Ev::piece(Kind::Text, &all[two..], false, true, 0),
            ];
            let mut ws = side.ws(Config::new());
            assert_eq!(ws.push(&bytes), expected);
            // The same cuts when sending; only a text that ends at a cut is refused.
            let mut ws = side.ws(Config::new());
            ws.sent(Call::Fragment(Kind::Text, false, &all[..one]));
            let end = Call::Fragment(Kind::Text, true, &all[one..two]);
            if text.is_char_boundary(two) {
                ws.sent(end);
            } else {
                assert_eq!(ws.refused(end), SendError::InvalidUtf8);
                ws.sent(Call::Fragment(Kind::Text, true, &all[one..]));
            }
        }
        // Autobahn 6.3: the error is reported at the first byte that makes it certain, not at the
        // end.
        let mut ws = side.ws(Config::new());
        let bytes = side.frame(0x01, b"ok\xED\xA0\x80edited");
        let head = bytes.len() - 11;
        assert_eq!(ws.push(&bytes[..head + 3]).len(), 1);
        assert_eq!(ws.push(&bytes[head + 3..head + 4]), [Ev::Fail(Error::InvalidUtf8)]);
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEF])]);
        // The text ends inside a character.
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x01, b"\xE2\x82"));
        assert_eq!(ws.push(&side.frame(0x80, b"")), [Ev::Fail(Error::InvalidUtf8)]);
    }
}

#[test]
fn r5_6_02_binary_is_any_bytes() {
    let bytes: Vec<u8> = (0..=255).rev().collect();
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&side.frame(0x82, &bytes)), [Ev::binary(&bytes)]);
        assert_eq!(plain(&ws.sent(Call::Binary(&bytes))), [(0x82, bytes.clone())]);
        assert_eq!(ws.push(&side.frame(0x02, b"\xE2")).len(), 1);
        assert_eq!(ws.push(&side.frame(0x80, b"\xFF")).len(), 1);
        // A partial character in a binary message does not carry over to the next text.
        assert_eq!(ws.push(&side.frame(0x81, b"text")), [Ev::text(b"text")]);
    }
}

#[test]
fn r5_7_01_the_example_frames() {
    let hello = b"Hello";
    let masked = [0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    let long = |head: &[u8], n: usize| [head, &vec![0xB1; n]].concat();
    let mut server = Side::Server.ws(Config::new());
    let mut client = Side::Client.ws(Config::new());
    // A client's key comes from its own source.
    let mut keyed = Connection::client(Config::new(), || KEY);
    let mut out = [0; 16];

    let text = b"\x81\x05Hello";
    assert_eq!(client.push(text), [Ev::text(hello)]);
    assert_eq!(server.sent(Call::Text("Hello")), text);

    let text = [&[0x81][..], &masked].concat();
    assert_eq!(server.push(&text), [Ev::text(hello)]);
    assert_eq!(keyed.send_text("Hello", &mut out), Ok(11));
    assert_eq!(out[..11], text);

    let (one, two) = (b"\x01\x03Hel", b"\x80\x02lo");
    assert_eq!(client.push(one), [Ev::piece(Kind::Text, b"Hel", true, false, 0)]);
    assert_eq!(client.push(two), [Ev::piece(Kind::Text, b"lo", false, true, 0)]);
    assert_eq!(server.sent(Call::Fragment(Kind::Text, false, b"Hel")), one);
    assert_eq!(server.sent(Call::Fragment(Kind::Text, true, b"lo")), two);

    let ping = b"\x89\x05Hello";
    let answer = [&[0x8A][..], &masked].concat();
    assert_eq!(client.push(ping), [Ev::Ping(hello.to_vec())]);
    assert_eq!(client.due(), [(0x8A, hello.to_vec())]);
    assert_eq!(server.sent(Call::Ping(hello)), ping);
    assert_eq!(keyed.send_pong(hello, &mut out), Ok(11));
    assert_eq!(out[..11], answer);
    assert_eq!(server.push(&answer), [Ev::Pong(hello.to_vec())]);

    for (head, n) in
        [(&[0x82, 0x7E, 0x01, 0x00][..], 256), (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0][..], 65_536)]
    {
        let bytes = long(head, n);
        assert_eq!(client.push(&bytes), [Ev::binary(&bytes[head.len()..])]);
        assert_eq!(server.sent(Call::Binary(&bytes[head.len()..])), bytes);
    }
    assert_eq!(frame(0x81, Some(KEY), hello), text);
}
