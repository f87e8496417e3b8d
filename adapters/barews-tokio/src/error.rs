//! What can go wrong.

use std::{fmt, io};

use barews::handshake::BuildError;
use barews::handshake::client::InvalidUri;
use barews::session::Failure;
use barews::{SendError, StorageFull};

/// Why a connection cannot be opened, or has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed.
    Io(io::Error),
    /// The session failed: the peer violated the protocol or a limit, or took too long. If
    /// anything can tell the peer, it was sent.
    Failed(Failure),
    /// Client: the server has answered with this HTTP status, which is not 101.
    Rejected(u16),
    /// Server: the request was refused with this HTTP status.
    Refused(u16),
    /// The request or the response cannot be written as the caller wants it.
    Handshake(BuildError),
    /// The message cannot be sent. The connection is unchanged.
    Send(SendError),
    /// The URI is not `ws://HOST[:PORT][/PATH][?QUERY]`, or `wss://` where the transport is given
    /// (RFC 6455 §3).
    Uri(InvalidUri),
    /// There is no memory for the message.
    Memory,
    /// The connection is closed.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
            Self::Rejected(status) => write!(f, "the server answered with the status {status}"),
            Self::Refused(status) => write!(f, "the request was refused with the status {status}"),
            Self::Handshake(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Uri(error) => error.fmt(f),
            Self::Memory => f.write_str("there is not enough memory"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Failed(failure) => Some(failure),
            Self::Handshake(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::Uri(error) => Some(error),
            Self::Rejected(_) | Self::Refused(_) | Self::Memory | Self::Closed => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<InvalidUri> for Error {
    fn from(error: InvalidUri) -> Self {
        Self::Uri(error)
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Handshake(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            // The buffers have no other limit than that of the allocator.
            SendError::BufferTooSmall { .. } => Self::Memory,
            SendError::Closed => Self::Closed,
            error => Self::Send(error),
        }
    }
}

impl From<StorageFull> for Error {
    fn from(_: StorageFull) -> Self {
        Self::Memory
    }
}
