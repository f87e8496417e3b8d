//! Assembly of whole messages in the caller's storage (RFC 6455 §5.4).

use core::fmt;

use crate::buffer::StorageFull;
use crate::bytes;
use crate::protocol::event::Data;
use crate::wire::frame::Kind;
use crate::wire::utf8;

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 §5.6 defines these two")]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    fn new(kind: Kind, bytes: &'a [u8]) -> Result<Self, AssembleError> {
        match kind {
            Kind::Text => utf8::text(bytes).map(Self::Text).ok_or(AssembleError::InvalidUtf8),
            Kind::Binary => Ok(Self::Binary(bytes)),
        }
    }
}

/// A chunk cannot be added to its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AssembleError {
    /// The storage does not hold the message so far with the rest of its frame. Later fragments
    /// may need more still, so grow by a factor: growing to `needed` alone copies the message
    /// once per fragment.
    StorageFull(StorageFull),
    /// The chunk is compressed. Pass it to an `Inflate`, and the chunks that come out of it to
    /// [`push`](Assembler::push).
    Compressed,
    /// The caller has modified the bytes of a text, which are no longer UTF-8.
    InvalidUtf8,
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StorageFull(full) => full.fmt(f),
            Self::Compressed => f.write_str("the message is compressed"),
            Self::InvalidUtf8 => f.write_str("the bytes of a text were modified"),
        }
    }
}

impl core::error::Error for AssembleError {}

/// Assembles the chunks of [`Data`] events into whole messages, in the caller's storage: an array,
/// a `&mut [u8]`, a `Vec<u8>`, a pooled block.
///
/// A message of a single chunk is passed through and needs no storage.
///
/// ```
/// use barews::{Assembler, Config, Connection, Event, Input, Message};
///
/// let mut ws = Connection::client(Config::new(), || [0; 4]);
/// let mut messages = Assembler::new([0; 1024]);
/// let mut bytes = *b"\x01\x03Hel\x80\x02lo";
/// let mut input = Input::new(&mut bytes);
/// while let Event::Data(data) = ws.receive(&mut input)? {
///     if let Some(message) = messages.push(&data)? {
///         assert_eq!(message, Message::Text("Hello"));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Assembler<S> {
    storage: S,
    len: usize,
    /// The greatest end of a refused chunk of the open message; 0 if none has been refused.
    wanted: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Assembler<S> {
    /// Creates an assembler. The length of `storage` is that of the longest message
    /// in several chunks.
    pub const fn new(storage: S) -> Self {
        Self { storage, len: 0, wanted: 0 }
    }

    /// The number of bytes held of an incomplete message.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no bytes are held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk, and returns the message if the chunk was its last.
    ///
    /// # Errors
    ///
    /// - [`AssembleError::StorageFull`] if the storage is too short. Its `needed` also covers the
    ///   rest of the frame. After [`grow`](Self::grow), best to twice the length, push the same
    ///   chunk again. Otherwise the rest of the message is refused too, so that no message has a
    ///   gap; the next message starts afresh.
    /// - [`AssembleError::Compressed`] if the chunk is compressed.
    /// - [`AssembleError::InvalidUtf8`] if the caller has modified the bytes of a text.
    pub fn push<'a>(
        &'a mut self,
        data: &'a Data<'_>,
    ) -> Result<Option<Message<'a>>, AssembleError> {
        if data.compressed {
            return Err(AssembleError::Compressed);
        }
        let (held, wanted) = if data.first { (0, 0) } else { (self.len, self.wanted) };
        if data.fin && held == 0 && wanted == 0 {
            (self.len, self.wanted) = (0, 0);
            return Message::new(data.kind, data.payload).map(Some);
        }
        let end = held.saturating_add(data.payload.len());
        let storage = self.storage.as_mut();
        let room = if storage.len() < wanted { None } else { storage.get_mut(held..end) };
        let Some(to) = room else {
            let left = usize::try_from(data.frame_left).unwrap_or(usize::MAX);
            let needed = end.saturating_add(left).max(wanted);
            (self.len, self.wanted) = (held, end.max(wanted));
            return Err(AssembleError::StorageFull(StorageFull { needed }));
        };
        bytes::copy(data.payload, to);
        (self.len, self.wanted) = (if data.fin { 0 } else { end }, 0);
        if !data.fin {
            return Ok(None);
        }
        let message = self.storage.as_ref().get(..end).unwrap_or_default();
        Message::new(data.kind, message).map(Some)
    }

    /// Moves the bytes held into `bigger` and returns the old storage.
    ///
    /// # Errors
    ///
    /// Returns `bigger` if it does not hold them; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let held = self.storage.as_ref().get(..self.len).unwrap_or_default();
        let Some(to) = bigger.as_mut().get_mut(..held.len()) else {
            return Err(bigger);
        };
        bytes::copy(held, to);
        Ok(core::mem::replace(&mut self.storage, bigger))
    }
}
