//! The contract of `NeedMore(n)`: the exact number for every prefix of every header form.

use barews::{Config, Delivery, Error, Input, Kind};

use crate::support::endpoint::{SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

const DELIVERIES: [Delivery; 2] = [Delivery::Chunks, Delivery::Frames];

/// First bytes and payload lengths: every header form for every kind of frame.
fn forms() -> Vec<(u8, u64)> {
    let mut forms = Vec::new();
    for first in [FIN | TEXT, TEXT, FIN | BINARY] {
        for len in [0, 1, 125, 126, 255, 256, 0xFFFF, 0x1_0000, 0x1_2345] {
            forms.push((first, len));
        }
    }
    for first in [PING, PONG] {
        forms.extend([0, 1, 124, 125].map(|len| (first, len)));
    }
    forms.extend([0, 2, 125].map(|len| (CLOSE, len)));
    forms
}

/// The shortest completion of `head` that RFC 6455 §5.2 allows, up to the next event.
///
/// It completes the header and payload of a valid frame. In chunk delivery, one payload byte of a
/// data frame is enough.
fn shortest_end(side: Side, delivery: Delivery, head: &[u8]) -> Vec<u8> {
    let mask = if side == Side::Server { 0x80 } else { 0 };
    let mut frame = head.to_vec();
    if frame.is_empty() {
        frame.push(FIN | BINARY);
    }
    if frame.len() == 1 {
        frame.push(mask);
    }
    let control = frame[0] & 0x08 != 0;
    let (field, minimum) = match frame[1] & 0x7F {
        126 => (2, 126_u64),
        127 => (8, 0x1_0000),
        _ => (0, 0),
    };
    // The length field: the known bytes padded with zeros, but at least the minimum of its form.
    let mut length = [0; 8];
    let here = &frame[2..(2 + field).min(frame.len())];
    length[8 - field..8 - field + here.len()].copy_from_slice(here);
    let len = if field == 0 {
        u64::from(frame[1] & 0x7F)
    } else {
        u64::from_be_bytes(length).max(minimum)
    };
    if frame.len() < 2 + field {
        frame.truncate(2);
        frame.extend(&len.to_be_bytes()[8 - field..]);
    }
    assert!(frame.starts_with(head), "the least length contradicts the known bytes");
    // The key: the known bytes padded with zeros.
    let key_len = if side == Side::Server { 4 } else { 0 };
    frame.resize(2 + field + key_len, 0);
    let key: Vec<u8> = frame[2 + field..].iter().copied().chain([0; 4]).take(4).collect();
    // Any Ping is valid, but a Close needs a code.
    let len = usize::try_from(len).unwrap();
    let mut payload = vec![b'-'; len];
    if frame[0] == CLOSE && len >= 2 {
        payload[..2].copy_from_slice(&1000_u16.to_be_bytes());
    }
    if !control && delivery == Delivery::Chunks {
        payload.truncate(1);
    }
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame.split_off(head.len())
}

/// Calls `check` with every proper prefix of every form of header.
fn each_prefix(mut check: impl FnMut(Side, Delivery, &[u8])) {
    for side in SIDES {
        for delivery in DELIVERIES {
            for (first, len) in forms() {
                let head = side.header(first, len);
                for k in 0..head.len() {
                    check(side, delivery, &head[..k]);
                }
            }
        }
    }
}

#[test]
fn incomplete_header_is_the_least_that_can_complete_an_event() {
    let mut prefixes = 0;
    each_prefix(|side, delivery, head| {
        let end = shortest_end(side, delivery, head);
        let mut ws = side.ws(Config::new().delivery(delivery));
        let got = ws.feed(head);
        assert_eq!(got, [Ev::More(end.len())], "{side:?} {delivery:?} {head:02X?}");
        prefixes += 1;
    });
    // The headers of every form, 38 of 2 to 10 bytes, for both delivery modes and both roles.
    let bytes: usize =
        forms().iter().map(|&(first, len)| Side::Client.header(first, len).len()).sum();
    assert_eq!((forms().len(), prefixes), (38, 2 * (bytes + bytes + 4 * 38)));
}

#[test]
fn fewer_bytes_give_no_event_and_the_number_gives_one_if_the_frame_is_the_shortest() {
    each_prefix(|side, delivery, head| {
        let end = shortest_end(side, delivery, head);
        let (last, early) = end.split_last().unwrap();
        let mut ws = side.ws(Config::new().delivery(delivery));
        let mut bytes = [head, early].concat();
        let mut input = Input::new(&mut bytes);
        // One byte is missing.
        assert_eq!(ws.drain(&mut input), [Ev::More(1)], "{side:?} {delivery:?} {head:02X?}");
        let rest = [input.unread(), &[*last]].concat();
        let event = ws.next(&mut Input::new(&mut rest.clone()));
        assert!(!matches!(event, Ev::More(_) | Ev::Fail(_)), "{side:?} {head:02X?} {event:?}");
    });
}

#[test]
fn the_numbers_written_out() {
    let chunks = Config::new();
    let frames = Config::new().delivery(Delivery::Frames);
    let table: [(Side, Config, &[u8], usize); 22] = [
        (Side::Server, chunks, &[], 6),
        (Side::Client, chunks, &[], 2),
        (Side::Server, chunks, &[0x82], 5),
        (Side::Client, chunks, &[0x82], 1),
        // The second byte fixes the form: header, key, one byte of payload.
        (Side::Server, chunks, &[0x82, 0x85], 5),
        (Side::Server, frames, &[0x82, 0x85], 9),
        (Side::Client, frames, &[0x82, 0x05], 5),
        (Side::Server, chunks, &[0x82, 0x85, 1, 2, 3], 2),
        (Side::Server, chunks, &[0x82, 0xFE], 7),
        (Side::Server, frames, &[0x82, 0xFE], 2 + 4 + 126),
        (Side::Client, frames, &[0x82, 0x7E], 2 + 126),
        (Side::Client, frames, &[0x82, 0x7E, 0x01], 1 + 256),
        (Side::Client, frames, &[0x82, 0x7E, 0x00], 1 + 126),
        (Side::Client, frames, &[0x82, 0x7F], 8 + 65_536),
        (Side::Client, frames, &[0x82, 0x7F, 0, 0, 0, 0, 0, 2], 2 + 131_072),
        (Side::Server, chunks, &[0x82, 0xFF], 8 + 4 + 1),
        // Control frames are delivered whole in either mode.
        (Side::Server, chunks, &[0x89], 5),
        (Side::Server, chunks, &[0x89, 0xFD], 4 + 125),
        (Side::Server, frames, &[0x89, 0xFD, 1, 2, 3, 4, 5], 124),
        (Side::Client, chunks, &[0x8A, 0x03, 7], 2),
        (Side::Client, chunks, &[0x88, 0x02], 2),
        (Side::Client, frames, &[0x88, 0x7D], 125),
    ];
    for (side, config, bytes, n) in table {
        assert_eq!(side.ws(config).feed(bytes), [Ev::More(n)], "{side:?} {config:?} {bytes:02X?}");
    }
}

#[test]
fn complete_header_of_a_whole_frame_is_exact() {
    for side in SIDES {
        for delivery in DELIVERIES {
            for (first, len) in forms() {
                // Chunk delivery does not wait for the whole payload.
                if len == 0 || (first & 0x08 == 0 && delivery == Delivery::Chunks) {
                    continue;
                }
                let head = side.header(first, len);
                let mut payload = vec![b'a'; usize::try_from(len).unwrap()];
                if first == CLOSE {
                    payload[..2].copy_from_slice(&1000_u16.to_be_bytes());
                }
                let frame = side.frame(first, &payload);
                let payload_len = payload.len();
                for here in [0, payload_len / 2, payload_len - 1] {
                    let bytes = &frame[..head.len() + here];
                    let mut ws = side.ws(Config::new().delivery(delivery));
                    let missing = payload_len - here;
                    assert_eq!(ws.feed(bytes), [Ev::More(missing)], "{side:?} {first} {len}");
                    // One byte less gives no event; all of them give exactly one.
                    let less = &frame[..frame.len() - 1];
                    assert_eq!(
                        ws.feed(&less[bytes.len()..]),
                        [Ev::More(1)],
                        "{side:?} {first} {len}"
                    );
                    let all = ws.feed(&frame[less.len()..]);
                    assert!(!matches!(all[0], Ev::More(_) | Ev::Fail(_)), "{first} {all:?}");
                    assert_eq!(all.len(), 2);
                }
            }
        }
    }
}

#[test]
fn payload_in_chunk_delivery_is_one() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let frame = side.frame(BINARY | FIN, &vec![5; 70_000]);
        let head = side.header(BINARY | FIN, 70_000).len();
        // The header alone is consumed, and any payload byte is an event.
        assert_eq!(ws.feed(&frame[..head]), [Ev::More(1)]);
        let got = ws.feed(&frame[head..=head]);
        assert_eq!(got, [Ev::piece(Kind::Binary, &[5], true, false, 69_999), Ev::More(1)]);
        let got = ws.feed(&frame[head + 1..head + 1000]);
        assert_eq!(got, [Ev::piece(Kind::Binary, &[5; 999], false, false, 69_000), Ev::More(1)]);
        // After the last byte, the next header is missing.
        let got = ws.feed(&frame[head + 1000..]);
        let least = if side == Side::Server { 6 } else { 2 };
        let end = Ev::piece(Kind::Binary, &vec![5; 69_000], false, true, 0);
        assert_eq!(got, [end, Ev::More(least)]);
    }
}

#[test]
fn growth_hint_only_within_the_frame_limit() {
    for side in SIDES {
        for limit in [0, 1, 125, 126, 1000, 0xFFFF, 0x1_0000, 0x1_2345] {
            let config = Config::new().max_frame_len(limit).delivery(Delivery::Frames);
            for len in [limit, limit + 1, limit + 1000, limit << 20, u64::MAX >> 1] {
                let head = side.header(FIN | BINARY, len);
                for k in 0..=head.len() {
                    let got = side.ws(config).feed(&head[..k]);
                    match got.last().unwrap() {
                        Ev::More(n) => {
                            let whole = u64::try_from(k + n).unwrap();
                            assert!(whole <= limit + 14, "{limit} {:02X?} {n}", &head[..k]);
                        }
                        Ev::Fail(error) => {
                            assert_eq!((*error, len > limit), (Error::FrameTooLong, true));
                        }
                        other => panic!("{other:?}"),
                    }
                    if k == head.len() {
                        let failed = got == [Ev::Fail(Error::FrameTooLong)];
                        assert_eq!(failed, len > limit, "{side:?} {limit} {len}");
                    }
                }
            }
            // Control frames are not subject to the limit.
            let ping = side.frame(PING, &[1; 125]);
            assert_eq!(side.ws(config).feed(&ping)[0], Ev::ping(&[1; 125]));
        }
    }
}

#[test]
fn after_a_close_it_is_one_and_bytes_are_discarded() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let bytes = [side.frame(CLOSE, &[]), vec![0xFF; 300]].concat();
        assert_eq!(ws.feed(&bytes), [Ev::Close(None), Ev::More(1)]);
        let mut more = [0xFF; 50];
        let mut input = Input::new(&mut more);
        assert_eq!((ws.next(&mut input), input.len()), (Ev::More(1), 0));
    }
}

/// Pings before, inside and after the fragments of a text, and an unfinished frame at the end.
fn mixed(side: Side) -> Vec<u8> {
    [
        side.frame(FIN | TEXT, "ä whole one".as_bytes()),
        side.frame(PING, b"first"),
        side.frame(TEXT, &"ö".as_bytes()[..1]),
        side.frame(PONG, &[7; 125]),
        side.frame(CONTINUATION, &"ö".as_bytes()[1..]),
        side.frame(PING, b"second"),
        side.frame(FIN | CONTINUATION, b" and its end"),
        side.frame(FIN | BINARY, &[9; 300]),
    ]
    .concat()
}

#[test]
fn unread_bytes_are_never_altered() {
    for side in SIDES {
        for delivery in DELIVERIES {
            let wire = mixed(side);
            for end in 0..=wire.len() {
                let mut bytes = wire[..end].to_vec();
                let mut input = Input::new(&mut bytes);
                let mut ws = side.ws(Config::new().delivery(delivery));
                loop {
                    let event = ws.next(&mut input);
                    let consumed = input.consumed();
                    assert_eq!(input.unread(), &wire[consumed..end], "{side:?} {event:?}");
                    if let Ev::More(_) = event {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn unread_bytes_are_not_altered_by_an_error() {
    for side in SIDES {
        for delivery in DELIVERIES {
            for (len, bad) in [(3, 0), (3, 2), (60, 40), (300, 299), (70_000, 40_000)] {
                let mut text = vec![b'a'; len];
                text[bad] = 0xFF;
                let wire = [side.frame(FIN | TEXT, &text), side.frame(PING, b"x")].concat();
                let mut bytes = wire.clone();
                let mut input = Input::new(&mut bytes);
                let mut ws = side.ws(Config::new().delivery(delivery));
                let last = ws.drain(&mut input).pop();
                assert_eq!(last, Some(Ev::Fail(Error::InvalidUtf8)));
                let consumed = input.consumed();
                assert_eq!(input.unread(), &wire[consumed..], "{side:?} {delivery:?} {len}");
            }
        }
    }
}
