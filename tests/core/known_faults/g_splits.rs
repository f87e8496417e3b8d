//! Class G: results that depend on how the input is split.

use barews::{Config, Connection, Event, Input, Kind, MIN_BUFFER_LEN, RecvBuffer};

use crate::support::endpoint::SIDES;
use crate::support::event::{Ev, joined};
use crate::support::frame::{KEY, frame, header};

/// grappa-irc, issue 453: part of a header that was split, or at the end of the buffer, was dropped
/// or read twice.
#[test]
fn grappa_irc_453_part_of_a_header_is_not_dropped() {
    for side in SIDES {
        for len in [1, 125, 126, 300] {
            let payload = vec![0x81; len];
            let wire = side.frame(0x82, &payload);
            let mut ws = side.ws(Config::new());
            let head = wire.len() - len;
            for (n, byte) in wire[..head].iter().enumerate() {
                assert_eq!(
                    (ws.push(&[*byte]), ws.consumed),
                    (vec![], if n + 1 == head { head } else { 0 })
                );
            }
            assert_eq!(joined(&ws.push(&wire[head..])), [Ev::binary(&payload)]);
        }
    }
}

/// Boost.Beast, issue 2928: the same, at the very end of the buffer.
#[test]
fn beast_2928_a_header_at_the_end_of_the_buffer() {
    // The second frame's header begins at each of the last positions of a 131-byte buffer.
    for fill in MIN_BUFFER_LEN - 14..MIN_BUFFER_LEN {
        let first = frame(0x82, Some(KEY), &vec![1; fill - 8]);
        let second = frame(0x82, Some(KEY), &[2; 200]);
        let wire = [first, second].concat();
        let mut ws = Connection::server(Config::new());
        let mut rx = RecvBuffer::new([0xEE; MIN_BUFFER_LEN]);
        let (mut rest, mut bytes) = (&wire[..], Vec::new());
        while !rest.is_empty() {
            let spare = rx.spare_mut();
            let n = spare.len().min(rest.len());
            spare[..n].copy_from_slice(&rest[..n]);
            rx.advance(n);
            rest = &rest[n..];
            let mut input = rx.input();
            while let Ok(Event::Data(data)) = ws.receive(&mut input) {
                bytes.extend_from_slice(data.payload);
            }
        }
        assert_eq!(bytes, [vec![1; fill - 8], vec![2; 200]].concat(), "{fill}");
    }
}

/// Thunder, issue 1632: the same, with the payload in a separate read.
#[test]
fn thunder_1632_a_header_alone_and_then_its_payload() {
    for side in SIDES {
        for len in [1, 126, 65_536] {
            let wire = side.frame(0x82, &vec![3; len]);
            let head = wire.len() - len;
            let mut ws = side.ws(Config::new());
            assert_eq!((ws.push(&wire[..head]), ws.need), (vec![], 1));
            assert_eq!(ws.push(&wire[head..]), [Ev::binary(&vec![3; len])]);
        }
    }
}

/// embedded-websocket 0.9.5: a Close in two reads was reported as complete, with an invented code.
#[test]
fn embedded_websocket_0_9_5_a_close_is_delivered_whole() {
    for side in SIDES {
        let wire = side.frame(0x88, b"\x03\xE8bye");
        for cut in 0..wire.len() {
            let mut ws = side.ws(Config::new());
            assert_eq!((ws.push(&wire[..cut]), ws.consumed, ws.wants_write()), (vec![], 0, false));
        }
    }
}

/// embedded-websocket 0.9.5: each piece of a Ping was answered with its own Pong.
#[test]
fn embedded_websocket_0_9_5_a_ping_in_pieces_has_one_pong() {
    for side in SIDES {
        for step in 1..30 {
            let wire = side.frame(0x89, b"a ping in many pieces");
            let mut ws = side.ws(Config::new());
            let mut pongs = Vec::new();
            for chunk in wire.chunks(step) {
                ws.push(chunk);
                pongs.extend(ws.due());
            }
            assert_eq!(pongs, [(0x8A, b"a ping in many pieces".to_vec())], "{step}");
        }
    }
}

/// gobwas/ws, issue 201: an incomplete header was partly consumed, and reported as an error.
#[test]
fn gobwas_ws_201_an_incomplete_header_is_neither_an_error_nor_consumed() {
    for side in SIDES {
        for (first, len) in [(0x82, 5), (0x82, 300), (0x82, 70_000), (0x89, 100)] {
            let head = header(first, side.key(), len);
            for end in 0..head.len() {
                let mut ws = side.ws(Config::new());
                for _ in 0..3 {
                    // Repeated calls give the same answer.
                    let shown = if ws.need == 0 { &head[..end] } else { &[] };
                    assert_eq!((ws.push(shown), ws.consumed), (vec![], 0));
                    assert!(end < 2 || ws.need > head.len() - end);
                }
            }
        }
    }
}

/// fastwebsockets, issue 64: a cancelled read lost part of a header, which corrupted the stream.
#[test]
fn fastwebsockets_64_a_read_that_is_dropped_loses_nothing() {
    let wire = [frame(0x81, None, b"one"), frame(0x82, None, &[2; 130])].concat();
    for cut in 0..=wire.len() {
        let mut ws = Connection::client(Config::new(), || [0; 4]);
        let (mut bytes, mut start) = (Vec::new(), 0);
        for end in [cut, cut, wire.len()] {
            let mut shown = wire[start..end].to_vec();
            let mut input = Input::new(&mut shown);
            // Takes one event, then drops the cursor; the unconsumed bytes are passed again.
            if let Ok(Event::Data(data)) = ws.receive(&mut input) {
                bytes.extend_from_slice(data.payload);
            }
            start += input.consumed();
        }
        let mut shown = wire[start..].to_vec();
        let mut input = Input::new(&mut shown);
        while let Ok(Event::Data(data)) = ws.receive(&mut input) {
            bytes.extend_from_slice(data.payload);
        }
        assert_eq!(bytes, [&b"one"[..], &[2; 130]].concat(), "{cut}");
    }
}

/// gobwas/ws, issue 143: half a frame blocked the reader, and everything else on its thread.
#[test]
fn gobwas_ws_143_half_a_frame_is_delivered() {
    for side in SIDES {
        let wire = side.frame(0x82, &[5; 100]);
        let mut ws = side.ws(Config::new());
        let events = ws.push(&wire[..wire.len() - 50]);
        let data = |payload: &[u8], first, fin, left| {
            vec![Ev::Data { kind: Kind::Binary, payload: payload.to_vec(), first, fin, left }]
        };
        assert_eq!(events, data(&[5; 50], true, false, 50));
        assert_eq!(ws.push(&wire[wire.len() - 50..]), data(&[5; 50], false, true, 0));
    }
}

/// apache/iggy, issue 2250: a message longer than the buffer could not be received.
#[test]
fn iggy_2250_a_message_is_longer_than_the_buffer() {
    let wire = frame(0x82, Some(KEY), &[8; 10_000]);
    let mut ws = Connection::server(Config::new());
    let mut rx = RecvBuffer::new([0; MIN_BUFFER_LEN]);
    let (mut rest, mut len) = (&wire[..], 0);
    while !rest.is_empty() {
        let spare = rx.spare_mut();
        let n = spare.len().min(rest.len());
        spare[..n].copy_from_slice(&rest[..n]);
        rx.advance(n);
        rest = &rest[n..];
        let mut input = rx.input();
        while let Ok(Event::Data(data)) = ws.receive(&mut input) {
            assert!(data.payload.iter().all(|byte| *byte == 8));
            len += data.payload.len();
        }
    }
    assert_eq!(len, 10_000);
}
