//! Whole messages, compressed or not, in the caller's storage.

mod seal;

use super::inflate::Inflate;
use crate::assembler::{Added, Assembler, Message, Messages, Refused, sealed};
use crate::buffer::Storage;
use crate::bytes;
use crate::protocol::event::Data;
use crate::wire::error::Error;
use crate::wire::frame::Kind;

/// An [`Assembler`] that inflates compressed messages, for
/// [`Session::receive_message`](crate::session::Session::receive_message).
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
            let end = data.offset.saturating_add(bytes::to_u64(data.payload.len()));
            if end > self.inflate.longest_message() {
                return Err(Refused::Invalid(Error::MessageTooLong));
            }
            return Messages::add(&mut self.messages, data);
        }
        if data.first {
            self.messages.clear();
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
