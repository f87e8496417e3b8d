//! What a server can do wrong to a connection under load.

use std::fmt;
use std::io;

use barews::{CloseCode, SendError, handshake};

#[derive(Debug)]
pub(crate) enum Fault {
    /// The echo of this message has the wrong payload, perhaps that of another message.
    Payload {
        message: u64,
    },
    /// The echo of this message is too short.
    TooShort {
        message: u64,
    },
    /// The echo of this message has the wrong kind.
    Kind {
        message: u64,
    },
    /// An echo of a message, or of a part of one, that was not sent.
    Unasked,
    /// A Pong that answers no outstanding Ping. RFC 6455 §5.5.3 allows it, but an echo server has
    /// no reason to send one.
    Pong,
    /// The last Ping was not answered (§5.5.2).
    NoPong,
    /// The server violated the protocol.
    Protocol(barews::Error),
    /// The server closed the connection by itself.
    Closed(CloseCode),
    /// Nothing was received for too long.
    Stalled,
    /// The handshake response violates §4.2.2.
    Handshake(handshake::Error),
    /// The handshake was rejected with this status.
    Refused(u16),
    Send(SendError),
    Io(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload { message } => write!(f, "the echo of message {message} differs"),
            Self::TooShort { message } => write!(f, "the echo of message {message} is too short"),
            Self::Kind { message } => write!(f, "the echo of message {message} changed its kind"),
            Self::Unasked => f.write_str("a message came that was not sent"),
            Self::Pong => f.write_str("a Pong came that answers no Ping"),
            Self::NoPong => f.write_str("the last Ping was not answered"),
            Self::Protocol(error) => write!(f, "the server violated the protocol: {error}"),
            Self::Closed(code) => write!(f, "the server closed with {code}"),
            Self::Stalled => f.write_str("the server fell silent"),
            Self::Handshake(error) => write!(f, "handshake: {error}"),
            Self::Refused(status) => write!(f, "handshake: status {status}"),
            Self::Send(error) => write!(f, "send: {error}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<barews::Error> for Fault {
    fn from(error: barews::Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<handshake::Error> for Fault {
    fn from(error: handshake::Error) -> Self {
        Self::Handshake(error)
    }
}
