//! Whole messages, put together in memory of the caller (RFC 6455 section 5.4).

use core::fmt;

use crate::buffer::StorageFull;
use crate::protocol::event::Data;
use crate::wire::frame::Kind;
use crate::wire::mask;
use crate::wire::utf8;

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 section 5.6 knows these two")]
pub enum Message<'a> {
    /// A text.
    Text(&'a str),
    /// Any bytes.
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

/// A message cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AssembleError {
    /// The storage is too short for what is here of the message and the rest of its frame. Later
    /// fragments may want more: who only grows to what is needed copies the message for each of them.
    StorageFull(StorageFull),
    /// The piece is still compressed: an `Inflate` makes pieces of the message of it.
    Compressed,
    /// The bytes of a text were changed after they were received, and are no UTF-8 any more.
    InvalidUtf8,
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StorageFull(full) => full.fmt(f),
            Self::Compressed => f.write_str("the message is compressed"),
            Self::InvalidUtf8 => f.write_str("the bytes of a text were changed"),
        }
    }
}

impl core::error::Error for AssembleError {}

/// Puts [`Data`] together to whole messages, in an array, `&mut [u8]`, `Vec<u8>` or pooled block.
///
/// A message that comes in one piece is passed through and needs no storage at all.
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
    /// Where the longest refused piece of the open message would end; 0 if none was refused.
    wanted: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Assembler<S> {
    /// An assembler in `storage`, whose length is what a message in pieces can have at most.
    pub const fn new(storage: S) -> Self {
        Self { storage, len: 0, wanted: 0 }
    }

    /// How many bytes of an unfinished message are held.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a piece; gives the message if it was the last one.
    ///
    /// # Errors
    ///
    /// [`AssembleError::StorageFull`] with a length that holds the rest of the frame as well. Push the
    /// piece again after [`grow`](Self::grow), best to twice what there was; room for the piece is enough
    /// for the piece. Without it the rest of the message is refused, too, so that no message has a hole;
    /// the next one starts over.
    ///
    /// [`AssembleError::Compressed`], [`AssembleError::InvalidUtf8`].
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
        mask::copy(data.payload, to);
        (self.len, self.wanted) = (if data.fin { 0 } else { end }, 0);
        if !data.fin {
            return Ok(None);
        }
        let message = self.storage.as_ref().get(..end).unwrap_or_default();
        Message::new(data.kind, message).map(Some)
    }

    /// Moves what is held into `bigger` and returns the old storage.
    ///
    /// # Errors
    ///
    /// `bigger`, if what is held does not fit into it; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let held = self.storage.as_ref().get(..self.len).unwrap_or_default();
        let Some(to) = bigger.as_mut().get_mut(..held.len()) else {
            return Err(bigger);
        };
        mask::copy(held, to);
        Ok(core::mem::replace(&mut self.storage, bigger))
    }
}
