//! Whether a message is open in either direction (RFC 6455 §5.4).

use barews::{Config, Delivery, Error, Input, Kind, SendError};

use crate::support::endpoint::{Call, SIDES, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

const FRAMES: [(u8, &[u8]); 10] = [
    (FIN | TEXT, b"whole"),
    (FIN | BINARY, b""),
    (TEXT, b"fragment"),
    (PING, b"between"),
    (CONTINUATION, b""),
    (CONTINUATION, &[b'x'; 130]),
    (PONG, b""),
    (FIN | CONTINUATION, b""),
    (BINARY, b""),
    (FIN | CONTINUATION, b"end"),
];

#[test]
fn a_received_message_is_open_from_its_first_header_to_its_last_byte() {
    for (side, delivery) in
        SIDES.into_iter().flat_map(|side| [(side, Delivery::Chunks), (side, Delivery::Frames)])
    {
        let mut ws = side.ws(Config::new().delivery(delivery));
        let mut open = false;
        for (first, payload) in FRAMES {
            let is_data = first & 0x08 == 0;
            let wire = side.frame(first, payload);
            let header = wire.len() - payload.len();
            for (n, byte) in (1..).zip(&wire) {
                ws.push(&[*byte]);
                if is_data && n == wire.len() {
                    open = first & FIN == 0;
                } else if is_data && n >= header && delivery == Delivery::Chunks {
                    open = true;
                }
                assert_eq!(ws.is_receiving_message(), open, "{side:?} {delivery:?} {first:#x} {n}");
            }
        }
        assert!(!open && !ws.is_sending_message());
    }
}

#[test]
fn a_received_message_that_cannot_end_is_not_open() {
    for side in SIDES {
        let open = || {
            let mut ws = side.ws(Config::new());
            ws.push(&side.frame(TEXT, b"a"));
            assert!(ws.is_receiving_message());
            ws
        };
        let mut closed = open();
        assert_eq!(closed.push(&side.frame(CLOSE, b"")), [Ev::Close(None)]);
        let mut failed = open();
        assert_eq!(failed.push(&[0x70]), [Ev::Fail(Error::ReservedBits)]);
        let mut ended = open();
        assert_eq!(ended.eof(), Err(Error::UnexpectedEof));
        let mut both = open();
        both.push(&side.frame(CLOSE, b""));
        assert_eq!(both.eof(), Ok(()));
        for ws in [closed, failed, ended, both] {
            assert!(!ws.is_receiving_message(), "{ws:?}");
        }
        // This side's own Close ends nothing.
        let mut ws = open();
        ws.sent(Call::Close(1000, ""));
        assert!(ws.is_receiving_message());
        ws.push(&side.frame(FIN | CONTINUATION, b""));
        assert!(!ws.is_receiving_message());
    }
}

/// Between the valid part of an invalid text and its error.
#[test]
fn a_received_message_is_open_until_its_error() {
    for (side, first) in SIDES.into_iter().flat_map(|side| [(side, TEXT), (side, FIN | TEXT)]) {
        let mut ws = side.ws(Config::new());
        let mut bytes = side.frame(first, b"ok\xFF");
        let mut input = Input::new(&mut bytes);
        assert_eq!(ws.next(&mut input), Ev::piece(Kind::Text, b"ok", true, false, 1));
        assert!(ws.is_receiving_message());
        assert_eq!(ws.next(&mut input), Ev::Fail(Error::InvalidUtf8));
        assert!(!ws.is_receiving_message());
    }
}

#[test]
fn a_sent_message_is_open_from_its_first_frame_to_its_last_byte() {
    type Step = (fn(&mut Ws), bool);
    let steps: [Step; 15] = [
        (|ws| drop(ws.sent(Call::Text("whole"))), false),
        (|ws| drop(ws.sent(Call::Fragment(Kind::Text, true, b""))), false),
        (|ws| assert!(ws.in_place(Kind::Text, true, &mut []).is_ok()), false),
        (|ws| assert!(ws.begin(Kind::Text, true, 0).is_ok()), false),
        (|ws| drop(ws.sent(Call::Fragment(Kind::Text, false, b""))), true),
        (|ws| drop(ws.sent(Call::Ping(b""))), true),
        (|ws| assert!(ws.in_place(Kind::Text, false, &mut [b'a']).is_ok()), true),
        (|ws| assert_eq!(ws.refused(Call::Binary(b"")), SendError::MessageInProgress), true),
        (|ws| assert!(ws.begin(Kind::Text, true, 2).is_ok()), true),
        (|ws| ws.mask_next(&mut [b'a']).unwrap(), true),
        (|ws| ws.mask_next(&mut [b'b']).unwrap(), false),
        (
            |ws| {
                assert_eq!(
                    ws.refused(Call::Fragment(Kind::Text, false, b"\xFF")),
                    SendError::InvalidUtf8
                );
            },
            false,
        ),
        (|ws| assert!(ws.begin(Kind::Binary, false, 1).is_ok()), true),
        (|ws| ws.mask_next(&mut [b'a']).unwrap(), true),
        (|ws| drop(ws.sent(Call::Fragment(Kind::Binary, true, b""))), false),
    ];
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert!(!ws.is_sending_message());
        for (n, (step, open)) in steps.into_iter().enumerate() {
            step(&mut ws);
            assert_eq!(ws.is_sending_message(), open, "{side:?} {n}");
            assert!(!ws.is_receiving_message());
        }
    }
}

#[test]
fn a_sent_message_that_cannot_end_is_not_open() {
    let ends: [fn(&mut Ws, Side); 4] = [
        |ws, _| drop(ws.sent(Call::Close(1000, ""))),
        |ws, side| drop(ws.push(&side.frame(CLOSE, b""))),
        |ws, _| drop(ws.push(&[0x70])),
        |ws, _| assert!(ws.eof().is_err()),
    ];
    for (side, end) in SIDES.into_iter().flat_map(|side| ends.map(|end| (side, end))) {
        let mut ws = side.ws(Config::new());
        ws.sent(Call::Fragment(Kind::Text, false, b"a"));
        end(&mut ws, side);
        assert!(!ws.is_sending_message());
    }
    // A frame in progress is finished even then.
    for (side, end) in SIDES.into_iter().flat_map(|side| [(side, ends[1]), (side, ends[2])]) {
        let mut ws = side.ws(Config::new());
        ws.begin(Kind::Text, false, 1).unwrap();
        end(&mut ws, side);
        assert!(ws.is_sending_message());
        ws.mask_next(&mut [b'a']).unwrap();
        assert!(!ws.is_sending_message());
    }
    // With the reply left to the caller, so is the rest of the message.
    for side in SIDES {
        let mut ws = side.ws(Config::new().auto_close(false));
        ws.sent(Call::Fragment(Kind::Text, false, b"a"));
        ws.push(&side.frame(CLOSE, b""));
        assert!(ws.is_sending_message());
        ws.sent(Call::Close(1000, ""));
        assert!(!ws.is_sending_message());
    }
}

/// RFC 6455 §5.6 by whole messages, fragments, in place and in chunks; without the check the caller
/// answers for it.
#[test]
fn sent_text_is_checked_unless_the_caller_answers_for_it() {
    type Send = fn(&mut Ws) -> Result<(), SendError>;
    let sends: [Send; 4] = [
        |ws| ws.call(Call::Fragment(Kind::Text, true, b"\xFF"), &mut [0; 16]).map(drop),
        |ws| ws.call(Call::Fragment(Kind::Text, true, b"\xE4\xB8"), &mut [0; 16]).map(drop),
        |ws| ws.in_place(Kind::Text, true, &mut [0xFF]).map(drop),
        |ws| {
            ws.begin(Kind::Text, true, 2)?;
            ws.mask_next(&mut [0xC3])?;
            ws.mask_next(&mut [0x28])
        },
    ];
    for side in SIDES {
        for send in sends {
            let mut ws = side.ws(Config::new());
            assert_eq!(send(&mut ws), Err(SendError::InvalidUtf8), "{side:?}");
            let mut ws = side.ws(Config::new().validate_sent_text(false));
            assert_eq!(send(&mut ws), Ok(()), "{side:?}");
            assert!(!ws.is_sending_message());
            // What is received is checked all the same.
            let bytes = side.frame(FIN | TEXT, b"\xFF");
            assert_eq!(ws.feed(&bytes), [Ev::Fail(Error::InvalidUtf8)]);
        }
    }
}
