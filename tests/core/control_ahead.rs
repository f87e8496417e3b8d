//! Look-ahead: which received control frames are delivered ahead of which data, and where it stops.

use barews::{CloseCode, Config, ControlOrder, Delivery, Error, Input, Kind};

use crate::support::endpoint::{SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame};

const DELIVERIES: [Delivery; 2] = [Delivery::Chunks, Delivery::Frames];

fn configs() -> [Config; 2] {
    DELIVERIES.map(|delivery| Config::new().delivery(delivery))
}

/// The minimum bytes a server or client needs for its next event.
fn least(side: Side) -> Ev {
    Ev::More(if side == Side::Server { 6 } else { 2 })
}

/// Feeds `wire` in two parts, split at `cut`; the unread rest of the first moves to a new place.
fn cut(side: Side, config: Config, wire: &[u8], cut: usize) -> Vec<Ev> {
    let mut ws = side.ws(config);
    let mut head = wire[..cut].to_vec();
    let mut input = Input::new(&mut head);
    let mut events = ws.drain(&mut input);
    if let Some(Ev::More(_)) = events.last() {
        events.pop();
        events.extend(ws.feed(&[input.unread(), &wire[cut..]].concat()));
    }
    events
}

fn controls(events: &[Ev]) -> Vec<Ev> {
    let control = |event: &&Ev| matches!(event, Ev::Ping(_) | Ev::Pong(_) | Ev::Close(_));
    events.iter().filter(control).cloned().collect()
}

#[test]
fn an_unfinished_message_or_frame_holds_back_no_control_frame() {
    for order in [ControlOrder::Ahead, ControlOrder::Wire] {
        for side in SIDES {
            let mut ws = side.ws(Config::new().control_order(order));
            // Between two fragments; then a Close in the middle of a message.
            assert_eq!(ws.feed(&side.frame(TEXT, b"unfinished")).len(), 2);
            let got = ws.feed(&side.frame(PING, b"here"));
            assert_eq!(got, [Ev::ping(b"here"), least(side)]);
            let wire = side.frame(CONTINUATION, b"more");
            let head = wire.len() - 2;
            assert_eq!(ws.feed(&wire[..head])[1], Ev::More(1));
            let wire = [&wire[head..], &side.frame(CLOSE, &[])].concat();
            let tail = Ev::piece(Kind::Text, b"re", false, false, 0);
            assert_eq!(ws.feed(&wire), [tail, Ev::Close(None), Ev::More(1)]);
        }
    }
}

/// No byte before the control frame is unread, so the caller may discard everything consumed.
#[test]
fn a_control_frame_with_nothing_before_it_is_consumed_with_its_event() {
    for side in SIDES {
        for config in configs() {
            let first = side.frame(PING, b"a");
            let mut wire =
                [&first[..], &side.frame(PONG, b"bc"), &side.frame(FIN | BINARY, b"d")].concat();
            let controls = wire.len() - side.frame(FIN | BINARY, b"d").len();
            let mut input = Input::new(&mut wire);
            let mut ws = side.ws(config);
            assert_eq!(ws.next(&mut input), Ev::ping(b"a"));
            assert_eq!(input.consumed(), first.len());
            assert_eq!(ws.next(&mut input), Ev::pong(b"bc"));
            assert_eq!(input.consumed(), controls);
        }
    }
}

#[test]
fn a_ping_after_60_kib_of_small_frames_is_the_first_event() {
    for side in SIDES {
        for config in configs() {
            for small in [0, 1, 60, 125, 126, 1000] {
                let count = 61_440 / (small + 2);
                let mut wire = side.frame(FIN | BINARY, &vec![3; small]).repeat(count);
                wire.extend(side.frame(PING, b"urgent"));
                wire.extend(side.frame(PONG, b"too"));
                let got = side.ws(config).feed(&wire);
                assert_eq!(got[..2], [Ev::ping(b"urgent"), Ev::pong(b"too")], "{small}");
                assert!(
                    got[2..2 + count].iter().all(|event| *event == Ev::binary(&vec![3; small]))
                );
                assert_eq!(got[2 + count..], [least(side)], "the Pings were delivered twice");
            }
        }
    }
}

#[test]
fn p10_pings_and_pongs_keep_their_own_order_and_data_keeps_its() {
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(FIN | TEXT, b"one"),
                side.frame(PING, b"a"),
                side.frame(BINARY, b"two"),
                side.frame(PONG, b"b"),
                side.frame(PING, b"c"),
                side.frame(CONTINUATION, b""),
                side.frame(PONG, b""),
                side.frame(FIN | CONTINUATION, b"three"),
                side.frame(PING, &[0; 125]),
            ]
            .concat();
            let expected = [
                Ev::ping(b"a"),
                Ev::pong(b"b"),
                Ev::ping(b"c"),
                Ev::pong(b""),
                Ev::ping(&[0; 125]),
                Ev::text(b"one"),
                Ev::piece(Kind::Binary, b"two", true, false, 0),
                Ev::piece(Kind::Binary, b"", false, false, 0),
                Ev::piece(Kind::Binary, b"three", false, true, 0),
                least(side),
            ];
            assert_eq!(side.ws(config).feed(&wire), expected, "{side:?} {config:?}");
        }
    }
}

#[test]
fn wire_order_switches_it_off() {
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(FIN | TEXT, b"one"),
                side.frame(PING, b"a"),
                side.frame(BINARY, b"two"),
                side.frame(PONG, b"b"),
                side.frame(FIN | CONTINUATION, b"three"),
            ]
            .concat();
            let expected = [
                Ev::text(b"one"),
                Ev::ping(b"a"),
                Ev::piece(Kind::Binary, b"two", true, false, 0),
                Ev::pong(b"b"),
                Ev::piece(Kind::Binary, b"three", false, true, 0),
                least(side),
            ];
            let config = config.control_order(ControlOrder::Wire);
            for at in 0..=wire.len() {
                let got = cut(side, config, &wire, at);
                assert_eq!(controls(&got), [Ev::ping(b"a"), Ev::pong(b"b")]);
                if config == config.delivery(Delivery::Frames) || at == wire.len() {
                    assert_eq!(got, expected, "{side:?} {at}");
                }
            }
        }
    }
}

#[test]
fn a_close_does_not_overtake_and_stops_the_look_ahead() {
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(FIN | TEXT, b"data"),
                side.frame(PING, b"before"),
                side.frame(FIN | TEXT, b"last words"),
                side.frame(CLOSE, &1001_u16.to_be_bytes()),
                side.frame(PING, b"behind"),
            ]
            .concat();
            let expected = [
                Ev::ping(b"before"),
                Ev::text(b"data"),
                Ev::text(b"last words"),
                Ev::Close(Some((1001, String::new()))),
                Ev::More(1),
            ];
            assert_eq!(side.ws(config).feed(&wire), expected);
        }
    }
}

/// A frame that is invalid at its position, the error, and the limits that make it invalid.
type Fault = (Vec<u8>, Error);

/// Frames that are invalid at any position between two messages.
fn faults(side: Side) -> Vec<Fault> {
    let (other, mask_error) = match side {
        Side::Server => (Side::Client, Error::Unmasked),
        Side::Client => (Side::Server, Error::Masked),
    };
    let mask = if side == Side::Server { 0x80 } else { 0 };
    let extended =
        |first, code: u8, field: &[u8]| [&[first, mask | code][..], field, &[0; 300]].concat();
    vec![
        (side.frame(0xC1, b"rsv1"), Error::ReservedBits),
        (side.frame(0xA2, b"rsv2"), Error::ReservedBits),
        (side.frame(0x99, b"rsv3, ping"), Error::ReservedBits),
        (side.frame(0x83, b"opcode 3"), Error::ReservedOpcode),
        (side.frame(0x8B, b"opcode b"), Error::ReservedOpcode),
        (side.frame(0x09, b"half ping"), Error::FragmentedControl),
        (extended(PING, 126, &[0, 126]), Error::ControlTooLong),
        (extended(0x82, 126, &[0, 125]), Error::NonMinimalLength),
        (extended(0x82, 127, &[0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), Error::NonMinimalLength),
        (extended(0x82, 127, &[0x80, 0, 0, 0, 0, 0, 0, 0]), Error::LengthTopBit),
        (other.frame(FIN | BINARY, b"mask"), mask_error),
        (other.frame(PING, b"mask"), mask_error),
        (side.frame(FIN | CONTINUATION, b"no message"), Error::UnexpectedContinuation),
        (side.frame(FIN | BINARY, &[0; 201]), Error::FrameTooLong),
    ]
}

/// Frames that are invalid inside a message of two frames and 400 bytes.
fn faults_inside(side: Side) -> Vec<Fault> {
    vec![
        (side.frame(FIN | TEXT, b"new"), Error::ExpectedContinuation),
        (side.frame(BINARY, b"new"), Error::ExpectedContinuation),
        (side.frame(FIN | CONTINUATION, &[0; 195]), Error::MessageTooLong),
        (side.frame(CONTINUATION, &[0; 201]), Error::FrameTooLong),
        (
            [side.frame(CONTINUATION, b""), side.frame(CONTINUATION, b"")].concat(),
            Error::TooManyFragments,
        ),
    ]
}

#[test]
fn it_stops_at_a_header_that_is_not_valid_there() {
    for side in SIDES {
        for config in configs() {
            let limited = config.max_frame_len(200).max_message_len(590).max_fragments(3);
            let open =
                [side.frame(BINARY, &[1; 200]), side.frame(CONTINUATION, &[2; 200])].concat();
            let closed = side.frame(FIN | TEXT, b"whole");
            let inside = faults_inside(side).into_iter().map(|fault| (&open, fault));
            let outside = faults(side).into_iter().map(|fault| (&closed, fault));
            for (data, (bad, error)) in inside.chain(outside) {
                let wire =
                    [&data[..], &side.frame(PING, b"before"), &bad, &side.frame(PING, b"behind")]
                        .concat();
                let limits = error.close_code() == CloseCode::TOO_BIG;
                let mut ws = side.ws(if limits { limited } else { config });
                let got = ws.feed(&wire);
                // Control frames before the fault come first, then the data, then the error.
                assert_eq!(got.first(), Some(&Ev::ping(b"before")), "{error:?}");
                assert_eq!(got.last(), Some(&Ev::Fail(error)), "{side:?} {bad:02X?}");
                assert_eq!(controls(&got), [Ev::ping(b"before")], "{error:?}");
                assert!(got.len() > 2, "the data before the fault is delivered");
                assert_eq!(ws.feed(&wire), [Ev::Fail(error)]);
            }
        }
    }
}

#[test]
fn validity_is_judged_at_its_own_position() {
    // The continuations are valid only because of the frames before them, none of which has been
    // delivered yet. The receiver itself is still at the start of another message.
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(TEXT, b"a"),
                side.frame(FIN | CONTINUATION, b"b"),
                side.frame(PING, b"1"),
                side.frame(BINARY, b"c"),
                side.frame(PING, b"2"),
                side.frame(FIN | CONTINUATION, b"d"),
                side.frame(FIN | TEXT, b"e"),
                side.frame(PING, b"3"),
                side.frame(CONTINUATION, b"f"),
                side.frame(PING, b"never"),
            ]
            .concat();
            let got = side.ws(config).feed(&wire);
            assert_eq!(got[..3], [Ev::ping(b"1"), Ev::ping(b"2"), Ev::ping(b"3")]);
            assert_eq!(got[3..8].len(), 5);
            assert_eq!(got[7], Ev::text(b"e"));
            assert_eq!(got[8..], [Ev::Fail(Error::UnexpectedContinuation)]);
        }
    }
}

#[test]
fn nothing_is_delivered_twice_or_lost_at_any_cut() {
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(FIN | TEXT, b"one"),
                side.frame(PING, b"a"),
                side.frame(BINARY, &[1; 130]),
                side.frame(PING, b"b"),
                side.frame(PONG, b"c"),
                side.frame(FIN | CONTINUATION, &[2; 7]),
                side.frame(PING, b""),
                side.frame(FIN | TEXT, b"end"),
                side.frame(CLOSE, &[]),
            ]
            .concat();
            let expected =
                [Ev::ping(b"a"), Ev::ping(b"b"), Ev::pong(b"c"), Ev::ping(b""), Ev::Close(None)];
            for at in 0..=wire.len() {
                let got = cut(side, config, &wire, at);
                assert_eq!(controls(&got), expected, "{side:?} {config:?} {at}");
            }
        }
    }
}

#[test]
fn nothing_is_delivered_twice_or_lost_at_any_two_cuts() {
    // With two cuts, one can fall inside a header and the other right after it. The header is then
    // consumed, and payload bytes must not be read as a header. The payload looks like a header
    // whose frame covers the next Ping.
    for side in SIDES {
        for config in configs() {
            let (key, mask) =
                (side.key().map(|_| [0; 4]), if side == Side::Server { 0x80 } else { 0 });
            let mut payload = [0; 126];
            payload[..2].copy_from_slice(&[FIN | BINARY, mask | 0x7D]);
            let wire = [
                frame(FIN | BINARY, key, &payload),
                frame(PING, key, b"a"),
                frame(BINARY, key, &payload),
                frame(PING, key, b"b"),
                frame(FIN | CONTINUATION, key, b"end"),
            ]
            .concat();
            for second in 0..=wire.len() {
                for first in second.saturating_sub(15)..=second {
                    let mut ws = side.ws(config);
                    let (mut start, mut seen) = (0, Vec::new());
                    for end in [first, second, wire.len()] {
                        let mut bytes = wire[start..end].to_vec();
                        let mut input = Input::new(&mut bytes);
                        seen.extend(ws.drain(&mut input));
                        start += input.consumed();
                    }
                    assert_eq!(
                        controls(&seen),
                        [Ev::ping(b"a"), Ev::ping(b"b")],
                        "{first} {second}"
                    );
                    assert_eq!(start, wire.len());
                }
            }
        }
    }
}

#[test]
fn nothing_is_delivered_twice_with_one_event_per_read() {
    // After each event the bytes move to a new place and one more byte arrives.
    for side in SIDES {
        for config in configs() {
            let wire = [
                side.frame(FIN | TEXT, b"one"),
                side.frame(PING, b"a"),
                side.frame(FIN | TEXT, b"two"),
                side.frame(PING, b"b"),
                side.frame(TEXT, b"three"),
                side.frame(PONG, b"c"),
                side.frame(FIN | CONTINUATION, b"four"),
                side.frame(PING, b"d"),
            ]
            .concat();
            for first in 1..wire.len() {
                let mut ws = side.ws(config);
                let (mut kept, mut end, mut seen) = (wire[..first].to_vec(), first, Vec::new());
                loop {
                    let mut moved = kept.clone();
                    let mut input = Input::new(&mut moved);
                    let event = ws.next(&mut input);
                    let done = end == wire.len() && matches!(event, Ev::More(_));
                    seen.push(event);
                    kept = input.unread().to_vec();
                    if done {
                        break;
                    }
                    kept.extend(wire.get(end));
                    end = wire.len().min(end + 1);
                }
                let expected = [Ev::ping(b"a"), Ev::ping(b"b"), Ev::pong(b"c"), Ev::ping(b"d")];
                assert_eq!(controls(&seen), expected, "{side:?} {first}");
                assert_eq!(kept, b"");
            }
        }
    }
}

#[test]
fn after_the_last_byte_of_a_100_mib_frame_a_ping_is_next() {
    const LEN: usize = 100 << 20;
    for side in SIDES {
        let limit = u64::try_from(LEN).unwrap();
        let mut ws = side.ws(Config::new().max_frame_len(limit).max_message_len(limit));
        let mut head = side.header(FIN | BINARY, limit);
        assert_eq!(ws.drain(&mut Input::new(&mut head)), [Ev::More(1)]);
        let (mut block, mut left) = (vec![0; 1 << 20], LEN - 3);
        while left > 0 {
            let n = left.min(block.len());
            let mut input = Input::new(&mut block[..n]);
            left -= n;
            let taken = ws.receive(&mut input).is_ok() && input.is_empty();
            assert!(taken);
        }
        let wire =
            [&[0; 3][..], &side.frame(PING, b"next"), &side.frame(FIN | TEXT, b"t")].concat();
        let got = ws.feed(&wire);
        assert_eq!(got[0], Ev::ping(b"next"));
        assert!(
            matches!(&got[1], Ev::Data { payload, fin: true, left: 0, .. } if payload.len() == 3)
        );
        assert_eq!(got[2..], [Ev::text(b"t"), least(side)]);
    }
}

#[test]
fn an_incomplete_ping_waits_and_data_before_it_does_not() {
    for side in SIDES {
        for config in configs() {
            let ping = side.frame(PING, &[4; 100]);
            let text = side.frame(FIN | TEXT, b"text");
            for here in 1..ping.len() {
                let mut ws = side.ws(config);
                let mut bytes = [&text[..], &ping[..here]].concat();
                let mut input = Input::new(&mut bytes);
                let got = ws.drain(&mut input);
                assert_eq!(got[0], Ev::text(b"text"));
                assert_eq!((got.len(), input.unread()), (2, &ping[..here]));
                // Data still undelivered when the last byte of the Ping arrives comes first.
                let mut ws = side.ws(config);
                let mut bytes = [&text[..], &text[..], &ping[..here]].concat();
                let mut input = Input::new(&mut bytes);
                assert_eq!(ws.next(&mut input), Ev::text(b"text"));
                let got = ws.feed(&[input.unread(), &ping[here..]].concat());
                assert_eq!(got, [Ev::ping(&[4; 100]), Ev::text(b"text"), least(side)]);
            }
        }
    }
}
