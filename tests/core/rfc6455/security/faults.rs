//! Any fault in the received bytes yields one permanent error at its byte and one Close with a
//! fitting code, and no option lets it pass.

use barews::{Config, ControlOrder, Delivery, Error, Kind, SendError, State};
use proptest::prelude::*;

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::{frame, header, header_in, plain};

/// Two messages and a Ping, then one fault of each kind, then a message that must not be delivered.
/// The number is how many bytes it takes to show the fault.
fn faults(side: Side) -> Vec<(Vec<u8>, usize, Error)> {
    let key = side.key();
    let wrong_key = if key.is_some() { None } else { Some([1, 2, 3, 4]) };
    let masking = if key.is_some() { Error::Unmasked } else { Error::Masked };
    let head = if key.is_some() { 6 } else { 2 };
    let in_text = |bytes: Vec<u8>| [side.frame(0x01, b"a"), bytes].concat();
    let list = vec![
        (side.frame(0xC1, b"x"), 1, Error::ReservedBits),
        (side.frame(0xA2, b"x"), 1, Error::ReservedBits),
        (side.frame(0x8F, b"x"), 1, Error::ReservedOpcode),
        (side.frame(0x08, b""), 1, Error::FragmentedControl),
        (side.frame(0x00, b"x"), 1, Error::UnexpectedContinuation),
        (frame(0x8A, key, &[0; 126]), 2, Error::ControlTooLong),
        (frame(0x82, wrong_key, b"x"), 2, masking),
        (header_in(2, 0x82, key, 125), 4, Error::NonMinimalLength),
        (header_in(8, 0x82, key, 65_535), 8, Error::NonMinimalLength),
        (header_in(8, 0x82, key, u64::MAX), 3, Error::LengthTopBit),
        (header(0x82, key, 70_001), 10, Error::FrameTooLong),
        (header(0x82, key, 1 << 60), 3, Error::FrameTooLong),
        (side.frame(0x81, b"ok\xF0\x80\x80\x80"), head + 4, Error::InvalidUtf8),
        (side.frame(0x81, b"ok\xF0\x9F"), head + 4, Error::InvalidUtf8),
        (in_text(side.frame(0x82, b"x")), head + 2, Error::ExpectedContinuation),
        (in_text(side.frame(0x80, b"\xBF")), 2 * head + 2, Error::InvalidUtf8),
        (in_text(header(0x80, key, 70_000)), head + 1 + 10, Error::MessageTooLong),
        (side.frame(0x88, b"x"), head + 1, Error::CloseTooShort),
        (side.frame(0x88, b"\x03\xEDx"), head + 3, Error::InvalidCloseCode),
        (side.frame(0x88, b"\x03\xE8\xFF\xFF"), head + 4, Error::InvalidUtf8),
    ];
    let mut good = side.frame(0x81, b"first");
    good.extend(side.frame(0x89, b"ping"));
    good.extend(side.frame(0x82, b"second"));
    list.into_iter()
        .map(|(bytes, at, error)| {
            let tail = side.frame(0x82, b"not to be seen");
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
        let mut ws = side.ws(LIMITED);
        let events = ws.push(&bytes);
        // (a), (e): one error, the last event; nothing after it is delivered.
        assert_eq!(events.last(), Some(&Ev::Fail(error)));
        assert_eq!(events.iter().filter(|event| matches!(event, Ev::Fail(_))).count(), 1);
        assert!(!events.contains(&Ev::binary(b"not to be seen")));
        assert_eq!(events[..3].iter().filter(|event| matches!(event, Ev::Fail(_))).count(), 0);
        // (c): the error is permanent, and no more bytes are consumed or sent.
        let consumed = ws.consumed;
        for _ in 0..3 {
            assert_eq!(ws.push(b"\x81\x00"), [Ev::Fail(error)]);
        }
        assert_eq!(ws.consumed, consumed);
        assert_eq!(ws.refused(Call::Text("t")), SendError::Closed);
        assert_eq!(ws.begin(Kind::Binary, true, 0), Err(SendError::Closed));
        // (b): one Close, which takes precedence over the pending Pong.
        assert!(ws.wants_write());
        let code = error.close_code().as_u16().to_be_bytes().to_vec();
        assert_eq!(ws.due(), [(0x88, code)]);
        assert_eq!((ws.due(), ws.state()), (vec![], State::Closed));
    }
}

#[test]
fn r0_1_a_frame_that_was_begun_can_be_finished_after_a_fault() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = side.ws(LIMITED);
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
        let mut ws = side.ws(LIMITED);
        ws.sent(Call::Close(1001, ""));
        assert_eq!(ws.push(&bytes).last(), Some(&Ev::Fail(error)));
        assert_eq!((ws.wants_write(), ws.due(), ws.state()), (false, vec![], State::Closed));
    }
}

#[test]
fn r0_2_a_fault_comes_at_its_byte_however_the_bytes_are_cut() {
    for (side, (bytes, at, error)) in each_fault() {
        let whole = {
            let mut ws = side.ws(LIMITED);
            let events = joined(&ws.push(&bytes));
            (events, ws.consumed)
        };
        for cut in 0..=bytes.len() {
            let mut ws = side.ws(LIMITED);
            let mut events = ws.push(&bytes[..cut]);
            let failed = events.last() == Some(&Ev::Fail(error));
            // The body of a Close is validated once complete, all else immediately.
            assert_eq!(failed, cut >= at, "{error:?} at {cut} instead of {at}");
            if !failed {
                events.extend(ws.push(&bytes[cut..]));
            }
            assert_eq!((joined(&events), ws.consumed), whole, "{error:?} cut at {cut}");
        }
        for step in 1..20 {
            let mut ws = side.ws(LIMITED);
            assert_eq!((ws.push_by(step, &bytes), ws.consumed), whole, "{error:?} by {step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Valid and invalid frames of any kind: no cut changes the events, the error or the bytes
    /// consumed.
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
                .flat_map(|(first, payload)| side.frame(*first, payload))
                .collect();
            let config = Config::new().max_fragments(5).max_message_len(400).max_frame_len(190);
            let mut at_once = side.ws(config.control_order(ControlOrder::Wire));
            let expected = joined(&at_once.push(&bytes));
            let order = if ahead { ControlOrder::Ahead } else { ControlOrder::Wire };
            let mut ws = side.ws(config.control_order(order));
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
                // All events but Ping and Pong keep their order.
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
fn r10_7_01_no_option_lets_a_fault_pass() {
    for (side, (bytes, _, error)) in each_fault() {
        // The caller may set limits and nothing else.
        let limit = matches!(error, Error::FrameTooLong | Error::MessageTooLong);
        for (delivery, order, auto) in
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
            let config = config.delivery(delivery).control_order(order);
            let config = config.auto_pong(auto).auto_close(auto);
            let mut ws = side.ws(config);
            assert_eq!(ws.push(&bytes).last(), Some(&Ev::Fail(error)), "{config:?}");
        }
    }
}

#[test]
fn r10_7_02_a_fault_is_answered_with_a_code_that_may_be_on_the_wire() {
    for (side, (bytes, _, error)) in each_fault() {
        let mut ws = side.ws(LIMITED);
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
