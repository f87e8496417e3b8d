//! All output is determined by the caller's input: bytes, room for bytes, and keys.

use barews::{Config, Kind, SendError};

use crate::support::endpoint::{Call, Keys, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::written;

#[test]
fn r0_3_the_output_is_determined_by_the_input() {
    // No clock, no entropy: two connections with the same keys write and report the same.
    let run = |side: Side| {
        let mut ws = side.ws(Config::new());
        let mut wire = ws.sent(Call::Text("one"));
        let events = ws.push(&[side.frame(0x89, b"p"), side.frame(0x81, b"x")].concat());
        wire.extend(ws.sent(Call::Binary(b"two")));
        wire.extend(ws.sent(Call::Close(1000, "end")));
        (wire, events)
    };
    for side in SIDES {
        assert_eq!(run(side), run(side));
    }
    // No heap, no sockets: the library links neither std nor, by default, alloc.
    let library = include_str!("../../../../src/lib.rs");
    assert!(library.contains("#![no_std]"));
    let heap = library.split("extern crate alloc").collect::<Vec<_>>();
    assert!(heap.len() == 2 && heap[0].ends_with("#[cfg(feature = \"alloc\")]\n"));
}

#[test]
fn r0_6_empty_slices_make_no_progress_and_no_error() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let bytes = [side.frame(0x01, b"ab"), side.frame(0x80, b"c")].concat();
        let mut events = Vec::new();
        for byte in &bytes {
            for _ in 0..2 {
                let (consumed, need) = (ws.consumed, ws.need);
                assert_eq!(ws.push(&[]), []);
                assert_eq!(ws.consumed, consumed);
                assert!(need == 0 || ws.need == need);
                assert!(ws.need > 0);
            }
            events.extend(ws.push(&[*byte]));
        }
        assert_eq!(joined(&events), [Ev::text(b"abc")]);
        // Without room, the error names the exact length; with nothing pending, there is no error.
        assert_eq!(ws.call(Call::Transmit, &mut []), Ok(0));
        let key = side.key_len();
        let long = vec![0; 65_536];
        for (call, needed) in [
            (Call::Text(""), 2),
            (Call::Binary(&[0; 126]), 4 + 126),
            (Call::Binary(&long), 10 + 65_536),
            (Call::Fragment(Kind::Text, true, b"f"), 3),
            (Call::Ping(b""), 2),
            (Call::Pong(b"12"), 4),
            (Call::Close(1000, "r"), 5),
        ] {
            let error = SendError::BufferTooSmall { needed: needed + key };
            assert_eq!(ws.call(call, &mut []), Err(error));
        }
        ws.push(&side.frame(0x89, b"p"));
        let error = SendError::BufferTooSmall { needed: 3 + key };
        assert_eq!(ws.call(Call::Transmit, &mut []), Err(error));
        let error = SendError::BufferTooSmall { needed: 3 + 2 + 2 * key };
        assert_eq!(ws.call(Call::Text(""), &mut []), Err(error));
        assert_eq!(ws.keys(), 0);
        assert_eq!(ws.due(), [(0x8A, b"p".to_vec())]);
        // An empty frame, and an empty piece of a frame.
        assert_eq!(ws.in_place(Kind::Text, true, &mut []).unwrap().len(), 2 + key);
        assert_eq!(ws.begin(Kind::Text, true, 0).unwrap().len(), 2 + key);
        ws.begin(Kind::Text, true, 1).unwrap();
        assert_eq!(ws.mask_next(&mut []), Ok(()));
        assert_eq!(ws.mask_next(&mut [b'x']), Ok(()));
    }
}

#[test]
fn r10_3_01_each_frame_has_a_new_key_that_is_drawn_inside_the_call() {
    let mut ws = Side::Client.ws(Config::new());
    let attack = b"GET / HTTP/1.1\r\n\r\n";
    let mut wire = Vec::new();
    for n in 0..50 {
        assert_eq!(ws.keys(), n);
        wire.extend(ws.sent(Call::Fragment(Kind::Binary, false, attack)));
    }
    // Equal payloads look different on the wire, and never as the application wrote them.
    let frames = written(&wire);
    for (n, frame) in (0..).zip(&frames) {
        assert_eq!((frame.key, &frame.payload[..]), (Some(Keys::nth(n)), &attack[..]));
    }
    assert!(!wire.windows(attack.len()).any(|window| window == attack));
    // A key is drawn only after every check, and none is kept for the next call.
    let mut text = *b"\xFF";
    let (long, drawn) = ([0; 126], ws.keys());
    assert_eq!(ws.refused(Call::Text("t")), SendError::MessageInProgress);
    assert_eq!(ws.refused(Call::Ping(&long)), SendError::ControlTooLong);
    assert_eq!(ws.refused(Call::Close(999, "")), SendError::InvalidCloseCode);
    assert!(ws.call(Call::Fragment(Kind::Binary, true, b""), &mut [0; 5]).is_err());
    assert!(ws.in_place(Kind::Text, true, &mut text).is_err());
    assert!(ws.begin(Kind::Text, true, 1).is_err());
    assert_eq!((ws.keys(), text), (drawn, *b"\xFF"));
    // One key for a frame in pieces; refused pieces and other calls draw none.
    ws.begin(Kind::Binary, true, 8).unwrap();
    for _ in 0..4 {
        assert_eq!(ws.refused(Call::Ping(b"")), SendError::FrameInProgress);
        assert_eq!(ws.mask_next(&mut [0; 9]), Err(SendError::PastFrameEnd));
        ws.mask_next(&mut [0; 2]).unwrap();
        assert_eq!(ws.keys(), drawn + 1);
    }
}
