//! A model of the deadlines of a connection: computes them from the times of past events and
//! compares them with `Keepalive`.

use std::time::Duration;

use barews::keepalive::{Action, Reason, Timeouts};
use fastrand::Rng;

/// The resolution of `Keepalive`: a deadline is reported less than this late.
const LATE: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) handshake: Duration,
    pub(crate) ping: Duration,
    pub(crate) pong: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) message: Duration,
    pub(crate) write: Duration,
    pub(crate) close: Duration,
}

impl Limits {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self::scaled(1, rng)
    }

    /// Random ones, this many times as long.
    pub(crate) fn scaled(scale: u64, rng: &mut Rng) -> Self {
        let mut between = |least, most| Duration::from_millis(scale * rng.u64(least..most));
        let mut limits = Self {
            handshake: between(500, 3000),
            ping: between(300, 1500),
            pong: between(200, 1000),
            idle: Some(between(1500, 4000)),
            message: between(800, 3000),
            write: between(300, 2000),
            close: between(300, 1500),
        };
        limits.idle.take_if(|_| rng.bool());
        limits
    }

    pub(crate) fn timeouts(self) -> Timeouts {
        Timeouts::new()
            .handshake_within(Some(self.handshake))
            .ping_after(Some(self.ping))
            .pong_within(Some(self.pong))
            .idle_within(self.idle)
            .message_within(Some(self.message))
            .write_within(Some(self.write))
            .close_within(Some(self.close))
    }
}

/// The times of past events.
#[derive(Debug)]
pub(crate) struct DeadlineModel {
    limits: Limits,
    started: Duration,
    opened: bool,
    last_received: Duration,
    ping_sent: bool,
    ping_flushed_at: Option<Duration>,
    last_message: Duration,
    partial: Option<Duration>,
    blocked: Option<Duration>,
    closed: Option<Duration>,
}

impl DeadlineModel {
    pub(crate) fn new(limits: Limits, now: Duration) -> Self {
        Self {
            limits,
            started: now,
            opened: false,
            last_received: now,
            ping_sent: false,
            ping_flushed_at: None,
            last_message: now,
            partial: None,
            blocked: None,
            closed: None,
        }
    }

    pub(crate) fn open(&mut self, now: Duration) {
        self.opened = true;
        (self.last_received, self.last_message) = (now, now);
    }

    pub(crate) fn receive(&mut self, now: Duration) {
        self.last_received = now;
        (self.ping_sent, self.ping_flushed_at) = (false, None);
    }

    /// Bytes were received: `ended` if they completed a message, `partial` if a message is
    /// incomplete.
    pub(crate) fn messages(&mut self, now: Duration, ended: bool, partial: bool) {
        if ended {
            self.last_message = now;
            self.partial = None;
        }
        self.partial = if partial { self.partial.or(Some(now)) } else { None };
    }

    pub(crate) fn sent(&mut self, now: Duration) {
        self.last_message = now;
    }

    pub(crate) fn ping_flushed(&mut self, now: Duration) {
        if self.ping_sent && self.ping_flushed_at.is_none() {
            self.ping_flushed_at = Some(now);
        }
    }

    pub(crate) fn written(&mut self) {
        self.blocked = None;
    }

    /// After a Close, only the end of the transport is awaited.
    pub(crate) fn blocked(&mut self, now: Duration) {
        if self.closed.is_none() {
            self.blocked = self.blocked.or(Some(now));
        }
    }

    pub(crate) fn close(&mut self, now: Duration) {
        if self.closed.is_none() {
            (self.closed, self.blocked) = (Some(now), None);
        }
    }

    /// When the connection expires for this reason, unless another event comes first.
    fn end(&self, reason: Reason) -> Option<Duration> {
        let Limits { handshake, pong, idle, message, write, close, .. } = self.limits;
        let is_open = self.opened && self.closed.is_none();
        match reason {
            Reason::Handshake => {
                (!self.opened && self.closed.is_none()).then_some(self.started + handshake)
            }
            Reason::Pong => self.ping_flushed_at.filter(|_| is_open).map(|at| at + pong),
            Reason::Idle => idle.filter(|_| is_open).map(|idle| self.last_message + idle),
            Reason::Message => {
                self.partial.filter(|_| self.closed.is_none()).map(|at| at + message)
            }
            Reason::Write => self.blocked.map(|at| at + write),
            Reason::Close => self.closed.map(|at| at + close),
            other => panic!("an unknown reason: {other}"),
        }
    }

    fn ends(&self) -> impl Iterator<Item = (Reason, Duration)> {
        use Reason::{Close, Handshake, Idle, Message, Pong, Write};
        let all = [Handshake, Pong, Idle, Message, Write, Close].into_iter();
        all.filter_map(|reason| Some((reason, self.end(reason)?)))
    }

    fn ping(&self) -> Option<Duration> {
        let is_open = self.opened && self.closed.is_none();
        (is_open && !self.ping_sent).then_some(self.last_received + self.limits.ping)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.ends().map(|(_, at)| at).chain(self.ping()).min()
    }

    /// Checks that `poll` reported this action neither early nor late.
    pub(crate) fn check_action(&mut self, now: Duration, action: Action) {
        let reached = |at: Duration| now >= at;
        let late = |at: Duration| now >= at + LATE;
        match action {
            Action::Expired(reason) => {
                assert!(self.end(reason).is_some_and(reached), "{reason:?} at {now:?}: {self:?}");
            }
            Action::SendPing => {
                assert!(self.ping().is_some_and(reached), "a Ping too early at {now:?}: {self:?}");
                self.ping_sent = true;
                self.blocked(now);
            }
            Action::None => {}
        }
        if !matches!(action, Action::Expired(_)) {
            let missed = self.ends().find(|(_, at)| late(*at));
            assert!(missed.is_none(), "{missed:?} was missed at {now:?}: {self:?}");
            assert!(!self.ping().is_some_and(late), "a Ping is late at {now:?}: {self:?}");
        }
    }

    /// Checks that `next_deadline` is the earliest deadline, rounded up.
    pub(crate) fn check_next(&self, deadline: Option<Duration>) {
        let expected = self.next();
        let fits = match (deadline, expected) {
            (None, None) => true,
            (Some(deadline), Some(expected)) => deadline >= expected && deadline < expected + LATE,
            _ => false,
        };
        assert!(fits, "the next deadline is {deadline:?}, not {expected:?}: {self:?}");
    }
}
