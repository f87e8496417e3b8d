//! A compressor as bytes: its context. The next message need not refer to earlier ones.

use super::{Deflate, Effort};
use crate::bytes::seal::{Bits, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer};
use crate::deflate_params::CompressionContext;

impl Deflate<&mut [u8]> {
    /// The length of the state in bytes.
    pub const SEALED_LEN: usize = PREFIX_LEN + 1;
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Deflate<S> {
    /// Writes the state to `out`, and returns its length in bytes, [`SEALED_LEN`](Deflate::SEALED_LEN).
    ///
    /// It is the negotiated [`CompressionContext`] alone: the compressor that is restored from it
    /// refers to nothing before, as after [`forget`](Self::forget), so its first messages are as long
    /// as those of a new one.
    ///
    /// # Errors
    ///
    /// - [`SealError::BufferTooSmall`].
    /// - [`SealError::MessageInProgress`] if the last [`push`](Self::push) was not the end of a
    ///   message and has not written all input, or with [`Flush::None`](super::Flush::None).
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::deflate::{Deflate, DeflateParams, Effort, Flush};
    ///
    /// let context = DeflateParams::DEFAULT.server();
    /// let storage = vec![0; Deflate::memory(context, Effort::SMALL)];
    /// let mut deflate = Deflate::new(context, Effort::SMALL, storage)?;
    /// deflate.push(b"Hello", Flush::Finish, &mut [0; 16]);
    /// let mut sealed = [0; Deflate::SEALED_LEN];
    /// deflate.seal(&mut sealed)?;
    ///
    /// // In the new process, possibly with another effort:
    /// let storage = vec![0; Deflate::memory(context, Effort::FAST)];
    /// let mut deflate = Deflate::unseal(Effort::FAST, &sealed, storage)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, SealError> {
        if !self.state.is_flushed() {
            return Err(SealError::MessageInProgress);
        }
        let mut writer = Writer::begin(What::Deflate, out);
        writer.byte(self.context.seal().byte());
        writer.end()
    }

    /// Restores a compressor that was sealed with [`seal`](Self::seal).
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    /// - [`UnsealError::StorageFull`] if `storage` is shorter than [`memory`](Deflate::memory) for the
    ///   sealed context.
    pub fn unseal(effort: Effort, sealed: &[u8], storage: S) -> Result<Self, UnsealError> {
        let mut reader = Reader::begin(What::Deflate, sealed)?;
        let mut bits = Bits::of(reader.byte()?);
        let context = CompressionContext::unseal(&mut bits)?;
        bits.end()?;
        reader.end()?;
        let deflate = Self::new(context, effort, storage);
        deflate.map_err(|full| UnsealError::StorageFull { needed: full.needed })
    }
}
