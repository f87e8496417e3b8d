//! When to send a Ping and when to give up a connection, without a clock.
//!
//! An instant is a [`Duration`] since an arbitrary moment that is fixed for the connection, such as
//! the start of the program; it must not go backwards. Instants are kept in milliseconds: a
//! deadline is never early, and less than two milliseconds late.
//!
//! Report what happens (`on_…`), set a timer to [`next_deadline`](Keepalive::next_deadline), and do
//! what [`poll`](Keepalive::poll) returns:
//!
//! ```
//! use core::time::Duration;
//! use barews::keepalive::{Action, Keepalive, Reason, Timeouts};
//!
//! let second = Duration::from_secs;
//! let timeouts = Timeouts::new().ping_after(Some(second(30))).pong_within(Some(second(10)));
//! let mut keepalive = Keepalive::new(timeouts, second(0));
//! keepalive.on_open(second(1));
//!
//! assert_eq!(keepalive.next_deadline(), Some(second(31)));
//! assert_eq!(keepalive.poll(second(31)), Action::SendPing);
//! // The Ping waits for other output; the Pong's time starts when the Ping has been written.
//! keepalive.on_ping_flushed(second(40));
//! assert_eq!(keepalive.poll(second(49)), Action::None);
//! assert_eq!(keepalive.poll(second(50)), Action::Expired(Reason::Pong));
//! ```

mod seal;

use core::fmt;
use core::num::NonZero;
use core::time::Duration;

#[cfg(feature = "handshake")]
pub(crate) use self::seal::{INSTANT_LEN, MAX_LEN, instant, read_instant};
pub(crate) use super::millis::floor;
use super::millis::{NEVER, NONE, after, deadline, millis, saturate, widen};

/// The timeouts of a connection. `None` is no timeout; others are rounded up to milliseconds, and
/// 2^32 - 1 ms (49 days) or more are none, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    handshake: u32,
    ping: u32,
    pong: u32,
    idle: u32,
    message: u32,
    /// In bytes per second; 0 is none.
    message_rate: u32,
    write: u32,
    close: u32,
}

impl Timeouts {
    /// The defaults: 10 s for the opening handshake, a Ping after 30 s without input, 20 s for
    /// its Pong, 60 s for a message, 30 s for blocked output, 10 s for the closing handshake, and
    /// no idle timeout.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            handshake: 10_000,
            ping: 30_000,
            pong: 20_000,
            idle: NEVER,
            message: 60_000,
            message_rate: 0,
            write: 30_000,
            close: 10_000,
        }
    }

    /// No timeout at all, for a machine without a clock, or as a base for single ones.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            handshake: NEVER,
            ping: NEVER,
            pong: NEVER,
            idle: NEVER,
            message: NEVER,
            message_rate: 0,
            write: NEVER,
            close: NEVER,
        }
    }

    /// Sets the time from the start of the transport to the end of the opening handshake.
    #[must_use]
    pub const fn handshake_within(self, time: Option<Duration>) -> Self {
        Self { handshake: millis(time), ..self }
    }

    /// Sets the time from the last byte received to a Ping.
    #[must_use]
    pub const fn ping_after(self, time: Option<Duration>) -> Self {
        Self { ping: millis(time), ..self }
    }

    /// Sets the time from a written Ping to the next byte received. Any byte counts, since a Pong
    /// cannot interrupt a frame, however long it is (RFC 6455 §5.4).
    #[must_use]
    pub const fn pong_within(self, time: Option<Duration>) -> Self {
        Self { pong: millis(time), ..self }
    }

    /// Sets the time from the last message, received or sent, to the end. Ping and
    /// Pong do not count.
    #[must_use]
    pub const fn idle_within(self, time: Option<Duration>) -> Self {
        Self { idle: millis(time), ..self }
    }

    /// Sets the time from the first byte of a message to its last, so that a peer cannot hold
    /// memory with a byte now and then.
    #[must_use]
    pub const fn message_within(self, time: Option<Duration>) -> Self {
        Self { message: millis(time), ..self }
    }

    /// Extends the time for a message by one second for each `bytes_per_second` bytes received of
    /// it, so that a long message, or one without end, is not given up while it arrives at this
    /// rate. By default nothing extends the time.
    #[must_use]
    pub const fn message_rate(self, bytes_per_second: NonZero<u32>) -> Self {
        Self { message_rate: bytes_per_second.get(), ..self }
    }

    /// Sets the time that output may wait for the transport without any of it being written.
    #[must_use]
    pub const fn write_within(self, time: Option<Duration>) -> Self {
        Self { write: millis(time), ..self }
    }

    /// Sets the time from this side's Close to the end of the transport (RFC 6455 §7.1.1).
    #[must_use]
    pub const fn close_within(self, time: Option<Duration>) -> Self {
        Self { close: millis(time), ..self }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a connection is given up: drop the transport, or first fail the connection
/// (RFC 6455 §7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The opening handshake took too long.
    Handshake,
    /// Nothing was received after a Ping.
    Pong,
    /// No message was received or sent for too long.
    Idle,
    /// A message took too long.
    Message,
    /// No output could be written: the peer does not read.
    Write,
    /// The closing handshake took too long.
    Close,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the opening handshake took too long",
            Self::Pong => "nothing was received after a Ping",
            Self::Idle => "no message was received or sent for too long",
            Self::Message => "a message took too long",
            Self::Write => "the peer does not read",
            Self::Close => "the closing handshake took too long",
        })
    }
}

impl core::error::Error for Reason {}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each action")]
#[must_use]
pub enum Action {
    /// Nothing before [`Keepalive::next_deadline`].
    None,
    /// Send a Ping, and call [`Keepalive::on_ping_flushed`] when it has been written.
    /// Returned once per Ping.
    SendPing,
    /// Give up: drop the transport, or write a Close and call [`Keepalive::on_close`]. Returned by
    /// every further call.
    Expired(Reason),
}

/// The phase of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Phase {
    Opening,
    Open,
    /// This side's Close has been written.
    Closing,
}

/// What is known of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Peer {
    /// Bytes have arrived. At the deadline a Ping is sent.
    Heard,
    /// A Ping is to be sent, or waits in the output.
    Asked,
    /// A Ping has been written. At the deadline the peer is given up.
    Awaited,
}

/// The deadlines of one connection.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keepalive {
    timeouts: Timeouts,
    phase: Phase,
    peer: Peer,
    expired: Option<Reason>,
    /// This side does not read.
    paused: bool,
    /// The end of the opening or closing handshake, or what is next between them: a Ping, or the
    /// time for its Pong. In milliseconds, like the fields below; `u64::MAX` is none.
    due: u64,
    idle: u64,
    message: u64,
    write: u64,
    /// What the bytes received have extended the time of the message by, beyond whole milliseconds:
    /// in units of 1 ms / `message_rate`.
    rest: u32,
}

impl Keepalive {
    /// The transport was opened at `now`, and the opening handshake starts.
    #[must_use]
    pub const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            due: after(now, timeouts.handshake),
            timeouts,
            phase: Phase::Opening,
            peer: Peer::Heard,
            expired: None,
            paused: false,
            idle: NONE,
            message: NONE,
            write: NONE,
            rest: 0,
        }
    }

    /// The opening handshake is complete.
    pub const fn on_open(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Opening) {
            self.phase = Phase::Open;
            self.idle = after(now, self.timeouts.idle);
            self.on_receive(now);
        }
    }

    /// Bytes were received, of any kind. No effect before the opening handshake is complete.
    pub const fn on_receive(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Open) {
            self.peer = Peer::Heard;
            self.due = after(now, self.timeouts.ping);
        }
    }

    /// The received bytes end inside a message. Only the first call counts until
    /// [`on_message`](Self::on_message) or [`on_whole`](Self::on_whole).
    pub const fn on_partial(&mut self, now: Duration) {
        if self.message == NONE && !matches!(self.phase, Phase::Closing) {
            self.message = after(now, self.timeouts.message);
            self.rest = 0;
        }
    }

    /// `bytes` more bytes of a message were received; see [`Timeouts::message_rate`].
    pub const fn on_progress(&mut self, bytes: u64) {
        let rate = widen(self.timeouts.message_rate);
        if rate != 0 {
            let units = bytes.saturating_mul(1000).saturating_add(widen(self.rest));
            self.message = self.message.saturating_add(units.saturating_div(rate));
            self.rest = saturate(units.wrapping_rem(rate));
        }
    }

    /// Whether the opening handshake is not complete.
    #[cfg(feature = "handshake")]
    pub(crate) const fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening)
    }

    /// Whether the time from the last message counts.
    #[cfg(feature = "handshake")]
    pub(crate) const fn has_idle(&self) -> bool {
        self.idle != NONE
    }

    /// The process stood still, so that the peer could not send.
    #[cfg(feature = "handshake")]
    pub(crate) const fn extend_message(&mut self, millis: u64) {
        self.message = self.message.saturating_add(millis);
    }

    /// The received bytes end after a message, or after a control frame outside any message.
    pub const fn on_whole(&mut self) {
        self.message = NONE;
    }

    /// A message was received to its end. If the next one has already started, call
    /// [`on_partial`](Self::on_partial) afterwards.
    pub const fn on_message(&mut self, now: Duration) {
        self.on_whole();
        self.on_sent(now);
    }

    /// A message was sent.
    pub const fn on_sent(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Open) {
            self.idle = after(now, self.timeouts.idle);
        }
    }

    /// A Ping, and all output before it, was written to the transport.
    pub const fn on_ping_flushed(&mut self, now: Duration) {
        self.on_written();
        if matches!(self.peer, Peer::Asked) && matches!(self.phase, Phase::Open) {
            self.peer = Peer::Awaited;
            self.due = after(now, self.timeouts.pong);
        }
    }

    /// Output waits for the transport, and none of it could be written. Only the first call counts
    /// until [`on_written`](Self::on_written), and none after [`on_close`](Self::on_close).
    pub const fn on_blocked(&mut self, now: Duration) {
        if self.write == NONE && !matches!(self.phase, Phase::Closing) {
            self.write = after(now, self.timeouts.write);
        }
    }

    /// Some output was written. If the rest is blocked, call
    /// [`on_blocked`](Self::on_blocked) afterwards.
    pub const fn on_written(&mut self) {
        self.write = NONE;
    }

    /// This side has stopped reading, for instance because the peer does not read what it is sent,
    /// or reads again. While it does not read, only blocked output and the closing handshake expire:
    /// the peer cannot be heard.
    pub const fn on_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// This side's Close was written, or waits in the output. From now on only the end of the
    /// transport is awaited, even if another timeout had expired before.
    pub const fn on_close(&mut self, now: Duration) {
        if !matches!(self.phase, Phase::Closing) {
            self.expired = None;
            self.phase = Phase::Closing;
            self.due = after(now, self.timeouts.close);
            (self.idle, self.message, self.write) = (NONE, NONE, NONE);
        }
    }

    /// When to call [`poll`](Self::poll) next; `None` if nothing is awaited.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        deadline(self.next())
    }

    /// Returns what to do at `now`.
    pub fn poll(&mut self, now: Duration) -> Action {
        if self.is_quiet(floor(now)) {
            return Action::None;
        }
        self.expired = self.expiring(now);
        if let Some(reason) = self.expired {
            return Action::Expired(reason);
        }
        // Not quiet, and nothing has expired: the Ping is due.
        self.peer = Peer::Asked;
        self.due = NONE;
        // Until it has been written, the Ping counts as blocked output.
        self.write = self.write.min(after(now, self.timeouts.write));
        Action::SendPing
    }

    /// The reason for which [`poll`](Self::poll) would give up the connection at `now`.
    #[must_use]
    pub fn expiring(&self, now: Duration) -> Option<Reason> {
        let over = self.deadlines().into_iter().filter(|(at, _)| *at <= floor(now));
        self.expired.or_else(|| over.min_by_key(|(at, _)| *at).map(|(_, reason)| reason))
    }

    /// Whether nothing is due at `now`, in milliseconds.
    #[inline]
    pub(crate) fn is_quiet(&self, now: u64) -> bool {
        self.next() > now
    }

    /// The earliest deadline, or the next Ping, in milliseconds; one that has expired is 0.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        if self.expired.is_some() {
            return 0;
        }
        if self.is_deaf() {
            return self.write;
        }
        self.due.min(self.idle).min(self.message).min(self.write)
    }

    /// Whether the peer cannot be heard.
    const fn is_deaf(&self) -> bool {
        self.paused && matches!(self.phase, Phase::Open)
    }

    /// The deadlines after which the connection is given up.
    const fn deadlines(&self) -> [(u64, Reason); 4] {
        let (due, reason) = match (self.phase, self.peer) {
            (Phase::Opening, _) => (self.due, Reason::Handshake),
            (Phase::Open, Peer::Heard | Peer::Asked) => (NONE, Reason::Pong),
            (Phase::Open, Peer::Awaited) => (self.due, Reason::Pong),
            (Phase::Closing, _) => (self.due, Reason::Close),
        };
        if self.is_deaf() {
            let none = (NONE, Reason::Pong);
            return [none, none, none, (self.write, Reason::Write)];
        }
        [
            (due, reason),
            (self.idle, Reason::Idle),
            (self.message, Reason::Message),
            (self.write, Reason::Write),
        ]
    }
}
