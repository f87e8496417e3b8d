//! RFC 6455 §7: the closing handshake, failing the connection, close codes.

use barews::{CloseCode, CloseFrame, Config, Error, SendError, State, TransportAction};

use crate::support::endpoint::{Call, Keys, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::{frame, header, header_in, plain};

/// The codes that may appear on the wire, by §7.4 and its registry.
fn on_the_wire(code: u16) -> bool {
    // §7.4.1: 1004 "Reserved"; the others "MUST NOT be set as a status code in a Close control
    // frame". 1012 to 1014 are in the registry, nothing from 1016 to 2999 is.
    let taken = (1000..=1015).contains(&code) && ![1004, 1005, 1006, 1015].contains(&code);
    // §7.4.2: 0 to 999 "are not used"; 3000 to 3999 are for libraries, 4000 to 4999 private.
    taken || (3000..=4999).contains(&code)
}

#[test]
fn r7_1_1_02_the_server_ends_the_transport_first() {
    let mut server = Side::Server.ws(Config::new());
    let mut client = Side::Client.ws(Config::new());
    let close = client.sent(Call::Close(1000, ""));
    server.push(&close);
    client.push(&server.sent(Call::Transmit));
    assert_eq!((server.state(), client.state()), (State::Closed, State::Closed));
    // The server closes its half, and the client waits for that.
    assert_eq!(
        (server.transport_action(), client.transport_action()),
        (TransportAction::HalfClose, TransportAction::AwaitEnd)
    );
    assert_eq!((client.eof(), client.transport_action()), (Ok(()), TransportAction::Drop));
    assert_eq!((server.eof(), server.transport_action()), (Ok(()), TransportAction::Drop));
}

#[test]
fn r7_1_2_01_starting_to_close_sends_the_code_and_the_reason() {
    for side in SIDES {
        let key = (side == Side::Client).then(|| Keys::nth(0));
        for len in 0..=123 {
            let reason = "q".repeat(len);
            let mut ws = side.ws(Config::new());
            let body = [&4000_u16.to_be_bytes(), reason.as_bytes()].concat();
            assert_eq!(ws.sent(Call::Close(4000, &reason)), frame(0x88, key, &body));
            assert_eq!(ws.state(), State::LocalClosed);
        }
        // The limit counts bytes, not characters.
        let mut ws = side.ws(Config::new());
        for reason in ["q".repeat(124), "µ".repeat(62), "q".repeat(70_000)] {
            assert_eq!(ws.refused(Call::Close(4000, &reason)), SendError::ControlTooLong);
        }
        assert_eq!((ws.keys(), ws.state()), (0, State::Open));
        assert_eq!(plain(&ws.sent(Call::Close(1000, &"µ".repeat(61))))[0].1.len(), 124);
    }
}

#[test]
fn r7_1_2_02_both_closes_are_the_end() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.sent(Call::Close(1000, ""));
        // Data is still accepted until the peer's Close.
        assert_eq!(ws.push(&side.frame(0x81, b"more")), [Ev::text(b"more")]);
        assert_eq!(ws.state(), State::LocalClosed);
        assert_eq!(ws.push(&side.frame(0x88, b"\x03\xE8")), [Ev::closed(1000, "")]);
        assert_eq!((ws.state(), ws.wants_write()), (State::Closed, false));
    }
}

#[test]
fn r7_1_3_01_closing_begins_with_the_first_close_of_either_side() {
    for side in SIDES {
        let close = side.frame(0x88, b"\x03\xE8");
        let mut ws = side.ws(Config::new());
        for byte in &close[..close.len() - 1] {
            assert_eq!(ws.push(&[*byte]), []);
            assert_eq!(ws.state(), State::Open);
        }
        ws.push(&close[close.len() - 1..]);
        assert_eq!(ws.state(), State::RemoteClosed);
        ws.due();
        assert_eq!(ws.state(), State::Closed);

        let mut ws = side.ws(Config::new());
        assert!(ws.call(Call::Close(1000, ""), &mut [0; 3]).is_err());
        assert_eq!(ws.state(), State::Open);
        ws.sent(Call::Close(1000, ""));
        assert_eq!(ws.state(), State::LocalClosed);
        ws.push(&close);
        assert_eq!(ws.state(), State::Closed);
    }
}

#[test]
fn r7_1_4_01_clean_means_that_both_closes_came_before_the_end() {
    for (side, sent, received) in SIDES.into_iter().flat_map(|side| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(a, b)| (side, a, b))
    }) {
        let mut ws = side.ws(Config::new());
        if sent {
            ws.sent(Call::Close(1000, ""));
        }
        if received {
            ws.push(&side.frame(0x88, b"\x03\xE8"));
        }
        let end = ws.eof();
        assert_eq!(end, if received { Ok(()) } else { Err(Error::UnexpectedEof) });
        // A clean close needs the peer's Close received and this side's Close written.
        let clean = end.is_ok() && ws.state() == State::Closed;
        assert_eq!(clean, sent && received, "{side:?} {sent} {received}");
        // The end of the transport is permanent.
        assert_eq!(ws.eof(), end);
        let after = if received { vec![] } else { vec![Ev::Fail(Error::UnexpectedEof)] };
        assert_eq!(ws.push(&side.frame(0x81, b"x")), after);
        if received && !sent {
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
        }
        assert_eq!(
            (ws.state(), ws.transport_action(), ws.due()),
            (State::Closed, TransportAction::Drop, vec![])
        );
    }
}

#[test]
fn r7_1_5_01_the_close_code_is_the_peers_or_1005_or_1006() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&side.frame(0x88, b"\x0F\xA0")), [Ev::closed(4000, "")]);
        // An empty Close is distinct from every code; 1005 only reports it.
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&side.frame(0x88, b"")), [Ev::Close(None)]);
        assert_eq!(CloseCode::NO_STATUS.as_u16(), 1005);
        // The first Close counts, even after this side's own, and there is no second.
        let mut ws = side.ws(Config::new());
        ws.sent(Call::Close(1000, ""));
        let two = [side.frame(0x88, b"\x03\xE9"), side.frame(0x88, b"\x03\xEA")].concat();
        assert_eq!(ws.push(&two), [Ev::closed(1001, "")]);
        // Without a Close: 1006, which is only reported.
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.eof().unwrap_err().close_code().as_u16(), 1006);
        assert_eq!((ws.wants_write(), ws.due()), (false, vec![]));
    }
}

#[test]
fn r7_1_6_01_the_close_reason_is_the_text_after_the_code() {
    let longest = "€".repeat(41);
    for (side, reason) in SIDES.into_iter().flat_map(|side| {
        ["", "r", "weg µ€😀", &longest].map(|reason: &str| (side, reason.to_owned()))
    }) {
        let body = [b"\x03\xE9", reason.as_bytes()].concat();
        for step in [1, 2, 5, 200] {
            let mut ws = side.ws(Config::new());
            let events = ws.push_by(step, &side.frame(0x88, &body));
            assert_eq!(events, [Ev::closed(1001, &reason)]);
        }
        // The reason borrows from the body.
        let close = CloseFrame::parse(&body).unwrap().unwrap();
        assert_eq!(close.reason.as_ptr(), body[2..].as_ptr());
    }
}

/// One fault of each kind, followed by more frames.
fn faults(side: Side) -> Vec<(Vec<u8>, Error)> {
    let key = side.key();
    let wrong_key = if key.is_some() { None } else { Some([1, 2, 3, 4]) };
    let masking = if key.is_some() { Error::Unmasked } else { Error::Masked };
    vec![
        (side.frame(0xC1, b"x"), Error::ReservedBits),
        (side.frame(0x83, b"x"), Error::ReservedOpcode),
        (side.frame(0x09, b"x"), Error::FragmentedControl),
        (frame(0x89, key, &[0; 126]), Error::ControlTooLong),
        (header_in(2, 0x82, key, 5), Error::NonMinimalLength),
        (header_in(8, 0x82, key, 1 << 63), Error::LengthTopBit),
        (frame(0x81, wrong_key, b"x"), masking),
        (side.frame(0x80, b"x"), Error::UnexpectedContinuation),
        ([side.frame(0x01, b""), side.frame(0x81, b"")].concat(), Error::ExpectedContinuation),
        (side.frame(0x81, b"\xFF"), Error::InvalidUtf8),
        (side.frame(0x88, b"x"), Error::CloseTooShort),
        (side.frame(0x88, b"\x03\xED"), Error::InvalidCloseCode),
        (side.frame(0x88, b"\x03\xE8\xFF"), Error::InvalidUtf8),
        (header(0x82, key, (16 << 20) + 1), Error::FrameTooLong),
    ]
}

#[test]
fn r7_1_7_01_a_failed_connection_gives_the_reason_and_is_to_be_closed() {
    for (side, (bytes, error)) in
        SIDES.into_iter().flat_map(|side| faults(side).into_iter().map(move |f| (side, f)))
    {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.push(&bytes).last(), Some(&Ev::Fail(error)));
        // The reason also has a readable text.
        assert!(!error.to_string().is_empty());
        assert_eq!(
            (ws.state(), ws.transport_action()),
            (State::RemoteClosed, TransportAction::Keep)
        );
        ws.due();
        // Either side closes the transport after failing the connection.
        assert_eq!(
            (ws.state(), ws.transport_action()),
            (State::Closed, TransportAction::HalfClose)
        );
        assert_eq!(ws.eof(), Err(error));
    }
}

#[test]
fn r7_1_7_02_one_close_with_a_fitting_code_is_queued() {
    for (side, (bytes, error)) in
        SIDES.into_iter().flat_map(|side| faults(side).into_iter().map(move |f| (side, f)))
    {
        let code: u16 = match error {
            Error::InvalidUtf8 => 1007,
            Error::FrameTooLong => 1009,
            _ => 1002,
        };
        assert_eq!(error.close_code().as_u16(), code);
        let mut ws = side.ws(Config::new());
        ws.push(&bytes);
        assert!(ws.wants_write());
        assert_eq!(ws.due(), [(0x88, code.to_be_bytes().to_vec())]);
        assert_eq!((ws.wants_write(), ws.due()), (false, vec![]));
        // No second Close follows one already sent.
        let mut ws = side.ws(Config::new());
        ws.sent(Call::Close(1000, ""));
        ws.push(&bytes);
        assert_eq!((ws.wants_write(), ws.due(), ws.state()), (false, vec![], State::Closed));
    }
}

#[test]
fn r7_1_7_03_after_a_fault_no_input_is_read() {
    for (side, (bytes, error)) in
        SIDES.into_iter().flat_map(|side| faults(side).into_iter().map(move |f| (side, f)))
    {
        let mut ws = side.ws(Config::new());
        ws.push(&bytes);
        let consumed = ws.consumed;
        for more in [
            side.frame(0x81, b"data"),
            side.frame(0x89, b"ping"),
            side.frame(0x88, b"\x03\xE8"),
            vec![],
        ] {
            assert_eq!(ws.push(&more), [Ev::Fail(error)]);
        }
        assert_eq!(ws.consumed, consumed);
        assert_eq!(ws.due(), [(0x88, error.close_code().as_u16().to_be_bytes().to_vec())]);
        assert_eq!(ws.push(&side.frame(0x88, b"\x03\xE8")), [Ev::Fail(error)]);
        assert_eq!((ws.consumed, ws.due()), (consumed, vec![]));
    }
}

#[test]
fn r7_2_1_01_the_end_of_the_transport_before_the_close_is_a_fault_anywhere() {
    for side in SIDES {
        let mut bytes = side.frame(0x81, b"one");
        bytes.extend(side.frame(0x01, b"two"));
        bytes.extend(side.frame(0x89, b"ping"));
        bytes.extend(side.frame(0x80, &[b'x'; 130]));
        let end = bytes.len();
        bytes.extend(side.frame(0x88, b"\x03\xE8bye"));
        for cut in 0..=bytes.len() {
            let mut ws = side.ws(Config::new());
            let events = joined(&ws.push(&bytes[..cut]));
            let fins = events.iter().filter(|event| matches!(event, Ev::Data { fin: true, .. }));
            let whole_messages =
                usize::from(cut >= 3 + end_of_head(side)) + usize::from(cut >= end);
            assert_eq!(fins.count(), whole_messages, "{cut}");
            if cut == bytes.len() {
                assert_eq!(ws.eof(), Ok(()));
                continue;
            }
            assert_eq!(ws.eof(), Err(Error::UnexpectedEof));
            assert_eq!((ws.state(), ws.transport_action()), (State::Closed, TransportAction::Drop));
            // The rest of the message, arriving later, does not complete it.
            assert_eq!(ws.push(&bytes[cut..]), [Ev::Fail(Error::UnexpectedEof)]);
            assert_eq!(ws.due(), []);
            assert_eq!(ws.refused(Call::Text("x")), SendError::Closed);
        }
    }
}

/// The length of the shortest header this side receives.
fn end_of_head(side: Side) -> usize {
    if side == Side::Server { 6 } else { 2 }
}

#[test]
fn p17_r7_4_1_01_all_codes_sent_by_both_sides() {
    for side in SIDES {
        let key = (side == Side::Client).then(|| Keys::nth(0));
        let mut refused = 0;
        let mut idle = side.ws(Config::new());
        for code in 0..=65_535 {
            // §7.4.1: 1010 is for the client: the server fails the opening handshake instead.
            let sendable = on_the_wire(code) && !(side == Side::Server && code == 1010);
            assert_eq!(CloseCode::new(code).is_sendable(side == Side::Server), sendable);
            if sendable {
                let mut out = [0; 16];
                let mut ws = side.ws(Config::new());
                let n = ws.call(Call::Close(code, ""), &mut out).unwrap();
                assert_eq!(out[..n], frame(0x88, key, &code.to_be_bytes()));
            } else {
                // Without a reason, 1005 is an empty Close.
                let reason = if code == 1005 { "r" } else { "" };
                let result = idle.call(Call::Close(code, reason), &mut [0; 16]);
                assert_eq!(result, Err(SendError::InvalidCloseCode), "{code}");
                refused += 1;
            }
        }
        assert_eq!(refused, 65_536 - 2_000 - if side == Side::Server { 11 } else { 12 });
        assert_eq!((idle.keys(), idle.state()), (0, State::Open));
    }
}

#[test]
fn r7_4_1_02_the_librarys_own_codes_are_1002_1007_and_1009() {
    let errors = [
        (Error::ReservedBits, 1002),
        (Error::ReservedOpcode, 1002),
        (Error::FragmentedControl, 1002),
        (Error::ControlTooLong, 1002),
        (Error::NonMinimalLength, 1002),
        (Error::LengthTopBit, 1002),
        (Error::Unmasked, 1002),
        (Error::Masked, 1002),
        (Error::UnexpectedContinuation, 1002),
        (Error::ExpectedContinuation, 1002),
        (Error::CloseTooShort, 1002),
        (Error::InvalidCloseCode, 1002),
        (Error::InvalidUtf8, 1007),
        (Error::InvalidDeflate, 1007),
        (Error::FrameTooLong, 1009),
        (Error::MessageTooLong, 1009),
        (Error::TooManyFragments, 1009),
        (Error::UnexpectedEof, 1006),
    ];
    for (error, code) in errors {
        assert_eq!(error.close_code().as_u16(), code, "{error:?}");
        // 1006 is only reported; all others may be on the wire.
        assert_eq!(error.close_code().is_sendable(true), code != 1006);
    }
    // 1004 is reserved in both directions.
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert_eq!(ws.refused(Call::Close(1004, "")), SendError::InvalidCloseCode);
        let events = ws.push(&side.frame(0x88, b"\x03\xEC"));
        assert_eq!(events, [Ev::Fail(Error::InvalidCloseCode)]);
    }
}

#[test]
fn r7_4_1_03_a_client_can_name_the_missing_extensions() {
    let mut client = Side::Client.ws(Config::new());
    let mut server = Side::Server.ws(Config::new());
    let wire = client.sent(Call::Close(1010, "permessage-deflate"));
    assert_eq!(server.push(&wire), [Ev::closed(1010, "permessage-deflate")]);
    // The answer echoes the client's code.
    assert_eq!(server.refused(Call::Close(1010, "")), SendError::InvalidCloseCode);
    assert_eq!(server.due(), [(0x88, vec![0x03, 0xF2])]);
}

#[test]
fn p17_r7_4_2_01_all_codes_received_by_both_sides() {
    for side in SIDES {
        let mut taken = 0;
        for code in 0..=65_535_u16 {
            let mut ws = side.ws(Config::new());
            let events = ws.push(&side.frame(0x88, &code.to_be_bytes()));
            assert_eq!(CloseCode::new(code).is_receivable(), on_the_wire(code));
            let answer = if on_the_wire(code) {
                taken += 1;
                assert_eq!(events, [Ev::closed(code, "")]);
                code
            } else {
                assert_eq!(events, [Ev::Fail(Error::InvalidCloseCode)], "{code}");
                1002
            };
            // The answer carries the same code, or 1002.
            let mut out = [0; 8];
            let n = ws.call(Call::Transmit, &mut out).unwrap();
            assert_eq!(plain(&out[..n]), [(0x88, answer.to_be_bytes().to_vec())]);
        }
        assert_eq!(taken, 2_012);
    }
}
