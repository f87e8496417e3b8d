//! What is received and sent.

use barews::CloseCode;
use bytes::Bytes;
use bytestring::ByteString;

/// A message, or a control frame (RFC 6455 §5.5, §5.6). Clones share the payload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 defines no others")]
pub enum Message {
    /// A text message.
    Text(ByteString),
    /// A binary message. One that was received may occupy memory of up to twice its length.
    Binary(Bytes),
    /// A Ping, at most 125 bytes. The Pong for one that was received is sent automatically.
    Ping(Bytes),
    /// A Pong, at most 125 bytes.
    Pong(Bytes),
    /// A Close: the peer's, which is answered automatically, or one to send. `None` has no code.
    Close(Option<CloseFrame>),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<ByteString>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        Self::Binary(payload.into())
    }

    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The payload of a message or of a Ping or Pong, and of a Close nothing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes,
            Self::Close(_) => &[],
        }
    }

    pub(crate) fn copied(message: barews::Message<'_>) -> Self {
        match message {
            barews::Message::Text(text) => Self::Text(text.into()),
            barews::Message::Binary(payload) => Self::Binary(Bytes::copy_from_slice(payload)),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(payload: Vec<u8>) -> Self {
        Self::Binary(payload.into())
    }
}

impl From<Bytes> for Message {
    fn from(payload: Bytes) -> Self {
        Self::Binary(payload)
    }
}

/// The content of a Close (RFC 6455 §5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "RFC 6455 §5.5.1 defines these two")]
pub struct CloseFrame {
    /// Why the connection is closed.
    pub code: CloseCode,
    /// An explanation for people, at most 123 bytes.
    pub reason: ByteString,
}

impl From<barews::CloseFrame<'_>> for CloseFrame {
    fn from(close: barews::CloseFrame<'_>) -> Self {
        Self { code: close.code, reason: close.reason.into() }
    }
}

/// A chunk of a message, for messages of any length in constant memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers create it")]
pub struct Chunk {
    /// The kind of the message.
    pub kind: barews::Kind,
    /// The bytes, inflated if the message was compressed. Those of a text are valid UTF-8 when
    /// joined; a chunk may end inside a character.
    pub payload: Bytes,
    /// Whether the chunk is the last one of its message.
    pub fin: bool,
}
