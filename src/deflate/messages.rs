//! Whole messages, compressed or not, in the caller's storage.

mod seal;

use super::inflate::Inflate;
use crate::assembler::{Added, AssembleError, Assembler, Message, Messages, Refused, sealed};
use crate::buffer::{Storage, StorageFull};
use crate::bytes;
use crate::protocol::event::Data;
use crate::wire::error::Error;
use crate::wire::frame::Kind;

/// An [`Assembler`] that inflates compressed messages, for
/// [`Session::receive_message`](crate::session::Session::receive_message), or chunk by chunk with
/// [`push`](Self::push).
///
/// `S` is the storage of a message, `W` that of the window.
/// [`Inflate::max_message_len`] limits the length of every message: of a compressed one after
/// decompression. The limits of the [`Config`](crate::Config) count compressed bytes, and must leave
/// the space that incompressible data takes ([`Deflate::max_len`](super::Deflate::max_len)).
///
/// ```
/// use barews::deflate::{DeflateParams, Inflate, InflateAssembler};
///
/// let client = DeflateParams::DEFAULT.client();
/// let inflate = Inflate::new(client, vec![0; Inflate::memory(client)])?.max_message_len(1 << 20);
/// let messages = InflateAssembler::new(inflate, Vec::new());
/// # Ok::<(), barews::StorageFull>(())
/// ```
#[derive(Debug)]
pub struct InflateAssembler<S, W> {
    inflate: Inflate<W>,
    messages: Assembler<S>,
}

impl<S: Storage, W> InflateAssembler<S, W> {
    /// Creates an assembler. The length that `storage` has or can grow to is that of the longest
    /// message that is compressed or comes in several chunks.
    pub const fn new(inflate: Inflate<W>, storage: S) -> Self {
        Self { inflate, messages: Assembler::new(storage) }
    }

    /// The decompressor, for a message that the caller reads in chunks instead: with
    /// [`Session::receive`](crate::session::Session::receive), and from its first chunk to its last.
    pub const fn inflate(&mut self) -> &mut Inflate<W> {
        &mut self.inflate
    }

    /// The number of bytes held of an incomplete message.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether no bytes are held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Moves the bytes held into `other` and returns the old storage, like [`Assembler::grow`]: with
    /// an empty `other`, an idle connection does not keep the memory of its longest message.
    ///
    /// # Errors
    ///
    /// Returns `other` if it does not hold them; nothing has changed then.
    pub fn grow(&mut self, other: S) -> Result<S, S> {
        self.messages.grow(other)
    }
}

impl<S: Storage, W: AsRef<[u8]> + AsMut<[u8]>> InflateAssembler<S, W> {
    /// Adds a chunk, compressed or not, and returns the message if the chunk was its last, like
    /// [`Assembler::push`]: for a caller that also needs the chunks, such as a proxy that inspects what
    /// it forwards.
    ///
    /// ```
    /// use barews::deflate::{DeflateParams, Inflate, InflateAssembler};
    /// use barews::{Config, Connection, Event, Input, Message};
    ///
    /// let server = DeflateParams::DEFAULT.server();
    /// let inflate = Inflate::new(server, vec![0; Inflate::memory(server)])?;
    /// let mut messages = InflateAssembler::new(inflate, [0; 100]);
    /// let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    ///
    /// // RFC 7692 §7.2.3.1: a compressed message in two fragments.
    /// let mut bytes = *b"\x41\x03\xF2\x48\xCD\x80\x04\xC9\xC9\x07\x00";
    /// let mut input = Input::new(&mut bytes);
    /// while let Event::Data(mut data) = ws.receive(&mut input)? {
    ///     if let Some(message) = messages.push(&mut data)? {
    ///         assert_eq!(message, Message::Text("Hello"));
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - The errors of [`Assembler::push`] except `Compressed`. If a compressed message does not fit
    ///   into the storage, what has come of it is lost: its later chunks are
    ///   [`AssembleError::Incomplete`]. The decompressor stays in step, and the next message starts
    ///   afresh.
    /// - [`AssembleError::Invalid`] with an error of [`Inflate::push`]. If the message is compressed,
    ///   it is final.
    pub fn push<'a>(
        &'a mut self,
        data: &'a mut Data<'_>,
    ) -> Result<Option<Message<'a>>, AssembleError> {
        if !data.compressed {
            self.check_len(data).map_err(AssembleError::Invalid)?;
            return self.messages.push(data);
        }
        let kind = data.kind;
        let was_lost = self.is_lost() && !data.first;
        match Messages::add(self, data) {
            Ok(Added::Last(len)) => self.messages.message(kind, len).map(Some),
            // What comes out of the decompressor is never passed through.
            Ok(Added::Part | Added::Alone) => Ok(None),
            Err(Refused::Invalid(error)) => Err(AssembleError::Invalid(error)),
            Err(Refused::StorageFull) => {
                let needed = self.messages.len().saturating_add(1);
                self.discard(data).map_err(AssembleError::Invalid)?;
                let full = AssembleError::StorageFull(StorageFull { needed });
                Err(if was_lost { AssembleError::Incomplete } else { full })
            }
        }
    }

    /// Decompresses a chunk of a message that is lost: later ones refer to it.
    fn discard(&mut self, data: &mut Data<'_>) -> Result<(), Error> {
        self.messages.clear();
        let mut out = [0; 64];
        while self.inflate.push(data, &mut out)?.is_some() {}
        Ok(())
    }

    /// Whether some of the compressed message has not been assembled, because it did not fit, or because
    /// the caller reads the message in chunks.
    fn is_lost(&self) -> bool {
        let held = bytes::to_u64(self.messages.len());
        self.inflate.decompressed().is_some_and(|all| all != held)
    }

    /// The limit of a message that is not compressed.
    fn check_len(&self, data: &Data<'_>) -> Result<(), Error> {
        let end = data.offset.saturating_add(bytes::len_u64(data.payload));
        if end > self.inflate.longest_message() { Err(Error::MessageTooLong) } else { Ok(()) }
    }
}

impl<S, W: AsRef<[u8]> + AsMut<[u8]>> InflateAssembler<S, W> {
    /// Sets [`Inflate::max_message_len`].
    #[must_use]
    pub fn max_message_len(self, max_message_len: u64) -> Self {
        let Self { inflate, messages } = self;
        Self { inflate: inflate.max_message_len(max_message_len), messages }
    }
}

impl<S, W> sealed::Sealed for InflateAssembler<S, W> {}

impl<S: Storage, W: AsRef<[u8]> + AsMut<[u8]>> Messages for InflateAssembler<S, W> {
    fn add(&mut self, data: &mut Data<'_>) -> Result<Added, Refused> {
        if !data.compressed {
            self.check_len(data).map_err(Refused::Invalid)?;
            return Messages::add(&mut self.messages, data);
        }
        if data.first {
            self.messages.clear();
        } else if self.is_lost() {
            return Err(Refused::StorageFull);
        }
        // What does not fit shows in a byte beyond the storage.
        let mut beyond = [0];
        loop {
            let (out, is_full) = match self.messages.spare_mut(1) {
                Ok(out) => (out, false),
                Err(_) => (&mut beyond[..], true),
            };
            let Some(chunk) = self.inflate.push(data, out).map_err(Refused::Invalid)? else {
                return Ok(Added::Part);
            };
            let (len, fin) = (chunk.payload.len(), chunk.fin);
            if is_full && len > 0 {
                return Err(Refused::StorageFull);
            }
            let added = self.messages.advance(len, fin);
            if fin {
                return Ok(added);
            }
        }
    }

    fn message(&self, kind: Kind, len: usize) -> Option<Message<'_>> {
        Messages::message(&self.messages, kind, len)
    }
}
