//! Assembly of whole messages in the caller's storage (RFC 6455 §5.4).

mod seal;

use core::fmt;

use crate::buffer::{Storage, StorageFull, grow_over};
use crate::bytes;
use crate::protocol::event::Data;
use crate::wire::error::Error;
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
    /// The kind of the message.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// The payload.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn new(kind: Kind, bytes: &'a [u8]) -> Result<Self, AssembleError> {
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
    /// The storage does not hold the message so far with the rest of its frame, and cannot grow.
    /// Later fragments may need more still, so grow by a factor: growing to `needed` alone copies
    /// the message once per fragment.
    StorageFull(StorageFull),
    /// An earlier chunk of the message was refused and has not been pushed again.
    Incomplete,
    /// The chunk is compressed. Pass it to an `Inflate`, and the chunks that come out of it to
    /// [`push`](Assembler::push).
    Compressed,
    /// The caller has modified the bytes of a text, which are no longer UTF-8.
    InvalidUtf8,
    /// The peer's error: the message cannot be inflated, or is longer than the limit. Only from an
    /// `InflateAssembler`.
    Invalid(Error),
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StorageFull(full) => full.fmt(f),
            Self::Incomplete => f.write_str("an earlier chunk of the message is missing"),
            Self::Compressed => f.write_str("the message is compressed"),
            Self::InvalidUtf8 => f.write_str("the bytes of a text were modified"),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AssembleError {}

/// Assembles the chunks of [`Data`] events into whole messages, in the caller's [`Storage`]: an
/// array, a `&mut [u8]`, a pooled block, or with the feature `alloc` a `Vec<u8>`, which grows with
/// the message.
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
pub struct Assembler<S> {
    storage: S,
    len: usize,
}

impl<S: Storage> Assembler<S> {
    /// Creates an assembler. The length that `storage` has or can grow to is that of the longest
    /// message in several chunks.
    pub const fn new(storage: S) -> Self {
        Self { storage, len: 0 }
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
    /// The chunk is not added.
    ///
    /// - [`AssembleError::StorageFull`] if the storage is too short and cannot grow. Its `needed`
    ///   also covers the rest of the frame. After [`grow`](Self::grow), best to twice the length,
    ///   push the same chunk again.
    /// - [`AssembleError::Incomplete`] if an earlier chunk of the message is missing, so that no
    ///   message has a gap. The next message starts afresh.
    /// - [`AssembleError::Compressed`] if the chunk is compressed.
    /// - [`AssembleError::InvalidUtf8`] if the caller has modified the bytes of a text.
    pub fn push<'a>(
        &'a mut self,
        data: &'a Data<'_>,
    ) -> Result<Option<Message<'a>>, AssembleError> {
        Ok(match self.add(data)? {
            Added::Part => None,
            Added::Alone => Some(Message::new(data.kind, data.payload)?),
            Added::Last(len) => Some(self.message(data.kind, len)?),
        })
    }

    /// Adds a chunk, unless it is the whole message.
    fn add(&mut self, data: &Data<'_>) -> Result<Added, AssembleError> {
        if data.compressed {
            return Err(AssembleError::Compressed);
        }
        if data.first {
            self.len = 0;
        }
        if data.offset != bytes::to_u64(self.len) {
            return Err(AssembleError::Incomplete);
        }
        if data.fin && data.offset == 0 {
            return Ok(Added::Alone);
        }
        let n = data.payload.len();
        let to = self.spare_mut(n).map_err(|full| {
            let left = usize::try_from(data.frame_left).unwrap_or(usize::MAX);
            AssembleError::StorageFull(StorageFull { needed: full.needed.saturating_add(left) })
        })?;
        bytes::copy(data.payload, bytes::part_mut(to, ..n));
        Ok(self.advance(n, data.fin))
    }

    /// The space after the bytes held, at least `n` bytes.
    pub(crate) fn spare_mut(&mut self, n: usize) -> Result<&mut [u8], StorageFull> {
        let end = self.len.saturating_add(n);
        if self.storage.as_ref().len() < end {
            grow_over(&mut self.storage, end, end)?;
        }
        Ok(self.storage.as_mut().get_mut(self.len..).unwrap_or_default())
    }

    /// Holds `n` bytes more, the last ones of the message if `fin`.
    pub(crate) fn advance(&mut self, n: usize, fin: bool) -> Added {
        let end = self.len.saturating_add(n);
        self.len = if fin { 0 } else { end };
        if fin { Added::Last(end) } else { Added::Part }
    }

    /// Drops the bytes held.
    #[cfg(feature = "deflate")]
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// The message of `len` bytes that was completed last.
    pub(crate) fn message(&self, kind: Kind, len: usize) -> Result<Message<'_>, AssembleError> {
        Message::new(kind, self.storage.as_ref().get(..len).unwrap_or_default())
    }

    /// Moves the bytes held into `bigger` and returns the old storage. A shorter one is possible, too:
    /// it gives back the memory of a long message, which a `Vec<u8>` keeps otherwise.
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

/// Prints no bytes of a message.
impl<S> fmt::Debug for Assembler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Where [`Session::receive_message`](crate::session::Session::receive_message) assembles messages:
/// an [`Assembler`], or for compressed ones an
/// [`InflateAssembler`](crate::deflate::InflateAssembler).
pub trait Messages: sealed::Sealed {
    /// Adds a chunk, unless it is the whole message.
    #[doc(hidden)]
    fn add(&mut self, data: &mut Data<'_>) -> Result<Added, Refused>;

    /// The message of `len` bytes that was completed last.
    #[doc(hidden)]
    fn message(&self, kind: Kind, len: usize) -> Option<Message<'_>>;
}

impl<S: Storage> Messages for Assembler<S> {
    fn add(&mut self, data: &mut Data<'_>) -> Result<Added, Refused> {
        self.add(data).map_err(|_| Refused::StorageFull)
    }

    fn message(&self, kind: Kind, len: usize) -> Option<Message<'_>> {
        self.message(kind, len).ok()
    }
}

/// The result of [`Messages::add`].
#[derive(Debug)]
#[expect(unnameable_types, reason = "only for the sealed Messages")]
#[doc(hidden)]
pub enum Added {
    /// The message is incomplete.
    Part,
    /// The chunk is the whole message, and was not copied.
    Alone,
    /// The message is complete, with this length.
    Last(usize),
}

/// Why a chunk was not added.
#[derive(Debug)]
#[expect(unnameable_types, reason = "only for the sealed Messages")]
#[doc(hidden)]
pub enum Refused {
    StorageFull,
    /// The peer's error.
    Invalid(Error),
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "seals the trait")]
    pub trait Sealed {}
    impl<S> Sealed for super::Assembler<S> {}
}
