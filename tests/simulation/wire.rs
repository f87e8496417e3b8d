//! The socket side of an end: buffers, deadlines and the state of the transport.

use std::time::Duration;

use barews::RecvBuffer;
use barews::keepalive::{Action, Keepalive, Reason};

use super::content::LONGEST;
use super::counts::Count;
use super::deadlines::{DeadlineModel, Limits};
use super::network::{End, Net, Read};
use super::trace::{Ending, What};

/// The high-water mark: with more pending output, the end neither sends messages nor reads.
pub(crate) const HIGH: usize = 4096;

/// The most that one step adds to the output: the longest message, expanded by compression, and
/// some control frames.
const LONGEST_TURN: usize = LONGEST + LONGEST / 8 + 1024;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    Bytes,
    Nothing,
    Eof,
    Reset,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Wire {
    pub(crate) end: End,
    pub(crate) rx: RecvBuffer<Box<[u8]>>,
    pub(crate) out: Vec<u8>,
    /// How much of `out` has been written.
    written: usize,
    pub(crate) keepalive: Keepalive,
    pub(crate) model: DeadlineModel,
    /// The peer has closed its half.
    pub(crate) is_ended: bool,
    pub(crate) is_half_closed: bool,
    /// It sends nothing more, because its half was closed without a Close.
    pub(crate) is_mute: bool,
    /// Whether it stops reading above the high-water mark. If both ends do so, they can block each
    /// other until a deadline expires.
    pub(crate) may_stop: bool,
    pub(crate) over: Option<Ending>,
    /// How many more bytes must arrive before the next event.
    pub(crate) missing: usize,
    /// How many bytes were unread when `missing` was set.
    pub(crate) was_unread: usize,
    /// Where in `out` a keepalive Ping ends.
    ping_end: Option<usize>,
    /// The most bytes of one read, and of one write.
    grains: [usize; 2],
    /// It does nothing before this time.
    pub(crate) hung_until: u64,
    /// It does not read before this time.
    pub(crate) read_paused_until: u64,
    /// The earliest scheduled wake-up.
    pub(crate) wake_at: u64,
}

impl Wire {
    pub(crate) fn new(net: &mut Net, end: End) -> Self {
        let limits = Limits::random(&mut net.rng);
        let now = net.clock(end);
        let grain = |net: &mut Net| 1 << if net.rng.u8(..8) == 0 { 0 } else { net.rng.u32(4..16) };
        let capacity = net.rng.usize(1..600);
        Self {
            end,
            rx: RecvBuffer::new(vec![0; capacity].into_boxed_slice()),
            out: Vec::new(),
            written: 0,
            keepalive: Keepalive::new(limits.timeouts(), now),
            model: DeadlineModel::new(limits, now),
            is_ended: false,
            is_half_closed: false,
            is_mute: false,
            may_stop: true,
            over: None,
            missing: 0,
            was_unread: 0,
            ping_end: None,
            grains: [grain(net), grain(net)],
            hung_until: 0,
            read_paused_until: 0,
            wake_at: u64::MAX,
        }
    }

    /// The number of bytes that are not written yet.
    pub(crate) fn pending(&self) -> usize {
        self.out.len() - self.written
    }

    /// Whether reading has stopped until some of the output is written.
    pub(crate) fn is_stopped(&self) -> bool {
        self.may_stop && self.pending() > HIGH
    }

    /// The most bytes for one call: usually at most the grain, sometimes unlimited.
    fn grain(&self, net: &mut Net, of: usize) -> usize {
        if net.rng.u8(..4) == 0 { usize::MAX } else { net.rng.usize(1..=self.grains[of]) }
    }

    /// Reads once.
    pub(crate) fn read(&mut self, net: &mut Net) -> ReadOutcome {
        if net.now < self.read_paused_until || self.is_ended {
            return ReadOutcome::Nothing;
        }
        let now = net.clock(self.end);
        let most = self.grain(net, 0);
        let spare = self.rx.spare_mut();
        assert!(!spare.is_empty(), "the buffer is full, but `NeedMore` did not ask for space");
        let len = spare.len().min(most);
        match net.read(self.end, &mut spare[..len]) {
            Read::Bytes(n) => {
                net.note(self.end, What::Read(n));
                self.rx.advance(n);
                self.missing = self.missing.saturating_sub(n);
                self.keepalive.on_receive(now);
                self.model.receive(now);
                ReadOutcome::Bytes
            }
            Read::Later => ReadOutcome::Nothing,
            Read::Eof => {
                net.note(self.end, What::Eof);
                self.is_ended = true;
                ReadOutcome::Eof
            }
            Read::Reset => {
                net.note(self.end, What::Reset);
                ReadOutcome::Reset
            }
        }
    }

    /// Reports to the deadlines what the received bytes contained.
    pub(crate) fn on_events(&mut self, now: Duration, ended: bool, partial: bool) {
        if ended {
            self.keepalive.on_message(now);
        }
        if partial {
            self.keepalive.on_partial(now);
        } else {
            self.keepalive.on_whole();
        }
        self.model.messages(now, ended, partial);
    }

    pub(crate) fn on_open(&mut self, now: Duration) {
        self.keepalive.on_open(now);
        self.model.open(now);
    }

    pub(crate) fn on_sent(&mut self, now: Duration) {
        self.keepalive.on_sent(now);
        self.model.sent(now);
    }

    pub(crate) fn on_close(&mut self, now: Duration) {
        self.keepalive.on_close(now);
        self.model.close(now);
    }

    /// A keepalive Ping is now the last frame in the output.
    pub(crate) fn on_ping(&mut self) {
        self.ping_end = Some(self.out.len());
    }

    /// Writes once; returns false if the connection was reset.
    pub(crate) fn flush(&mut self, net: &mut Net) -> bool {
        if self.is_mute || self.is_half_closed {
            self.out.clear();
            self.written = 0;
        }
        let now = net.clock(self.end);
        if self.pending() > 0 {
            let most = self.grain(net, 1);
            let Some(n) = net.write(self.end, &self.out[self.written..], most) else {
                return false;
            };
            if n > 0 {
                net.note(self.end, What::Wrote(n));
                self.written += n;
                self.keepalive.on_written();
                self.model.written();
            }
            if self.ping_end.is_some_and(|end| end <= self.written) {
                self.ping_end = None;
                self.keepalive.on_ping_flushed(now);
                self.model.written();
                self.model.ping_flushed(now);
            }
            assert!(self.pending() <= HIGH + LONGEST_TURN, "{} bytes are pending", self.pending());
            if self.pending() > 0 {
                net.counts.one(if n == 0 { Count::WritesBlocked } else { Count::WritesInPart });
                self.keepalive.on_blocked(now);
                self.model.blocked(now);
            }
        }
        if self.pending() == 0 {
            self.out.clear();
            self.written = 0;
            self.ping_end = None;
        } else if self.written > HIGH {
            self.out.drain(..self.written);
            self.ping_end = self.ping_end.map(|end| end - self.written);
            self.written = 0;
        }
        true
    }

    /// Polls the deadlines and checks the result against the model.
    pub(crate) fn poll(&mut self, net: &mut Net) -> Action {
        let now = net.clock(self.end);
        let action = self.keepalive.poll(now);
        self.model.check_action(now, action);
        if let Action::Expired(reason) = action {
            net.note(self.end, What::Expired(reason));
            net.counts.one(match reason {
                Reason::Handshake => Count::ExpiredHandshakes,
                Reason::Pong => Count::ExpiredPongs,
                Reason::Idle => Count::ExpiredIdle,
                Reason::Message => Count::ExpiredMessages,
                Reason::Write => Count::ExpiredWrites,
                _ => Count::ExpiredCloses,
            });
        }
        action
    }

    /// Drops the transport.
    pub(crate) fn end(&mut self, net: &mut Net, ending: Ending) {
        if self.over.is_none() {
            net.note(self.end, What::Over(ending));
            net.close(self.end);
            self.over = Some(ending);
            // Frees the memory.
            self.out = Vec::new();
            self.written = 0;
            self.rx = RecvBuffer::new(Box::default());
        }
    }

    /// Schedules the next wake-up: a deadline, a read, a write, or `after`.
    pub(crate) fn sleep(&mut self, net: &mut Net, after: Option<u64>) {
        if self.over.is_some() {
            return;
        }
        let deadline = self.keepalive.next_deadline();
        self.model.check_next(deadline);
        // If `Keepalive` is late, the model still wakes the end.
        let deadlines = [deadline, self.model.next()].into_iter().flatten();
        let deadline = deadlines.map(|at| net.when(self.end, at)).min();
        let soon = |wanted: bool| wanted.then_some(net.now + 1);
        let reads = soon(!self.is_ended && net.is_readable(self.end) && !self.is_stopped());
        let reads = reads.map(|at| at.max(self.read_paused_until));
        let writes = soon(self.pending() > 0 && net.is_writable(self.end));
        if let Some(at) = [deadline, reads, writes, after].into_iter().flatten().min() {
            self.wake(net, at.max(self.hung_until).max(net.now + 1));
        }
    }

    /// Schedules a wake-up at `at`, unless an earlier one is scheduled.
    pub(crate) fn wake(&mut self, net: &mut Net, at: u64) {
        if at < self.wake_at {
            self.wake_at = at;
            net.at(at, super::network::Event::Wake(self.end));
        }
    }
}
