//! Of two faults in one header, the one at the earlier byte decides, so the error does not depend
//! on where the bytes are cut.

use barews::{Config, ControlOrder, Delivery, Error, Input};

use crate::support::endpoint::SIDES;
use crate::support::event::Ev;
use crate::support::frame::{BINARY, CONTINUATION, FIN, PING, TEXT};

/// Every cut of each header must yield `error`.
#[test]
fn the_error_does_not_depend_on_the_cuts() {
    let small = Config::new().max_frame_len(100);
    let medium = Config::new().max_frame_len(1000).max_message_len(700);
    // Config, length byte without the mask bit and extended length, error.
    let faults: [(Config, &[u8], Error); 10] = [
        // The length form alone exceeds the limit, regardless of the extended length.
        (small, &[0x7E, 0x00, 0x7D], Error::FrameTooLong),
        (small, &[0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], Error::FrameTooLong),
        (medium, &[0x7F, 0, 0, 0, 0, 0, 0, 0, 1], Error::FrameTooLong),
        // The field's first byte exceeds the message limit, its second the frame limit.
        (medium, &[0x7E, 0x03, 0xF0], Error::MessageTooLong),
        (medium, &[0x7E, 0x02, 0xC0], Error::MessageTooLong),
        (medium, &[0x7E, 0x05, 0x00], Error::FrameTooLong),
        (Config::new(), &[0x7E, 0x00, 0x7D], Error::NonMinimalLength),
        (Config::new(), &[0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Error::NonMinimalLength),
        (Config::new(), &[0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], Error::LengthTopBit),
        (Config::new(), &[0x7F, 0x7F, 0, 0, 0, 0, 0, 0, 0], Error::FrameTooLong),
    ];
    for side in SIDES {
        for delivery in [Delivery::Chunks, Delivery::Frames] {
            for (config, length, error) in faults {
                for first in [FIN | BINARY, BINARY] {
                    let mut bad = [&[first], length, &[0; 20]].concat();
                    bad[1] |= if side.key().is_some() { 0x80 } else { 0 };
                    for cut in 0..=bad.len() {
                        let mut ws = side.ws(config.delivery(delivery));
                        let mut events = ws.feed(&bad[..cut]);
                        if matches!(events[..], [Ev::More(_)]) {
                            events = ws.feed(&bad[cut..]);
                        }
                        assert_eq!(events, [Ev::Fail(error)], "{side:?} {bad:02X?} {cut}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_error_does_not_depend_on_the_cuts_after_other_fragments() {
    for side in SIDES {
        let config = Config::new().max_frame_len(200).max_message_len(250);
        let mut wire = side.frame(BINARY, &[1; 150]);
        let start = wire.len();
        // 101 to 200 more bytes exceed the message limit, 201 and more the frame limit.
        let mut bad = side.header(FIN | CONTINUATION, 0x0101);
        bad.truncate(4);
        wire.extend(bad);
        for cut in start..=wire.len() {
            let mut ws = side.ws(config);
            let mut bytes = wire[..cut].to_vec();
            let mut input = Input::new(&mut bytes);
            let mut last = ws.drain(&mut input).pop().unwrap();
            if let Ev::More(_) = last {
                last = ws.feed(&[input.unread(), &wire[cut..]].concat()).pop().unwrap();
            }
            // The length form alone means at least 126 more bytes, which exceeds the message limit.
            assert_eq!(last, Ev::Fail(Error::MessageTooLong), "{side:?} {cut}");
        }
    }
}

/// The reply to a Ping that follows a fault may or may not be sent: if both have arrived, the Ping is
/// delivered ahead of the data. All else is the same at every cut, and with `ControlOrder::Wire` the
/// Ping is never answered.
#[test]
fn a_pong_may_or_may_not_precede_a_fault() {
    for side in SIDES {
        for order in [ControlOrder::Ahead, ControlOrder::Wire] {
            let mut wire = side.frame(FIN | TEXT, b"text\xFF");
            wire.extend(side.frame(PING, b"?"));
            let mut answered = [0, 0];
            for cut in 0..=wire.len() {
                let mut ws = side.ws(Config::new().control_order(order));
                let mut bytes = wire[..cut].to_vec();
                let mut input = Input::new(&mut bytes);
                let mut events = ws.drain(&mut input);
                if let Some(Ev::More(_)) = events.last() {
                    events.pop();
                    events.extend(ws.feed(&[input.unread(), &wire[cut..]].concat()));
                }
                let has_ping = events.contains(&Ev::ping(b"?"));
                answered[usize::from(has_ping)] += 1;
                assert_eq!(events.last(), Some(&Ev::Fail(Error::InvalidUtf8)), "{side:?} {cut}");
            }
            let both = order == ControlOrder::Ahead;
            assert!(answered[0] > 0 && (answered[1] > 0) == both, "{side:?} {answered:?}");
        }
    }
}
