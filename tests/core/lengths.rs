//! Length arithmetic: every boundary, with and without a mask, at each cut of the header and added
//! to each sum of fragments, compared with 128-bit arithmetic.

use barews::Status;
use std::num::NonZero;

use barews::frame::Header;
use barews::{Config, Delivery, Error};

use crate::support::endpoint::{SIDES, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{KEY, header_in};

const LENGTHS: [u64; 18] = [
    0,
    1,
    125,
    126,
    127,
    65_535,
    65_536,
    (1 << 31) - 1,
    (1 << 31) + 1,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    (1 << 53) - 1,
    (1 << 53) + 1,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    u64::MAX,
];

/// The header forms that can hold a length, by the size of their extended length field.
fn forms(len: u64) -> impl Iterator<Item = usize> {
    [(0, 125), (2, 65_535), (8, u64::MAX)]
        .into_iter()
        .filter(move |(_, most)| len <= *most)
        .map(|(field, _)| field)
}

/// The limits of a connection, and the length of the open message so far.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    frame: u64,
    message: u64,
    sum: u64,
}

/// The error that the first `n` bytes of a length field make certain. Computes the range of lengths
/// still possible in 128 bits and applies RFC 6455 §5.2 and §10.4 to it.
fn certain(field: &[u8], n: usize, bounds: Option<Bounds>) -> Option<Error> {
    let minimum: u128 = [0, 126, 65_536][field.len().div_ceil(4)];
    let (mut least, mut most) = (0_u128, 0_u128);
    for (i, byte) in field.iter().enumerate() {
        least = least << 8 | u128::from(if i < n { *byte } else { 0x00 });
        most = most << 8 | u128::from(if i < n { *byte } else { 0xFF });
    }
    if least >= 1 << 63 {
        return Some(Error::LengthTopBit);
    }
    if most < minimum {
        return Some(Error::NonMinimalLength);
    }
    let least = least.max(minimum);
    match bounds {
        Some(bounds) if least > u128::from(bounds.frame) => Some(Error::FrameTooLong),
        Some(bounds) if least + u128::from(bounds.sum) > u128::from(bounds.message) => {
            Some(Error::MessageTooLong)
        }
        _ => None,
    }
}

/// The error of a header, and how many of its bytes it takes to show it.
fn fault(field: &[u8], short: u8, bounds: Option<Bounds>) -> Option<(usize, Error)> {
    if field.is_empty() {
        let Bounds { frame, message, sum } = bounds?;
        let len = u64::from(short);
        return if len > frame {
            Some((2, Error::FrameTooLong))
        } else if u128::from(len) + u128::from(sum) > u128::from(message) {
            Some((2, Error::MessageTooLong))
        } else {
            None
        };
    }
    (0..=field.len()).find_map(|n| certain(field, n, bounds).map(|error| (2 + n, error)))
}

#[test]
fn p14_r0_5_the_stateless_parser_at_every_boundary_and_cut() {
    for len in LENGTHS {
        for (field, key) in forms(len).flat_map(|field| [(field, None), (field, Some(KEY))]) {
            let head = header_in(field, 0x82, key, len);
            let fault = fault(&head[2..2 + field], len as u8 & 127, None);
            for cut in 0..=head.len() {
                let found = Header::parse(&head[..cut]);
                match fault {
                    Some((at, error)) if cut >= at => assert_eq!(found, Err(error), "{len} {cut}"),
                    _ if cut < head.len() => {
                        let missing = if cut < 2 { 2 - cut } else { head.len() - cut };
                        let missing = NonZero::new(missing).unwrap();
                        assert_eq!(found, Ok(Status::NeedMore(missing)), "{len} {cut}");
                    }
                    _ => {
                        let Ok(Status::Complete((parsed, n))) = found else { panic!("{found:?}") };
                        assert_eq!((parsed.payload_len, parsed.masking_key), (len, key));
                        assert_eq!((n, parsed.encoded_len()), (head.len(), head.len()));
                        assert_eq!(*parsed.encode(), head);
                    }
                }
            }
        }
    }
}

/// A connection inside a binary message of `sum` bytes so far.
fn inside(side: Side, delivery: Delivery, bounds: Bounds) -> Ws {
    let config = Config::new()
        .max_frame_len(bounds.frame.max(bounds.sum))
        .max_message_len(bounds.message)
        .delivery(delivery);
    let mut ws = side.ws(config);
    let sum = vec![0; bounds.sum as usize];
    assert_eq!(ws.push(&side.frame(0x02, &sum)).len(), 1);
    ws
}

/// Every boundary added to `bounds.sum`: each prefix of its header at once, then byte by byte.
fn try_all(bounds: Bounds) {
    for (side, len) in SIDES.into_iter().flat_map(|side| LENGTHS.map(|len| (side, len))) {
        for (field, masked) in forms(len).flat_map(|field| [(field, false), (field, true)]) {
            let head = header_in(field, 0x00, masked.then_some(KEY), len);
            let fault = match (side, masked) {
                (Side::Server, false) => Some((2, Error::Unmasked)),
                (Side::Client, true) => Some((2, Error::Masked)),
                _ => fault(&head[2..2 + field], len as u8 & 127, Some(bounds)),
            };
            for prefix in 0..=head.len() {
                let whole = prefix % 2 == 0;
                let delivery = if whole { Delivery::Frames } else { Delivery::Chunks };
                let mut ws = inside(side, delivery, bounds);
                let mut here = prefix;
                let mut events = ws.push(&head[..prefix]);
                loop {
                    let context =
                        format!("{side:?} {len:#x} in {field} {prefix} {here} {bounds:?}");
                    match fault {
                        Some((at, error)) if here >= at => {
                            assert_eq!(events, [Ev::Fail(error)], "{context}");
                            break;
                        }
                        _ if here == head.len() && len == 0 => assert_eq!(events.len(), 1),
                        _ => assert_eq!(events, [], "{context}"),
                    }
                    if here == head.len() {
                        if len > 0 {
                            let missing = if whole { len } else { 1 };
                            // A frame that no buffer can hold asks for the most that one can.
                            let missing = usize::try_from(missing).unwrap_or(usize::MAX);
                            assert_eq!(ws.need, missing, "{context}");
                        }
                        break;
                    }
                    events = ws.push(&head[here..=here]);
                    here += 1;
                }
            }
        }
    }
}

#[test]
fn p13_r10_4_01_every_boundary_on_every_sum_under_one_limit() {
    for limit in [1, 126, 300, 65_536] {
        for sum in [0, 1, limit - 1, limit] {
            try_all(Bounds { frame: limit, message: limit, sum });
            try_all(Bounds { frame: u64::MAX, message: limit, sum });
        }
    }
}

#[test]
fn r10_4_01_every_boundary_where_the_two_limits_differ() {
    // The frame limit and the message limit fall between bytes of the same length field.
    for (frame, message) in [(300, 200), (200, 300), (70_000, 66_000), (1 << 40, (1 << 40) - 9)] {
        for sum in [0, 1, 199, 200] {
            try_all(Bounds { frame, message, sum });
        }
    }
}

#[test]
fn r0_2_the_error_of_a_length_does_not_depend_on_the_cut() {
    // One header exceeds several limits, at different bytes: the first one decides.
    for (frame, message, field, len, error) in [
        (300, 200, 2, 0x0150, Error::MessageTooLong),
        (100, 100, 2, 5, Error::FrameTooLong),
        (100, 100, 8, 5, Error::FrameTooLong),
        (100, 100, 8, 1 << 63, Error::FrameTooLong),
        (1 << 20, 1 << 20, 8, 5, Error::NonMinimalLength),
        (1 << 20, 1 << 20, 8, 1 << 63, Error::LengthTopBit),
    ] {
        for side in SIDES {
            let head = header_in(field, 0x82, side.key(), len);
            let config = Config::new().max_frame_len(frame).max_message_len(message);
            for step in 1..=head.len() {
                let events = side.ws(config).push_by(step, &head);
                assert_eq!(events, [Ev::Fail(error)], "{side:?} {len:#x} by {step}");
            }
        }
    }
}

#[test]
fn p14_r10_4_01_sums_do_not_wrap() {
    for side in SIDES {
        // 2^63 - 1 more bytes, then one short of that again: no wrap below the limit.
        for message in [10, 1 << 62, u64::MAX - 1] {
            let config = Config::new().max_frame_len(Config::UNLIMITED).max_message_len(message);
            let mut ws = side.ws(config);
            assert_eq!(ws.push(&side.frame(0x02, b"0123456789")).len(), 1);
            let head = header_in(8, 0x00, side.key(), (1 << 63) - 1);
            let events = ws.push(&head);
            if message < 1 << 63 {
                assert_eq!(events, [Ev::Fail(Error::MessageTooLong)]);
            } else {
                assert_eq!(events, []);
                // One byte of the payload is consumed, and the remainder is exact.
                let Ev::Data { left, .. } = ws.push(b"x").remove(0) else { panic!() };
                assert_eq!(left, (1 << 63) - 2);
            }
        }
    }
}
