//! The guarantees of `NeedMore`: a buffer of `MIN_BUFFER_LEN` bytes always makes progress, one
//! growth suffices, and a frame of any size streams through a small buffer.

use barews::{Config, Delivery, Kind, MIN_BUFFER_LEN, RecvBuffer, StorageFull};

use crate::support::endpoint::{SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

/// Runs `wire` through a buffer of exactly 131 bytes, reading at most `step` bytes at a time.
///
/// After each `NeedMore(n)` the buffer must have room for `n` bytes.
fn through_131(side: Side, mut wire: &[u8], step: usize) -> Vec<Ev> {
    let mut ws = side.ws(Config::new());
    let mut rx = RecvBuffer::new([0; 131]);
    let mut events = Vec::new();
    while !wire.is_empty() {
        let spare = rx.spare_mut();
        assert!(!spare.is_empty(), "the buffer is full");
        let n = spare.len().min(wire.len()).min(step);
        spare[..n].copy_from_slice(&wire[..n]);
        rx.advance(n);
        wire = &wire[n..];
        let mut got = ws.drain(&mut rx.input());
        let Some(Ev::More(n)) = got.pop() else { panic!("an error") };
        assert_eq!(rx.reserve(n), Ok(()), "{n} more with {} unread", rx.len());
        events.extend(got);
    }
    events
}

/// Joins the pieces of each message; control frames keep their position.
fn join(events: Vec<Ev>) -> Vec<Ev> {
    let mut joined: Vec<Ev> = Vec::new();
    for event in events {
        match (joined.last_mut(), event) {
            (
                Some(Ev::Data { payload, fin, left, .. }),
                Ev::Data { payload: more, first: false, fin: last, left: rest, .. },
            ) if *left > 0 => {
                payload.extend(more);
                (*fin, *left) = (last, rest);
            }
            (_, event) => joined.push(event),
        }
    }
    joined
}

#[test]
fn a_frame_of_66_000_bytes_through_131() {
    assert_eq!(MIN_BUFFER_LEN, 131);
    let payload: Vec<u8> =
        (0..66_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    for side in SIDES {
        for step in [1, 7, 130, 131] {
            let wire = side.frame(FIN | BINARY, &payload);
            let events = through_131(side, &wire, step);
            assert!(events.len() >= 66_000 / 131, "{}", events.len());
            assert_eq!(join(events), [Ev::binary(&payload)], "{side:?} {step}");
        }
    }
}

#[test]
fn longest_pings_among_fragments_through_131() {
    let long = "x".repeat(1000);
    let bytes = long.as_bytes();
    for side in SIDES {
        let wire = [
            side.frame(TEXT, bytes),
            side.frame(PING, &[1; 125]),
            side.frame(CONTINUATION, b""),
            side.frame(PONG, &[2; 125]),
            side.frame(PING, &[3; 125]),
            side.frame(FIN | CONTINUATION, bytes),
            side.frame(PING, &[4; 125]),
            side.frame(FIN | BINARY, &[]),
            side.frame(CLOSE, &[&1000_u16.to_be_bytes()[..], &bytes[..123]].concat()),
        ]
        .concat();
        for step in 1..=131 {
            let mut controls = Vec::new();
            let mut data = Vec::new();
            for event in through_131(side, &wire, step) {
                match event {
                    Ev::Data { .. } => data.push(event),
                    other => controls.push(other),
                }
            }
            let expected = [
                Ev::ping(&[1; 125]),
                Ev::pong(&[2; 125]),
                Ev::ping(&[3; 125]),
                Ev::ping(&[4; 125]),
                Ev::Close(Some((1000, long[..123].to_owned()))),
            ];
            assert_eq!(controls, expected, "{side:?} {step}");
            let expected = [
                Ev::piece(Kind::Text, bytes, true, false, 0),
                Ev::piece(Kind::Text, b"", false, false, 0),
                Ev::piece(Kind::Text, bytes, false, true, 0),
                Ev::binary(b""),
            ];
            assert_eq!(join(data), expected, "{side:?} {step}");
        }
    }
}

#[test]
fn one_byte_less_than_131_is_not_enough() {
    let ping = Side::Server.frame(PING, &[1; 125]);
    let mut ws = Side::Server.ws(Config::new());
    let mut rx = RecvBuffer::new([0; 130]);
    rx.spare_mut().copy_from_slice(&ping[..130]);
    rx.advance(130);
    assert_eq!(ws.drain(&mut rx.input()), [Ev::More(1)]);
    assert_eq!(rx.spare_mut().len(), 0);
    assert_eq!(rx.reserve(1), Err(StorageFull { needed: 131 }));
}

/// Runs one whole frame through a buffer of 131 bytes that grows as `NeedMore` asks. Returns the
/// new storage lengths. With `when_full`, the buffer grows only when no room is left.
fn growths(side: Side, len: usize, first_read: usize, when_full: bool) -> Vec<usize> {
    let frame = side.frame(FIN | BINARY, &vec![6; len]);
    let mut ws = side.ws(Config::new().delivery(Delivery::Frames));
    let mut rx = RecvBuffer::new(vec![0; 131].into_boxed_slice());
    let (mut rest, mut read) = (&frame[..], first_read);
    let mut growths = Vec::new();
    let events = loop {
        let spare = rx.spare_mut();
        let n = spare.len().min(rest.len()).min(read);
        spare[..n].copy_from_slice(&rest[..n]);
        rx.advance(n);
        (rest, read) = (&rest[n..], usize::MAX);
        let mut events = ws.drain(&mut rx.input());
        let Some(Ev::More(n)) = events.pop() else { panic!("an error") };
        if !events.is_empty() {
            break events;
        }
        if when_full && !rx.spare_mut().is_empty() {
            continue;
        }
        if let Err(StorageFull { needed }) = rx.reserve(n) {
            growths.push(needed);
            rx.grow(vec![0; needed].into_boxed_slice()).unwrap();
        }
    };
    assert_eq!(events, [Ev::binary(&vec![6; len])]);
    assert!(rest.is_empty() && rx.is_empty());
    growths
}

#[test]
fn a_frame_larger_than_the_buffer_needs_one_growth() {
    for side in SIDES {
        for len in [200, 5000, 70_000] {
            let head = side.header(FIN | BINARY, u64::try_from(len).unwrap()).len();
            for first_read in [head, head + 1, 60, 131] {
                assert_eq!(growths(side, len, first_read, false), [head + len], "{first_read}");
            }
            // A buffer that grows only when full holds any header, so this also holds after a cut
            // header.
            for first_read in 1..=131 {
                assert_eq!(growths(side, len, first_read, true), [head + len], "{first_read}");
            }
            // A buffer that grows at once after a cut header needs one more growth at most.
            for first_read in 1..head {
                let growths = growths(side, len, first_read, false);
                assert!(growths.len() <= 2, "{side:?} {len} {first_read} {growths:?}");
                assert_eq!(growths.last(), Some(&(head + len)));
            }
        }
    }
}

/// The period of the pattern below: a multiple of four, so that it is compatible with any masking
/// key.
const PERIOD: usize = 1004;

/// Streams one frame of `len` bytes through 4 KiB; it is never in memory as a whole.
fn stream(side: Side, len: u64) {
    let key = side.key().unwrap_or_default();
    let plain: Vec<u8> =
        (0..PERIOD + 4096).map(|i| u8::try_from(i % PERIOD % 251).unwrap()).collect();
    let masked: Vec<u8> =
        plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();

    let config = Config::new().max_frame_len(len).max_message_len(len);
    let mut ws = side.ws(config);
    let mut rx = RecvBuffer::new([0; 4096]);
    let head = side.header(FIN | BINARY, len);
    rx.spare_mut()[..head.len()].copy_from_slice(&head);
    rx.advance(head.len());

    let (mut sent, mut received, mut fin) = (0, 0, false);
    loop {
        let mut input = rx.input();
        while let Ok(barews::Event::Data(data)) = ws.receive(&mut input) {
            let at = usize::try_from(received % 1004).unwrap();
            assert!(*data.payload == plain[at..at + data.payload.len()], "at {received}");
            assert_eq!((data.first, data.kind), (received == 0, Kind::Binary));
            received += u64::try_from(data.payload.len()).unwrap();
            assert_eq!(data.frame_left, len - received);
            fin = data.fin;
        }
        if sent == len {
            break;
        }
        let spare = rx.spare_mut();
        let n = spare.len().min(usize::try_from(len - sent).unwrap());
        let at = usize::try_from(sent % 1004).unwrap();
        spare[..n].copy_from_slice(&masked[at..at + n]);
        rx.advance(n);
        sent += u64::try_from(n).unwrap();
    }
    assert_eq!((received, fin), (len, true));
}

#[test]
fn one_gib_in_one_frame_through_4_kib() {
    stream(Side::Client, 1 << 30);
}

#[test]
fn masked_64_mib_in_one_frame_through_4_kib() {
    stream(Side::Server, 64 << 20);
}
