//! All 65,536 values of the first two header bytes, for both sides, at each point where a frame may
//! begin, against the rules of RFC 6455 §5.1, §5.2, §5.4 and §5.5.

use barews::{Config, Error, Kind};

use crate::support::endpoint::{SIDES, Side, Ws};
use crate::support::event::Ev;

/// The point in the stream where the header arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Idle,
    InText,
    InBinary,
    AfterClose,
}

const PLACES: [Place; 4] = [Place::Idle, Place::InText, Place::InBinary, Place::AfterClose];

/// The rules that byte 0 breaks; none apply after a Close.
fn broken_by_first(place: Place, byte: u8) -> Vec<Error> {
    let (fin, rsv, opcode) = (byte >> 7, byte >> 4 & 7, byte & 15);
    let mut broken = Vec::new();
    // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero
    // values".
    if rsv != 0 {
        broken.push(Error::ReservedBits);
    }
    match opcode {
        // §5.2: "%x3-7 are reserved for further non-control frames", "%xB-F ... control frames".
        3..=7 | 11..=15 => broken.push(Error::ReservedOpcode),
        // §5.4: a message begins with a text or binary frame and continues with continuations.
        0 if place == Place::Idle => broken.push(Error::UnexpectedContinuation),
        1 | 2 if place != Place::Idle => broken.push(Error::ExpectedContinuation),
        // §5.4: "Control frames themselves MUST NOT be fragmented".
        8..=10 if fin == 0 => broken.push(Error::FragmentedControl),
        _ => {}
    }
    broken
}

/// The rules that byte 1 breaks after a valid byte 0.
fn broken_by_second(side: Side, opcode: u8, byte: u8) -> Vec<Error> {
    let mut broken = Vec::new();
    // §5.1: a client masks all frames, a server masks none.
    match (side, byte >> 7) {
        (Side::Server, 0) => broken.push(Error::Unmasked),
        (Side::Client, 1) => broken.push(Error::Masked),
        _ => {}
    }
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less".
    if opcode >= 8 && byte & 127 > 125 {
        broken.push(Error::ControlTooLong);
    }
    broken
}

/// A connection at this point.
fn at(side: Side, place: Place) -> Ws {
    let mut ws = side.ws(Config::new());
    match place {
        Place::Idle => {}
        Place::InText => {
            assert_eq!(
                ws.push(&side.frame(0x01, b"t")),
                [Ev::piece(Kind::Text, b"t", true, false, 0)]
            );
        }
        Place::InBinary => {
            let expected = [Ev::piece(Kind::Binary, b"b", true, false, 0)];
            assert_eq!(ws.push(&side.frame(0x02, b"b")), expected);
        }
        Place::AfterClose => assert_eq!(ws.push(&side.frame(0x88, b"")), [Ev::Close(None)]),
    }
    ws
}

/// Pushes the bytes; they must yield no event, or a single error.
fn error(ws: &mut Ws, bytes: &[u8]) -> Option<Error> {
    match &ws.push(bytes)[..] {
        [] => None,
        [Ev::Fail(error)] => Some(*error),
        other => panic!("{other:?}"),
    }
}

/// Tries all headers whose error `keep` accepts and returns their number.
///
/// The error must be one of the broken rules, appear with the byte that breaks it, and not depend
/// on whether that byte arrives alone. The answer is a Close with 1002.
fn try_all(sides: &[Side], keep: fn(Error) -> bool) -> usize {
    let mut count = 0;
    for (side, place) in sides.iter().flat_map(|side| PLACES.map(|place| (*side, place))) {
        if place == Place::AfterClose {
            continue;
        }
        for first in 0..=255 {
            let by_first = broken_by_first(place, first);
            if !by_first.is_empty() {
                if by_first.iter().any(|error| keep(*error)) {
                    let mut ws = at(side, place);
                    let found = error(&mut ws, &[first]).unwrap();
                    assert!(by_first.contains(&found), "{side:?} {place:?} {first:#x}: {found:?}");
                    assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEA])]);
                    // No value of byte 1 changes that.
                    for second in 0..=255 {
                        assert_eq!(error(&mut at(side, place), &[first, second]), Some(found));
                        count += 1;
                    }
                }
                continue;
            }
            for second in 0..=255 {
                let by_second = broken_by_second(side, first & 15, second);
                if by_second.iter().any(|error| keep(*error)) {
                    let mut ws = at(side, place);
                    assert_eq!(error(&mut ws, &[first]), None);
                    let found = error(&mut ws, &[second]).unwrap();
                    assert!(by_second.contains(&found), "{side:?} {first:#x} {second:#x}");
                    assert_eq!(error(&mut at(side, place), &[first, second]), Some(found));
                    assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEA])]);
                    count += 1;
                }
            }
        }
    }
    count
}

#[test]
fn r5_1_02_a_server_refuses_every_unmasked_frame_at_byte_1() {
    // Idle: 4 data and 3 control lead bytes are valid. Inside a message: 2 continuations and 3.
    assert_eq!(try_all(&[Side::Server], |error| error == Error::Unmasked), (7 + 5 + 5) * 128);
    assert_eq!(try_all(&[Side::Client], |error| error == Error::Unmasked), 0);
}

#[test]
fn r5_1_04_a_client_refuses_every_masked_frame_at_byte_1() {
    assert_eq!(try_all(&[Side::Client], |error| error == Error::Masked), (7 + 5 + 5) * 128);
    assert_eq!(try_all(&[Side::Server], |error| error == Error::Masked), 0);
}

#[test]
fn r5_2_01_every_reserved_bit_is_refused_at_byte_0() {
    // 7 of 8 lead bytes have a reserved bit, at three points, for two sides.
    assert_eq!(try_all(&SIDES, |error| error == Error::ReservedBits), 224 * 256 * 3 * 2);
}

#[test]
fn r5_2_02_every_reserved_opcode_is_refused_at_byte_0() {
    // 10 of 16 opcodes.
    assert_eq!(try_all(&SIDES, |error| error == Error::ReservedOpcode), 160 * 256 * 3 * 2);
}

#[test]
fn r5_4_02_every_control_frame_without_fin_is_refused_at_byte_0() {
    assert_eq!(try_all(&SIDES, |error| error == Error::FragmentedControl), 3 * 8 * 256 * 3 * 2);
}

#[test]
fn r5_4_03_every_frame_that_is_not_next_is_refused_at_byte_0() {
    let continuations = 16 * 256 * 2;
    assert_eq!(try_all(&SIDES, |error| error == Error::UnexpectedContinuation), continuations);
    let messages = 32 * 256 * 2 * 2;
    assert_eq!(try_all(&SIDES, |error| error == Error::ExpectedContinuation), messages);
}

#[test]
fn r5_5_01_every_control_length_over_125_is_refused_at_byte_1() {
    // 3 opcodes, lengths 126 and 127 with and without mask, at three points.
    assert_eq!(try_all(&SIDES, |error| error == Error::ControlTooLong), 3 * 4 * 3 * 2);
}

#[test]
fn r5_2_06_every_other_header_is_accepted_and_reports_how_much_is_missing() {
    let mut count = 0;
    for (side, place) in SIDES.into_iter().flat_map(|side| PLACES.map(|place| (side, place))) {
        for first in 0..=255_u8 {
            if place != Place::AfterClose && !broken_by_first(place, first).is_empty() {
                continue;
            }
            for second in 0..=255_u8 {
                let mut ws = at(side, place);
                let before = ws.consumed;
                if place == Place::AfterClose {
                    // §5.5.1: the bytes after a Close have no meaning; they are counted and
                    // discarded.
                    assert_eq!(ws.push(&[first, second]), []);
                    assert_eq!((ws.consumed - before, ws.need), (2, 1));
                    continue;
                }
                if !broken_by_second(side, first & 15, second).is_empty() {
                    continue;
                }
                let key = if side == Side::Server { 4 } else { 0 };
                let control = first & 8 != 0;
                let missing = match usize::from(second & 127) {
                    126 => 2 + key + 1,
                    127 => 8 + key + 1,
                    0 => key,
                    len if control => key + len,
                    _ => key + 1,
                };
                let events = ws.push(&[first, second]);
                if missing == 0 {
                    assert_eq!(events.len(), 1, "{first:#x} {second:#x}");
                } else {
                    assert_eq!((events, ws.need), (vec![], missing), "{first:#x} {second:#x}");
                }
                count += 1;
            }
        }
    }
    // Data: 4, 2 and 2 lead bytes with 128 lengths; control: 3 at three points with 126; two sides.
    assert_eq!(count, (8 * 128 + 9 * 126) * 2);
}

#[test]
fn r7692_6_02_rsv1_on_control_and_continuation_is_refused() {
    for (side, place) in
        SIDES.into_iter().flat_map(|side| [(side, Place::InText), (side, Place::InBinary)])
    {
        for first in [0x40, 0xC0, 0xC8, 0xC9, 0xCA, 0x48, 0x49, 0x4A] {
            let mut ws = at(side, place);
            let found = error(&mut ws, &[first]).unwrap();
            let fragmented = first < 0x80 && first & 8 != 0 && found == Error::FragmentedControl;
            assert!(found == Error::ReservedBits || fragmented, "{first:#x}: {found:?}");
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xEA])]);
        }
    }
}

#[test]
fn r5_8_01_no_option_gives_a_reserved_bit_a_meaning() {
    let configs = [
        Config::new(),
        Config::new().max_frame_len(Config::UNLIMITED).max_message_len(Config::UNLIMITED),
        Config::new().delivery(barews::Delivery::Frames).auto_pong(false),
        Config::new().control_order(barews::ControlOrder::Wire),
    ];
    for (side, config) in SIDES.into_iter().flat_map(|side| configs.map(|config| (side, config))) {
        for rsv in 1..8 {
            for lead in [0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8A] {
                let mut ws = side.ws(config);
                let frame = side.frame(lead | rsv << 4, b"");
                assert_eq!(ws.push(&frame), [Ev::Fail(Error::ReservedBits)]);
                assert_eq!(ws.consumed, 0);
            }
        }
    }
}
