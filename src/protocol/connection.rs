//! One WebSocket connection behind its opening handshake: the product of the two directions, and
//! the closing handshake between them (RFC 6455 sections 5 to 7).

use crate::buffer::Input;
#[cfg(feature = "deflate")]
use crate::protocol::closing::Remote;
use crate::protocol::closing::{self, State, TransportAction};
use crate::protocol::config::Config;
use crate::protocol::event::Event;
use crate::protocol::receiver::Receiver;
use crate::protocol::role::{Client, MaskKeys, Role, Server};
use crate::protocol::sender::Sender;
use crate::wire::close::CloseCode;
use crate::wire::error::{Error, SendError};
use crate::wire::frame::{Content, HeaderBytes, Kind, Opcode};
use crate::wire::target::WORD_64;

/// A WebSocket connection: bytes in, events out; calls in, bytes out.
///
/// It begins behind the opening handshake, whoever did that: the `handshake` module, HTTP/2
/// (RFC 8441), HTTP/3 (RFC 9220), a test.
///
/// ```
/// use barews::{Config, Connection, Event, Input};
///
/// let mut server = Connection::server(Config::new());
/// let mut client = Connection::client(Config::new(), || [0x37, 0xFA, 0x21, 0x3D]);
///
/// let mut wire = [0; 64];
/// let n = client.send_text("Hello", &mut wire)?;
///
/// let mut input = Input::new(&mut wire[..n]);
/// let Event::Data(data) = server.receive(&mut input)? else { panic!() };
/// assert_eq!(data.payload, b"Hello");
/// assert!(data.fin);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An event cannot outlive its bytes, and the bytes cannot be moved under an event:
///
/// ```compile_fail,E0502
/// # use barews::{Config, Connection, Input};
/// # let mut ws = Connection::server(Config::new());
/// # let mut bytes = [0; 64];
/// let mut input = Input::new(&mut bytes);
/// let event = ws.receive(&mut input);
/// bytes.copy_within(10.., 0);
/// drop(event);
/// ```
///
/// There is no way to send on a server's side with a key, nor on a client's side without one:
///
/// ```compile_fail,E0061
/// # use barews::{Config, Connection};
/// let ws = Connection::client(Config::new());
/// ```
///
/// ```compile_fail,E0061
/// # use barews::{Config, Connection};
/// let ws = Connection::server(Config::new(), || [1, 2, 3, 4]);
/// ```
#[derive(Debug)]
pub struct Connection<R> {
    receiver: Receiver,
    sender: Sender<R>,
}

impl Connection<Server> {
    /// The server's side.
    #[must_use]
    pub fn server(config: Config) -> Self {
        Self::new(config, Server)
    }
}

impl<K: MaskKeys> Connection<Client<K>> {
    /// The client's side; `keys` gives one unpredictable masking key for each frame (5.3, 10.3).
    #[must_use]
    pub fn client(config: Config, keys: K) -> Self {
        Self::new(config, Client { keys })
    }
}

impl<R: Role> Connection<R> {
    fn new(config: Config, role: R) -> Self {
        Self { receiver: Receiver::new(&config), sender: Sender::new(&config, role) }
    }

    /// The next event in `input`, which holds what the last call left and what came since.
    ///
    /// Call it until [`Event::NeedMore`]; what is left in `input` then belongs in front of the next
    /// bytes. Replies (Pong, Close) that become due are written by [`transmit`](Self::transmit) or
    /// before the frame of the next `send`.
    ///
    /// # Errors
    ///
    /// The peer's fault, and for ever the same from then on. The Close that tells the peer is due.
    #[inline]
    pub fn receive<'b>(&mut self, input: &mut Input<'b>) -> Result<Event<'b>, Error> {
        if WORD_64 && let Some(data) = self.receiver.whole_message::<R>(input) {
            return Ok(Event::Data(data));
        }
        self.receiver.receive::<R>(input, &mut self.sender.pending)
    }

    /// The transport has ended: no more bytes will come. Say it when [`receive`](Self::receive) has
    /// answered [`Event::NeedMore`] to the last of them: what is unread then is lost, a Close too.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEof`] if the peer's Close did not come before: the connection was not
    /// closed cleanly (7.1.4), the code to report is 1006, and a message in progress is lost. The
    /// error of an earlier fault stays.
    pub fn receive_eof(&mut self) -> Result<(), Error> {
        // It may be a fault that no call has told yet.
        self.receiver.eof().inspect_err(|error| self.sender.pending.fault(*error))
    }

    /// Fails the connection (7.1.7) for a fault that a layer above found in the peer's bytes, as an
    /// `Inflate` does: from now on [`receive`](Self::receive) gives this error, and the Close that tells
    /// the peer is due (not for [`Error::UnexpectedEof`]: then nobody is there to be told). Behind the
    /// peer's Close, or another fault, it changes nothing.
    #[cfg(feature = "deflate")]
    pub fn fail(&mut self, error: Error) {
        if matches!(self.receiver.remote(), Remote::Open) {
            self.receiver.fail(error);
            self.sender.pending.fault(error);
        }
    }

    /// Writes a text message in one frame, behind the control frame that is due, and returns how
    /// many bytes both take.
    ///
    /// # Errors
    ///
    /// [`SendError::BufferTooSmall`], [`SendError::Closed`], [`SendError::FrameInProgress`],
    /// [`SendError::MessageInProgress`], [`SendError::NoMaskingKey`].
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut [u8]) -> Result<usize, SendError> {
        self.sender.message(Kind::Text, text.as_bytes(), out)
    }

    /// Writes a binary message in one frame, as [`send_text`](Self::send_text) does.
    ///
    /// # Errors
    ///
    /// As for [`send_text`](Self::send_text).
    #[inline]
    pub fn send_binary(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.sender.message(Kind::Binary, payload, out)
    }

    /// Writes one fragment of a message, behind the control frame that is due (5.4).
    ///
    /// All fragments of a message have the same [`Kind`], the last one `fin`. The fragments of a text
    /// are UTF-8 when put together; one may end inside a character.
    ///
    /// # Errors
    ///
    /// As for [`send_text`](Self::send_text); [`SendError::MessageInProgress`] for another kind
    /// than the open message's; [`SendError::InvalidUtf8`]; [`SendError::NotNegotiated`] for one that is
    /// compressed.
    pub fn send_fragment(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.sender.fragment(content.into(), fin, payload, out)
    }

    /// Makes a frame of `payload` where it is: masks it (a client) and returns the header, 2 to 14
    /// bytes, for a vectored write. Whole message or fragment, as [`send_fragment`].
    ///
    /// [`send_fragment`]: Self::send_fragment
    ///
    /// # Errors
    ///
    /// As for [`send_fragment`]; [`SendError::ControlDue`] instead of `BufferTooSmall`: call
    /// [`transmit`](Self::transmit) first.
    pub fn send_in_place(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &mut [u8],
    ) -> Result<HeaderBytes, SendError> {
        self.sender.in_place(content.into(), fin, payload)
    }

    /// Begins a frame of `len` bytes, 0 to 2^63 - 1, that come later: write the header, then
    /// every piece of the payload after [`mask_next`](Self::mask_next).
    ///
    /// Until all `len` bytes went through `mask_next`, no other frame can be sent, and the control
    /// frame that is due waits, a Close too (5.4: a frame is not interrupted). Who cannot come up with
    /// the bytes can only drop the transport. A frame of 0 bytes is whole with its header.
    ///
    /// # Errors
    ///
    /// As for [`send_in_place`](Self::send_in_place); [`SendError::FrameTooLong`].
    pub fn begin_frame(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        len: u64,
    ) -> Result<HeaderBytes, SendError> {
        self.sender.begin(content.into(), fin, len)
    }

    /// Masks the next bytes of the frame that was begun (a server's stay as they are) and counts
    /// them. Then write them.
    ///
    /// # Errors
    ///
    /// [`SendError::PastFrameEnd`], [`SendError::InvalidUtf8`], [`SendError::NoMaskingKey`]; `chunk`
    /// is unchanged then.
    pub fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        self.sender.mask_next(chunk)
    }

    /// How many bytes the frame that was begun still wants from [`mask_next`](Self::mask_next).
    #[must_use]
    pub fn frame_left(&self) -> u64 {
        self.sender.frame_left()
    }

    /// Writes a Ping of 0 to 125 bytes, behind the control frame that is due (5.5.2).
    ///
    /// # Errors
    ///
    /// As for [`send_text`](Self::send_text), but it may come inside a fragmented message;
    /// [`SendError::ControlTooLong`].
    pub fn send_ping(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.sender.ping_or_pong(Opcode::Ping, payload, out)
    }

    /// Writes a Pong of 0 to 125 bytes, behind the control frame that is due (5.5.3).
    ///
    /// # Errors
    ///
    /// As for [`send_ping`](Self::send_ping).
    pub fn send_pong(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.sender.ping_or_pong(Opcode::Pong, payload, out)
    }

    /// Starts the closing handshake (7.1.2): writes a Close with `code` and a `reason` of 0 to 123
    /// bytes, behind the Pong that is due. Data may still come until the peer's Close.
    ///
    /// If the peer was first, the answer that is due is written instead. Returns 0 if a Close was
    /// written before.
    ///
    /// The reason is UTF-8 by its type:
    ///
    /// ```compile_fail,E0308
    /// # use barews::{CloseCode, Config, Connection};
    /// # let mut ws = Connection::server(Config::new());
    /// ws.send_close(CloseCode::NORMAL, b"bye", &mut [0; 16]);
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCloseCode`] for a code that this side must not send,
    /// [`SendError::ControlTooLong`], [`SendError::BufferTooSmall`],
    /// [`SendError::FrameInProgress`], [`SendError::NoMaskingKey`].
    pub fn send_close(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.sender.send_close(code, reason, out)
    }

    /// Writes the control frame that is due, at most [`MIN_BUFFER_LEN`](crate::MIN_BUFFER_LEN)
    /// bytes, and returns its length; 0 if none is due or a frame is in progress.
    ///
    /// # Errors
    ///
    /// [`SendError::BufferTooSmall`], [`SendError::NoMaskingKey`].
    pub fn transmit(&mut self, out: &mut [u8]) -> Result<usize, SendError> {
        self.sender.transmit(out)
    }

    /// Whether [`transmit`](Self::transmit) has something to write.
    #[must_use]
    pub const fn wants_write(&self) -> bool {
        self.sender.wants_write()
    }

    /// How far the connection is from its end.
    #[must_use]
    pub const fn state(&self) -> State {
        closing::state(self.sender.local(), self.receiver.remote())
    }

    /// What to do with the transport now.
    #[must_use]
    pub const fn transport_action(&self) -> TransportAction {
        closing::action(R::SERVER, self.sender.local(), self.receiver.remote())
    }
}
