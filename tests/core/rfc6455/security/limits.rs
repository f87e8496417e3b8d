//! Limits on received data: each has a finite default and is exact to the byte.

use barews::{Config, Delivery, Error, Kind, SendError};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::header;

#[test]
fn r0_4_every_limit_has_a_finite_default_and_is_lifted_explicitly() {
    let side = Side::Client;
    let refuse = |config: Config, len: u64| side.ws(config).push(&header(0x82, None, len));
    let too_long = [Ev::Fail(Error::FrameTooLong)];
    assert_eq!(refuse(Config::new(), 16 << 20), []);
    assert_eq!(refuse(Config::new(), (16 << 20) + 1), too_long);
    assert_eq!(refuse(Config::default(), (16 << 20) + 1), too_long);
    // 64 MiB per message.
    let mut ws = side.ws(Config::new());
    let mut bytes = header(0x02, None, 16 << 20);
    for first in [0x00, 0x00, 0x00, 0x80] {
        bytes.resize(bytes.len() + (16 << 20), 0);
        assert_eq!(ws.push(&bytes).len(), 1);
        bytes = header(first, None, 16 << 20);
    }
    assert_eq!(ws.push(&header(0x00, None, 0)).len(), 1);
    assert_eq!(ws.push(&header(0x80, None, 1)), [Ev::Fail(Error::MessageTooLong)]);
    // 65,536 fragments per message.
    let mut ws = side.ws(Config::new());
    ws.push(&[0x02, 0]);
    assert_eq!(ws.push(&[0x00, 0].repeat(65_535)).len(), 65_535);
    assert_eq!(ws.push(&[0x80]), [Ev::Fail(Error::TooManyFragments)]);
    // One pending control frame; the 125 bytes of the longest control frame are not configurable.
    let config = Config::new()
        .max_frame_len(Config::UNLIMITED)
        .max_message_len(Config::UNLIMITED)
        .max_fragments(Config::UNLIMITED_FRAGMENTS);
    assert_eq!(refuse(config, (1 << 63) - 1), []);
    assert_eq!(side.ws(config).push(&[0x89, 126]), [Ev::Fail(Error::ControlTooLong)]);
    let mut ws = side.ws(config);
    ws.push(&[0x02, 0]);
    assert_eq!(ws.push(&[0x00, 0].repeat(65_537)).len(), 65_537);
    // 0 counts as 1: a message has at least one frame.
    assert_eq!(side.ws(Config::new().max_fragments(0)).push(&[0x82, 0]).len(), 1);
}

#[test]
fn r0_5_a_length_of_63_bits_stays_exact_to_the_byte() {
    let most = (1 << 63) - 1;
    let config = Config::new().max_frame_len(Config::UNLIMITED).max_message_len(Config::UNLIMITED);
    for side in SIDES {
        let mut ws = side.ws(config);
        let mut bytes = header(0x82, side.key(), most);
        bytes.extend([0; 1000]);
        let events = ws.push(&bytes);
        let [Ev::Data { payload, left, fin: false, first: true, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((payload.len(), *left), (1000, most - 1000));
        let mut ws = side.ws(config.delivery(Delivery::Frames));
        assert_eq!(ws.push(&bytes), []);
        assert_eq!(ws.need, usize::try_from(most - 1000).unwrap_or(usize::MAX));
        // The same when sending.
        assert_eq!(ws.begin(Kind::Binary, true, most).unwrap()[2..10], most.to_be_bytes());
        ws.mask_next(&mut [0; 1000]).unwrap();
        assert_eq!(ws.refused(Call::Text("")), SendError::FrameInProgress);
    }
}

#[test]
fn r10_4_01_a_frame_is_refused_by_its_header_and_fragments_by_their_sum() {
    for side in SIDES {
        // 2^60 bytes, and none of the payload has arrived.
        let events = side.ws(Config::new()).push(&header(0x82, side.key(), 1 << 60));
        assert_eq!(events, [Ev::Fail(Error::FrameTooLong)]);
        // The sum, in both delivery modes: a frame that will be refused gets no hint to grow.
        for delivery in [Delivery::Chunks, Delivery::Frames] {
            let config = Config::new().max_frame_len(60).max_message_len(100).delivery(delivery);
            let mut ws = side.ws(config);
            ws.push(&side.frame(0x02, &[0; 60]));
            assert_eq!(ws.push(&header(0x00, side.key(), 41)), [Ev::Fail(Error::MessageTooLong)]);
            assert_eq!(ws.due(), [(0x88, vec![0x03, 0xF1])]);
            let mut ws = side.ws(config);
            ws.push(&side.frame(0x02, &[0; 60]));
            let expected = [Ev::piece(Kind::Binary, &[0; 40], false, false, 0)];
            assert_eq!(ws.push(&side.frame(0x00, &[0; 40])), expected);
            assert_eq!(ws.push(&side.frame(0x80, &[])).len(), 1);
            // The limit starts over with the next message.
            assert_eq!(ws.push(&side.frame(0x02, &[0; 60])).len(), 1);
        }
        // An endless series of fragments.
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x01, b""));
        let endless = side.frame(0x00, b"").repeat(70_000);
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
                let mut ws = side.ws(config);
                assert_eq!(ws.push(&side.frame(first, &payload[..limit])).len(), 1);
                let mut ws = side.ws(config);
                assert_eq!(ws.push(&side.frame(first, &payload)), [Ev::Fail(error)]);
            }
        }
    }
}
