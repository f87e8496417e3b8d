//! The state of a session, and what its owner can ask.

use core::time::Duration;

use super::clock::Clock;
use super::event::Failure;
use super::opening::SessionRole;
use crate::buffer::{SendBuffer, Storage};
use crate::protocol::closing::{State, TransportAction};
use crate::protocol::config::Config;
use crate::protocol::connection::Connection;
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
    /// The receive buffer was full at the last `receive`, without a whole event.
    pub(super) was_full: bool,
    /// `TransportAction::HalfClose` was returned.
    pub(super) is_half_closed: bool,
    /// The peer has ended its direction of the transport.
    pub(super) is_ended: bool,
    /// The last message of `receive_message` was compressed.
    pub(super) was_compressed: bool,
}

/// Whether the session has failed.
#[derive(Debug)]
pub(super) enum Health {
    Well,
    /// The next `receive` reports it.
    Failed(Failure),
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
            was_full: false,
            is_half_closed: false,
            is_ended: false,
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
            _ if self.was_full => Some(Duration::ZERO),
            _ => self.clock.deadline(),
        }
    }

    /// How long to wait for the transport from `now` on, at least 1 ms: the time until
    /// [`deadline`](Self::deadline), as the timeout of a socket. `None` is without limit.
    #[must_use]
    pub fn timeout(&self, now: Duration) -> Option<Duration> {
        let least = Duration::from_millis(1);
        self.deadline().map(|at| at.saturating_sub(now).max(least))
    }

    /// Whether to read from the transport. If not, write, and then call
    /// [`receive`](Self::receive) again: events may wait in the receive buffer.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        !self.is_stalled && !self.is_ended
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

    /// What to do with the transport once `tx` was written as far as possible.
    ///
    /// [`TransportAction::HalfClose`] is returned once. A peer that has ended only its own direction
    /// gets what is unsent before [`TransportAction::Drop`].
    pub fn transport_action<T: Storage>(&mut self, tx: &SendBuffer<T>) -> TransportAction {
        let action = match &self.stage {
            Stage::Opening { .. } => TransportAction::Keep,
            Stage::Open(connection) => connection.transport_action(),
            Stage::Refused if self.is_ended => TransportAction::Drop,
            Stage::Refused => TransportAction::HalfClose,
            Stage::Over => return TransportAction::Drop,
        };
        self.clock.note_sent(tx);
        match action {
            _ if !tx.is_empty() => TransportAction::Keep,
            TransportAction::HalfClose if self.is_half_closed => TransportAction::AwaitEnd,
            TransportAction::HalfClose => {
                self.is_half_closed = true;
                TransportAction::HalfClose
            }
            TransportAction::Keep | TransportAction::AwaitEnd | TransportAction::Drop => action,
        }
    }

    /// Fails the session, unless it has failed before.
    pub(super) fn fail(&mut self, failure: Failure) {
        if matches!(self.health, Health::Well) {
            self.health = Health::Failed(failure);
        }
    }

    /// The failure, the first time.
    pub(super) fn report(&mut self) -> Option<Failure> {
        let Health::Failed(failure) = self.health else { return None };
        self.health = Health::Reported;
        Some(failure)
    }
}
