//! `keepalive` on a simulated clock, compared with a model that records every event and recomputes
//! each deadline from the record.

use std::num::NonZero;
use std::time::Duration;

use barews::keepalive::{Action, Keepalive, Reason, Timeouts};
use proptest::prelude::*;

/// The resolution: a deadline fires less than this much late.
const LATE: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug)]
enum Call {
    Open,
    Receive,
    Partial,
    Whole,
    Message,
    Sent,
    PingFlushed,
    Blocked,
    Written,
    Close,
}

#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    handshake: Option<Duration>,
    ping: Option<Duration>,
    pong: Option<Duration>,
    idle: Option<Duration>,
    message: Option<Duration>,
    write: Option<Duration>,
    close: Option<Duration>,
}

impl Limits {
    fn timeouts(self) -> Timeouts {
        Timeouts::new()
            .handshake_within(self.handshake)
            .ping_after(self.ping)
            .pong_within(self.pong)
            .idle_within(self.idle)
            .message_within(self.message)
            .write_within(self.write)
            .close_within(self.close)
    }
}

/// The time of each recorded event.
#[derive(Debug, Default)]
struct Model {
    limits: Limits,
    opened: Option<Duration>,
    received: Option<Duration>,
    pinged: bool,
    flushed: Option<Duration>,
    active: Option<Duration>,
    partial: Option<Duration>,
    blocked: Option<Duration>,
    closed: Option<Duration>,
}

impl Model {
    fn call(&mut self, call: Call, now: Duration) {
        let live = self.opened.is_some() && self.closed.is_none();
        match call {
            Call::Open if self.opened.is_none() && self.closed.is_none() => {
                self.opened = Some(now);
                self.active = Some(now);
                self.hear(now);
            }
            Call::Receive if live => self.hear(now),
            Call::Partial if self.closed.is_none() => self.partial = self.partial.or(Some(now)),
            Call::Whole => self.partial = None,
            Call::Message => {
                self.partial = None;
                if live {
                    self.active = Some(now);
                }
            }
            Call::Sent if live => self.active = Some(now),
            Call::PingFlushed => {
                self.blocked = None;
                if live && self.pinged && self.flushed.is_none() {
                    self.flushed = Some(now);
                }
            }
            Call::Blocked => self.blocked = self.blocked.or(Some(now)),
            Call::Written => self.blocked = None,
            Call::Close if self.closed.is_none() => {
                self.closed = Some(now);
                (self.partial, self.blocked) = (None, None);
            }
            Call::Close | Call::Open | Call::Receive | Call::Partial | Call::Sent => {}
        }
    }

    fn hear(&mut self, now: Duration) {
        (self.received, self.pinged, self.flushed) = (Some(now), false, None);
    }

    /// All deadlines, exact.
    fn deadlines(&self) -> Vec<(Duration, Action)> {
        let Limits { handshake, ping, pong, idle, message, write, close } = self.limits;
        let mut all = Vec::new();
        let mut add = |since: Option<Duration>, limit: Option<Duration>, action| {
            all.extend(since.zip(limit).map(|(since, limit)| (since + limit, action)));
        };
        if self.closed.is_some() {
            add(self.closed, close, Action::Expired(Reason::Close));
            return all;
        }
        add(self.blocked, write, Action::Expired(Reason::Write));
        add(self.partial, message, Action::Expired(Reason::Message));
        if self.opened.is_none() {
            add(Some(Duration::ZERO), handshake, Action::Expired(Reason::Handshake));
            return all;
        }
        add(self.active, idle, Action::Expired(Reason::Idle));
        match (self.pinged, self.flushed) {
            (false, _) => add(self.received, ping, Action::SendPing),
            (true, None) => {}
            (true, flushed) => add(flushed, pong, Action::Expired(Reason::Pong)),
        }
        all
    }
}

fn limit() -> impl Strategy<Value = Option<Duration>> {
    prop::option::weighted(0.8, (1..5_000_000_u64).prop_map(Duration::from_micros))
}

fn limits() -> impl Strategy<Value = Limits> {
    [limit(), limit(), limit(), limit(), limit(), limit(), limit()].prop_map(
        |[handshake, ping, pong, idle, message, write, close]| Limits {
            handshake,
            ping,
            pong,
            idle,
            message,
            write,
            close,
        },
    )
}

fn step() -> impl Strategy<Value = (u64, Option<Call>)> {
    let call = prop_oneof![
        2 => Just(Call::Open),
        6 => Just(Call::Receive),
        3 => Just(Call::Partial),
        2 => Just(Call::Whole),
        4 => Just(Call::Message),
        2 => Just(Call::Sent),
        4 => Just(Call::PingFlushed),
        2 => Just(Call::Blocked),
        3 => Just(Call::Written),
        1 => Just(Call::Close),
    ];
    (0..2_000_000_u64, prop::option::weighted(0.7, call))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    /// No action is returned before its deadline, and an overdue one always is.
    #[test]
    fn no_deadline_is_missed_or_early(limits in limits(), steps in prop::collection::vec(step(), 1..60)) {
        let mut now = Duration::ZERO;
        let mut keepalive = Keepalive::new(limits.timeouts(), now);
        let mut model = Model { limits, ..Model::default() };
        for (micros, call) in steps {
            // A timer may fire first, exactly at the requested time.
            let target = now + Duration::from_micros(micros);
            now = match keepalive.next_deadline() {
                Some(at) if call.is_none() && at > now => at.min(target),
                _ => target,
            };
            if let Some(call) = call {
                prop_assert!(now >= Duration::ZERO);
                model.call(call, now);
                match call {
                    Call::Open => keepalive.on_open(now),
                    Call::Receive => keepalive.on_receive(now),
                    Call::Partial => keepalive.on_partial(now),
                    Call::Whole => keepalive.on_whole(),
                    Call::Message => keepalive.on_message(now),
                    Call::Sent => keepalive.on_sent(now),
                    Call::PingFlushed => keepalive.on_ping_flushed(now),
                    Call::Blocked => keepalive.on_blocked(now),
                    Call::Written => keepalive.on_written(),
                    Call::Close => keepalive.on_close(now),
                }
            }
            let deadlines = model.deadlines();
            let announced = keepalive.next_deadline();
            match deadlines.iter().map(|(at, _)| *at).min() {
                None => prop_assert_eq!(announced, None),
                Some(earliest) => {
                    let announced = announced.unwrap();
                    prop_assert!(announced >= earliest, "{:?} before {:?}", announced, earliest);
                    prop_assert!(announced < earliest + LATE, "{:?} for {:?}", announced, earliest);
                }
            }
            let action = keepalive.poll(now);
            match action {
                Action::None => {
                    prop_assert!(announced.is_none_or(|at| at > now));
                    prop_assert!(deadlines.iter().all(|(at, _)| *at + LATE > now));
                }
                said => {
                    prop_assert!(announced.is_some_and(|at| at <= now));
                    prop_assert!(deadlines.iter().any(|(at, action)| *at <= now && *action == said));
                }
            }
            match action {
                Action::None => {}
                Action::SendPing => {
                    model.pinged = true;
                    // Until the Ping is flushed, it counts as blocked output.
                    model.blocked = model.blocked.or(Some(now));
                }
                // An expired deadline is permanent.
                Action::Expired(_) => {
                    keepalive.on_receive(now);
                    prop_assert_eq!(keepalive.poll(now), action);
                    // A Close may still be sent, and has its own deadline.
                    if model.closed.is_none() {
                        keepalive.on_close(now);
                        prop_assert_eq!(keepalive.next_deadline().is_some(), limits.close.is_some());
                    }
                    return Ok(());
                }
            }
        }
    }
}

/// The Pong's deadline starts when the Ping is flushed, not when it is requested.
#[test]
fn a_ping_that_waits_in_the_output_costs_the_peer_no_time() {
    let second = Duration::from_secs;
    let timeouts = Timeouts::new()
        .ping_after(Some(second(10)))
        .pong_within(Some(second(5)))
        .write_within(Some(second(100)));
    let mut keepalive = Keepalive::new(timeouts, second(0));
    keepalive.on_open(second(0));
    assert_eq!(keepalive.poll(second(10)), Action::SendPing);
    assert_eq!(keepalive.poll(second(10)), Action::None, "once");
    keepalive.on_blocked(second(10));
    assert_eq!(keepalive.poll(second(69)), Action::None);
    keepalive.on_written();
    keepalive.on_ping_flushed(second(69));
    assert_eq!(keepalive.next_deadline(), Some(second(74)));
    assert_eq!(keepalive.poll(second(74)), Action::Expired(Reason::Pong));
}

/// A read may end inside a control frame, which does not end a message; nor does sending a message
/// end the one being received.
#[test]
fn only_the_end_of_a_received_message_stops_its_deadline() {
    let second = Duration::from_secs;
    let mut keepalive = Keepalive::new(Timeouts::new().ping_after(None), second(0));
    keepalive.on_open(second(0));
    keepalive.on_partial(second(1));
    keepalive.on_whole();
    assert_eq!(keepalive.poll(second(100)), Action::None);
    keepalive.on_partial(second(100));
    keepalive.on_sent(second(130));
    assert_eq!(keepalive.poll(second(160)), Action::Expired(Reason::Message));
    keepalive.on_close(second(160));
    assert_eq!(keepalive.next_deadline(), Some(second(170)));
}

/// An occasional byte keeps a connection alive, but not a message.
#[test]
fn a_message_that_trickles_is_given_up() {
    let second = Duration::from_secs;
    let mut keepalive = Keepalive::new(Timeouts::new(), second(0));
    keepalive.on_open(second(0));
    for at in 1..60 {
        keepalive.on_receive(second(at));
        keepalive.on_partial(second(at));
        assert_eq!(keepalive.poll(second(at)), Action::None);
    }
    keepalive.on_receive(second(61));
    assert_eq!(keepalive.poll(second(61)), Action::Expired(Reason::Message));
}

/// In every state, and with what starts each timer.
#[test]
fn without_timeouts_nothing_is_ever_due() {
    let zero = Duration::ZERO;
    let mut keepalive = Keepalive::new(Timeouts::none(), zero);
    let mut is_never = |on: fn(&mut Keepalive)| {
        on(&mut keepalive);
        assert_eq!(keepalive.next_deadline(), None);
        assert_eq!(keepalive.poll(Duration::from_secs(1 << 40)), Action::None);
    };
    is_never(|_| {});
    is_never(|it| it.on_open(Duration::ZERO));
    is_never(|it| it.on_partial(Duration::ZERO));
    is_never(|it| it.on_blocked(Duration::ZERO));
    is_never(|it| it.on_ping_flushed(Duration::ZERO));
    is_never(|it| it.on_close(Duration::ZERO));
}

/// A limit too large for a timer is no limit, and a deadline at the end of time does not wrap.
#[test]
fn bytes_extend_a_message_by_the_same_time_however_they_are_counted() {
    let second = Duration::from_secs(1);
    let rate = NonZero::new(3000).unwrap();
    let timeouts = Timeouts::new().message_within(Some(second)).message_rate(rate);
    for pieces in [vec![1; 9001], vec![4500, 4501], vec![9001]] {
        let mut keepalive = Keepalive::new(timeouts, second);
        keepalive.on_open(second);
        // Without a message they extend nothing.
        keepalive.on_progress(3001);
        keepalive.on_partial(second);
        for bytes in pieces {
            keepalive.on_progress(bytes);
        }
        assert_eq!(keepalive.next_deadline(), Some(Duration::from_secs(5)));
        keepalive.on_progress(2);
        assert_eq!(keepalive.next_deadline(), Some(Duration::from_millis(5001)));
    }
}

#[test]
fn extremes() {
    let forever = Timeouts::new().handshake_within(Some(Duration::MAX));
    assert_eq!(Keepalive::new(forever, Duration::ZERO).next_deadline(), None);
    let late = Duration::MAX;
    let mut keepalive = Keepalive::new(Timeouts::new(), late);
    assert_eq!(keepalive.poll(late), Action::None);
    assert_eq!(keepalive.next_deadline(), None);
    let none = Timeouts::new().handshake_within(Some(Duration::ZERO));
    let mut keepalive = Keepalive::new(none, Duration::from_nanos(1));
    assert_eq!(keepalive.next_deadline(), Some(Duration::from_millis(1)));
    assert_eq!(keepalive.poll(Duration::from_micros(999)), Action::None);
    assert_eq!(keepalive.poll(Duration::from_millis(1)), Action::Expired(Reason::Handshake));
}

#[test]
fn an_expired_deadline_is_due_at_once_until_the_close_is_written() {
    let timeouts = Timeouts::default().handshake_within(Some(Duration::from_secs(5)));
    assert_eq!(Timeouts::default(), Timeouts::new());
    let mut keepalive = Keepalive::new(timeouts, Duration::ZERO);
    let late = Duration::from_secs(7);
    assert_eq!(keepalive.poll(late), Action::Expired(Reason::Handshake));
    assert_eq!(keepalive.next_deadline(), Some(Duration::ZERO));
    assert_eq!(keepalive.poll(late), Action::Expired(Reason::Handshake));
    keepalive.on_close(late);
    assert!(keepalive.next_deadline() > Some(late));
    assert_eq!(keepalive.poll(late), Action::None);
}

/// A Close may follow blocked output, or be sent in place of the requested Ping.
#[test]
fn after_a_close_only_the_end_is_awaited() {
    let second = Duration::from_secs;
    let timeouts = Timeouts::new().ping_after(Some(second(10))).write_within(Some(second(5)));
    let mut asked = Keepalive::new(timeouts.close_within(Some(second(60))), second(0));
    asked.on_open(second(0));
    assert_eq!(asked.poll(second(10)), Action::SendPing);
    let mut blocked = Keepalive::new(timeouts.close_within(Some(second(60))), second(0));
    blocked.on_open(second(5));
    blocked.on_blocked(second(6));
    assert_eq!(blocked.poll(second(11)), Action::Expired(Reason::Write));
    for mut keepalive in [asked, blocked] {
        keepalive.on_close(second(11));
        // The Close itself may be what waits.
        keepalive.on_blocked(second(12));
        keepalive.on_partial(second(12));
        keepalive.on_sent(second(12));
        keepalive.on_receive(second(12));
        assert_eq!(keepalive.next_deadline(), Some(second(71)));
        assert_eq!(keepalive.poll(second(70)), Action::None);
        assert_eq!(keepalive.poll(second(71)), Action::Expired(Reason::Close));
    }
}
