//! A decompressor between two messages as bytes: its window.

use super::Inflate;
use crate::bytes::seal::{Bits, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer, valid};
use crate::deflate_params::CompressionContext;
use crate::wire::error::Error;

impl Inflate<&mut [u8]> {
    /// The longest state, in bytes: with context takeover it contains the window.
    #[must_use]
    pub const fn max_sealed_len(context: CompressionContext) -> usize {
        let window = if context.takeover { Inflate::memory(context) } else { 0 };
        // An error takes the place of a window.
        PREFIX_LEN + if window == 0 { 2 } else { 1 + window }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Inflate<S> {
    /// Writes the state between two messages to `out`, and returns its length in bytes: 3, and with
    /// context takeover the bytes of the window, as far as the peer has filled it.
    ///
    /// The state contains text of the peer, and the negotiated [`CompressionContext`].
    ///
    /// # Errors
    ///
    /// - [`SealError::BufferTooSmall`].
    /// - [`SealError::MessageInProgress`] if a chunk of a message was returned, or a part of a
    ///   compressed block was consumed, and the end of the message was not returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::deflate::{DeflateParams, Inflate};
    ///
    /// let client = DeflateParams::DEFAULT.client();
    /// let inflate = Inflate::new(client, vec![0; Inflate::memory(client)])?;
    /// let mut sealed = vec![0; Inflate::max_sealed_len(client)];
    /// let n = inflate.seal(&mut sealed)?;
    ///
    /// // In the new process, with storage for the greatest window:
    /// let inflate = Inflate::unseal(&sealed[..n], vec![0; 32_768])?.max_message_len(1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, SealError> {
        let context =
            CompressionContext { window_bits: self.window.bits(), takeover: self.takeover };
        let mut writer = Writer::begin(What::Inflate, out);
        let bits = context.seal().with_flag(self.failed.is_some());
        writer.byte(bits.byte());
        if let Some(error) = self.failed {
            writer.byte(error.number());
        } else if !(self.message.is_new && self.decoder.is_at_end()) {
            return Err(SealError::MessageInProgress);
        } else if self.takeover {
            for part in self.window.parts(self.storage.as_ref()) {
                writer.bytes(part);
            }
        }
        writer.end()
    }

    /// Restores a decompressor that was sealed with [`seal`](Self::seal). Set
    /// [`max_message_len`](Self::max_message_len) again.
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    /// - [`UnsealError::StorageFull`] if `storage` is shorter than [`memory`](Inflate::memory) for the
    ///   sealed context.
    pub fn unseal(sealed: &[u8], storage: S) -> Result<Self, UnsealError> {
        let mut reader = Reader::begin(What::Inflate, sealed)?;
        let mut bits = Bits::of(reader.byte()?);
        let context = CompressionContext::unseal(&mut bits)?;
        let has_failed = bits.take_flag();
        bits.end()?;
        let failed = if has_failed { Some(error(&mut reader)?) } else { None };
        let window = reader.into_rest();
        let is_empty = has_failed || !context.takeover;
        valid(window.len() <= if is_empty { 0 } else { Inflate::memory(context) })?;
        let inflate = Self::new(context, storage);
        let mut inflate =
            inflate.map_err(|full| UnsealError::StorageFull { needed: full.needed })?;
        inflate.window.push(inflate.storage.as_mut(), window);
        inflate.failed = failed;
        Ok(inflate)
    }
}

/// The errors of a decompressor.
fn error(reader: &mut Reader<'_>) -> Result<Error, UnsealError> {
    let error = Error::from_number(reader.byte()?)?;
    valid(matches!(error, Error::InvalidDeflate | Error::MessageTooLong | Error::InvalidUtf8))?;
    Ok(error)
}
