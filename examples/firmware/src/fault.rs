//! Why a session ended without its closing handshake.

use core::fmt;

use barews::handshake::BuildError;
use barews::session::Failure;
use barews::{SendError, StorageFull};

pub(crate) enum Fault {
    /// The client's request is not a valid opening handshake, or it violated the protocol.
    Session(Failure),
    /// The handshake response could not be written.
    Answer(BuildError),
    Send(SendError),
    /// The negotiated parameters need more memory than the codecs have.
    Memory(StorageFull),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
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
