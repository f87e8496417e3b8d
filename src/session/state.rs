//! The state of a session, and what its owner can ask.

mod seal;

use core::time::Duration;

use super::clock::Clock;
use super::event::{Cause, Failure};
use super::opening::SessionRole;
use crate::buffer::{SendBuffer, Storage};
use crate::protocol::closing::{State, TransportAction};
use crate::protocol::config::Config;
use crate::protocol::connection::Connection;
use crate::time::floor;
use crate::time::keepalive::Timeouts;

/// A WebSocket from the transport's first byte to its last; see the [module](super).
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Session<R: SessionRole> {
    pub(super) stage: Stage<R>,
    pub(super) clock: Clock,
    pub(super) health: Health,
    /// Nothing was delivered because the output is over its high mark.
    pub(super) is_stalled: bool,
    pub(super) incoming: Incoming,
    /// The caller wants nothing delivered.
    pub(super) is_paused: bool,
    /// The receive buffer was full at the last `receive`, without a whole event.
    pub(super) was_full: bool,
    /// `TransportAction::HalfClose` was returned.
    pub(super) is_half_closed: bool,
    /// The last message of `receive_message` was compressed.
    pub(super) was_compressed: bool,
}

/// Whether a read is of use.
#[derive(Clone, Copy, Debug)]
pub(super) enum Incoming {
    Open,
    /// The caller has to answer a request first.
    Waits,
    /// The transport has ended.
    Ended,
}

/// Whether the session has failed.
#[derive(Debug)]
pub(super) enum Health {
    Well,
    /// The next `receive` reports it.
    Failed(Cause),
    Reported,
}

/// The memory of the opening handshake and that of the open connection are the same.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "without an allocator there is no box")]
pub(super) enum Stage<R: SessionRole> {
    Opening {
        opening: R::Opening,
        config: Config,
        role: R,
    },
    Open(Connection<R>),
    /// Only the end of the transport is awaited, after a response that is not 101.
    Refused,
    Over,
}

impl<R: SessionRole> Stage<R> {
    /// The opening handshake, until it is complete.
    pub(super) const fn opening_mut(&mut self) -> Option<&mut R::Opening> {
        match self {
            Self::Opening { opening, .. } => Some(opening),
            Self::Open(_) | Self::Refused | Self::Over => None,
        }
    }

    /// The connection, once it is open.
    pub(super) const fn connection_mut(&mut self) -> Option<&mut Connection<R>> {
        match self {
            Self::Open(connection) => Some(connection),
            Self::Opening { .. } | Self::Refused | Self::Over => None,
        }
    }
}

impl<R: SessionRole> Session<R> {
    /// Creates a session on a connection whose opening handshake was done elsewhere: by an HTTP
    /// server, or over HTTP/2.
    #[must_use]
    pub fn opened(connection: Connection<R>, timeouts: Timeouts, now: Duration) -> Self {
        let mut session = Self::new(Stage::Open(connection), timeouts, now);
        session.clock.open(now);
        session
    }

    pub(super) fn new(stage: Stage<R>, timeouts: Timeouts, now: Duration) -> Self {
        Self {
            stage,
            clock: Clock::new(timeouts, now),
            health: Health::Well,
            is_stalled: false,
            incoming: Incoming::Open,
            is_paused: false,
            was_full: false,
            is_half_closed: false,
            was_compressed: false,
        }
    }

    /// When to read and call [`receive`](Self::receive) again, whatever happens until then; `None`
    /// if only the transport matters.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Over => None,
            // Without a longer buffer, the next call fails the session.
            _ if self.was_full && !self.is_stalled => Some(Duration::ZERO),
            _ => self.clock.deadline(),
        }
    }

    /// How long to wait for the transport from `now` on: the time until
    /// [`deadline`](Self::deadline) in whole milliseconds, rounded up and at least 1 ms, as the
    /// timeout of a socket. `None` is without limit.
    #[must_use]
    pub fn timeout(&self, now: Duration) -> Option<Duration> {
        // Where `Duration` subtracts, compilers do not see that it cannot panic.
        let wait = |at| floor(at).saturating_sub(floor(now)).max(1);
        self.deadline().map(|at| Duration::from_millis(wait(at)))
    }

    /// Whether to read from the transport. If not, write, and then call
    /// [`receive`](Self::receive) again: events may wait in the receive buffer.
    ///
    /// False while the peer does not read, while the session is [paused](Self::pause), while an
    /// [`Upgrade`](super::SessionEvent::Upgrade) waits for its answer, and after the end of the
    /// transport.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        !self.holds() && matches!(self.incoming, Incoming::Open)
    }

    /// Stops the delivery of messages and control frames, or resumes it.
    ///
    /// While it is stopped, [`wants_read`](Self::wants_read) is false. Call
    /// [`receive`](Self::receive) all the same: time passes, and only blocked output and the closing
    /// handshake expire.
    ///
    /// A relay pauses a session while the output of the *other* one is too long. What it receives is
    /// queued there, so the high mark of its own output should not stop it: create that with
    /// [`SendBuffer::with_marks`] and `usize::MAX`.
    pub const fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        if let Stage::Open(connection) = &mut self.stage {
            connection.hold(is_paused);
        }
    }

    /// The opening handshake is complete.
    pub(super) fn enter(&mut self, connection: Connection<R>, now: Duration) {
        self.stage = Stage::Open(connection);
        self.pause(self.is_paused);
        self.clock.open(now);
    }

    /// Whether nothing is delivered.
    pub(super) const fn holds(&self) -> bool {
        self.is_stalled || self.is_paused
    }

    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.incoming, Incoming::Ended)
    }

    /// Notes whether a read is of use, unless the transport has ended.
    pub(super) const fn set_incoming(&mut self, incoming: Incoming) {
        if !self.has_ended() {
            self.incoming = incoming;
        }
    }

    /// Whether the last message of [`receive_message`](Self::receive_message) was compressed, for
    /// replies that are compressed if the request was.
    #[must_use]
    pub const fn was_compressed(&self) -> bool {
        self.was_compressed
    }

    /// The progress of the closing handshake; [`State::Closed`] if there was or will be no
    /// connection, and [`State::Open`] before it.
    #[must_use]
    pub const fn state(&self) -> State {
        match &self.stage {
            Stage::Opening { .. } => State::Open,
            Stage::Open(connection) => connection.state(),
            Stage::Refused | Stage::Over => State::Closed,
        }
    }

    /// Whether messages can be sent: the connection is open, and this side has not closed it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if matches!(connection.state(), State::Open))
    }

    /// Whether a message has begun to arrive, and its end was not delivered.
    #[must_use]
    pub const fn is_receiving_message(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if connection.is_receiving_message())
    }

    /// Whether a message has begun, and its end can still be sent.
    #[must_use]
    pub const fn is_sending_message(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if connection.is_sending_message())
    }

    /// What to do with the transport once `tx` was written as far as possible. Ask for the
    /// [`deadline`](Self::deadline) afterwards: what has left, and what has not, moves it.
    ///
    /// [`TransportAction::HalfClose`] is returned once. A peer that has ended only its own direction
    /// gets what is unsent before [`TransportAction::Drop`].
    pub fn transport_action<T: Storage>(&mut self, tx: &SendBuffer<T>) -> TransportAction {
        self.clock.look(tx, self.is_stalled && !tx.is_over_mark());
        let action = match &self.stage {
            Stage::Opening { .. } => TransportAction::Keep,
            Stage::Open(connection) => connection.transport_action(),
            Stage::Refused if self.has_ended() => TransportAction::Drop,
            Stage::Refused => TransportAction::HalfClose,
            Stage::Over => return TransportAction::Drop,
        };
        match action {
            // Also before the drop: a peer that has only ended its own direction still reads.
            _ if !tx.is_empty() => TransportAction::Keep,
            TransportAction::HalfClose if self.is_half_closed => TransportAction::AwaitEnd,
            TransportAction::HalfClose => {
                self.is_half_closed = true;
                TransportAction::HalfClose
            }
            TransportAction::Keep | TransportAction::AwaitEnd | TransportAction::Drop => action,
        }
    }

    /// Notes why the session has failed, unless it had failed before.
    pub(super) fn report_later(&mut self, cause: Cause) {
        if matches!(self.health, Health::Well) {
            self.health = Health::Failed(cause);
        }
    }

    /// The failure, the first time.
    pub(super) fn report(&mut self) -> Option<Failure> {
        let Health::Failed(cause) = self.health else { return None };
        self.health = Health::Reported;
        Some(cause.into())
    }
}
