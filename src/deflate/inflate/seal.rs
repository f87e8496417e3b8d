//! A decompressor as bytes: between two messages its window, inside of one its progress, too.

#[cfg(reseal)]
use super::decoder::Decoder;
use super::decoder::{self, Stop};
use super::{Inflate, MessageState, TAIL, bit_reader::BitReader};
use crate::bytes;
use crate::bytes::seal::{
    Bits, IN_MESSAGE, INT_LEN, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer, valid,
};
use crate::deflate_params::CompressionContext;
use crate::wire::error::Error;
use crate::wire::utf8::Utf8;

/// The most bytes of [`Inflate::seal_into`] without the window: the offset in the message, and 63 bits
/// with their number.
const MAX_LEN: usize = 2 + INT_LEN + 1 + 8 + decoder::MAX_SEALED_LEN;

/// The length of [`TAIL`] in bits.
const TAIL_BITS: u32 = 32;

/// What a sealed decompressor is doing, in two bits.
mod doing {
    /// Nothing has come of the next message.
    pub(super) const IDLE: u8 = 0;
    /// A chunk of a message that is not compressed was returned, but not the last one.
    pub(super) const IN_PLAIN: u8 = 1;
    pub(super) const IN_COMPRESSED: u8 = 2;
}

impl Inflate<&mut [u8]> {
    /// The longest state, in bytes: the window, and at most 200 bytes more.
    #[must_use]
    pub const fn max_sealed_len(context: CompressionContext) -> usize {
        PREFIX_LEN + MAX_LEN + Inflate::memory(context)
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Inflate<S> {
    /// Writes the state to `out`, and returns its length in bytes. Between two messages these are 3,
    /// and with context takeover the bytes of the window, as far as the peer has filled it. Inside a
    /// compressed message they are the bytes of the window and at most 200 more.
    ///
    /// A [`Data`](crate::Data) of which [`push`](Self::push) has not consumed everything is not part
    /// of the state: its rest is the next input.
    ///
    /// The state contains text of the peer, and the negotiated [`CompressionContext`].
    ///
    /// # Errors
    ///
    /// [`SealError::BufferTooSmall`].
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
        let mut writer = if self.doing() == doing::IDLE {
            Writer::begin(What::Inflate, out)
        } else {
            Writer::begin_version(IN_MESSAGE, What::Inflate, out)
        };
        self.seal_into(&mut writer);
        writer.end()
    }

    /// Restores a decompressor that was sealed with [`seal`](Self::seal), possibly by an older version
    /// of this crate. Set [`max_message_len`](Self::max_message_len) again; a message that is longer
    /// already fails at its next byte.
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    /// - [`UnsealError::StorageFull`] if `storage` is shorter than [`memory`](Inflate::memory) for the
    ///   sealed context.
    pub fn unseal(sealed: &[u8], storage: S) -> Result<Self, UnsealError> {
        let (version, reader) = Reader::begin_version(IN_MESSAGE, What::Inflate, sealed)?;
        let inflate = Self::unseal_from(reader, storage)?;
        valid((version == IN_MESSAGE) == (inflate.doing() != doing::IDLE))?;
        Ok(inflate)
    }

    fn doing(&self) -> u8 {
        let MessageState { is_new, is_plain, tail, .. } = self.message;
        let has_ended = is_plain || self.decoder.has_ended();
        let is_idle = has_ended || tail.len() < TAIL.len() && self.decoder.is_at_end();
        match (is_new, is_plain) {
            _ if self.failed.is_some() => doing::IDLE,
            (true, _) if is_idle => doing::IDLE,
            (false, true) => doing::IN_PLAIN,
            _ => doing::IN_COMPRESSED,
        }
    }

    /// The number of bytes of the compressed message in progress that are decompressed.
    pub(crate) fn decompressed(&self) -> Option<u64> {
        (self.doing() == doing::IN_COMPRESSED).then_some(self.message.offset)
    }

    pub(crate) fn seal_into(&self, writer: &mut Writer<'_>) {
        let context =
            CompressionContext { window_bits: self.window.bits(), takeover: self.takeover };
        let doing = self.doing();
        writer.byte(context.seal().with_flag(self.failed.is_some()).with(2, doing).byte());
        if let Some(error) = self.failed {
            return writer.byte(error.number());
        }
        if doing == doing::IN_COMPRESSED {
            self.seal_message(writer);
        }
        if self.takeover || doing == doing::IN_COMPRESSED {
            for part in self.window.parts(self.storage.as_ref()) {
                writer.bytes(part);
            }
        }
    }

    fn seal_message(&self, writer: &mut Writer<'_>) {
        let Self { decoder, message: MessageState { offset, tail, utf8, .. }, .. } = self;
        // Of the tail, either nothing is taken or everything. If nothing of it is consumed, it is as
        // if it had not been taken.
        let taken = if tail.is_empty() { TAIL_BITS } else { 0 };
        let len = decoder.bits().len();
        let (in_tail, len) = len.checked_sub(taken).map_or((true, len), |len| (false, len));
        let bits = Bits::new().with(3, decoder.doing()).with_flag(decoder.is_last());
        writer.byte(bits.with(3, utf8.number()).with_flag(in_tail).byte());
        writer.int(*offset);
        writer.byte(len.to_le_bytes()[0]);
        if !in_tail {
            let held = decoder.bits().lowest(len).to_le_bytes();
            writer.bytes(held.get(..bytes_of(len)).unwrap_or_default());
        }
        decoder.seal(writer);
    }

    pub(crate) fn unseal_from(mut reader: Reader<'_>, storage: S) -> Result<Self, UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let context = CompressionContext::unseal(&mut bits)?;
        let inflate = Self::new(context, storage);
        let mut inflate =
            inflate.map_err(|full| UnsealError::StorageFull { needed: full.needed })?;
        inflate.restore(bits, reader)?;
        Ok(inflate)
    }

    /// Reads the state into this one, which is new. `bits` are those after the context.
    fn restore(&mut self, mut bits: Bits, mut reader: Reader<'_>) -> Result<(), UnsealError> {
        let (has_failed, doing) = (bits.take_flag(), bits.take(2));
        bits.end()?;
        valid(doing <= if has_failed { doing::IDLE } else { doing::IN_COMPRESSED })?;
        if has_failed {
            self.failed = Some(error(&mut reader)?);
            return reader.end();
        }
        if doing == doing::IN_COMPRESSED {
            return self.restore_message(reader);
        }
        self.message.is_plain = doing == doing::IN_PLAIN;
        self.message.is_new = !self.message.is_plain;
        let window = reader.into_rest();
        let size = if self.takeover { self.window.size() } else { 0 };
        valid(bytes::len_u64(window) <= size)?;
        self.window.push(self.storage.as_mut(), window);
        Ok(())
    }

    fn restore_message(&mut self, mut reader: Reader<'_>) -> Result<(), UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let (doing, is_last) = (bits.take(3), bits.take_flag());
        let (utf8, in_tail) = (Utf8::from_number(bits.take(3)), bits.take_flag());
        let (offset, held) = (reader.int()?, held(in_tail, &mut reader)?);
        self.decoder.unseal(doing, is_last, held, &mut reader)?;
        let window = reader.into_rest();
        let (size, len) = (self.window.size(), bytes::len_u64(window));
        let of_message = offset.min(size);
        valid(len <= size && if self.takeover { of_message <= len } else { of_message == len })?;
        self.window.push(self.storage.as_mut(), window);
        let tail = if in_tail { &[] } else { TAIL };
        self.message = MessageState { is_new: offset == 0, is_plain: false, offset, tail, utf8 };
        // With context takeover, a full window has had any number of bytes.
        let total = if !self.takeover {
            offset
        } else if len < size {
            len
        } else {
            u64::MAX
        };
        let stop = self.decoder.stop(total, self.window, self.storage.as_ref())?;
        // What the tail has not completed is an error, unless the output is full.
        valid(stop == Stop::Output || !in_tail)?;
        let start = window.len().saturating_sub(usize::try_from(of_message).unwrap_or_default());
        valid(can_end_in(utf8, window.get(start..).unwrap_or_default(), offset <= size))?;
        valid(self.doing() == doing::IN_COMPRESSED)
    }

    /// Before each call, with `--cfg reseal`: seals and unseals, like the connection.
    #[inline(always)]
    #[cfg_attr(not(reseal), expect(clippy::unused_self, reason = "only for tests"))]
    pub(super) fn reseal(&mut self) {
        #[cfg(reseal)]
        self.seal_and_unseal();
    }

    #[cfg(reseal)]
    fn seal_and_unseal(&mut self) {
        const MAX: usize = PREFIX_LEN + MAX_LEN + 32_768;
        let (mut sealed, mut again) = ([0; MAX], [0; MAX]);
        let len = self.seal(&mut sealed).unwrap_or_default();
        let sealed = bytes::part(&sealed, ..len);
        self.decoder = Decoder::new();
        self.window.clear();
        (self.message, self.failed) = (MessageState::NEW, None);
        // What was there before the window must not be needed.
        let size = usize::try_from(self.window.size()).unwrap_or_default();
        self.storage.as_mut().get_mut(..size).unwrap_or_default().fill(0xA5);
        let restored = Reader::begin_version(IN_MESSAGE, What::Inflate, sealed);
        let restored = restored.and_then(|(_, mut reader)| {
            let mut bits = Bits::of(reader.byte()?);
            CompressionContext::unseal(&mut bits)?;
            self.restore(bits, reader)
        });
        assert_eq!((restored, self.seal(&mut again)), (Ok(()), Ok(len)), "{sealed:?}");
        assert_eq!(sealed, bytes::part(&again, ..len));
    }
}

/// The bits that are taken from the input, or from the tail after the end of the input.
fn held(in_tail: bool, reader: &mut Reader<'_>) -> Result<BitReader, UnsealError> {
    let len: u32 = reader.byte()?.into();
    if in_tail {
        valid(len < TAIL_BITS)?;
        let tail = TAIL.first_chunk().copied().map_or(0, u32::from_le_bytes);
        let unread = u64::from(tail) >> (TAIL_BITS - len);
        return Ok(BitReader::holding(unread, len));
    }
    valid(len < u64::BITS)?;
    let mut word = [0; 8];
    let from = reader.bytes(bytes_of(len))?;
    bytes::copy(from, word.get_mut(..from.len()).unwrap_or_default());
    let held = BitReader::holding(u64::from_le_bytes(word), len);
    valid(held.lowest(len) == u64::from_le_bytes(word))?;
    Ok(held)
}

/// The number of bytes that have `bits` bits, which are less than 64.
fn bytes_of(bits: u32) -> usize {
    bits.div_ceil(8).try_into().unwrap_or_default()
}

/// Whether validation can end in this state after `text`, the last bytes of a message, or all of
/// them. Binary data is not validated.
fn can_end_in(utf8: Utf8, text: &[u8], is_all: bool) -> bool {
    let before = if is_all { 0..1 } else { 0..8 };
    let after = |before| Utf8::from_number(before).check(text, false);
    utf8.is_boundary() || before.map(after).any(|after| after == Ok(utf8))
}

/// The errors of a decompressor.
fn error(reader: &mut Reader<'_>) -> Result<Error, UnsealError> {
    let error = Error::from_number(reader.byte()?)?;
    valid(matches!(error, Error::InvalidDeflate | Error::MessageTooLong | Error::InvalidUtf8))?;
    Ok(error)
}
