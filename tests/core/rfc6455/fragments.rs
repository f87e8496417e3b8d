//! RFC 6455 §5.4: fragmented messages, and control frames between the fragments.

use barews::{Config, ControlOrder, Error, Kind};
use proptest::prelude::*;

use crate::support::endpoint::{Call, SIDES};
use crate::support::event::{Ev, joined};
use crate::support::frame::plain;

const KINDS: [(Kind, u8); 2] = [(Kind::Text, 1), (Kind::Binary, 2)];

#[test]
fn r5_4_01_control_frames_between_fragments_are_delivered_there() {
    for (side, (kind, opcode)) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind)))
    {
        let mut ws = side.ws(Config::new());
        // The text is cut inside a character, which the control frame must not affect.
        assert_eq!(
            ws.push(&side.frame(opcode, b"a\xE2\x82")),
            [Ev::piece(kind, b"a\xE2\x82", true, false, 0)]
        );
        assert_eq!(ws.push(&side.frame(0x89, b"now")), [Ev::Ping(b"now".to_vec())]);
        assert_eq!(ws.due(), [(0x8A, b"now".to_vec())]);
        assert_eq!(ws.push(&side.frame(0x8A, b"\xFF")), [Ev::Pong(b"\xFF".to_vec())]);
        assert_eq!(
            ws.push(&side.frame(0x00, b"\xAC")),
            [Ev::piece(kind, b"\xAC", false, false, 0)]
        );
        assert_eq!(ws.push(&side.frame(0x89, b"")), [Ev::Ping(vec![])]);
        assert_eq!(ws.push(&side.frame(0x80, b"z")), [Ev::piece(kind, b"z", false, true, 0)]);
        assert_eq!(ws.push(&side.frame(0x81, b"next")), [Ev::text(b"next")]);
    }
}

#[test]
fn r5_4_01_a_close_between_fragments_leaves_the_message_incomplete() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut bytes = side.frame(0x01, b"never");
        bytes.extend(side.frame(0x88, b"\x03\xE8"));
        bytes.extend(side.frame(0x80, b"ends"));
        assert_eq!(
            ws.push(&bytes),
            [Ev::piece(Kind::Text, b"never", true, false, 0), Ev::closed(1000, "")]
        );
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
    }
}

#[test]
fn r5_4_01_this_side_may_put_control_frames_between_its_fragments() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut wire = ws.sent(Call::Fragment(Kind::Text, false, b"a"));
        wire.extend(ws.sent(Call::Ping(b"1")));
        wire.extend(ws.sent(Call::Pong(b"2")));
        wire.extend(ws.sent(Call::Fragment(Kind::Text, true, b"b")));
        let frames: Vec<_> = plain(&wire).into_iter().map(|frame| frame.0).collect();
        assert_eq!(frames, [0x01, 0x89, 0x8A, 0x80]);
    }
}

#[test]
fn r5_4_03_fragments_of_two_messages_do_not_mix() {
    for (side, (kind, opcode)) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind)))
    {
        // After a message the next one may begin, but a continuation is an error.
        for fin in [0x00, 0x80] {
            let mut ws = side.ws(Config::new());
            ws.push(&side.frame(opcode, b"1"));
            ws.push(&side.frame(0x80, b"2"));
            assert_eq!(ws.push(&[fin]), [Ev::Fail(Error::UnexpectedContinuation)]);
        }
        for new in [0x01, 0x02, 0x81, 0x82] {
            let mut ws = side.ws(Config::new());
            ws.push(&side.frame(opcode, b"1"));
            ws.push(&side.frame(0x00, b"2"));
            ws.push(&side.frame(0x89, b""));
            assert_eq!(ws.push(&[new]), [Ev::Fail(Error::ExpectedContinuation)]);
        }
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x80 | opcode, b"1"));
        assert_eq!(ws.push(&side.frame(0x80 | opcode, b"2")), [Ev::whole(kind, b"2")]);
    }
}

#[test]
fn r5_4_04_whole_and_fragmented_messages_of_any_size_are_accepted() {
    for (side, (kind, opcode)) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind)))
    {
        let mut ws = side.ws(Config::new());
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            assert_eq!(
                ws.push(&side.frame(0x80 | opcode, &payload)),
                [Ev::whole(kind, &payload)],
                "{len}"
            );
            let mut bytes = side.frame(opcode, &payload);
            bytes.extend(side.frame(0x00, &payload));
            bytes.extend(side.frame(0x80, &payload));
            let expected = [
                Ev::piece(kind, &payload, true, false, 0),
                Ev::piece(kind, &payload, false, false, 0),
                Ev::piece(kind, &payload, false, true, 0),
            ];
            assert_eq!(ws.push(&bytes), expected, "{len}");
        }
        // All fragments of a message may be empty, or only the first and last.
        let mut bytes = side.frame(opcode, b"");
        bytes.extend(side.frame(0x00, b""));
        bytes.extend(side.frame(0x00, b"x"));
        bytes.extend(side.frame(0x80, b""));
        let expected = [
            Ev::piece(kind, b"", true, false, 0),
            Ev::piece(kind, b"", false, false, 0),
            Ev::piece(kind, b"x", false, false, 0),
            Ev::piece(kind, b"", false, true, 0),
        ];
        assert_eq!(ws.push(&bytes), expected);
    }
}

#[test]
fn r5_4_04_empty_fragments_count_against_the_limit() {
    for (side, most) in SIDES.into_iter().flat_map(|side| [(side, 1), (side, 2), (side, 9)]) {
        let mut ws = side.ws(Config::new().max_fragments(most));
        // The limit is per message, not per connection.
        for _ in 0..3 {
            for n in 1..=most {
                let first = if n == 1 { 0x02 } else { 0x00 } | if n == most { 0x80 } else { 0 };
                let expected = Ev::piece(Kind::Binary, b"", n == 1, n == most, 0);
                assert_eq!(ws.push(&side.frame(first, b"")), [expected]);
            }
        }
        for n in 1..=most {
            let first = u8::from(n == 1);
            assert_eq!(ws.push(&side.frame(first, b"")).len(), 1);
            // Control frames do not count towards it.
            assert_eq!(ws.push(&side.frame(0x8A, b"")).len(), 1);
        }
        assert_eq!(ws.push(&[0x80]), [Ev::Fail(Error::TooManyFragments)]);
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xF1])]);
    }
}

#[test]
fn r5_4_06_each_piece_has_the_kind_of_the_first_frame() {
    for (side, (kind, opcode)) in SIDES.into_iter().flat_map(|side| KINDS.map(|kind| (side, kind)))
    {
        let mut bytes = Vec::new();
        for (n, first) in [opcode, 0x00, 0x00, 0x80].into_iter().enumerate() {
            bytes.extend(side.frame(first, &vec![b'k'; n * 3]));
        }
        for step in 1..bytes.len() {
            let mut ws = side.ws(Config::new());
            for chunk in bytes.chunks(step) {
                for event in ws.push(chunk) {
                    assert!(matches!(event, Ev::Data { kind: found, .. } if found == kind));
                }
            }
        }
    }
}

/// Whether a Ping precedes the fragment, and its payload.
type Fragment = (bool, Vec<u8>);

/// Messages as lists of fragments; the flag marks texts.
fn messages() -> impl Strategy<Value = Vec<(bool, Vec<Fragment>)>> {
    let fragment = (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300));
    let message = (any::<bool>(), proptest::collection::vec(fragment, 1..6));
    proptest::collection::vec(message, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// In wire order, the events match the frames at any cut.
    #[test]
    fn r5_4_03_fragments_are_delivered_in_wire_order(messages in messages(), step in 1_usize..400) {
        for side in SIDES {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (text, fragments) in &messages {
                let (kind, opcode) = KINDS[usize::from(!text)];
                let last = fragments.len() - 1;
                for (n, (ping, payload)) in fragments.iter().enumerate() {
                    // Texts are ASCII.
                    let mask = if *text { 0x7F } else { 0xFF };
                    let payload: Vec<u8> = payload.iter().map(|byte| byte & mask).collect();
                    if *ping {
                        bytes.extend(side.frame(0x89, &payload[..payload.len().min(125)]));
                        expected.push(Ev::Ping(payload[..payload.len().min(125)].to_vec()));
                    }
                    let first = if n == 0 { opcode } else { 0 };
                    let fin = if n == last { 0x80 } else { 0 };
                    bytes.extend(side.frame(first | fin, &payload));
                    expected.push(Ev::piece(kind, &payload, n == 0, n == last, 0));
                }
            }
            let config = Config::new().control_order(ControlOrder::Wire);
            prop_assert_eq!(side.ws(config).push(&bytes), expected.clone());
            let cut = side.ws(config).push_by(step, &bytes);
            prop_assert_eq!(&cut, &joined(&expected));

            // With Pings delivered ahead, data and Pings each keep their own order.
            let data = |events: &[Ev]| -> Vec<Ev> {
                let data: Vec<_> =
                    events.iter().filter(|event| matches!(event, Ev::Data { .. })).cloned().collect();
                joined(&data)
            };
            let pings = |events: &[Ev]| -> Vec<Ev> {
                events.iter().filter(|event| matches!(event, Ev::Ping(_))).cloned().collect()
            };
            let mut ws = side.ws(Config::new());
            let ahead: Vec<Ev> = bytes.chunks(step).flat_map(|chunk| ws.push(chunk)).collect();
            prop_assert_eq!(data(&ahead), data(&expected));
            prop_assert_eq!(pings(&ahead), pings(&expected));
            // If all bytes arrive at once, no data comes before the last Ping.
            let at_once = side.ws(Config::new()).push(&bytes);
            let early = at_once.iter().take_while(|event| matches!(event, Ev::Ping(_))).count();
            prop_assert_eq!(early, pings(&expected).len());
        }
    }
}
