//! Class A: length arithmetic that overflows, becomes negative or loses digits.

use barews::Status;
use barews::frame::Header;
use barews::{
    Assembler, Config, Connection, Delivery, Error, Event, Input, RecvBuffer, StorageFull,
};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::{header, header_in};

use super::{UNLIMITED, fault};

/// The number of bytes this platform's buffers can hold, of a length on the wire.
fn clamped(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Tomcat, CVE-2020-13935: a 64-bit length with its top bit set became negative, and the reader
/// looped without end.
#[test]
fn tomcat_cve_2020_13935_the_top_bit_is_not_a_sign() {
    for (side, len) in SIDES.iter().flat_map(|side| [1 << 63, u64::MAX].map(|len| (*side, len))) {
        let head = header_in(8, 0x82, side.key(), len);
        assert_eq!(fault(side, UNLIMITED, &head), Error::LengthTopBit);
        assert_eq!(side.ws(UNLIMITED).push(&head[..3]), [Ev::Fail(Error::LengthTopBit)]);
    }
}

/// gorilla/websocket, CVE-2020-27813: adding the frame length to the length of the message so far
/// wrapped, which bypassed the read limit.
#[test]
fn gorilla_cve_2020_27813_the_sum_of_fragments_does_not_wrap() {
    let config = UNLIMITED.max_message_len(100);
    for side in SIDES {
        for len in [(1 << 63) - 1, (1 << 63) - 10, 91, 1 << 32] {
            let mut wire = side.frame(0x02, &[0; 10]);
            wire.extend(header(0x80, side.key(), len));
            assert_eq!(fault(side, config, &wire), Error::MessageTooLong, "{len:#x}");
        }
    }
}

/// nats-server, CVE-2026-27889: a frame length overflowed in the reader, and the server crashed
/// before any client had authenticated.
#[test]
fn nats_server_cve_2026_27889_the_first_frame_of_an_unknown_client() {
    for len in [1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX - 13, u64::MAX] {
        let head = header_in(8, 0x82, Side::Server.key(), len);
        // The default limit is known to be exceeded before the top bit is checked.
        assert_eq!(
            fault(Side::Server, Config::new(), &head),
            match len {
                ..=0x7FFF_FFFF_FFFF_FFFF => Error::FrameTooLong,
                _ => Error::LengthTopBit,
            }
        );
    }
}

/// libre of baresip, CVE-2026-50161: the sum of header and payload wrapped in the check for a
/// complete frame, which led to a heap overflow.
#[test]
fn libre_cve_2026_50161_header_and_payload_together_do_not_wrap() {
    let near = |top: u64| (top - 15..=top).rev();
    for len in near((1 << 63) - 1).chain(near(u64::from(u32::MAX))).chain(near(1 << 32)) {
        for side in SIDES {
            let mut ws = side.ws(UNLIMITED.delivery(Delivery::Frames));
            let wire = [header(0x82, side.key(), len), vec![0; 20]].concat();
            assert_eq!(ws.push(&wire), [], "{len:#x}: the frame is incomplete");
            assert_eq!(ws.need, clamped(len - 20), "{len:#x}");
        }
    }
}

/// undici, CVE-2026-1528: a huge 64-bit length overflowed the parser's numbers, and an uncaught
/// exception ended the process.
#[test]
fn undici_cve_2026_1528_huge_lengths_are_an_error() {
    for bits in 32..63 {
        for len in [(1 << bits) - 1, 1 << bits, (1 << bits) + 1] {
            let mut ws = Side::Client.ws(UNLIMITED);
            let wire = [header(0x82, None, len), vec![7; 3]].concat();
            let [Ev::Data { left, .. }] = &ws.push(&wire)[..] else { panic!("{len:#x}") };
            assert_eq!(*left, len - 3);
        }
    }
}

/// aiohttp, PYSEC-2026-4395: a signed addition of the frame length to the message length bypassed
/// the limit, in only one of its two readers.
#[test]
fn aiohttp_pysec_2026_4395_the_sum_has_no_sign() {
    let most = i64::MAX.cast_unsigned();
    for side in SIDES {
        for delivery in [Delivery::Chunks, Delivery::Frames] {
            let config = UNLIMITED.max_message_len(most).delivery(delivery);
            let first = side.frame(0x01, b"x");
            let fits = [&first[..], &header(0x80, side.key(), most - 1)].concat();
            assert_eq!(side.ws(config).push(&fits).len(), 1, "exactly at the limit");
            let wire = [&first[..], &header(0x80, side.key(), most)].concat();
            assert_eq!(fault(side, config, &wire), Error::MessageTooLong);
        }
    }
}

/// actix-http, issue 3723: 14 bytes made `index + length` overflow, which panicked at once in debug
/// builds and later in release builds.
#[test]
fn actix_http_3723_fourteen_bytes_do_not_panic() {
    let wire = [&[0x82][..], &[0xFF; 13]].concat();
    assert_eq!(fault(Side::Server, UNLIMITED, &wire), Error::LengthTopBit);
    assert_eq!(Header::parse(&wire), Err(Error::LengthTopBit));
    let longest = [&[0x82, 0xFF, 0x7F][..], &[0xFF; 11]].concat();
    let Ok(Status::Complete((parsed, 14))) = Header::parse(&longest) else { panic!() };
    assert_eq!(parsed.payload_len, i64::MAX.cast_unsigned());
    let mut ws = Side::Server.ws(UNLIMITED.delivery(Delivery::Frames));
    assert_eq!((ws.push(&longest), ws.need), (vec![], clamped(parsed.payload_len)));
}

/// faye websocket-driver, CVE-2026-54466: the base-128 length of draft 75 grew without bound, in a
/// parser for old drafts that was still enabled.
#[test]
fn faye_cve_2026_54466_draft_75_is_not_supported() {
    for side in SIDES {
        // In draft 75, a binary frame begins with a set bit and a text with a zero byte.
        let wire = [&[0x80][..], &[0xFF; 40]].concat();
        assert_eq!(fault(side, UNLIMITED, &wire), Error::UnexpectedContinuation);
        assert_eq!(fault(side, UNLIMITED, b"\x00hello\xFF"), Error::UnexpectedContinuation);
        assert_eq!(fault(side, UNLIMITED, b"\xFF\x00"), Error::ReservedBits);
    }
}

/// faye websocket-driver, CVE-2026-54463: a length lost its last digits as a floating-point number.
#[test]
fn faye_cve_2026_54463_no_digit_of_a_length_is_lost() {
    let len = (1 << 53) + 1;
    let mut ws = Side::Server.ws(UNLIMITED);
    assert_eq!(ws.push(&header(0x82, Side::Server.key(), len)), []);
    for n in 1..=100 {
        let [Ev::Data { left, .. }] = &ws.push(&[0])[..] else { panic!() };
        assert_eq!(*left, len - n);
    }
}

/// libsoup, CVE-2026-0716: without a message limit, it read past the end of the received bytes.
#[test]
fn libsoup_cve_2026_0716_without_a_limit_only_received_bytes_are_read() {
    for (side, here) in SIDES.into_iter().flat_map(|side| (1..100).map(move |here| (side, here))) {
        let mut wire = side.frame(0x82, &[9; 100]);
        wire.truncate(wire.len() - 100 + here);
        let [Ev::Data { payload, left, .. }] = &side.ws(UNLIMITED).push(&wire)[..] else {
            panic!()
        };
        assert_eq!((&payload[..], *left), (&vec![9; here][..], 100 - here as u64));
    }
}

/// libsoup, CVE-2026-102560: the length to grow a buffer to was computed in 32 bits and wrapped.
#[test]
fn libsoup_cve_2026_102560_a_length_to_grow_to_does_not_wrap() {
    let mut rx = RecvBuffer::new([0; 16]);
    rx.advance(16);
    for more in [usize::MAX, usize::MAX - 15, usize::MAX - 16] {
        let needed = more.saturating_add(16);
        assert_eq!(rx.reserve(more), Err(StorageFull { needed }));
    }
    let mut ws = Connection::client(UNLIMITED, || [0; 4]);
    let mut bytes = [&header(0x02, None, i64::MAX.cast_unsigned())[..], &[0; 9]].concat();
    let Ok(Event::Data(data)) = ws.receive(&mut Input::new(&mut bytes)) else { panic!() };
    let full = Assembler::new([0; 8]).push(&data).unwrap_err();
    let needed = clamped(i64::MAX.cast_unsigned());
    assert_eq!(full, barews::AssembleError::StorageFull(StorageFull { needed }));
}

/// The number of payload bytes in an event.
fn payload_len(event: &Ev) -> usize {
    match event {
        Ev::Data { payload, .. } | Ev::Ping(payload) | Ev::Pong(payload) => payload.len(),
        Ev::Close(body) => body.as_ref().map_or(0, |(_, reason)| 2 + reason.len()),
        Ev::More(_) | Ev::Fail(_) => 0,
    }
}

/// facil.io 0.7.1: a crafted header overflowed the heap.
#[test]
fn facil_io_0_7_1_a_header_alone_moves_nothing() {
    for (side, first) in SIDES.into_iter().flat_map(|side| [0x82, 0x02, 0x89].map(|f| (side, f))) {
        for second in 0..=255_u8 {
            for fill in [0x00, 0x7F, 0x80, 0xFF] {
                let wire = [&[first, second][..], &[fill; 12]].concat();
                for end in 0..=wire.len() {
                    let mut ws = side.ws(UNLIMITED);
                    let events = joined(&ws.push(&wire[..end]));
                    // The payload is at most the bytes after the header.
                    let payload: usize = events.iter().map(payload_len).sum();
                    assert!(payload <= end.saturating_sub(2), "{events:?}");
                }
            }
        }
    }
}

/// libhv, issue 769: with an incomplete header, one byte past its end was read.
#[test]
fn libhv_769_nothing_is_read_past_the_end() {
    for side in SIDES {
        for (field, len) in [(0, 5), (2, 126), (2, 65_535), (8, 65_536), (8, 1 << 40)] {
            let head = header_in(field, 0x82, side.key(), len);
            for end in 0..head.len() {
                // The slice ends with the bytes, so a read past them would panic.
                let mut ws = side.ws(UNLIMITED);
                assert_eq!((ws.push(&head[..end]), ws.consumed), (vec![], 0));
                assert!(
                    end < 2 || ws.need > head.len() - end,
                    "needs the rest of the header and one byte"
                );
            }
        }
    }
}

/// soketto 0.3.2 assumed a 64-bit `usize` and failed on 32-bit platforms.
#[test]
fn soketto_0_3_2_a_length_of_33_bits_is_not_the_short_one() {
    for side in SIDES {
        // The low half alone would be within the limits.
        let head = header(0x82, side.key(), (1 << 32) + 5);
        assert_eq!(fault(side, Config::new().max_frame_len(100), &head), Error::FrameTooLong);
        let mut ws = side.ws(UNLIMITED.delivery(Delivery::Frames));
        assert_eq!(ws.push(&[&head[..], b"abcde"].concat()), []);
        assert_eq!(ws.need, clamped(1 << 32));
    }
}

/// fastwebsockets, issue 52: the same, in the code that reads the 64-bit length.
#[test]
fn fastwebsockets_52_what_no_buffer_holds_is_streamed() {
    for side in SIDES {
        let mut ws = side.ws(UNLIMITED);
        let wire = [header(0x82, side.key(), 3 << 32), vec![1; 1000]].concat();
        let events = joined(&ws.push_by(7, &wire));
        let [Ev::Data { payload, left, .. }] = &events[..] else { panic!() };
        assert_eq!((payload.len(), *left), (1000, (3 << 32) - 1000));
    }
}

/// embedded-websocket 0.9.5 writes the length 65,535 in the 64-bit form, which RFC 6455 §5.2
/// forbids.
#[test]
fn embedded_websocket_0_9_5_the_longest_length_of_16_bits() {
    for side in SIDES {
        for (len, second) in [(125, 125), (126, 126), (65_535, 126), (65_536, 127)] {
            let wire = side.ws(Config::new()).sent(Call::Binary(&vec![0; len]));
            assert_eq!(wire[1] & 0x7F, second, "{len}");
        }
    }
}

/// websocketz 0.2.0: a 64-bit length of all ones panicked at once in debug builds; in release
/// builds the sum was wrong, and a later step panicked.
#[test]
fn websocketz_0_2_0_a_length_of_all_ones_does_not_panic() {
    for side in SIDES {
        for delivery in [Delivery::Chunks, Delivery::Frames] {
            let head = header_in(8, 0x81, side.key(), u64::MAX);
            assert_eq!(fault(side, UNLIMITED.delivery(delivery), &head), Error::LengthTopBit);
        }
    }
    assert_eq!(
        Side::Client.ws(UNLIMITED).push(&crate::support::frame::frame(0x82, None, b"sound")),
        [Ev::whole(barews::Kind::Binary, b"sound")]
    );
}
