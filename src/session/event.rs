//! What a session reports.

use core::fmt;

use crate::buffer::MIN_BUFFER_LEN;
use crate::handshake;
use crate::handshake::client::{Accepted, Rejected, Response};
use crate::handshake::server::{Incoming, Request, Upgrade};
use crate::protocol::event::{ControlPayload, Data};
use crate::time::keepalive::Reason;
use crate::wire::close::CloseFrame;
use crate::wire::error::{Error, SendError};

/// The result of [`Session::receive`](super::Session::receive), with `D` = [`Data`], or of
/// [`Session::receive_message`](super::Session::receive_message), with `D` =
/// [`Message`](crate::Message).
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "no event may be overlooked by a wildcard arm")]
#[must_use = "the event is consumed from the input"]
pub enum SessionEvent<'b, D = Data<'b>> {
    /// Server: a client asks for a WebSocket. Nothing more is received before
    /// [`answer`](super::Session::answer), which may come later: copy what it needs.
    Upgrade(Upgrade<'b>),
    /// Server: another HTTP request. Unless it is answered with
    /// [`respond`](super::Session::respond) before the next `receive`, that answers it with 426
    /// (Upgrade Required).
    Request(Request<'b>),
    /// Client: the server has accepted the handshake; frames may be sent.
    Opened(Accepted<'b>),
    /// Client: the server has answered with a status other than 101. The last event; a body may
    /// follow in the receive buffer.
    Rejected(Rejected<'b>),
    /// A chunk of a message, or a whole one.
    Data(D),
    /// A Ping; its Pong is queued, unless [`auto_pong`](crate::Config::auto_pong) is off.
    Ping(ControlPayload),
    /// A Pong.
    Pong(ControlPayload),
    /// The peer's Close; its reply is queued, unless [`auto_close`](crate::Config::auto_close) is
    /// off.
    Close(Option<CloseFrame<'b>>),
    /// The session has failed. What tells the peer, if anything can, is queued. The last event.
    Failed(Failure),
}

impl<'b, D> From<Incoming<'b>> for SessionEvent<'b, D> {
    fn from(incoming: Incoming<'b>) -> Self {
        match incoming {
            Incoming::Upgrade(upgrade) => Self::Upgrade(upgrade),
            Incoming::Plain(request) => Self::Request(request),
        }
    }
}

impl<'b, D> From<Response<'b>> for SessionEvent<'b, D> {
    fn from(response: Response<'b>) -> Self {
        match response {
            Response::Accepted(accepted) => Self::Opened(accepted),
            Response::Rejected(rejected) => Self::Rejected(rejected),
        }
    }
}

/// Why a session has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Failure {
    /// The peer's head is not a valid opening handshake, does not fit into the receive buffer, or
    /// was refused.
    Handshake(handshake::Error),
    /// The peer violated the protocol or exceeded a limit, or the transport has ended without a
    /// Close.
    Protocol(Error),
    /// The peer took too long.
    Expired(Reason),
    /// A frame or a message does not fit into the storage.
    StorageFull,
    /// This side cannot send a control frame: there is no masking key, or the send buffer is
    /// shorter than the frame. Or it cannot [forward](super::Session::forward) what another session
    /// has received.
    Send(SendError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Expired(reason) => reason.fmt(f),
            Self::StorageFull => f.write_str("a frame or message is longer than the storage"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Failure {}

/// A [`Failure`] in 2 bytes, which a session keeps until it reports it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    Handshake(handshake::Error),
    Protocol(Error),
    Expired(Reason),
    StorageFull,
    NotOpen,
    FrameInProgress,
    MessageInProgress,
    NotNegotiated,
    NoMaskingKey,
    /// The length in bytes of the control frame that the send buffer does not hold.
    SendBuffer(u8),
}

impl Cause {
    /// Why a frame cannot be sent.
    pub(super) fn send(error: SendError) -> Self {
        match error {
            SendError::BufferTooSmall { needed } => {
                debug_assert!(needed <= MIN_BUFFER_LEN, "the longest control frame");
                Self::SendBuffer(u8::try_from(needed).unwrap_or(u8::MAX))
            }
            SendError::NotOpen => Self::NotOpen,
            SendError::FrameInProgress => Self::FrameInProgress,
            SendError::MessageInProgress => Self::MessageInProgress,
            SendError::NotNegotiated => Self::NotNegotiated,
            _ => Self::NoMaskingKey,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Handshake(error) => Self::Handshake(error),
            Cause::Protocol(error) => Self::Protocol(error),
            Cause::Expired(reason) => Self::Expired(reason),
            Cause::StorageFull => Self::StorageFull,
            Cause::NotOpen => Self::Send(SendError::NotOpen),
            Cause::FrameInProgress => Self::Send(SendError::FrameInProgress),
            Cause::MessageInProgress => Self::Send(SendError::MessageInProgress),
            Cause::NotNegotiated => Self::Send(SendError::NotNegotiated),
            Cause::NoMaskingKey => Self::Send(SendError::NoMaskingKey),
            Cause::SendBuffer(needed) => {
                Self::Send(SendError::BufferTooSmall { needed: usize::from(needed) })
            }
        }
    }
}
