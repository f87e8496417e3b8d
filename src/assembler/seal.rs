//! An incomplete message as bytes.

use super::Assembler;
use crate::buffer::Storage;
use crate::bytes;
use crate::bytes::seal::{Reader, SealError, UnsealError, What, Writer};

impl<S: Storage> Assembler<S> {
    /// Writes the state to `out` and returns its length in bytes: 2, and the
    /// [bytes held](Self::len) of an incomplete message. The kind of the message is part of the state
    /// of the [connection](crate::Connection::seal).
    ///
    /// # Errors
    ///
    /// [`SealError::BufferTooSmall`].
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::{Assembler, Config, Connection, Event, Input, Message};
    ///
    /// let mut received = *b"\x01\x03Hel\x80\x02lo";
    /// let mut ws = Connection::client(Config::new(), || [0; 4]);
    /// let mut messages = Assembler::new([0; 1024]);
    /// let Event::Data(data) = ws.receive(&mut Input::new(&mut received[..5]))? else { panic!() };
    /// assert_eq!(messages.push(&data)?, None);
    /// let mut sealed = [0; 2 + 1024];
    /// let n = messages.seal(&mut sealed)?;
    ///
    /// // In the new process, with the connection:
    /// let mut messages = Assembler::unseal(&sealed[..n], [0; 2048])?;
    /// let Event::Data(data) = ws.receive(&mut Input::new(&mut received[5..]))? else { panic!() };
    /// assert_eq!(messages.push(&data)?, Some(Message::Text("Hello")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, SealError> {
        let mut writer = Writer::begin(What::Assembler, out);
        writer.bytes(self.held());
        writer.end()
    }

    /// Restores an assembler that was sealed with [`seal`](Self::seal), with new storage.
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    /// - [`UnsealError::StorageFull`] if `storage` does not hold the bytes, and cannot grow.
    pub fn unseal(sealed: &[u8], storage: S) -> Result<Self, UnsealError> {
        let reader = Reader::begin(What::Assembler, sealed)?;
        Self::with_held(reader.into_rest(), storage)
    }

    pub(crate) fn held(&self) -> &[u8] {
        self.storage.as_ref().get(..self.len).unwrap_or_default()
    }

    pub(crate) fn with_held(held: &[u8], storage: S) -> Result<Self, UnsealError> {
        let mut messages = Self::new(storage);
        let to = messages.spare_mut(held.len());
        let to = to.map_err(|full| UnsealError::StorageFull { needed: full.needed })?;
        bytes::copy(held, bytes::part_mut(to, ..held.len()));
        messages.advance(held.len(), false);
        Ok(messages)
    }
}
