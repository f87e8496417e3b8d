//! The deadlines of a session: the machine reports to [`Keepalive`] what it has seen, and lets
//! nobody expire whose bytes are already here.

use core::time::Duration;

use crate::buffer::{Reads, SendBuffer, Storage};
use crate::bytes;
use crate::time::keepalive::{Action, Keepalive, Timeouts, floor};

/// The milliseconds between an expired deadline and the verdict, in which the caller reads. They must
/// be enough for a runtime to learn from the operating system what has arrived.
const GRACE: u64 = 2;

/// A verdict that is this much later, in milliseconds, came after a standstill of the process, and is adjourned ...
const LATE: u64 = 200;

/// ... but not more often than this, so that an overloaded process expires dead peers, too.
const ADJOURNMENTS: u8 = 8;

/// No Ping waits in the output.
const NO_PING: u64 = 0;
/// A Ping has found no space in the output.
const PING_DUE: u64 = u64::MAX;
/// No deadline has expired.
const NO_VERDICT: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Clock {
    keepalive: Keepalive,
    /// Where in the output the session's Ping ends, or one of the constants above.
    ping: u64,
    /// When the verdict on an expired deadline is due, in milliseconds.
    verdict: u64,
    adjourned: u8,
    /// Since the last tick, a message ended, a control frame came, or a message was sent.
    pub(super) has_message: bool,
    pub(super) has_control: bool,
    pub(super) has_sent: bool,
}

/// What the machine knows at a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// A message has begun and not ended.
    pub(super) is_inside: bool,
    /// Bytes of an incomplete frame or head are unread.
    pub(super) is_partial: bool,
    /// The output is over its high mark, so nothing is read.
    pub(super) is_stalled: bool,
    pub(super) now: Duration,
}

impl Clock {
    pub(super) const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            keepalive: Keepalive::new(timeouts, now),
            ping: NO_PING,
            verdict: NO_VERDICT,
            adjourned: 0,
            has_message: false,
            has_control: false,
            has_sent: false,
        }
    }

    pub(super) const fn open(&mut self, now: Duration) {
        self.keepalive.on_open(now);
    }

    pub(super) const fn close(&mut self, now: Duration) {
        self.keepalive.on_close(now);
    }

    /// The Ping was queued, up to this position of the output; `None` if there was no space for it.
    pub(super) fn ping_queued(&mut self, end: Option<u64>) {
        self.ping = end.unwrap_or(PING_DUE);
    }

    /// When to call `receive` next, whatever happens until then.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.verdict {
            NO_VERDICT => self.keepalive.next_deadline(),
            verdict => Some(Duration::from_millis(verdict)),
        }
    }

    /// Takes note of what happened since the last tick, and returns what to do.
    pub(super) fn tick<T: Storage>(
        &mut self,
        seen: Seen,
        reads: &mut Reads,
        tx: &mut SendBuffer<T>,
    ) -> Action {
        // First, so that the conversions in `note` share it.
        let now = floor(seen.now);
        self.note(seen, reads, tx);
        let is_quiet = self.keepalive.is_quiet(now);
        if !is_quiet && !self.may_judge(seen, reads, tx) {
            return Action::None;
        }
        (self.verdict, self.adjourned) = (NO_VERDICT, 0);
        let action = if is_quiet { Action::None } else { self.keepalive.poll(seen.now) };
        match action {
            Action::None if self.ping == PING_DUE => Action::SendPing,
            action => action,
        }
    }

    /// Whether what has expired, if anything, may be judged now. If not, the verdict is announced.
    #[inline(never)]
    fn may_judge<T: Storage>(
        &mut self,
        seen: Seen,
        reads: &mut Reads,
        tx: &mut SendBuffer<T>,
    ) -> bool {
        if self.keepalive.expiring(seen.now).is_none() {
            return true;
        }
        let now = floor(seen.now);
        let dry = seen.is_stalled || reads.dry || reads.ended;
        if !self.is_over(now, dry && (tx.is_empty() || tx.tried)) {
            return false;
        }
        if self.verdict == NO_VERDICT {
            // Rounded up.
            self.verdict = now.saturating_add(GRACE + 1);
            (reads.dry, tx.tried) = (false, false);
            return false;
        }
        true
    }

    /// Whether the verdict, if one is announced, may be spoken at `now`. `tried` is whether the
    /// caller has tried to read and write since then, and nothing was left to read.
    const fn is_over(&mut self, now: u64, tried: bool) -> bool {
        if self.verdict == NO_VERDICT {
            return true;
        }
        if now < self.verdict {
            return false;
        }
        if now > self.verdict.saturating_add(LATE) && self.adjourned < ADJOURNMENTS {
            self.adjourned += 1;
            self.verdict = NO_VERDICT;
            return true;
        }
        if !tried {
            self.verdict = now.saturating_add(GRACE + 1);
        }
        tried
    }

    fn note<T: Storage>(&mut self, seen: Seen, reads: &mut Reads, tx: &mut SendBuffer<T>) {
        let Seen { is_inside, is_partial, is_stalled, now } = seen;
        let keepalive = &mut self.keepalive;
        let received = core::mem::take(&mut reads.received);
        if received > 0 {
            keepalive.on_receive(now);
            keepalive.on_progress(bytes::to_u64(received));
        }
        if core::mem::take(&mut self.has_message) {
            keepalive.on_message(now);
        }
        if core::mem::take(&mut self.has_control) && !is_inside {
            keepalive.on_whole();
        }
        if is_inside || is_partial {
            keepalive.on_partial(now);
        } else {
            keepalive.on_whole();
        }
        if core::mem::take(&mut self.has_sent) {
            keepalive.on_sent(now);
        }
        if !matches!(self.ping, NO_PING | PING_DUE) && tx.total_sent() >= self.ping {
            self.ping = NO_PING;
            keepalive.on_ping_flushed(now);
        }
        if tx.has_progressed() || tx.is_empty() {
            keepalive.on_written();
        }
        if !tx.is_empty() {
            keepalive.on_blocked(now);
        }
        keepalive.on_paused(is_stalled);
    }
}
