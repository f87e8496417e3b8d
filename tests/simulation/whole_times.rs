//! The deadlines of a session, computed from what its end has seen.

use std::time::Duration;

use barews::State;
use barews::keepalive::Reason;
use fastrand::Rng;

use super::deadlines::Limits;

/// What a verdict takes after its deadline, and the resolution of the deadlines.
const SLACK: Duration = Duration::from_millis(20);
/// The longest time between the last read and a verdict, in microseconds, in a process that runs.
const RECENT: u64 = 220_000;

/// Short ones, or long ones with which a peer outlasts a standstill.
pub(crate) fn random_limits(rng: &mut Rng) -> Limits {
    let scale = if rng.u8(..4) == 0 { 8 } else { 1 };
    Limits::scaled(scale, rng)
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Times {
    limits: Limits,
    started: Duration,
    is_open: bool,
    received: Duration,
    message: Duration,
    partial: Option<Duration>,
    blocked: Option<Duration>,
    /// When some output was written last.
    wrote: Duration,
    closed: Option<Duration>,
    /// When a read last found nothing, in microseconds of the run.
    found_nothing: u64,
    pub(crate) is_inside: bool,
    /// When the last message came, or the session opened: the next one begins later. When exactly
    /// is not seen, as the header of a frame may be consumed before its payload comes.
    ended: Duration,
    /// Messages come in pieces.
    pub(crate) has_pieces: bool,
    /// The process stood still before this step, or its clock jumped.
    pub(crate) is_late: bool,
    /// It did so within the message in progress, whose time is extended.
    was_late: bool,
    /// When the peer could not be heard last.
    unheard: Duration,
    was_paused: bool,
}

impl Times {
    pub(crate) fn new(limits: Limits, now: Duration) -> Self {
        Self {
            limits,
            started: now,
            is_open: false,
            received: now,
            message: now,
            partial: None,
            blocked: None,
            wrote: now,
            closed: None,
            found_nothing: 0,
            is_inside: false,
            ended: now,
            has_pieces: true,
            is_late: false,
            was_late: false,
            unheard: now,
            was_paused: false,
        }
    }

    pub(crate) fn open(&mut self, now: Duration) {
        self.is_open = true;
        self.ended = now;
        (self.received, self.message) = (now, now);
    }

    pub(crate) fn received(&mut self, now: Duration) {
        self.received = now;
    }

    pub(crate) fn found_nothing(&mut self, micros: u64) {
        self.found_nothing = micros;
    }

    pub(crate) fn is_recent(&self, micros: u64) -> bool {
        micros.saturating_sub(self.found_nothing) < RECENT
    }

    /// A message was received or sent.
    pub(crate) fn message(&mut self, now: Duration) {
        self.message = now;
        self.partial = None;
        self.ended = now;
    }

    /// A control frame was received, or a fragment.
    pub(crate) fn frame(&mut self) {
        self.partial.take_if(|_| !self.is_inside);
    }

    pub(crate) fn sent(&mut self, now: Duration) {
        self.message = now;
    }

    pub(crate) fn partial(&mut self, now: Duration, is_partial: bool) {
        self.partial = if is_partial { self.partial.or(Some(now)) } else { None };
        self.was_late = is_partial && (self.was_late || self.is_late);
    }

    pub(crate) fn wrote(&mut self, now: Duration, n: usize, unsent: usize) {
        if n > 0 {
            self.wrote = now;
        }
        if n > 0 || unsent == 0 {
            self.blocked = None;
        }
        if unsent > 0 {
            self.blocked = self.blocked.or(Some(now));
        }
    }

    pub(crate) fn state(&mut self, now: Duration, state: State) {
        if state != State::Open && self.closed.is_none() {
            (self.closed, self.blocked) = (Some(now), self.blocked.map(|_| now));
        }
    }

    /// The earliest moment at which the session can expire for this reason.
    fn least(&self, reason: Reason) -> Option<Duration> {
        let Limits { handshake, ping, pong, idle, message, write, close, .. } = self.limits;
        let is_open = self.is_open && self.closed.is_none();
        match reason {
            Reason::Handshake => {
                (!self.is_open && self.closed.is_none()).then_some(self.started + handshake)
            }
            Reason::Pong => is_open.then_some(self.received + ping + pong),
            Reason::Idle => idle.filter(|_| is_open).map(|idle| self.message + idle),
            Reason::Message => is_open.then_some(self.ended + message),
            Reason::Write => self.blocked.map(|at| at + write),
            Reason::Close => self.closed.map(|at| at + close),
            other => panic!("an unknown reason: {other}"),
        }
    }

    /// Nobody is given up early.
    pub(crate) fn expired(&self, now: Duration, reason: Reason) {
        let least = self.least(reason);
        assert!(least.is_some_and(|at| now >= at), "{reason:?} at {now:?}: {self:?}");
    }

    /// Nor late: no deadline was missed, and the next one is asked for.
    pub(crate) fn check(&mut self, now: Duration, reads: bool, deadline: Option<Duration>) {
        if self.is_late || !reads || self.was_paused {
            self.unheard = now;
        }
        self.was_paused = !reads;
        let write = self.least(Reason::Write).filter(|_| self.closed.is_none());
        let mut bounds = vec![self.least(Reason::Close), write];
        if reads {
            bounds.push(self.least(Reason::Handshake));
            bounds.push(self.least(Reason::Idle));
            // The Ping has left with the rest of the output.
            let pong = self.least(Reason::Pong).filter(|_| self.blocked.is_none());
            bounds.push(pong.map(|at| at.max(self.wrote.max(self.unheard) + self.limits.pong)));
            let knows = self.has_pieces && !self.was_late && self.closed.is_none();
            let partial = self.partial.filter(|_| knows);
            bounds.push(partial.map(|at| at + self.limits.message));
        }
        // Once the peer can be heard again, a verdict takes as long as ever.
        let bounds = bounds.into_iter().flatten();
        let Some(bound) = bounds.map(|at| at.max(self.unheard)).min() else { return };
        assert!(now <= bound + SLACK, "a deadline was missed at {now:?}: {self:?}");
        let asked = deadline.expect("a deadline is asked for");
        assert!(asked <= bound.max(now) + SLACK, "{asked:?} at {now:?}: {self:?}");
    }
}
