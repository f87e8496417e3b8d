//! Decompression of received messages (RFC 7692 §7.2.2).

mod bit_reader;
mod decoder;
mod huffman;
mod seal;
mod window;

use core::fmt;

use self::decoder::{Decoder, Stop};
use self::window::{Output, Window};
use crate::buffer::StorageFull;
use crate::bytes;
use crate::deflate_params::CompressionContext;
use crate::protocol::event::Data;
use crate::wire::error::Error;
use crate::wire::frame::Kind;
use crate::wire::utf8::Utf8;

/// §7.2.2: the sender removes these bytes from the end of a message, and the receiver appends them.
const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

/// The default limit, the same as that of [`Config`](crate::Config) for uncompressed messages.
const MAX_MESSAGE_LEN: u64 = 64 << 20;

/// Decompresses the messages of a peer, in storage supplied by the caller: an array,
/// `&mut [u8]`, `Vec<u8>` or pooled block.
///
/// It takes the [`Data`] that a connection returns, and returns [`Data`] with the
/// decompressed payload, in chunks that fit the output slice. Uncompressed messages
/// pass through unchanged.
///
/// Senders differ in how they end a message. Besides the end of RFC 7692 §7.2.1, a final block
/// (BFINAL) is one, and a message without any bytes is empty.
///
/// ```
/// use barews::deflate::{CompressionContext, DeflateParams, Inflate};
/// use barews::{Config, Connection, Event, Input};
///
/// const SERVER: CompressionContext = DeflateParams::DEFAULT.server();
/// let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
/// let mut inflate = Inflate::new(SERVER, [0; Inflate::memory(SERVER)])?;
///
/// // RFC 7692 §7.2.3.2: "Hello" twice; the second message refers to the first.
/// let mut bytes = *b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x05\xF2\x00\x11\x00\x00";
/// let mut input = Input::new(&mut bytes);
/// let mut text = Vec::new();
/// while let Event::Data(mut data) = ws.receive(&mut input)? {
///     let mut out = [0; 4];
///     while let Some(chunk) = inflate.push(&mut data, &mut out)? {
///         text.extend_from_slice(chunk.payload);
///     }
/// }
/// assert_eq!(text, b"HelloHello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inflate<S> {
    storage: S,
    decoder: Decoder,
    window: Window,
    takeover: bool,
    max_message_len: u64,
    message: MessageState,
    /// The error that every later call returns.
    failed: Option<Error>,
}

/// The progress of the current message.
#[derive(Clone, Copy, Debug)]
struct MessageState {
    /// No chunk of the message has been returned, or the last one has: the next message is new.
    is_new: bool,
    /// The message is not compressed, and the rest belongs to an earlier one.
    is_plain: bool,
    /// The number of bytes decompressed.
    offset: u64,
    /// The part of [`TAIL`] that is not decoded yet.
    tail: &'static [u8],
    utf8: Utf8,
}

impl MessageState {
    const NEW: Self =
        Self { is_new: true, is_plain: false, offset: 0, tail: TAIL, utf8: Utf8::new() };
}

impl Inflate<&mut [u8]> {
    /// The length in bytes of the storage that [`Inflate::new`] requires: the window,
    /// 256 to 32,768.
    #[must_use]
    pub const fn memory(context: CompressionContext) -> usize {
        1 << context.window_bits.get()
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Inflate<S> {
    /// Creates a decompressor for a peer that compresses with `context`: on a server,
    /// [`DeflateParams::client`](super::DeflateParams::client); on a client,
    /// [`DeflateParams::server`](super::DeflateParams::server).
    ///
    /// The initial contents of `storage` do not matter; a peer cannot make the
    /// decompressor return them.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if `storage` is shorter than [`memory`](Inflate::memory).
    pub fn new(context: CompressionContext, storage: S) -> Result<Self, StorageFull> {
        let needed = Inflate::memory(context);
        if storage.as_ref().len() < needed {
            return Err(StorageFull { needed });
        }
        Ok(Self {
            storage,
            decoder: Decoder::new(),
            window: Window::new(needed),
            takeover: context.takeover,
            max_message_len: MAX_MESSAGE_LEN,
            message: MessageState::NEW,
            failed: None,
        })
    }

    /// Sets the maximum length of a compressed message, in bytes after decompression, from
    /// the next message on. A longer one is [`Error::MessageTooLong`]. The default is 64 MiB.
    #[must_use]
    pub fn max_message_len(self, max_message_len: u64) -> Self {
        Self { max_message_len, ..self }
    }

    pub(super) const fn longest_message(&self) -> u64 {
        self.max_message_len
    }

    /// Decompresses a part of `data` into `out` and returns it as the next chunk of the message.
    /// `None` means that all of `data` is consumed. Call this until it returns `None` or an error.
    ///
    /// `out` must not be empty; its bytes after the chunk are unspecified. The chunk
    /// has the message's `kind`, `first` and `fin`, and a `frame_left` of 0, because
    /// the decompressed length is not known in advance. It may be empty. The chunks of
    /// a text are validated like those of an uncompressed one.
    ///
    /// # Errors
    ///
    /// Errors are final: every later call returns the same one. The bytes before the error are
    /// returned first. Report the error with [`Connection::fail`](crate::Connection::fail).
    ///
    /// - [`Error::InvalidDeflate`] if the payload is not valid DEFLATE, or ends inside a block.
    /// - [`Error::MessageTooLong`] if the message exceeds
    ///   [`max_message_len`](Self::max_message_len).
    /// - [`Error::InvalidUtf8`] if a text is not valid UTF-8.
    pub fn push<'o>(
        &mut self,
        data: &mut Data<'_>,
        out: &'o mut [u8],
    ) -> Result<Option<Data<'o>>, Error> {
        self.reseal();
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !data.compressed {
            return Ok(self.pass(data, out));
        }
        if data.first {
            self.start();
            data.first = false;
        }
        let left = self.max_message_len.saturating_sub(self.message.offset);
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let is_limit = bytes::to_u64(room) == left;
        // Limits what is decompressed, not only what is returned.
        let mut output = Output::new(
            self.window,
            self.storage.as_ref(),
            out.get_mut(..room).unwrap_or_default(),
        );
        let mut payload = &*data.payload;
        let mut stop = self.decoder.decode(&mut payload, &mut output);
        // Some senders compress an empty message to nothing, and some end each message with a final
        // block and nothing after it.
        if stop == Stop::Input && data.fin {
            if self.decoder.end_with_empty_block() {
                self.message.tail = &[];
            } else if !self.decoder.has_ended() {
                stop = self.decoder.decode(&mut self.message.tail, &mut output);
            }
        }
        let mut len = output.len();
        let used = data.payload.len().saturating_sub(payload.len());
        skip(data, used);
        let mut fault = match stop {
            Stop::Invalid => Some(Error::InvalidDeflate),
            Stop::Output if is_limit => Some(Error::MessageTooLong),
            Stop::Input if data.fin && !self.decoder.is_at_end() => Some(Error::InvalidDeflate),
            Stop::Input | Stop::Output => None,
        };
        let fin = data.fin && stop == Stop::Input && fault.is_none();
        if data.kind == Kind::Text {
            match self.message.utf8.check(out.get(..len).unwrap_or_default(), false) {
                // The incomplete character is not withheld: its first bytes may
                // already have been returned.
                Ok(utf8) if fin && !utf8.is_boundary() => fault = Some(Error::InvalidUtf8),
                Ok(utf8) => self.message.utf8 = utf8,
                Err(bad) => (len, fault) = (bad, Some(Error::InvalidUtf8)),
            }
        }
        let payload = out.get_mut(..len).unwrap_or_default();
        self.window.push(self.storage.as_mut(), payload);
        let offset = self.message.offset;
        self.message.offset = offset.wrapping_add(bytes::to_u64(len));
        self.failed = fault;
        match fault {
            Some(error) if len == 0 => return Err(error),
            None if len == 0 && !fin && stop == Stop::Input => return Ok(None),
            Some(_) | None => {}
        }
        let fin = fin && fault.is_none();
        data.fin &= !fin;
        let first = core::mem::replace(&mut self.message.is_new, fin);
        Ok(Some(chunk(data.kind, payload, offset, first, fin)))
    }

    /// §6.2: a message without RSV1 is not compressed, and does not change the window.
    fn pass<'o>(&mut self, data: &mut Data<'_>, out: &'o mut [u8]) -> Option<Data<'o>> {
        // An empty fragment yields no chunk, so the next one may be the first.
        self.message.is_new |= core::mem::take(&mut data.first);
        self.message.is_plain = true;
        if data.payload.is_empty() && !data.fin {
            return None;
        }
        let len = data.payload.len().min(out.len());
        let payload = out.get_mut(..len).unwrap_or_default();
        bytes::copy(data.payload.get(..len).unwrap_or_default(), payload);
        let offset = data.offset;
        skip(data, len);
        let fin = data.fin && data.payload.is_empty();
        data.fin &= !fin;
        let first = core::mem::replace(&mut self.message.is_new, fin);
        Some(chunk(data.kind, payload, offset, first, fin))
    }

    /// Prepares for the first byte of a message.
    fn start(&mut self) {
        // §7.1.1: without context takeover "each message" begins "with an empty sliding window".
        if !self.takeover {
            self.window.clear();
        }
        self.decoder.restart();
        self.message = MessageState::NEW;
    }
}

/// Prints no bytes: the storage has those of earlier messages.
impl<S> fmt::Debug for Inflate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate")
            .field("takeover", &self.takeover)
            .field("max_message_len", &self.max_message_len)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Removes the first `len` bytes of the payload.
fn skip(data: &mut Data<'_>, len: usize) {
    let payload = core::mem::take(&mut data.payload);
    data.payload = payload.split_at_mut_checked(len).unwrap_or_default().1;
    data.offset = data.offset.wrapping_add(bytes::to_u64(len));
}

/// A chunk of a decompressed message.
const fn chunk(kind: Kind, payload: &mut [u8], offset: u64, first: bool, fin: bool) -> Data<'_> {
    Data { kind, payload, first, fin, offset, frame_left: 0, frame_fin: fin, compressed: false }
}
