//! Pending control frames are written before the next frame, never inside one, and a Close takes
//! precedence over a Pong.

use barews::{CloseCode, Config, Connection, Error, Event, Input, Kind, SendError, Server, State};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{CLOSE, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame};

/// The frame `side` writes: unmasked from a server, masked from a client.
fn sent(side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, (side == Side::Client).then_some(KEY), payload)
}

/// A server that has received a Ping and not answered it yet.
fn pinged(ping: &[u8]) -> Connection<Server> {
    let mut ws = Connection::server(Config::new());
    assert_eq!(receive(&mut ws, PING, ping), Ev::ping(ping));
    ws
}

/// Receives one frame and returns its only event.
fn receive(ws: &mut Connection<Server>, first: u8, payload: &[u8]) -> Ev {
    let mut bytes = frame(first, Some(KEY), payload);
    let mut input = Input::new(&mut bytes);
    let event = ws.receive(&mut input).map_or_else(Ev::Fail, Ev::from);
    // The look-ahead delivers a Ping before consuming it.
    assert!(matches!(ws.receive(&mut input), Ok(Event::NeedMore(_)) | Err(_)));
    event
}

#[test]
fn a_pending_pong_is_written_before_the_next_frame_of_any_kind() {
    type Send = fn(&mut Connection<Server>, &mut [u8]) -> Result<usize, SendError>;
    let pong = frame(PONG, None, b"due");
    let sends: [(Send, Vec<u8>); 6] = [
        (|ws, out| ws.send_text("text", out), frame(FIN | TEXT, None, b"text")),
        (|ws, out| ws.send_binary(b"\x00\xFF", out), frame(0x82, None, b"\x00\xFF")),
        (|ws, out| ws.send_fragment(Kind::Text, false, b"f", out), frame(TEXT, None, b"f")),
        (|ws, out| ws.send_ping(b"ping", out), frame(PING, None, b"ping")),
        (|ws, out| ws.send_pong(b"pong", out), frame(PONG, None, b"pong")),
        (|ws, out| ws.send_close(CloseCode::NORMAL, "", out), frame(CLOSE, None, &[3, 0xE8])),
    ];
    for (send, second) in sends {
        let mut ws = pinged(b"due");
        assert!(ws.wants_write());
        let wanted = [&pong[..], &second].concat();
        // The requested length covers both frames, and a refused call changes nothing.
        for room in 0..wanted.len() {
            let refused = send(&mut ws, &mut vec![0; room]);
            assert_eq!(refused, Err(SendError::BufferTooSmall { needed: wanted.len() }));
            assert!(ws.wants_write());
        }
        let mut out = vec![0; wanted.len()];
        assert_eq!(send(&mut ws, &mut out), Ok(wanted.len()));
        assert_eq!(out, wanted);
        assert!(!ws.wants_write());
        assert_eq!(ws.transmit(&mut out), Ok(0));
    }
}

#[test]
fn a_client_masks_both_frames() {
    let mut ws = Side::Client.ws_of_one_key(Config::new());
    assert_eq!(ws.feed(&Side::Client.frame(PING, b"due"))[0], Ev::ping(b"due"));
    let wire = ws.sent(Call::Text("text"));
    let wanted =
        [sent(Side::Client, PONG, b"due"), sent(Side::Client, FIN | TEXT, b"text")].concat();
    assert_eq!(wire, wanted);
}

#[test]
fn a_header_by_value_is_refused_until_the_pending_frame_is_written() {
    let mut ws = pinged(b"due");
    let mut payload = *b"payload";
    let refused = ws.send_in_place(Kind::Binary, true, &mut payload);
    assert_eq!(refused, Err(SendError::ControlDue));
    assert_eq!(ws.begin_frame(Kind::Binary, true, 3), Err(SendError::ControlDue));
    assert_eq!(ws.transmit(&mut [0; 64]), Ok(5));
    assert_eq!(ws.send_in_place(Kind::Binary, true, &mut payload).unwrap()[..], [0x82, 7]);
    assert_eq!(ws.begin_frame(Kind::Binary, true, 3).unwrap()[..], [0x82, 3]);
}

#[test]
fn nothing_is_written_inside_a_frame() {
    for first in [PING, CLOSE] {
        let mut ws = Connection::server(Config::new());
        let header = ws.begin_frame(Kind::Text, true, 10).unwrap();
        assert_eq!(header[..], [FIN | TEXT, 10]);
        let mut out = [0; 64];
        for left in (1..=10).rev() {
            assert_eq!(ws.frame_left(), left);
            let event = receive(&mut ws, first, b"");
            assert!(matches!(event, Ev::Ping(_) | Ev::Close(None) | Ev::More(1)), "{event:?}");
            assert!(!ws.wants_write());
            assert_eq!(ws.transmit(&mut out), Ok(0));
            let refused = ws.send_close(CloseCode::NORMAL, "", &mut out);
            assert_eq!(refused, Err(SendError::FrameInProgress));
            if first == PING {
                assert_eq!(ws.send_ping(b"", &mut out), Err(SendError::FrameInProgress));
                assert_eq!(ws.send_text("", &mut out), Err(SendError::FrameInProgress));
                let begun = ws.begin_frame(Kind::Text, true, 1);
                assert_eq!(begun, Err(SendError::FrameInProgress));
            }
            ws.mask_next(&mut [b'-']).unwrap();
        }
        assert_eq!((ws.frame_left(), ws.wants_write()), (0, true));
        assert_eq!(ws.mask_next(&mut [b'-']), Err(SendError::PastFrameEnd));
        let answer = if first == PING { [PONG, 0] } else { [CLOSE, 0] };
        let n = ws.transmit(&mut out).unwrap();
        assert_eq!(out[..n], answer);
    }
}

#[test]
fn a_close_after_the_open_frame_ends_the_message() {
    // The frame is complete, the message is not: RFC 6455 §5.5.1 forbids data after the Close.
    let mut ws = Connection::server(Config::new());
    assert_eq!(ws.begin_frame(Kind::Text, false, 1).unwrap()[..], [TEXT, 1]);
    assert_eq!(receive(&mut ws, CLOSE, &[0x03, 0xE9]), Ev::Close(Some((1001, String::new()))));
    ws.mask_next(&mut [b'-']).unwrap();
    let mut out = [0; 64];
    let refused = ws.send_fragment(Kind::Text, true, b"", &mut out);
    assert_eq!(refused, Err(SendError::Closed));
    assert_eq!(ws.transmit(&mut out), Ok(4));
    assert_eq!((&out[..4], ws.state()), (&[CLOSE, 2, 0x03, 0xE9][..], State::Closed));
}

#[test]
fn a_pending_pong_is_written_between_fragments() {
    let mut ws = Connection::server(Config::new());
    let mut out = [0; 64];
    ws.send_fragment(Kind::Text, false, b"a", &mut out).unwrap();
    assert_eq!(receive(&mut ws, PING, b"p"), Ev::ping(b"p"));
    let n = ws.send_fragment(Kind::Text, true, b"b", &mut out).unwrap();
    let wanted = [frame(PONG, None, b"p"), frame(FIN | CONTINUATION, None, b"b")].concat();
    assert_eq!(out[..n], wanted);
}

#[test]
fn ten_pings_with_drained_output_get_ten_pongs_in_order() {
    for side in SIDES {
        let pings: Vec<u8> = (0..10).flat_map(|i| side.frame(PING, &[i, i])).collect();
        let mut ws = side.ws_of_one_key(Config::new());
        let mut bytes = [side.frame(FIN | TEXT, b"data"), pings].concat();
        let mut input = Input::new(&mut bytes);
        let mut wire = Vec::new();
        for i in 0..10 {
            assert_eq!(ws.next(&mut input), Ev::ping(&[i, i]));
            assert!(ws.wants_write());
            wire.extend(ws.sent(Call::Transmit));
        }
        assert_eq!(ws.next(&mut input), Ev::text(b"data"));
        let wanted: Vec<u8> = (0..10).flat_map(|i| sent(side, PONG, &[i, i])).collect();
        assert_eq!(wire, wanted);
    }
}

#[test]
fn without_draining_only_the_newest_ping_is_answered() {
    for side in SIDES {
        let pings: Vec<u8> = (0..10).flat_map(|i| side.frame(PING, &[i, i])).collect();
        let mut ws = side.ws_of_one_key(Config::new());
        assert_eq!(ws.feed(&pings).len(), 11);
        assert_eq!(ws.sent(Call::Transmit), sent(side, PONG, &[9, 9]));
        assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
    }
}

#[test]
fn a_received_pong_is_not_answered() {
    let mut ws = Connection::server(Config::new());
    assert_eq!(receive(&mut ws, PONG, b"unasked"), Ev::pong(b"unasked"));
    assert!(!ws.wants_write());
}

#[test]
fn auto_pong_off_leaves_it_to_the_caller() {
    for side in SIDES {
        let mut ws = side.ws_of_one_key(Config::new().auto_pong(false));
        assert_eq!(ws.feed(&side.frame(PING, b"mine"))[0], Ev::ping(b"mine"));
        assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
        // The answer to a Close is not a Pong, so it is still queued.
        assert_eq!(ws.feed(&side.frame(CLOSE, &[]))[0], Ev::Close(None));
        assert_eq!(ws.sent(Call::Transmit), sent(side, CLOSE, &[]));
    }
}

#[test]
fn a_close_outranks_a_pong() {
    for side in SIDES {
        // The answer to the peer's Close replaces the pending Pong.
        let mut ws = side.ws_of_one_key(Config::new());
        let wire = [side.frame(PING, b"p"), side.frame(CLOSE, &1001_u16.to_be_bytes())].concat();
        assert_eq!(ws.feed(&wire).len(), 3);
        assert_eq!(ws.sent(Call::Transmit), sent(side, CLOSE, &1001_u16.to_be_bytes()));
        assert_eq!(ws.sent(Call::Transmit), b"");

        // So does the Close for a protocol error.
        let mut ws = side.ws_of_one_key(Config::new());
        let wire = [side.frame(PING, b"p"), side.frame(0x83, b"")].concat();
        assert_eq!(ws.feed(&wire), [Ev::ping(b"p"), Ev::Fail(Error::ReservedOpcode)]);
        assert_eq!(ws.sent(Call::Transmit), sent(side, CLOSE, &1002_u16.to_be_bytes()));
        assert_eq!(ws.sent(Call::Transmit), b"");
    }
}

#[test]
fn after_this_sides_close_no_pong_is_queued() {
    let mut ws = Connection::server(Config::new());
    let mut out = [0; 64];
    assert_eq!(ws.send_close(CloseCode::NORMAL, "bye", &mut out), Ok(7));
    assert_eq!(receive(&mut ws, PING, b"late"), Ev::ping(b"late"));
    assert!(!ws.wants_write());
    assert_eq!(ws.transmit(&mut out), Ok(0));
    assert_eq!(ws.send_ping(b"", &mut out), Err(SendError::Closed));
    assert_eq!(ws.send_pong(b"late", &mut out), Err(SendError::Closed));
    // The peer's answer arrives and needs no answer itself.
    assert_eq!(receive(&mut ws, CLOSE, &[0x03, 0xE8]), Ev::Close(Some((1000, String::new()))));
    assert!(!ws.wants_write());
}

#[test]
fn a_second_close_is_a_no_op() {
    let mut ws = Connection::server(Config::new());
    let mut out = [0; 64];
    assert_eq!(ws.send_close(CloseCode::GOING_AWAY, "", &mut out), Ok(4));
    for _ in 0..3 {
        assert_eq!(ws.send_close(CloseCode::NORMAL, "again", &mut out), Ok(0));
        assert_eq!((ws.wants_write(), ws.transmit(&mut out)), (false, Ok(0)));
    }
    // A protocol error does not queue another one either.
    assert_eq!(receive(&mut ws, 0x83, b""), Ev::Fail(Error::ReservedOpcode));
    assert_eq!((ws.wants_write(), ws.state()), (false, State::Closed));
}

#[test]
fn send_close_after_the_peers_close_is_the_answer() {
    let mut ws = Connection::server(Config::new());
    assert_eq!(receive(&mut ws, CLOSE, &[0x0B, 0xB8]), Ev::Close(Some((3000, String::new()))));
    assert_eq!(ws.send_text("late", &mut [0; 64]), Err(SendError::Closed));
    let mut out = [0; 64];
    assert_eq!(ws.send_close(CloseCode::NORMAL, "mine", &mut out), Ok(4));
    assert_eq!(out[..4], [CLOSE, 2, 0x0B, 0xB8]);
    assert_eq!(ws.send_close(CloseCode::NORMAL, "mine", &mut out), Ok(0));
}
