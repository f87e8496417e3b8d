//! An incomplete message and its decompressor as bytes.

use super::InflateAssembler;
use crate::assembler::Assembler;
use crate::buffer::Storage;
use crate::bytes;
use crate::bytes::seal::{Reader, SealError, UnsealError, What, Writer, valid};
use crate::deflate::inflate::Inflate;

impl<S: Storage, W: AsRef<[u8]> + AsMut<[u8]>> InflateAssembler<S, W> {
    /// Writes the state to `out` and returns its length in bytes: that of the
    /// [decompressor](Inflate::seal), and the [bytes held](Self::len) of an incomplete message with
    /// at most 10 bytes more.
    ///
    /// # Errors
    ///
    /// [`SealError::BufferTooSmall`], with the length that is needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::deflate::{DeflateParams, Inflate, InflateAssembler};
    /// use barews::{SealError, Storage};
    ///
    /// fn seal<S: Storage>(messages: &InflateAssembler<S, Vec<u8>>) -> Result<Vec<u8>, SealError> {
    ///     let mut sealed = Vec::new();
    ///     if let Err(SealError::BufferTooSmall { needed }) = messages.seal(&mut sealed) {
    ///         sealed.resize(needed, 0);
    ///     }
    ///     messages.seal(&mut sealed)?;
    ///     Ok(sealed)
    /// }
    ///
    /// let client = DeflateParams::DEFAULT.client();
    /// let inflate = Inflate::new(client, vec![0; Inflate::memory(client)])?;
    /// let sealed = seal(&InflateAssembler::new(inflate, [0; 1024]))?;
    ///
    /// // In the new process, with storage for the greatest window:
    /// let messages = InflateAssembler::unseal(&sealed, [0; 2048], vec![0; 32_768])?;
    /// let messages = messages.max_message_len(1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, SealError> {
        let mut writer = Writer::begin(What::InflateAssembler, out);
        let held = self.messages.held();
        writer.int(bytes::len_u64(held));
        writer.bytes(held);
        self.inflate.seal_into(&mut writer);
        writer.end()
    }

    /// Restores an assembler that was sealed with [`seal`](Self::seal). Set
    /// [`max_message_len`](Self::max_message_len) again; a message that is longer already fails at its
    /// next byte.
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    /// - [`UnsealError::StorageFull`] if `window` is shorter than [`memory`](Inflate::memory) for the
    ///   sealed context, or `storage` does not hold the bytes of the message, and cannot grow.
    pub fn unseal(sealed: &[u8], storage: S, window: W) -> Result<Self, UnsealError> {
        let mut reader = Reader::begin(What::InflateAssembler, sealed)?;
        let held = reader.small()?;
        let held = reader.bytes(held)?;
        let inflate = Inflate::unseal_from(reader, window)?;
        // The caller may read the message in chunks; and one byte of it may not have fitted.
        let len = bytes::len_u64(held);
        let is_possible = |all: u64| len == 0 || len == all || len == all.saturating_sub(1);
        valid(inflate.decompressed().is_none_or(is_possible))?;
        Ok(Self { inflate, messages: Assembler::with_held(held, storage)? })
    }
}
