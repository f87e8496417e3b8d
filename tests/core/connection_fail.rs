//! `Connection::fail`: a higher layer reports a fault in the peer's bytes (RFC 6455 §7.1.7).

use barews::deflate::Inflate;
use barews::{Config, Connection, Error, Input, Kind, SendError, State};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{CLOSE, PING, TEXT};
use crate::support::inflated::{RSV1, Receiver, compressed, context, memory, unmasked};

fn agreed() -> Config {
    Config::new().deflate(true)
}

/// Every fault of a higher layer, with the close code it is reported with.
const FAULTS: [(Error, [u8; 2]); 3] = [
    (Error::InvalidDeflate, [0x03, 0xEF]),
    (Error::InvalidUtf8, [0x03, 0xEF]),
    (Error::MessageTooLong, [0x03, 0xF1]),
];

#[test]
fn a_fault_of_a_higher_layer_fails_the_connection() {
    for (side, (error, [high, low])) in
        SIDES.into_iter().flat_map(|side| FAULTS.map(|fault| (side, fault)))
    {
        let mut ws = side.ws(agreed());
        let wire = side.frame(RSV1 | TEXT, b"\xFF");
        assert_eq!(ws.feed(&wire).len(), 2);
        ws.fail(error);
        assert!(ws.wants_write());
        assert_eq!(unmasked(&ws.sent(Call::Transmit)), [CLOSE, 2, high, low]);
        assert_eq!(ws.sent(Call::Transmit), b"");
        // The first fault is permanent, and later calls do not change the outcome.
        ws.fail(Error::ReservedBits);
        let mut bytes = side.frame(PING, b"");
        let mut input = Input::new(&mut bytes);
        assert_eq!(ws.drain(&mut input), [Ev::Fail(error)]);
        assert_eq!(input.consumed(), 0);
        assert_eq!(ws.sent(Call::Transmit), b"");
        assert_eq!(ws.call(Call::Text("a"), &mut [0; 16]), Err(SendError::Closed));
        assert_eq!(ws.state(), State::Closed);
    }
}

#[test]
fn a_fault_of_a_higher_layer_outranks_a_pong_and_waits_for_an_open_frame() {
    let mut ws = Connection::server(agreed());
    let mut bytes = Side::Server.frame(PING, b"p");
    ws.begin_frame(Kind::Binary, true, 1).unwrap();
    assert!(matches!(ws.receive(&mut Input::new(&mut bytes)), Ok(barews::Event::Ping(_))));
    ws.fail(Error::InvalidDeflate);
    assert_eq!(ws.transmit(&mut [0; 16]), Ok(0));
    ws.mask_next(&mut [0]).unwrap();
    let mut out = [0; 16];
    assert_eq!(ws.transmit(&mut out), Ok(4));
    assert_eq!(out[..4], [CLOSE, 2, 0x03, 0xEF]);
}

#[test]
fn after_the_peers_close_there_is_nothing_to_fail() {
    for side in SIDES {
        let mut ws = side.ws(agreed());
        ws.feed(&side.frame(CLOSE, &[0x03, 0xE8]));
        ws.fail(Error::InvalidDeflate);
        assert_eq!(unmasked(&ws.sent(Call::Transmit)), [CLOSE, 2, 0x03, 0xE8]);
        assert_eq!(ws.feed(b""), [Ev::More(1)]);
    }
}

#[test]
fn after_its_own_close_a_side_fails_without_another() {
    let mut ws = Connection::server(agreed());
    ws.send_close(barews::CloseCode::NORMAL, "", &mut [0; 16]).unwrap();
    ws.fail(Error::InvalidDeflate);
    assert!(!ws.wants_write());
    assert_eq!(ws.receive(&mut Input::new(&mut [])), Err(Error::InvalidDeflate));
    assert_eq!(ws.receive_eof(), Err(Error::InvalidDeflate));
}

/// The end of the transport is not a fault that a Close could report.
#[test]
fn a_higher_layer_may_report_the_end_of_the_transport() {
    for side in SIDES {
        let mut ws = side.ws(agreed());
        ws.fail(Error::UnexpectedEof);
        assert_eq!(ws.feed(b""), [Ev::Fail(Error::UnexpectedEof)]);
        assert_eq!(ws.sent(Call::Transmit), b"");
        assert_eq!(ws.call(Call::Text("a"), &mut [0; 16]), Err(SendError::Closed));
        assert_eq!(ws.state(), State::Closed);
    }
}

#[test]
fn an_invalid_deflate_message_fails_the_connection() {
    for side in SIDES {
        let context = context(15, true);
        let mut memory = memory(context);
        let inflate = Inflate::new(context, &mut memory).unwrap();
        let mut receiver = Receiver::new(side, Config::new(), inflate);
        receiver.read(&compressed(side, Kind::Text, &[b"\x07"]), &mut [9].into_iter().cycle());
        assert_eq!(receiver.seen.error, Some(Error::InvalidDeflate));
        assert_eq!(unmasked(&receiver.ws.sent(Call::Transmit)), [CLOSE, 2, 0x03, 0xEF]);
        assert_eq!(receiver.ws.feed(b""), [Ev::Fail(Error::InvalidDeflate)]);
    }
}
