//! Behaviours common to all rows (part 0 of the checklist) and RFC 6455 section 10.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "tests may panic"
)]

#[path = "common/frames.rs"]
mod frames;

use barews::{Config, ControlOrder, Delivery, Error, Kind, SendError, State};
use frames::{
    Call, Ev, Keys, SIDES, Side, Ws, frame, header, header_in, joined, piece, plain, whole, written,
};
use proptest::prelude::*;

/// Two messages and a Ping, then one fault of each kind, then a message that must not be seen.
/// With each the number of bytes up to and with the one that is at fault.
fn faults(side: Side) -> Vec<(Vec<u8>, usize, Error)> {
    let key = side.peer_key();
    let wrong_key = if key.is_some() { None } else { Some([1, 2, 3, 4]) };
    let masking = if key.is_some() { Error::Unmasked } else { Error::Masked };
    let head = if key.is_some() { 6 } else { 2 };
    let in_text = |bytes: Vec<u8>| [side.incoming(0x01, b"a"), bytes].concat();
    let list = vec![
        (side.incoming(0xC1, b"x"), 1, Error::ReservedBits),
        (side.incoming(0xA2, b"x"), 1, Error::ReservedBits),
        (side.incoming(0x8F, b"x"), 1, Error::ReservedOpcode),
        (side.incoming(0x08, b""), 1, Error::FragmentedControl),
        (side.incoming(0x00, b"x"), 1, Error::UnexpectedContinuation),
        (frame(0x8A, key, &[0; 126]), 2, Error::ControlTooLong),
        (frame(0x82, wrong_key, b"x"), 2, masking),
        (header_in(2, 0x82, key, 125), 4, Error::NonMinimalLength),
        (header_in(8, 0x82, key, 65_535), 8, Error::NonMinimalLength),
        (header_in(8, 0x82, key, u64::MAX), 3, Error::LengthTopBit),
        (header(0x82, key, 70_001), 10, Error::FrameTooLong),
        (header(0x82, key, 1 << 60), 3, Error::FrameTooLong),
        (side.incoming(0x81, b"ok\xF0\x80\x80\x80"), head + 4, Error::InvalidUtf8),
        (side.incoming(0x81, b"ok\xF0\x9F"), head + 4, Error::InvalidUtf8),
        (in_text(side.incoming(0x82, b"x")), head + 2, Error::ExpectedContinuation),
        (in_text(side.incoming(0x80, b"\xBF")), 2 * head + 2, Error::InvalidUtf8),
        (in_text(header(0x80, key, 70_000)), head + 1 + 10, Error::MessageTooLong),
        (side.incoming(0x88, b"x"), head + 1, Error::CloseTooShort),
        (side.incoming(0x88, b"\x03\xEDx"), head + 3, Error::InvalidCloseCode),
        (side.incoming(0x88, b"\x03\xE8\xFF\xFF"), head + 4, Error::InvalidUtf8),
    ];
    let mut good = side.incoming(0x81, b"first");
    good.extend(side.incoming(0x89, b"ping"));
    good.extend(side.incoming(0x82, b"second"));
    list.into_iter()
        .map(|(bytes, at, error)| {
            let tail = side.incoming(0x82, b"not to be seen");
            ([&good[..], &bytes, &tail].concat(), good.len() + at, error)
        })
        .collect()
}

const LIMITED: Config =
    Config::new().max_frame_len(70_000).max_message_len(70_000).control_order(ControlOrder::Wire);

fn each_fault() -> impl Iterator<Item = (Side, (Vec<u8>, usize, Error))> {
    SIDES.into_iter().flat_map(|side| faults(side).into_iter().map(move |fault| (side, fault)))
}

#[test]
fn p09_r0_1_a_fault_is_the_last_event_and_brings_one_close() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = Ws::new(side, LIMITED);
        let events = ws.push(&bytes);
        // (a), (e): one error, at the end, and nothing of what lies behind it.
        assert_eq!(events.last(), Some(&Ev::Fail(error)));
        assert_eq!(events.iter().filter(|event| matches!(event, Ev::Fail(_))).count(), 1);
        assert!(!events.contains(&whole(Kind::Binary, b"not to be seen")));
        assert_eq!(events[..3].iter().filter(|event| matches!(event, Ev::Fail(_))).count(), 0);
        // (c): it stays so, and nothing is consumed or sent any more.
        let consumed = ws.consumed;
        for _ in 0..3 {
            assert_eq!(ws.push(b"\x81\x00"), [Ev::Fail(error)]);
        }
        assert_eq!(ws.consumed, consumed);
        assert_eq!(ws.refused(Call::Text("t")), SendError::Closed);
        assert_eq!(ws.begin(Kind::Binary, true, 0), Err(SendError::Closed));
        // (b): one Close. It outranks the Pong that was due.
        assert!(ws.wants_write());
        let code = error.close_code().as_u16().to_be_bytes().to_vec();
        assert_eq!(ws.due(), [(0x88, code)]);
        assert_eq!((ws.due(), ws.state()), (vec![], State::Closed));
    }
}

#[test]
fn r0_1_a_frame_that_was_begun_can_be_finished_behind_a_fault() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = Ws::new(side, LIMITED);
        let mut wire = ws.begin(Kind::Text, false, 4).unwrap().to_vec();
        ws.push(&bytes);
        let mut payload = *b"done";
        ws.mask_next(&mut payload).unwrap();
        wire.extend(payload);
        wire.extend(ws.sent(Call::Transmit));
        let code = error.close_code().as_u16().to_be_bytes().to_vec();
        assert_eq!(plain(&wire), [(0x01, b"done".to_vec()), (0x88, code)]);
    }
}

#[test]
fn r0_1_no_second_close_follows_one_that_was_sent() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = Ws::new(side, LIMITED);
        ws.sent(Call::Close(1001, ""));
        assert_eq!(ws.push(&bytes).last(), Some(&Ev::Fail(error)));
        assert_eq!((ws.wants_write(), ws.due(), ws.state()), (false, vec![], State::Closed));
    }
}

#[test]
fn r0_2_a_fault_comes_at_its_byte_however_the_bytes_are_cut() {
    for (side, (bytes, at, error)) in each_fault() {
        let whole = {
            let mut ws = Ws::new(side, LIMITED);
            let events = joined(&ws.push(&bytes));
            (events, ws.consumed)
        };
        for cut in 0..=bytes.len() {
            let mut ws = Ws::new(side, LIMITED);
            let mut events = ws.push(&bytes[..cut]);
            let failed = events.last() == Some(&Ev::Fail(error));
            // The body of a Close is judged when it is complete, all else at once.
            assert_eq!(failed, cut >= at, "{error:?} at {cut} and not {at}");
            if !failed {
                events.extend(ws.push(&bytes[cut..]));
            }
            assert_eq!((joined(&events), ws.consumed), whole, "{error:?} cut at {cut}");
        }
        for step in 1..20 {
            let mut ws = Ws::new(side, LIMITED);
            assert_eq!((ws.push_by(step, &bytes), ws.consumed), whole, "{error:?} by {step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Frames of any kind, good and bad: no cut changes the events, the error or what is consumed.
    #[test]
    fn r0_2_no_cut_changes_what_is_received(
        frames in proptest::collection::vec(
            (
                prop_oneof![
                    8 => proptest::sample::select(vec![0x81_u8, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8A]),
                    1 => any::<u8>(),
                ],
                prop_oneof![
                    4 => proptest::collection::vec(0x20_u8..0x7F, 0..200),
                    1 => proptest::collection::vec(any::<u8>(), 0..140),
                ],
            ),
            1..12,
        ),
        steps in proptest::collection::vec(1_usize..40, 1..20),
        ahead in any::<bool>(),
    ) {
        for side in SIDES {
            let bytes: Vec<u8> = frames
                .iter()
                .flat_map(|(first, payload)| side.incoming(*first, payload))
                .collect();
            let config = Config::new().max_fragments(5).max_message_len(400).max_frame_len(190);
            let mut at_once = Ws::new(side, config.control_order(ControlOrder::Wire));
            let expected = joined(&at_once.push(&bytes));
            let order = if ahead { ControlOrder::Ahead } else { ControlOrder::Wire };
            let mut ws = Ws::new(side, config.control_order(order));
            let (mut events, mut rest) = (Vec::new(), &bytes[..]);
            for step in steps.iter().cycle() {
                let (chunk, behind) = rest.split_at(rest.len().min(*step));
                events.extend(ws.push(chunk));
                rest = behind;
                if rest.is_empty() || matches!(events.last(), Some(Ev::Fail(_))) {
                    break;
                }
            }
            prop_assert_eq!(ws.consumed, at_once.consumed);
            if ahead {
                // All but Ping and Pong keep their order.
                let keep = |events: &[Ev]| {
                    let data = events.iter().filter(|e| !matches!(e, Ev::Ping(_) | Ev::Pong(_)));
                    joined(&data.cloned().collect::<Vec<_>>())
                };
                prop_assert_eq!(keep(&events), keep(&expected));
            } else {
                prop_assert_eq!(joined(&events), expected);
            }
        }
    }
}

#[test]
fn r0_3_all_that_comes_out_follows_from_what_went_in() {
    // No clock, no entropy: two connections with the same keys write and report the same.
    let run = |side: Side| {
        let mut ws = Ws::new(side, Config::new());
        let mut wire = ws.sent(Call::Text("one"));
        let events = ws.push(&[side.incoming(0x89, b"p"), side.incoming(0x81, b"x")].concat());
        wire.extend(ws.sent(Call::Binary(b"two")));
        wire.extend(ws.sent(Call::Close(1000, "end")));
        (wire, events)
    };
    for side in SIDES {
        assert_eq!(run(side), run(side));
    }
    // No heap, no sockets: the library has neither std nor alloc to ask.
    let library = include_str!("../src/lib.rs");
    assert!(library.contains("#![no_std]"));
    assert!(!library.contains("extern crate alloc"));
}

#[test]
fn r0_4_every_limit_has_a_finite_default_and_unlimited_is_asked_for_by_name() {
    let side = Side::Client;
    let refuse = |config: Config, len: u64| Ws::new(side, config).push(&header(0x82, None, len));
    let too_long = [Ev::Fail(Error::FrameTooLong)];
    assert_eq!(refuse(Config::new(), 16 << 20), []);
    assert_eq!(refuse(Config::new(), (16 << 20) + 1), too_long);
    assert_eq!(refuse(Config::default(), (16 << 20) + 1), too_long);
    // 64 MiB a message.
    let mut ws = Ws::new(side, Config::new());
    let mut bytes = header(0x02, None, 16 << 20);
    for first in [0x00, 0x00, 0x00, 0x80] {
        bytes.resize(bytes.len() + (16 << 20), 0);
        assert_eq!(ws.push(&bytes).len(), 1);
        bytes = header(first, None, 16 << 20);
    }
    assert_eq!(ws.push(&header(0x00, None, 0)).len(), 1);
    assert_eq!(ws.push(&header(0x80, None, 1)), [Ev::Fail(Error::MessageTooLong)]);
    // 65,536 fragments.
    let mut ws = Ws::new(side, Config::new());
    ws.push(&[0x02, 0]);
    assert_eq!(ws.push(&[0x00, 0].repeat(65_535)).len(), 65_535);
    assert_eq!(ws.push(&[0x80]), [Ev::Fail(Error::TooManyFragments)]);
    // One waiting control frame; the longest control frame is 125 bytes without any choice.
    let config = Config::new()
        .max_frame_len(Config::UNLIMITED)
        .max_message_len(Config::UNLIMITED)
        .max_fragments(Config::UNLIMITED_FRAGMENTS);
    assert_eq!(refuse(config, (1 << 63) - 1), []);
    assert_eq!(Ws::new(side, config).push(&[0x89, 126]), [Ev::Fail(Error::ControlTooLong)]);
    let mut ws = Ws::new(side, config);
    ws.push(&[0x02, 0]);
    assert_eq!(ws.push(&[0x00, 0].repeat(65_537)).len(), 65_537);
    // 0 counts as 1: a message has a frame.
    assert_eq!(Ws::new(side, Config::new().max_fragments(0)).push(&[0x82, 0]).len(), 1);
}

#[test]
fn r0_5_a_length_of_63_bits_stays_exact_to_the_byte() {
    let most = (1 << 63) - 1;
    let config = Config::new().max_frame_len(Config::UNLIMITED).max_message_len(Config::UNLIMITED);
    for side in SIDES {
        let mut ws = Ws::new(side, config);
        let mut bytes = header(0x82, side.peer_key(), most);
        bytes.extend([0; 1000]);
        let events = ws.push(&bytes);
        let [Ev::Data { payload, left, fin: false, first: true, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((payload.len(), *left), (1000, most - 1000));
        let mut ws = Ws::new(side, config.delivery(Delivery::Frames));
        assert_eq!(ws.push(&bytes), []);
        assert_eq!(ws.need, usize::try_from(most - 1000).unwrap_or(usize::MAX));
        // The same for sending.
        assert_eq!(ws.begin(Kind::Binary, true, most).unwrap()[2..10], most.to_be_bytes());
        ws.mask_next(&mut [0; 1000]).unwrap();
        assert_eq!(ws.refused(Call::Text("")), SendError::FrameInProgress);
    }
}

#[test]
fn r0_6_empty_slices_make_no_progress_and_no_error() {
    for side in SIDES {
        let mut ws = Ws::new(side, Config::new());
        let bytes = [side.incoming(0x01, b"ab"), side.incoming(0x80, b"c")].concat();
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
        assert_eq!(joined(&events), [whole(Kind::Text, b"abc")]);
        // No room: the exact length is named, and for nothing due there is none.
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
        ws.push(&side.incoming(0x89, b"p"));
        let error = SendError::BufferTooSmall { needed: 3 + key };
        assert_eq!(ws.call(Call::Transmit, &mut []), Err(error));
        let error = SendError::BufferTooSmall { needed: 3 + 2 + 2 * key };
        assert_eq!(ws.call(Call::Text(""), &mut []), Err(error));
        assert_eq!(ws.keys(), 0);
        assert_eq!(ws.due(), [(0x8A, b"p".to_vec())]);
        // A frame of no bytes, and no bytes of a frame.
        assert_eq!(ws.in_place(Kind::Text, true, &mut []).unwrap().len(), 2 + key);
        assert_eq!(ws.begin(Kind::Text, true, 0).unwrap().len(), 2 + key);
        ws.begin(Kind::Text, true, 1).unwrap();
        assert_eq!(ws.mask_next(&mut []), Ok(()));
        assert_eq!(ws.mask_next(&mut [b'x']), Ok(()));
    }
}

#[test]
fn r10_3_01_each_frame_has_a_new_key_that_is_drawn_inside_the_call() {
    let mut ws = Ws::new(Side::Client, Config::new());
    let attack = b"GET / HTTP/1.1\r\n\r\n";
    let mut wire = Vec::new();
    for n in 0..50 {
        assert_eq!(ws.keys(), n);
        wire.extend(ws.sent(Call::Fragment(Kind::Binary, false, attack)));
    }
    // The same data never looks the same, nor as the application wrote it.
    let frames = written(&wire);
    for (n, frame) in (0..).zip(&frames) {
        assert_eq!((frame.key, &frame.payload[..]), (Some(Keys::nth(n)), &attack[..]));
    }
    assert!(!wire.windows(attack.len()).any(|window| window == attack));
    // No key is drawn before all is checked, and none is left over for the next call.
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

#[test]
fn r10_4_01_a_frame_is_refused_by_its_header_and_fragments_by_their_sum() {
    for side in SIDES {
        // 2^60 bytes: not a byte of the payload has come.
        let events = Ws::new(side, Config::new()).push(&header(0x82, side.peer_key(), 1 << 60));
        assert_eq!(events, [Ev::Fail(Error::FrameTooLong)]);
        // The sum, with whole frames asked for as well: no hint to grow for what is refused.
        for delivery in [Delivery::Chunks, Delivery::Frames] {
            let config = Config::new().max_frame_len(60).max_message_len(100).delivery(delivery);
            let mut ws = Ws::new(side, config);
            ws.push(&side.incoming(0x02, &[0; 60]));
            assert_eq!(
                ws.push(&header(0x00, side.peer_key(), 41)),
                [Ev::Fail(Error::MessageTooLong)]
            );
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xF1])]);
            let mut ws = Ws::new(side, config);
            ws.push(&side.incoming(0x02, &[0; 60]));
            let expected = [piece(Kind::Binary, &[0; 40], false, false)];
            assert_eq!(ws.push(&side.incoming(0x00, &[0; 40])), expected);
            assert_eq!(ws.push(&side.incoming(0x80, &[])).len(), 1);
            // The next message has the whole limit again.
            assert_eq!(ws.push(&side.incoming(0x02, &[0; 60])).len(), 1);
        }
        // Endless fragments.
        let mut ws = Ws::new(side, Config::new());
        ws.push(&side.incoming(0x01, b""));
        let endless = side.incoming(0x00, b"").repeat(70_000);
        let events = ws.push(&endless);
        assert_eq!(events.len(), 65_536);
        assert_eq!(events.last(), Some(&Ev::Fail(Error::TooManyFragments)));
    }
}

#[test]
fn p13_r10_4_02_limits_hold_to_the_byte() {
    for (side, limit) in
        SIDES.into_iter().flat_map(|side| [0, 1, 125, 126, 1000].map(|l| (side, l)))
    {
        for (config, error) in [
            (Config::new().max_frame_len(limit as u64), Error::FrameTooLong),
            (Config::new().max_message_len(limit as u64), Error::MessageTooLong),
        ] {
            for first in [0x81, 0x82, 0x01, 0x02] {
                let payload = vec![b'x'; limit + 1];
                let mut ws = Ws::new(side, config);
                assert_eq!(ws.push(&side.incoming(first, &payload[..limit])).len(), 1);
                let mut ws = Ws::new(side, config);
                assert_eq!(ws.push(&side.incoming(first, &payload)), [Ev::Fail(error)]);
            }
        }
    }
}

#[test]
fn r10_7_01_no_choice_of_the_caller_lets_a_fault_pass() {
    for (side, (bytes, _, error)) in each_fault() {
        // Limits are the caller's; everything else is not.
        let limit = matches!(error, Error::FrameTooLong | Error::MessageTooLong);
        for (delivery, order, pong) in
            [Delivery::Chunks, Delivery::Frames].into_iter().flat_map(|d| {
                [ControlOrder::Ahead, ControlOrder::Wire]
                    .into_iter()
                    .flat_map(move |o| [(d, o, true), (d, o, false)])
            })
        {
            let config = if limit {
                LIMITED
            } else {
                Config::new()
                    .max_frame_len(Config::UNLIMITED)
                    .max_message_len(Config::UNLIMITED)
                    .max_fragments(Config::UNLIMITED_FRAGMENTS)
            };
            let config = config.delivery(delivery).control_order(order).auto_pong(pong);
            let mut ws = Ws::new(side, config);
            assert_eq!(ws.push(&bytes).last(), Some(&Ev::Fail(error)), "{config:?}");
        }
    }
}

#[test]
fn r10_7_02_a_fault_is_answered_with_a_code_that_may_be_on_the_wire() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = Ws::new(side, LIMITED);
        ws.push(&bytes);
        let [(0x88, body)] = &ws.due()[..] else { panic!() };
        let code = u16::from_be_bytes(body[..].try_into().unwrap());
        let expected = match error {
            Error::InvalidUtf8 => 1007,
            Error::FrameTooLong | Error::MessageTooLong => 1009,
            _ => 1002,
        };
        assert_eq!(code, expected, "{error:?}");
    }
}
