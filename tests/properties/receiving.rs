//! Properties of receiving; `docs/properties.md` lists all properties.
//!
//! Short cases are tested exhaustively; `BAREWS_EXHAUSTIVE=1` includes longer ones.

use barews::{Config, Connection, ControlOrder, Delivery, Event, Input, Role, SendError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::driver::{check, run};
use crate::support::endpoint::{SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{KEY, frame};
use crate::support::reference;
use crate::support::short::{exhaustive, rules, short_streams};
use crate::support::stream;

/// P1, exhaustively: every split of every short stream.
#[test]
fn p01_all_splits_of_all_short_streams() {
    for (side, most) in [(Side::Client, 7), (Side::Server, 12)] {
        let most = if exhaustive() { most + 2 } else { most };
        for bytes in short_streams(side, most) {
            for whole in [false, true] {
                let rules = rules(side, whole);
                let (wanted, _) = reference::decode(&bytes, &rules);
                for splits in 0..1_u32 << bytes.len().saturating_sub(1) {
                    let cuts: Vec<_> =
                        (1..bytes.len()).filter(|at| splits >> (at - 1) & 1 == 1).collect();
                    for order in [ControlOrder::Wire, ControlOrder::Ahead] {
                        run(&bytes, &cuts, &rules, order)
                            .and_then(|run| check(&run, &wanted, &rules, order))
                            .unwrap_or_else(|error| {
                                panic!("{order:?} {rules:?}\n{cuts:?} of {bytes:02X?}\n{error}")
                            });
                    }
                }
            }
        }
    }
}

/// A model of the pending control frame: the newest Pong, or the Close, which is final.
#[derive(Default)]
struct Pending {
    frame: Vec<u8>,
    closing: bool,
}

impl Pending {
    fn set(&mut self, side: Side, first: u8, payload: &[u8]) {
        if !self.closing {
            let key = (side == Side::Client).then_some(KEY);
            self.frame = frame(first, key, payload);
            self.closing = first == 0x88;
        }
    }

    fn update(&mut self, side: Side, event: &Ev) {
        match event {
            Ev::Ping(payload) => self.set(side, 0x8A, payload),
            Ev::Close(None) => self.set(side, 0x88, &[]),
            Ev::Close(Some((code, _))) => self.set(side, 0x88, &code.to_be_bytes()),
            Ev::Fail(error) => {
                self.set(side, 0x88, &error.close_code().as_u16().to_be_bytes());
            }
            Ev::Data { .. } | Ev::Pong(_) | Ev::More(_) => {}
        }
    }
}

/// The events of `bytes`, received at once. Each call to `receive` is followed by a call to
/// `transmit` with a slice of length `room(needed)`, or by none if `room` returns `None`.
fn receive_all<R: Role>(
    ws: &mut Connection<R>,
    side: Side,
    bytes: &[u8],
    mut room: impl FnMut(usize) -> Option<usize>,
) -> Vec<Ev> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let (mut pending, mut events) = (Pending::default(), Vec::new());
    loop {
        let event = match ws.receive(&mut input) {
            Ok(Event::NeedMore(_)) => None,
            Ok(event) => Some(owned(event)),
            Err(error) => Some(Ev::Fail(error)),
        };
        if let Some(event) = &event {
            pending.update(side, event);
        }
        if let Some(room) = room(pending.frame.len()) {
            let mut out = vec![0xEE; room];
            let needed = pending.frame.len();
            let wanted =
                if room < needed { Err(SendError::BufferTooSmall { needed }) } else { Ok(needed) };
            assert_eq!(ws.transmit(&mut out), wanted);
            let written = wanted.unwrap_or(0);
            assert_eq!(out[..written], pending.frame[..written]);
            assert!(out[written..].iter().all(|byte| *byte == 0xEE), "written past the end");
            pending.frame.drain(..written);
        }
        assert_eq!(ws.wants_write(), !pending.frame.is_empty());
        let ended = matches!(event, None | Some(Ev::Fail(_)));
        events.extend(event);
        if ended {
            return events;
        }
    }
}

fn owned(event: Event<'_>) -> Ev {
    match event {
        Event::Data(data) => Ev::Data {
            kind: data.kind,
            payload: data.payload.to_vec(),
            first: data.first,
            fin: data.fin,
            left: data.frame_left,
        },
        Event::Ping(payload) => Ev::Ping(payload.to_vec()),
        Event::Pong(payload) => Ev::Pong(payload.to_vec()),
        Event::Close(close) => {
            Ev::Close(close.map(|close| (close.code.as_u16(), close.reason.to_owned())))
        }
        Event::NeedMore(_) => unreachable!("`NeedMore` is handled by the caller"),
    }
}

fn received_by(side: Side, bytes: &[u8], room: impl FnMut(usize) -> Option<usize>) -> Vec<Ev> {
    match side {
        Side::Server => receive_all(&mut Connection::server(Config::new()), side, bytes, room),
        Side::Client => {
            receive_all(&mut Connection::client(Config::new(), || KEY), side, bytes, room)
        }
    }
}

/// P2, exhaustively: after each `receive` either no `transmit`, or one with an empty slice, a slice
/// one byte too short, of the exact length, and longer.
#[test]
fn p02_every_order_of_receive_and_transmit_with_every_room() {
    const WAYS: usize = 5;
    for side in SIDES {
        let most = if side == Side::Client { 9 } else { 16 };
        for bytes in short_streams(side, most) {
            let wanted = received_by(side, &bytes, |_| None);
            for plan in 0..WAYS.pow(u32::try_from(wanted.len()).unwrap().min(4)) {
                let mut plan = plan;
                let events = received_by(side, &bytes, |needed| {
                    let way = plan % WAYS;
                    plan /= WAYS;
                    [None, Some(0), needed.checked_sub(1), Some(needed), Some(needed + 9)][way]
                });
                assert_eq!(events, wanted, "{side:?} {plan} {bytes:02X?}");
            }
        }
    }
}

proptest! {
    /// P2, at random.
    #[test]
    fn p02_any_order_of_receive_and_transmit_with_any_room(
        (bytes, rules) in stream::rules().prop_flat_map(|rules| (stream::stream(rules), Just(rules))),
        rooms in vec(prop_oneof![Just(None), (0..140_usize).prop_map(Some)], 1..30),
    ) {
        let side = if rules.server { Side::Server } else { Side::Client };
        let mut rooms = rooms.iter().copied().cycle();
        let events = received_by(side, &bytes, |_| rooms.next().unwrap());
        prop_assert_eq!(events, received_by(side, &bytes, |_| None));
    }

    /// P11, at random.
    #[test]
    fn p11_every_call_makes_progress(
        (bytes, rules) in stream::rules().prop_flat_map(|rules| (stream::stream(rules), Just(rules))),
        step in 1..40_usize,
    ) {
        let side = if rules.server { Side::Server } else { Side::Client };
        for step in [step, 1, bytes.len().max(1)] {
            makes_progress(side, &bytes, step);
        }
    }
}

/// Receives `bytes` in reads of `step` bytes and checks that the number of calls is bounded.
fn makes_progress(side: Side, bytes: &[u8], step: usize) {
    for (delivery, order) in [
        (Delivery::Chunks, ControlOrder::Ahead),
        (Delivery::Frames, ControlOrder::Ahead),
        (Delivery::Chunks, ControlOrder::Wire),
    ] {
        let mut ws = side.ws(Config::new().delivery(delivery).control_order(order));
        let (mut reads, mut events) = (0, 0);
        for chunk in bytes.chunks(step) {
            let before = ws.consumed;
            // `push` calls `receive` until `NeedMore` or an error, and at most once per byte.
            let all = ws.push(chunk);
            let (reads_on, here) = (ws.need > 0, all.len());
            let data = all.iter().filter(|event| matches!(event, Ev::Data { .. })).count();
            assert!(data <= ws.consumed - before, "more data events than bytes consumed");
            reads += 1;
            events += here;
            if !reads_on {
                break;
            }
        }
        // Every event consumes at least one byte; an error adds one event.
        assert!(events <= bytes.len() + 1, "{events} events from {} bytes", bytes.len());
        assert!(reads + events <= 2 * bytes.len() + 2);
    }
}

#[test]
fn p11_every_call_on_every_short_stream_makes_progress() {
    for (side, most) in [(Side::Client, 12), (Side::Server, 24)] {
        for bytes in short_streams(side, most) {
            for step in 1..=bytes.len() {
                makes_progress(side, &bytes, step);
            }
        }
    }
}
