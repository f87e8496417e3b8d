//! The closing handshake (RFC 6455 §7.1): the two directions, and what they mean together.
//!
//! ```text
//!              the peer's Close, or its error                      the Close is written
//!   Local::Open -------------------------------> Local::Queued -----------------------> Local::Closed
//!        |                                                                                   ^
//!        |         send_close writes it at once, or the transport has ended                  |
//!        +-----------------------------------------------------------------------------------+
//!
//!                  Close received                   end of the transport
//!   Remote::Open ----------------> Remote::Closed ------------------------> Remote::Ended
//!        |     protocol error                       end of the transport
//!        +-----------------------> Remote::Failed ------------------------> Remote::FailedEnded
//! ```
//!
//! Every local state but `Closed` becomes `Broken` when the source of masking keys fails.

use crate::wire::error::SendError;

/// How far a connection is from its end (7.1.3, 7.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "two directions, each open or closed")]
pub enum State {
    /// Both directions are open.
    Open,
    /// This side's Close was written; the peer's is awaited, and data may still come.
    LocalClosed,
    /// The peer's Close came, or the peer failed; this side's Close is due.
    RemoteClosed,
    /// Both are done.
    Closed,
}

/// What to do with the transport, whose end the closing handshake is to bring (7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a caller must know what to do with each")]
pub enum TransportAction {
    /// Read, and write what is due. A client whose [`State`] is `Closed` reads on, with a timer of
    /// its own: "the server MUST close the connection first".
    Keep,
    /// Close the writing half, then read and throw away until the end: a full close could reset
    /// the connection and take the last Close frame with it.
    HalfClose,
    /// Drop the transport.
    Drop,
}

/// How far this side has closed its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Open,
    /// A Close is queued; data is refused.
    Queued,
    /// A Close was written. Nothing follows it (§5.5.1).
    Closed,
    /// The source of masking keys failed.
    Broken,
}

/// What moves [`Local`] on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LocalEvent {
    /// The peer's Close, or its protocol error, asks for a Close.
    CloseRequested,
    CloseWritten,
    /// The transport has ended without the peer's Close; nothing can be sent.
    TransportLost,
    NoMaskingKey,
}

impl Local {
    #[expect(clippy::match_same_arms, reason = "one arm for each event")]
    pub(crate) const fn next(self, event: LocalEvent) -> Self {
        match (self, event) {
            (Self::Open, LocalEvent::CloseRequested) => Self::Queued,
            (Self::Open | Self::Queued, LocalEvent::CloseWritten) => Self::Closed,
            (_, LocalEvent::TransportLost) => Self::Closed,
            (_, LocalEvent::NoMaskingKey) => Self::Broken,
            (
                Self::Queued | Self::Closed | Self::Broken,
                LocalEvent::CloseRequested | LocalEvent::CloseWritten,
            ) => self,
        }
    }

    /// Whether a frame may be started.
    #[inline]
    pub(crate) const fn may_send(self) -> Result<(), SendError> {
        match self {
            Self::Open => Ok(()),
            Self::Queued | Self::Closed => Err(SendError::Closed),
            Self::Broken => Err(SendError::NoMaskingKey),
        }
    }
}

/// How far the peer has closed its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    Open,
    /// Its Close was received.
    Closed,
    /// Its Close was received, and the transport has ended since.
    Ended,
    /// It broke the protocol, so this side fails the connection (§7.1.7).
    Failed,
    /// It broke the protocol, and the transport has ended since.
    FailedEnded,
}

pub(crate) const fn state(local: Local, remote: Remote) -> State {
    match (local, remote) {
        (Local::Open | Local::Queued | Local::Broken, Remote::Open) => State::Open,
        (Local::Closed, Remote::Open) => State::LocalClosed,
        (Local::Open | Local::Queued | Local::Broken, _) => State::RemoteClosed,
        (Local::Closed, _) => State::Closed,
    }
}

pub(crate) const fn action(is_server: bool, local: Local, remote: Remote) -> TransportAction {
    match (local, remote) {
        (Local::Broken, _) | (Local::Closed, Remote::Ended | Remote::FailedEnded) => {
            TransportAction::Drop
        }
        // §7.1.1: the server closes first.
        (Local::Closed, Remote::Closed) if is_server => TransportAction::HalfClose,
        // §7.1.7: the side that fails the connection closes it.
        (Local::Closed, Remote::Failed) => TransportAction::HalfClose,
        (Local::Open | Local::Queued | Local::Closed, _) => TransportAction::Keep,
    }
}
