//! The receiving side: compressed messages in, messages out (RFC 7692 section 7.2.2).

mod bit_reader;
mod decoder;
mod huffman;
mod window;

use self::decoder::{Decoder, Stop};
use self::window::{Output, Window};
use crate::buffer::StorageFull;
use crate::deflate_params::CompressionContext;
use crate::protocol::event::Data;
use crate::wire::error::Error;
use crate::wire::frame::{self, Kind};
use crate::wire::mask;
use crate::wire::utf8::Utf8;

/// 7.2.2: what a sender leaves off, and a receiver puts back behind the last byte of a message.
const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

/// The finite default: as long as [`Config`](crate::Config) allows for a plain message.
const MAX_MESSAGE_LEN: u64 = 64 << 20;

/// Inflates the messages of one peer, in memory of the caller: an array, `&mut [u8]`, `Vec<u8>` or pooled
/// block.
///
/// It stands between the connection and whatever takes [`Data`]: pieces of compressed messages go in,
/// pieces of the inflated ones come out, as long as the caller has room for. Plain messages pass through.
///
/// ```
/// use barews::deflate::{CompressionContext, DeflateParams, Inflate};
/// use barews::{Config, Connection, Event, Input};
///
/// const AGREED: CompressionContext = DeflateParams::DEFAULT.server();
/// let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
/// let mut inflate = Inflate::new(AGREED, [0; Inflate::memory(AGREED)])?;
///
/// // RFC 7692, 7.2.3.2: "Hello", and the same again by reference.
/// let mut bytes = *b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x05\xF2\x00\x11\x00\x00";
/// let mut input = Input::new(&mut bytes);
/// let mut text = Vec::new();
/// while let Event::Data(mut data) = ws.receive(&mut input)? {
///     let mut room = [0; 4];
///     while let Some(piece) = inflate.push(&mut data, &mut room)? {
///         text.extend_from_slice(piece.payload);
///     }
/// }
/// assert_eq!(text, b"HelloHello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Inflate<S> {
    storage: S,
    decoder: Decoder,
    window: Window,
    takeover: bool,
    max_message_len: u64,
    message: MessageState,
    /// What every later call gives.
    failed: Option<Error>,
}

/// How far the open message is.
#[derive(Debug)]
struct MessageState {
    /// No piece of it came out yet.
    is_new: bool,
    /// So many bytes more it may have.
    room: u64,
    /// What is still to be put behind it.
    tail: &'static [u8],
    utf8: Utf8,
}

impl Inflate<&mut [u8]> {
    /// How many bytes of memory it takes: the window, 256 to 32,768 bytes.
    #[must_use]
    pub const fn memory(context: CompressionContext) -> usize {
        1 << context.window_bits.get()
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Inflate<S> {
    /// For messages of a peer that compresses as `context` says: a server takes
    /// [`DeflateParams::client`](super::DeflateParams::client), a client
    /// [`server`](super::DeflateParams::server). What is in `storage` does not matter, and no peer gets to
    /// see it.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] for less than [`memory`](Inflate::memory).
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
            message: MessageState { is_new: true, room: 0, tail: TAIL, utf8: Utf8::new() },
            failed: None,
        })
    }

    /// The longest message in inflated bytes, 0 and up, 64 MiB at first; more is
    /// [`Error::MessageTooLong`]. It holds from the next message on.
    #[must_use]
    pub fn max_message_len(self, max_message_len: u64) -> Self {
        Self { max_message_len, ..self }
    }

    /// Takes from `data` what can be inflated into `out`, 1 byte and up, and gives the next piece of the
    /// message; `None` if there is none before more data come. Call it until then, or until an error.
    ///
    /// The piece has the message's kind, its `first` and its `fin`, and a `frame_left` of 0, for nobody
    /// knows; it may be empty. The pieces of a text
    /// are checked as those of a plain one. Bytes of `out` behind the piece have no meaning.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDeflate`], [`Error::MessageTooLong`], [`Error::InvalidUtf8`], and from then on the
    /// same for ever. What comes before the fault is given first. Tell the connection by
    /// [`Connection::fail`](crate::Connection::fail).
    pub fn push<'o>(
        &mut self,
        data: &mut Data<'_>,
        out: &'o mut [u8],
    ) -> Result<Option<Data<'o>>, Error> {
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
        let room = usize::try_from(self.message.room).unwrap_or(usize::MAX).min(out.len());
        // The limit is a limit of what is written, not of what is given out.
        let mut output = Output::new(
            self.window,
            self.storage.as_ref(),
            out.get_mut(..room).unwrap_or_default(),
        );
        let mut payload = &*data.payload;
        let mut stop = self.decoder.decode(&mut payload, &mut output);
        if stop == Stop::Input && data.fin {
            stop = self.decoder.decode(&mut self.message.tail, &mut output);
        }
        let mut len = output.len();
        let used = data.payload.len().saturating_sub(payload.len());
        skip(data, used);
        let mut fault = match stop {
            Stop::Invalid => Some(Error::InvalidDeflate),
            Stop::Output if frame::to_u64(room) == self.message.room => Some(Error::MessageTooLong),
            Stop::Input if data.fin && !self.decoder.is_at_end() => Some(Error::InvalidDeflate),
            Stop::Input | Stop::Output => None,
        };
        let fin = data.fin && stop == Stop::Input && fault.is_none();
        if data.kind == Kind::Text {
            match self.message.utf8.check(out.get(..len).unwrap_or_default(), false) {
                // What is here of the last character may have come out before it was known to be the last.
                Ok(utf8) if fin && !utf8.is_boundary() => fault = Some(Error::InvalidUtf8),
                Ok(utf8) => self.message.utf8 = utf8,
                Err(bad) => (len, fault) = (bad, Some(Error::InvalidUtf8)),
            }
        }
        let payload = out.get_mut(..len).unwrap_or_default();
        self.window.push(self.storage.as_mut(), payload);
        self.message.room = self.message.room.saturating_sub(frame::to_u64(len));
        self.failed = fault;
        match fault {
            Some(error) if len == 0 => return Err(error),
            None if len == 0 && !fin && stop == Stop::Input => return Ok(None),
            Some(_) | None => {}
        }
        let fin = fin && fault.is_none();
        data.fin &= !fin;
        let first = core::mem::take(&mut self.message.is_new);
        Ok(Some(piece(data.kind, payload, first, fin)))
    }

    /// RFC 7692, 6.2: a message without RSV1 is what it is, and does not touch the window.
    fn pass<'o>(&mut self, data: &mut Data<'_>, out: &'o mut [u8]) -> Option<Data<'o>> {
        // An empty fragment gives no piece, so another one may be the first.
        self.message.is_new |= core::mem::take(&mut data.first);
        if data.payload.is_empty() && !data.fin {
            return None;
        }
        let len = data.payload.len().min(out.len());
        let payload = out.get_mut(..len).unwrap_or_default();
        mask::copy(data.payload.get(..len).unwrap_or_default(), payload);
        skip(data, len);
        let fin = data.fin && data.payload.is_empty();
        data.fin &= !fin;
        let first = core::mem::take(&mut self.message.is_new);
        Some(piece(data.kind, payload, first, fin))
    }

    /// Before the first byte of a message.
    fn start(&mut self) {
        // 7.1.1: without context takeover "each message" begins "with an empty sliding window".
        if !self.takeover {
            self.window.clear();
        }
        self.decoder.restart();
        self.message = MessageState {
            is_new: true,
            room: self.max_message_len,
            tail: TAIL,
            utf8: Utf8::new(),
        };
    }
}

/// Takes `len` bytes from the front.
fn skip(data: &mut Data<'_>, len: usize) {
    let payload = core::mem::take(&mut data.payload);
    data.payload = payload.split_at_mut_checked(len).unwrap_or_default().1;
}

/// A piece of an inflated message.
const fn piece(kind: Kind, payload: &mut [u8], first: bool, fin: bool) -> Data<'_> {
    Data { kind, payload, first, fin, frame_left: 0, compressed: false }
}
