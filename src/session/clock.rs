//! The deadlines of a session: the machine reports to [`Keepalive`] what it has seen, and lets
//! nobody expire whose bytes are already here.

mod seal;

pub(super) use self::seal::MAX_LEN;

use core::time::Duration;

use crate::buffer::{Reads, SendBuffer, Storage};
use crate::bytes;
use crate::time::keepalive::{Action, Keepalive, Timeouts};
use crate::time::{NONE, deadline, floor};

/// The milliseconds between an expired deadline and the verdict, in which the caller reads. They must
/// be enough for a runtime to learn from the operating system what has arrived.
const GRACE: u64 = 2;

/// A verdict that is this much later, in milliseconds, came after a standstill of the process, and is adjourned ...
const LATE: u64 = 200;

/// ... but not more often than this, so that an overloaded process expires dead peers, too. Nor is a
/// caller that neither reads nor writes asked more often.
const ADJOURNMENTS: u8 = 8;

/// The session's Ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ping {
    /// None waits in the output.
    None,
    /// It has found no space in the output.
    Due,
    /// It is in the output.
    Queued,
}

/// What was received to its end since the last tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whole {
    Nothing,
    /// A control frame outside of a message.
    Control,
    Message,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Clock {
    keepalive: Keepalive,
    pub(super) ping: Ping,
    /// When the verdict on an expired deadline is due, in milliseconds; `NONE` if none has expired.
    verdict: u64,
    adjourned: u8,
    /// When the last tick was, in milliseconds modulo 2^32.
    last: u32,
    /// How long the process may have stood still, in milliseconds, if nothing was received since.
    standstill: u32,
    /// How often a standstill has extended the time of the message.
    extended: u8,
    /// The last tick has seen output that waits.
    is_blocked: bool,
    /// The output has changed since the last tick in a way that starts or moves a deadline.
    is_behind: bool,
    /// The caller writes what is unsent, and does not read until that is done.
    only_writes: bool,
    pub(super) whole: Whole,
    /// A message was sent since the last tick.
    pub(super) has_sent: bool,
}

/// What the machine knows at a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// A message has begun and not ended.
    pub(super) is_inside: bool,
    /// Bytes of an incomplete frame are unread.
    pub(super) is_partial: bool,
    /// Nothing is read.
    pub(super) is_paused: bool,
}

impl Clock {
    pub(super) const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            keepalive: Keepalive::new(timeouts, now),
            ping: Ping::None,
            verdict: NONE,
            adjourned: 0,
            last: 0,
            standstill: 0,
            extended: 0,
            is_blocked: false,
            is_behind: false,
            only_writes: false,
            whole: Whole::Nothing,
            has_sent: false,
        }
    }

    pub(super) const fn open(&mut self, now: Duration) {
        self.keepalive.on_open(now);
    }

    pub(super) const fn close(&mut self, now: Duration) {
        self.keepalive.on_close(now);
    }

    /// When to call `receive` next, whatever happens until then.
    pub(super) fn deadline(&self) -> Option<Duration> {
        deadline(if self.is_behind { 0 } else { self.awaited() })
    }

    /// The verdict, or else the next deadline, in milliseconds.
    fn awaited(&self) -> u64 {
        if self.verdict == NONE { self.keepalive.next() } else { self.verdict }
    }

    /// Looks at the output after a write. A deadline may start only now: that of the Pong when the
    /// Ping has left, that of a write when some output has not, and that of an idle connection. And all
    /// count again once the output has left that has held them back: `is_released`, if it was too long.
    pub(super) const fn look<T: Storage>(&mut self, tx: &SendBuffer<T>, is_released: bool) {
        // Now, since another buffer may be here at the next tick, in another process.
        let (waits, has_progressed) = self.watch_output(tx);
        let is_stuck = waits && (!self.is_blocked || has_progressed);
        let has_sent = self.has_sent && self.keepalive.has_idle();
        let is_released = is_released || (self.only_writes && !waits);
        self.is_behind = is_stuck || has_sent || is_released || self.has_ping_left(tx);
    }

    /// Ends the time of blocked output if none waits, or some was sent since the last tick, and
    /// returns both.
    const fn watch_output<T: Storage>(&mut self, tx: &SendBuffer<T>) -> (bool, bool) {
        let (waits, has_progressed) = (self.waits(tx), tx.has_progressed());
        if has_progressed || !waits {
            self.keepalive.on_written();
        }
        (waits, has_progressed)
    }

    /// Whether output waits, or a Ping that has found no space in it.
    const fn waits<T: Storage>(&self, tx: &SendBuffer<T>) -> bool {
        !tx.is_empty() || matches!(self.ping, Ping::Due)
    }

    const fn has_ping_left<T: Storage>(&self, tx: &SendBuffer<T>) -> bool {
        matches!(self.ping, Ping::Queued) && tx.has_sent_ping()
    }

    /// Takes note of what happened since the last tick, and returns what to do.
    pub(super) fn tick<T: Storage>(
        &mut self,
        seen: Seen,
        reads: &mut Reads,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Action {
        let has_received = reads.received > 0;
        // First, so that the conversions in `note` share it.
        let millis = floor(now);
        self.watch_standstill(millis);
        self.note(seen, reads, tx, now);
        let is_quiet = self.keepalive.is_quiet(millis);
        if !is_quiet && !self.may_judge(seen, reads, tx, has_received, now) {
            return Action::None;
        }
        (self.verdict, self.adjourned) = (NONE, 0);
        let action = if is_quiet { Action::None } else { self.keepalive.poll(now) };
        match action {
            Action::None if self.ping == Ping::Due => Action::SendPing,
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
        has_received: bool,
        now: Duration,
    ) -> bool {
        if self.keepalive.expiring(now).is_none() {
            return true;
        }
        let now = floor(now);
        let dry = seen.is_paused || reads.dry;
        let tried = dry && (tx.is_empty() || tx.tried);
        if !self.is_over(now, tried, has_received) {
            return false;
        }
        if !self.is_announced() {
            // Rounded up.
            self.verdict = now.saturating_add(GRACE + 1);
            (reads.dry, tx.tried) = (false, false);
            return false;
        }
        true
    }

    /// Whether the verdict is on a deadline that had passed when it was announced. Another one may have
    /// passed since, and the first one been met.
    fn is_announced(&self) -> bool {
        let announced = Duration::from_millis(self.verdict.saturating_sub(GRACE + 1));
        self.verdict != NONE && self.keepalive.expiring(announced).is_some()
    }

    /// Whether the verdict, if one is announced, may be spoken at `now`. `tried` is whether the
    /// caller has tried to read and write since then, and nothing was left to read. A caller that has
    /// not, and has received nothing, is asked only so often.
    const fn is_over(&mut self, now: u64, tried: bool, has_received: bool) -> bool {
        if self.verdict == NONE {
            return true;
        }
        if now < self.verdict {
            return false;
        }
        if now > self.verdict.saturating_add(LATE) && self.adjourned < ADJOURNMENTS {
            self.adjourned += 1;
            self.verdict = NONE;
            return true;
        }
        if tried || (!has_received && self.adjourned >= ADJOURNMENTS) {
            return true;
        }
        if !has_received {
            self.adjourned += 1;
        }
        self.verdict = now.saturating_add(GRACE + 1);
        false
    }

    /// A tick long after the deadline means that the process stood still, at most since the last one.
    /// After that one, each deadline was still to come, so a short time need not be compared with it.
    fn watch_standstill(&mut self, now: u64) {
        let low = u32::try_from(now & u64::from(u32::MAX)).unwrap_or_default();
        let since = low.wrapping_sub(self.last);
        self.last = low;
        if u64::from(since) > LATE && !self.is_behind && now > self.awaited().saturating_add(LATE) {
            self.standstill = self.standstill.saturating_add(since);
        }
    }

    fn note<T: Storage>(
        &mut self,
        seen: Seen,
        reads: &mut Reads,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        let Seen { is_inside, is_partial, is_paused } = seen;
        let (waits, _) = self.watch_output(tx);
        tx.forget_progress();
        (self.is_behind, self.is_blocked) = (false, waits);
        // Until the next tick, a caller that must not read need not try.
        let has_read = core::mem::replace(&mut reads.tried, is_paused);
        self.only_writes = !has_read && !tx.is_empty() && (tx.tried || self.only_writes);
        let received = core::mem::take(&mut reads.received);
        if received > 0 {
            self.keepalive.on_receive(now);
            self.keepalive.on_progress(bytes::to_u64(received));
            self.forgive_standstill();
        }
        match core::mem::replace(&mut self.whole, Whole::Nothing) {
            Whole::Nothing => {}
            Whole::Control => self.keepalive.on_whole(),
            Whole::Message => self.keepalive.on_message(now),
        }
        if is_inside || is_partial {
            self.keepalive.on_partial(now);
        } else {
            self.keepalive.on_whole();
            self.extended = 0;
        }
        if core::mem::take(&mut self.has_sent) {
            self.keepalive.on_sent(now);
        }
        if self.has_ping_left(tx) {
            self.ping = Ping::None;
            self.keepalive.on_ping_flushed(now);
        }
        if waits {
            self.keepalive.on_blocked(now);
        }
        self.keepalive.on_paused(is_paused || self.only_writes);
    }

    /// Extends the time of the message by that of a standstill: the peer could send only as much as
    /// the transport holds.
    fn forgive_standstill(&mut self) {
        if self.standstill == 0 {
            return;
        }
        let standstill = core::mem::take(&mut self.standstill);
        if self.extended < ADJOURNMENTS {
            self.extended += 1;
            self.keepalive.extend_message(u64::from(standstill));
        }
    }
}
