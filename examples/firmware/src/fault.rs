//! Why a session ended without its closing handshake.

use core::fmt;

use barews::handshake::{BuildError, Error as HandshakeError};
use barews::{Error, SendError, StorageFull};

pub(crate) enum Fault {
    /// The client's request is not a valid opening handshake.
    Handshake(HandshakeError),
    /// The client violated the protocol.
    Peer(Error),
    /// The handshake response could not be written.
    Answer(BuildError),
    Send(SendError),
    /// The negotiated parameters need more memory than the codecs have.
    Memory(StorageFull),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Peer(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Peer(error)
    }
}

impl From<BuildError> for Fault {
    fn from(error: BuildError) -> Self {
        Self::Answer(error)
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<StorageFull> for Fault {
    fn from(error: StorageFull) -> Self {
        Self::Memory(error)
    }
}
