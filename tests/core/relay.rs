//! A relay: what one side of it receives, its other side sends, frame by frame.

use barews::{Config, ControlOrder, Delivery, Event, Input};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::frame::{BINARY, CONTINUATION, FIN, PING, PONG, TEXT};

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
                        out.extend_from_slice(&to.begin(data.kind, data.frame_fin, len).unwrap());
                    }
                    if !data.payload.is_empty() {
                        to.mask_next(data.payload).unwrap();
                        out.extend_from_slice(data.payload);
                    }
                }
                Event::Ping(payload) => out.extend(to.sent(Call::Ping(&payload))),
                Event::Pong(payload) => out.extend(to.sent(Call::Pong(&payload))),
                Event::Close(close) => panic!("{close:?}"),
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
fn each_frame_is_passed_on_while_it_arrives() {
    for side in SIDES {
        let frames = FRAMES.map(|(first, payload)| side.frame(first, payload));
        let wire = frames.concat();
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
