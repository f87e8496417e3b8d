//! When to send a Ping and when to give up, for one connection: time as data, without a clock.
//!
//! An instant is a [`Duration`] since any moment that stays the same for a connection (the start of the
//! program, a tick counter); it must not run backwards. Inside, milliseconds are counted: a deadline is
//! never early, and less than two milliseconds late.
//!
//! Tell what happens (`on_…`), set a timer to [`next_deadline`](Keepalive::next_deadline), and do what
//! [`poll`](Keepalive::poll) says:
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
//! // The Ping waits behind other output; its answer is awaited from when it has left.
//! keepalive.on_ping_flushed(second(40));
//! assert_eq!(keepalive.poll(second(49)), Action::None);
//! assert_eq!(keepalive.poll(second(50)), Action::Expired(Reason::Pong));
//! ```

use core::fmt;
use core::time::Duration;

/// How long to wait for what; `None` is for ever. Rounded up to milliseconds; 2^32 - 1 of them
/// (49 days) and more are for ever, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    handshake: u32,
    ping: u32,
    pong: u32,
    idle: u32,
    message: u32,
    write: u32,
    close: u32,
}

/// No limit.
const NEVER: u32 = u32::MAX;

impl Timeouts {
    /// 10 s for the opening handshake, a Ping after 30 s of silence, 20 s for its Pong, 60 s for a message, 30 s for
    /// output to move on, 10 s for the closing handshake, and no limit for idle peers that answer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            handshake: 10_000,
            ping: 30_000,
            pong: 20_000,
            idle: NEVER,
            message: 60_000,
            write: 30_000,
            close: 10_000,
        }
    }

    /// From the transport's start to the end of the opening handshake.
    #[must_use]
    pub const fn handshake_within(self, time: Option<Duration>) -> Self {
        Self { handshake: millis(time), ..self }
    }

    /// From the last byte received to the Ping that asks whether anybody is there.
    #[must_use]
    pub const fn ping_after(self, time: Option<Duration>) -> Self {
        Self { ping: millis(time), ..self }
    }

    /// From when a Ping has left to the next byte received. Any byte will do: a Pong cannot come inside a frame
    /// (RFC 6455 section 5.4), however long that is.
    #[must_use]
    pub const fn pong_within(self, time: Option<Duration>) -> Self {
        Self { pong: millis(time), ..self }
    }

    /// From the last message, received or sent, to the end: Pings and Pongs alone do not keep a connection.
    #[must_use]
    pub const fn idle_within(self, time: Option<Duration>) -> Self {
        Self { idle: millis(time), ..self }
    }

    /// From the first byte of a message to its last, so that nobody holds memory by sending a byte now and then.
    #[must_use]
    pub const fn message_within(self, time: Option<Duration>) -> Self {
        Self { message: millis(time), ..self }
    }

    /// From when output waits for the transport to when some of it moves on.
    #[must_use]
    pub const fn write_within(self, time: Option<Duration>) -> Self {
        Self { write: millis(time), ..self }
    }

    /// From this side's Close to the end of the transport (7.1.1).
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

/// Why a connection is to be given up: drop the transport, or fail the connection first (7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The opening handshake took too long.
    Handshake,
    /// Nothing came after a Ping.
    Pong,
    /// No message for too long.
    Idle,
    /// A message took too long.
    Message,
    /// Output did not move: the peer does not read.
    Write,
    /// The closing handshake took too long.
    Close,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the opening handshake took too long",
            Self::Pong => "nothing came after a ping",
            Self::Idle => "no message for too long",
            Self::Message => "a message took too long",
            Self::Write => "the peer does not read",
            Self::Close => "the closing handshake took too long",
        })
    }
}

impl core::error::Error for Reason {}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a caller must do each of them")]
#[must_use]
pub enum Action {
    /// Nothing before [`Keepalive::next_deadline`].
    None,
    /// Send a Ping; say [`Keepalive::on_ping_flushed`] when it has left. Said once for each Ping.
    SendPing,
    /// Give up: drop the transport, or write a Close and say [`Keepalive::on_close`]. Said again at every call.
    Expired(Reason),
}

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Phase {
    Opening,
    Open,
    /// This side's Close was written.
    Closing,
}

/// What is known of the peer being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Peer {
    /// Bytes came; at the deadline a Ping is due.
    Heard,
    /// A Ping is to be sent, or waits in the output.
    Asked,
    /// A Ping has left; at the deadline the peer is given up.
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
    /// The end of the opening or closing handshake, or what is due from the peer while it is open. In milliseconds as
    /// all that follow; `u64::MAX` is none.
    due: u64,
    idle: u64,
    message: u64,
    write: u64,
}

/// No deadline.
const NONE: u64 = u64::MAX;

impl Keepalive {
    /// The transport is there since `now`, and the opening handshake begins.
    #[must_use]
    pub const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            due: after(now, timeouts.handshake),
            timeouts,
            phase: Phase::Opening,
            peer: Peer::Heard,
            expired: None,
            idle: NONE,
            message: NONE,
            write: NONE,
        }
    }

    /// The opening handshake is done.
    pub const fn on_open(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Opening) {
            self.phase = Phase::Open;
            self.idle = after(now, self.timeouts.idle);
            self.on_receive(now);
        }
    }

    /// Bytes were received, whatever they are. Before the handshake's end they change nothing.
    pub const fn on_receive(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Open) {
            self.peer = Peer::Heard;
            self.due = after(now, self.timeouts.ping);
        }
    }

    /// What was received ends inside a message. Only the first call counts until [`on_message`](Self::on_message) or
    /// [`on_whole`](Self::on_whole).
    pub const fn on_partial(&mut self, now: Duration) {
        if self.message == NONE && !matches!(self.phase, Phase::Closing) {
            self.message = after(now, self.timeouts.message);
        }
    }

    /// What was received ends behind a message, or behind a control frame where no message is open.
    pub const fn on_whole(&mut self) {
        self.message = NONE;
    }

    /// A message was received to its end. If the next one has begun already, say [`on_partial`](Self::on_partial)
    /// behind this.
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

    /// A Ping has left this side's memory, and so has what was written before it.
    pub const fn on_ping_flushed(&mut self, now: Duration) {
        self.on_written();
        if matches!(self.peer, Peer::Asked) && matches!(self.phase, Phase::Open) {
            self.peer = Peer::Awaited;
            self.due = after(now, self.timeouts.pong);
        }
    }

    /// Output waits for the transport and nothing of it could be written. Only the first call counts until
    /// [`on_written`](Self::on_written).
    pub const fn on_blocked(&mut self, now: Duration) {
        if self.write == NONE {
            self.write = after(now, self.timeouts.write);
        }
    }

    /// Some output was written. If more of it waits, say [`on_blocked`](Self::on_blocked) behind this.
    pub const fn on_written(&mut self) {
        self.write = NONE;
    }

    /// This side's Close was written. Only the end of the transport is awaited from here on, also if the Close was
    /// written because something else had expired, or waits behind other output.
    pub const fn on_close(&mut self, now: Duration) {
        if !matches!(self.phase, Phase::Closing) {
            self.expired = None;
            self.phase = Phase::Closing;
            self.due = after(now, self.timeouts.close);
            (self.idle, self.message, self.write) = (NONE, NONE, NONE);
        }
    }

    /// When [`poll`](Self::poll) has something to say; `None` if nothing is awaited.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.expired.is_some() {
            return Some(Duration::ZERO);
        }
        let earliest = self.deadlines().into_iter().map(|(at, _)| at).min();
        let earliest = earliest.unwrap_or(NONE).min(self.due);
        (earliest != NONE).then(|| Duration::from_millis(earliest))
    }

    /// What is to be done at `now`.
    pub fn poll(&mut self, now: Duration) -> Action {
        let reached = floor(now);
        if self.expired.is_none() {
            let over = self.deadlines().into_iter().filter(|(at, _)| *at <= reached);
            self.expired = over.min_by_key(|(at, _)| *at).map(|(_, reason)| reason);
        }
        match self.expired {
            Some(reason) => Action::Expired(reason),
            None if self.due > reached => Action::None,
            None => {
                self.peer = Peer::Asked;
                self.due = NONE;
                // Until it has left, it is output that waits like other output.
                self.write = self.write.min(after(now, self.timeouts.write));
                Action::SendPing
            }
        }
    }

    /// All deadlines whose end is the end.
    const fn deadlines(&self) -> [(u64, Reason); 4] {
        let (due, reason) = match (self.phase, self.peer) {
            (Phase::Opening, _) => (self.due, Reason::Handshake),
            (Phase::Open, Peer::Heard | Peer::Asked) => (NONE, Reason::Pong),
            (Phase::Open, Peer::Awaited) => (self.due, Reason::Pong),
            (Phase::Closing, _) => (self.due, Reason::Close),
        };
        [
            (due, reason),
            (self.idle, Reason::Idle),
            (self.message, Reason::Message),
            (self.write, Reason::Write),
        ]
    }
}

/// The first millisecond that is not before `time` milliseconds behind `now`.
const fn after(now: Duration, time: u32) -> u64 {
    if time == NEVER { NONE } else { ceil(now).saturating_add(widen(time)) }
}

/// `None` is [`NEVER`], and so is what is as long.
const fn millis(time: Option<Duration>) -> u32 {
    match time {
        None => NEVER,
        Some(time) => saturate(ceil(time)),
    }
}

/// Milliseconds, rounded down; [`NONE`] is never reached.
const fn floor(time: Duration) -> u64 {
    let millis = time.as_secs().saturating_mul(1000).saturating_add(widen(time.subsec_millis()));
    if millis == NONE { NONE - 1 } else { millis }
}

/// Milliseconds, rounded up.
const fn ceil(time: Duration) -> u64 {
    let rest = if time.subsec_nanos().is_multiple_of(1_000_000) { 0 } else { 1 };
    floor(time).saturating_add(rest)
}

#[expect(clippy::as_conversions, reason = "u32 to u64, in a const fn")]
const fn widen(n: u32) -> u64 {
    n as u64
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "compared before")]
const fn saturate(n: u64) -> u32 {
    if n >= widen(NEVER) { NEVER } else { n as u32 }
}
