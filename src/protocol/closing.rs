//! The closing handshake (RFC 6455 §7.1): the two directions, and what they mean together.
//!
//! ```text
//!            the peer's error, or its Close                      the Close is written
//! Local::Open -------------------------------> Local::Queued -----------------------> Local::Closed
//!      |                                                                                   ^
//!      |         send_close writes it at once, or the transport has ended                  |
//!      +-----------------------------------------------------------------------------------+
//!
//!                Close received                   end of the transport
//! Remote::Open ----------------> Remote::Closed ------------------------> Remote::Ended
//!      |     protocol error                       end of the transport
//!      +-----------------------> Remote::Failed ------------------------> Remote::FailedEnded
//! ```
//!
//! If [`auto_close`](crate::Config::auto_close) is off, the peer's Close leaves `Local::Open`: the
//! caller owes the reply. If [`auto_fail`](crate::Config::auto_fail) is off, the peer's error leads to
//! `Local::Held`, and `send_close` from there to `Local::Queued`.
//!
//! Every local state but `Closed` becomes `Broken` when the source of masking keys fails.

use crate::wire::error::SendError;

/// The progress of the closing handshake (RFC 6455 §7.1.3, §7.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "two directions, each open or closed")]
pub enum State {
    /// Neither side has closed.
    Open,
    /// This side has sent its Close and waits for the peer's. Data may still arrive.
    LocalClosed,
    /// The peer has sent its Close, or its protocol error has failed the connection. This side's
    /// Close is queued. If [`auto_close`](crate::Config::auto_close) is off, the reply to a Close
    /// is to be sent by the caller.
    RemoteClosed,
    /// Both directions are closed.
    Closed,
}

/// What to do with the transport (RFC 6455 §7.1.1).
///
/// The whole end of a connection: the closing handshake, the half-close, the drop.
///
/// ```
/// use barews::{CloseCode, Config, Connection, Event, Input, State, TransportAction};
///
/// let mut server = Connection::server(Config::new());
/// let mut client = Connection::client(Config::new(), || [1, 2, 3, 4]);
/// let mut wire = [0; 64];
///
/// // The client starts the closing handshake and keeps receiving.
/// let n = client.send_close(CloseCode::NORMAL, "done", &mut wire)?;
/// assert_eq!(client.state(), State::LocalClosed);
///
/// // The server receives the Close and transmits its reply.
/// let event = server.receive(&mut Input::new(&mut wire[..n]))?;
/// assert!(matches!(event, Event::Close(Some(close)) if close.reason == "done"));
/// let n = server.transmit(&mut wire)?;
/// assert_eq!(server.transport_action(), TransportAction::HalfClose);
///
/// // The client receives the reply, then the end of the transport, and drops it.
/// let _ = client.receive(&mut Input::new(&mut wire[..n]))?;
/// assert_eq!(client.transport_action(), TransportAction::AwaitEnd);
/// client.receive_eof()?;
/// assert_eq!(client.transport_action(), TransportAction::Drop);
///
/// // That ends the transport for the server, too.
/// server.receive_eof()?;
/// assert_eq!(server.transport_action(), TransportAction::Drop);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each action")]
pub enum TransportAction {
    /// Keep reading, and write what is queued or, if [`auto_close`](crate::Config::auto_close) is
    /// off, the reply to a Close.
    Keep,
    /// Both sides have closed, and the server ends the transport first (RFC 6455 §7.1.1): a client
    /// reads until then, under a timeout. On a transport that has no end, such as a serial line,
    /// this is the end.
    AwaitEnd,
    /// Close the writing half, then read and discard until the end of the transport. Dropping a TCP
    /// connection with unread bytes may reset it and lose the Close frame just sent.
    HalfClose,
    /// Drop the transport.
    Drop,
}

/// How far this side has closed its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Open,
    /// A Close is owed, and the caller says when it is queued.
    Held,
    /// A Close is queued; data is refused.
    Queued,
    /// A Close was written. Nothing follows it (§5.5.1).
    Closed,
    /// The source of masking keys has failed.
    Broken,
}

/// What moves [`Local`] on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LocalEvent {
    /// The peer's Close was received. With `auto_close`, it queues the reply.
    CloseReceived {
        auto_close: bool,
    },
    /// The peer's protocol error fails the connection. With `auto_fail`, that queues a Close.
    Failed {
        auto_fail: bool,
    },
    /// The caller queues the Close that is held.
    Released,
    CloseWritten,
    /// The transport has ended without the peer's Close; nothing can be sent.
    TransportLost,
    NoMaskingKey,
}

impl Local {
    pub(crate) const fn next(self, event: LocalEvent) -> Self {
        match (self, event) {
            (
                Self::Open,
                LocalEvent::CloseReceived { auto_close: true }
                | LocalEvent::Failed { auto_fail: true },
            )
            | (Self::Held, LocalEvent::Released) => Self::Queued,
            (Self::Open, LocalEvent::Failed { auto_fail: false }) => Self::Held,
            (
                _,
                LocalEvent::CloseReceived { .. } | LocalEvent::Failed { .. } | LocalEvent::Released,
            ) => self,
            (_, LocalEvent::CloseWritten | LocalEvent::TransportLost) => Self::Closed,
            (_, LocalEvent::NoMaskingKey) => Self::Broken,
        }
    }

    /// Whether a frame may be started.
    #[inline]
    pub(crate) const fn may_send(self) -> Result<(), SendError> {
        match self {
            Self::Open | Self::Held => Ok(()),
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
        (Local::Open | Local::Held | Local::Queued | Local::Broken, Remote::Open) => State::Open,
        (Local::Closed, Remote::Open) => State::LocalClosed,
        (Local::Open | Local::Held | Local::Queued | Local::Broken, _) => State::RemoteClosed,
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
        (Local::Closed, Remote::Closed) => TransportAction::AwaitEnd,
        (Local::Open | Local::Held | Local::Queued | Local::Closed, _) => TransportAction::Keep,
    }
}
