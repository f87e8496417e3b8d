//! Class B: memory or state spent before a limit applies, and limits on the wrong number.

use core::mem::size_of_val;

use allocation_counter::measure;
use barews::{
    Assembler, Config, Connection, Delivery, Error, Event, Input, Kind, RecvBuffer, TransportAction,
};

use crate::support::endpoint::{SIDES, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{header, header_in};

use super::{UNLIMITED, fault};

/// rust-websocket, CVE-2022-35922, RUSTSEC-2022-0035: it allocated the length that the peer
/// announced, and the process was aborted.
#[test]
fn rust_websocket_cve_2022_35922_need_more_stays_within_the_limit() {
    let limit = 1 << 20;
    for (side, delivery) in
        SIDES.iter().flat_map(|side| [Delivery::Chunks, Delivery::Frames].map(|d| (*side, d)))
    {
        let config = Config::new().max_frame_len(limit).delivery(delivery);
        for bits in 0..63 {
            let head = header_in(8, 0x82, side.key(), (1 << bits) | 0x1_0000);
            let mut ws = side.ws(config);
            for byte in head {
                if let [Ev::Fail(error)] = &ws.push(&[byte])[..] {
                    assert_eq!((*error, bits > 19), (Error::FrameTooLong, true));
                    break;
                }
                assert!(ws.need as u64 <= limit + 14, "{bits} {}", ws.need);
            }
        }
    }
}

/// ws, CVE-2016-10542: unless the caller set a limit, a frame could fill all memory.
#[test]
fn ws_cve_2016_10542_the_default_limits_a_frame() {
    for side in SIDES {
        let head = header(0x82, side.key(), (16 << 20) + 1);
        assert_eq!(fault(side, Config::new(), &head), Error::FrameTooLong);
        assert_eq!(fault(side, Config::default(), &head), Error::FrameTooLong);
    }
}

/// An endless message in frames of 1 MiB.
fn endless(mut ws: Ws, side: Side) -> (usize, Error) {
    let frame = side.frame(0x00, &vec![0; 1 << 20]);
    ws.push(&side.frame(0x02, b""));
    for frames in 0.. {
        if let Some(Ev::Fail(error)) = ws.push(&frame).pop() {
            return (frames, error);
        }
    }
    unreachable!("the message is endless")
}

/// Qt `WebSockets`, CVE-2018-21035: the default message limit was so high that memory ran out
/// first.
#[test]
fn qt_cve_2018_21035_the_default_limits_a_message() {
    let ws = Side::Client.ws(Config::new());
    assert_eq!(endless(ws, Side::Client), (64, Error::MessageTooLong));
}

/// uws, CVE-2016-10544: the default limit was ineffective.
#[test]
fn uws_cve_2016_10544_the_server_has_the_same_default() {
    let ws = Side::Server.ws(Config::new());
    assert_eq!(endless(ws, Side::Server), (64, Error::MessageTooLong));
}

/// Daphne, CVE-2026-44545: the limit set by the caller was not passed on to the parser.
#[test]
fn daphne_cve_2026_44545_the_callers_limits_hold_for_both_sides() {
    for (side, len) in SIDES.into_iter().flat_map(|side| [126, 127, 70_000].map(|len| (side, len)))
    {
        let head = header(0x81, side.key(), len);
        let frame = Config::new().max_frame_len(len - 1);
        assert_eq!(fault(side, frame, &head), Error::FrameTooLong);
        let message = Config::new().max_message_len(len - 1);
        assert_eq!(fault(side, message, &head), Error::MessageTooLong);
        assert_eq!(side.ws(frame.max_frame_len(len)).push(&head), []);
        let fragments = Config::new().max_fragments(1);
        let wire = [side.frame(0x01, b""), side.frame(0x80, b"")].concat();
        assert_eq!(fault(side, fragments, &wire), Error::TooManyFragments);
    }
}

/// Jetty, CVE-2026-19204: a frame with an unknown opcode bypassed the length limit, and its memory
/// was allocated before the opcode was checked.
#[test]
fn jetty_cve_2026_19204_an_unknown_opcode_is_refused_before_its_length() {
    for (side, opcode) in
        SIDES.iter().flat_map(|side| (3..8).chain(11..16).map(move |o| (*side, o)))
    {
        let head = header_in(8, 0x80 | opcode, side.key(), 1 << 40);
        assert_eq!(fault(side, Config::new(), &head), Error::ReservedOpcode);
        assert_eq!(side.ws(UNLIMITED).push(&head[..1]), [Ev::Fail(Error::ReservedOpcode)]);
    }
}

/// aiohttp, CVE-2026-54274: the payload of an incomplete frame did not count towards the limit.
#[test]
fn aiohttp_cve_2026_54274_announced_bytes_count_before_they_arrive() {
    for (side, delivery) in
        SIDES.iter().flat_map(|side| [Delivery::Chunks, Delivery::Frames].map(|d| (*side, d)))
    {
        let config = Config::new().max_message_len(10).delivery(delivery);
        // Six bytes, and five more announced of which none has arrived.
        let mut wire = side.frame(0x02, &[0; 6]);
        wire.extend(header(0x00, side.key(), 5));
        assert_eq!(fault(side, config, &wire), Error::MessageTooLong);
    }
}

/// Netty, CVE-2014-0193: continuation frames were joined without a limit.
#[test]
fn netty_cve_2014_0193_continuations_are_counted_in_bytes() {
    for side in SIDES {
        let mut ws = side.ws(UNLIMITED.max_message_len(1000));
        ws.push(&side.frame(0x01, b""));
        let events = ws.push(&side.frame(0x00, b"x").repeat(2000));
        assert_eq!((events.len(), events.last()), (1001, Some(&Ev::Fail(Error::MessageTooLong))));
    }
}

/// Bandit, CVE-2026-42786: the same, twelve years later.
#[test]
fn bandit_cve_2026_42786_continuations_are_counted_in_frames() {
    for side in SIDES {
        let mut ws = side.ws(UNLIMITED.max_fragments(1000));
        ws.push(&side.frame(0x01, b"x"));
        let events = ws.push(&side.frame(0x00, b"x").repeat(2000));
        assert_eq!((events.len(), events.last()), (1000, Some(&Ev::Fail(Error::TooManyFragments))));
    }
}

/// hackney, CVE-2026-47073: the handshake head, frames and fragments all had no limit.
#[cfg(feature = "handshake")]
#[test]
fn hackney_cve_2026_47073_an_endless_response() {
    use barews::handshake::client::Handshake;
    use barews::handshake::{Error, Status};

    let mut handshake = Handshake::new([1; 16], "a", "/");
    let mut received = b"HTTP/1.1 101 \r\nX: ".to_vec();
    while let Ok(Status::NeedMore(_)) = handshake.read_response(&received) {
        received.push(b'x');
    }
    assert_eq!(handshake.read_response(&received).unwrap_err(), Error::HeadTooLong);
    assert!(received.len() <= 8192, "{}", received.len());
}

/// ws, CVE-2026-48779: a message of tiny fragments took many times its size, one object per
/// fragment.
#[test]
fn ws_cve_2026_48779_tiny_fragments_take_their_bytes_and_no_more() {
    // The storage has the length of the message, with no room for bookkeeping.
    let mut messages = Assembler::new([0; 5000]);
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut wire =
        [&[0x02, 0x01, b'-'][..], &[0x00, 0x01, b'-'].repeat(4998), &[0x80, 1, b'-']].concat();
    let measured = measure(|| {
        let mut input = Input::new(&mut wire);
        let mut whole = 0;
        while let Ok(Event::Data(data)) = ws.receive(&mut input) {
            whole += usize::from(messages.push(&data).unwrap().is_some());
        }
        assert_eq!((whole, input.len()), (1, 0));
    });
    assert_eq!(measured.count_total, 0);
}

/// ws, CVE-2026-62389: the first fragment limit did not count empty or incomplete fragments.
#[test]
fn ws_cve_2026_62389_empty_and_incomplete_fragments_count() {
    for side in SIDES {
        let config = Config::new().max_fragments(4);
        let start = [side.frame(0x02, b""), side.frame(0x00, b"").repeat(3)].concat();
        assert_eq!(side.ws(config).push(&start).len(), 4);
        // The first byte of the fifth fragment is enough.
        let wire = [&start[..], &[0x00]].concat();
        assert_eq!(fault(side, config, &wire), Error::TooManyFragments);
    }
}

/// undici, commits c5ed787 and 32dbf0b: the same. Control frames between the fragments must not
/// reset the count.
#[test]
fn undici_c5ed787_control_frames_do_not_reset_the_count() {
    for side in SIDES {
        let config = Config::new().max_fragments(3);
        let ping = side.frame(0x89, b"p");
        let mut wire = side.frame(0x01, b"");
        for _ in 0..3 {
            wire.extend(&ping);
            wire.extend(side.frame(0x00, b""));
        }
        assert_eq!(fault(side, config, &wire), Error::TooManyFragments);
        // The end of a message resets it.
        let message = [side.frame(0x01, b""), ping, side.frame(0x80, b"")].concat();
        assert_eq!(side.ws(config).push(&message.repeat(9)).len(), 27);
    }
}

/// aiohttp, PYSEC-2026-4389: each read of an incomplete frame left an object in memory.
#[test]
fn aiohttp_pysec_2026_4389_a_read_of_a_byte_allocates_nothing() {
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut rx = RecvBuffer::new([0; 131]);
    let (head, payload) = (header(0x82, None, 100_000), vec![7; 100_000]);
    let mut pieces = 0;
    let measured = measure(|| {
        for byte in head.iter().chain(&payload) {
            rx.spare_mut()[0] = *byte;
            rx.advance(1);
            let mut input = rx.input();
            if let Ok(Event::Data(data)) = ws.receive(&mut input) {
                assert_eq!(data.payload, [7]);
                pieces += 1;
            }
            assert!(input.len() < head.len(), "more bytes are kept than an incomplete header has");
            assert!(pieces == 0 || input.is_empty());
        }
    });
    assert_eq!((pieces, measured.count_total), (100_000, 0));
}

/// h2, RUSTSEC-2026-0258: empty DATA frames were queued without a limit.
#[test]
fn h2_rustsec_2026_0258_empty_messages_are_not_queued() {
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut wire = [0x82, 0x00].repeat(100_000);
    let mut count = 0;
    let measured = measure(|| {
        let mut input = Input::new(&mut wire);
        while let Ok(Event::Data(_)) = ws.receive(&mut input) {
            count += 1;
        }
    });
    assert_eq!((count, measured.count_total), (100_000, 0));
    // The messages leave no more state than one of them.
    let (mut once, mut wire) = (Connection::client(Config::new(), || [0; 4]), [0x82, 0x00]);
    let mut input = Input::new(&mut wire);
    assert!(matches!(once.receive(&mut input), Ok(Event::Data(_))));
    assert!(matches!(once.receive(&mut input), Ok(Event::NeedMore(_))));
    assert_eq!(format!("{ws:?}"), format!("{once:?}"));
}

/// quinn-proto, RUSTSEC-2026-0185: data received in pieces with gaps took far more memory than its
/// length.
#[test]
fn quinn_proto_rustsec_2026_0185_pieces_have_no_overhead() {
    let mut messages = Assembler::new([0; 100]);
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    for n in 0..100 {
        let mut wire = match n {
            0 => vec![0x02, 1, 0],
            99 => vec![0x80, 1, 99],
            n => vec![0x00, 1, n],
        };
        let Ok(Event::Data(data)) = ws.receive(&mut Input::new(&mut wire)) else { panic!() };
        let message = messages.push(&data).unwrap();
        assert_eq!(message.is_some(), n == 99);
        assert_eq!(messages.len(), if n == 99 { 0 } else { usize::from(n) + 1 });
    }
}

/// faye websocket-driver, CVE-2026-54465: header fields were stored without a limit.
#[cfg(feature = "handshake")]
#[test]
fn faye_cve_2026_54465_endless_fields() {
    use barews::handshake::server::RequestReader;
    use barews::handshake::{Error, Status};

    for (field, error) in [
        ("a:\r\n", Error::TooManyFields),
        (
            "a: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
            Error::HeadTooLong,
        ),
    ] {
        let mut reader = RequestReader::new();
        let mut received = b"GET / HTTP/1.1\r\n".to_vec();
        let seen = loop {
            match reader.read(&received) {
                Ok(Status::NeedMore(_)) => received.extend(field.as_bytes()),
                other => break other.map(drop_status).unwrap_err(),
            }
        };
        assert_eq!((seen, seen.status()), (error, 431));
        assert!(received.len() < 8192 + field.len());
    }
}

#[cfg(feature = "handshake")]
fn drop_status<T>(_: T) {}

/// Undertow, CVE-2021-3690: the buffers of Pongs were never freed.
#[test]
fn undertow_cve_2021_3690_pongs_allocate_nothing() {
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut wire = [&[0x8A, 125][..], &[1; 125]].concat().repeat(1000);
    let measured = measure(|| {
        let mut input = Input::new(&mut wire);
        while let Ok(Event::Pong(payload)) = ws.receive(&mut input) {
            assert_eq!(payload.len(), 125);
        }
        assert!(input.is_empty() && !ws.wants_write());
    });
    assert_eq!(measured.count_total, 0);
}

/// Undertow, CVE-2026-15565: a single message could take all of the server's memory.
#[test]
fn undertow_cve_2026_15565_a_message_of_any_length_takes_no_memory() {
    let mut ws = Connection::client(UNLIMITED, || [0; 4]);
    let size = size_of_val(&ws);
    let mut chunk = vec![b'-'; 1 << 16];
    let measured = measure(|| {
        let mut head = [0x81, 0x7F, 0, 0, 0, 1, 0, 0, 0, 0];
        assert!(matches!(ws.receive(&mut Input::new(&mut head)), Ok(Event::NeedMore(_))));
        for _ in 0..1000 {
            let mut input = Input::new(&mut chunk);
            assert!(matches!(ws.receive(&mut input), Ok(Event::Data(_))));
            assert!(input.is_empty(), "the input is not fully consumed");
        }
    });
    assert_eq!(measured.count_total, 0);
    // With `--cfg reseal`, a connection keeps its options.
    assert!(cfg!(reseal) || size <= 272, "{size}");
}

/// Tomcat, CVE-2021-42340 and CVE-2024-23672: sessions were never freed; in the second case because
/// a client did not complete the closing handshake.
#[test]
fn tomcat_cve_2024_23672_the_end_of_a_session_is_reported() {
    for side in SIDES {
        for last in [&[][..], &side.frame(0x88, b""), &[0x70], &side.frame(0x01, b"open")] {
            let mut ws = side.ws(Config::new());
            ws.push(last);
            ws.due();
            let clean = ws.eof();
            assert_eq!(
                (ws.transport_action(), ws.wants_write()),
                (TransportAction::Drop, false),
                "{last:02X?}"
            );
            assert_eq!(clean.is_ok(), last.first() == Some(&0x88));
        }
    }
}

/// aiohttp, CVE-2026-54274, the opposite direction: data within the limit passes to the last byte.
#[test]
fn aiohttp_cve_2026_54274_the_limit_itself_passes() {
    for side in SIDES {
        let config = Config::new().max_frame_len(6).max_message_len(10).max_fragments(2);
        let wire = [side.frame(0x02, &[1; 6]), side.frame(0x80, &[2; 4])].concat();
        let parts = [
            Ev::piece(Kind::Binary, &[1; 6], true, false, 0),
            Ev::piece(Kind::Binary, &[2; 4], false, true, 0),
        ];
        assert_eq!(side.ws(config).push(&wire), parts);
        assert_eq!(side.ws(config).push(&side.frame(0x82, &[1; 6])), [Ev::binary(&[1; 6])]);
    }
}
