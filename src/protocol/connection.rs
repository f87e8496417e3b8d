//! A WebSocket connection after its opening handshake (RFC 6455 §5 to §7): the two directions, and
//! the closing handshake between them.

mod seal;

#[cfg(feature = "handshake")]
pub(crate) use self::seal::MAX_LEN;

use crate::buffer::Input;
use crate::bytes::WORD_64;
use crate::protocol::closing::{self, Remote, State, TransportAction};
use crate::protocol::config::Config;
use crate::protocol::event::{Data, Event};
use crate::protocol::receiver::Receiver;
use crate::protocol::role::{Client, MaskKeys, Role, Server};
use crate::protocol::sender::Sender;
use crate::wire::close::CloseCode;
use crate::wire::error::{Error, SendError};
use crate::wire::frame::{self, Content, HeaderBytes, Kind, MAX_CONTROL_LEN, Opcode};

#[doc = include_str!("connection.md")]
#[derive(Debug)]
pub struct Connection<R> {
    receiver: Receiver,
    sender: Sender<R>,
    #[cfg(reseal)]
    config: Config,
}

impl Connection<Server> {
    /// Creates the server's side of a connection.
    #[must_use]
    pub fn server(config: Config) -> Self {
        Self::new(config, Server)
    }
}

impl<K: MaskKeys> Connection<Client<K>> {
    /// Creates the client's side of a connection.
    ///
    /// `keys` supplies one unpredictable masking key for each frame that is sent (§5.3, §10.3):
    ///
    /// ```
    /// use barews::{Config, Connection};
    ///
    /// let keys = || {
    ///     let mut key = [0; 4];
    ///     getrandom::fill(&mut key).expect("the operating system has no randomness");
    ///     key
    /// };
    /// let ws = Connection::client(Config::new(), keys);
    /// ```
    ///
    /// With the feature `getrandom`, [`OsKeys`](crate::OsKeys) does this without a panic. A source
    /// that can fail implements [`MaskKeys`].
    #[must_use]
    pub fn client(config: Config, keys: K) -> Self {
        Self::new(config, Client { keys })
    }
}

impl<R: Role> Connection<R> {
    #[must_use]
    pub(crate) fn new(config: Config, role: R) -> Self {
        Self {
            receiver: Receiver::new(&config),
            sender: Sender::new(&config, role),
            #[cfg(reseal)]
            config,
        }
    }

    /// Returns the next event in `input`, which holds the bytes that earlier calls left unread,
    /// followed by those received since.
    ///
    /// Call it until it returns [`Event::NeedMore`]; keep what is then left in `input` in front of
    /// the next bytes. A Pong or Close that this call queues is written by
    /// [`transmit`](Self::transmit), or before the frame of the next `send_…`.
    ///
    /// # Errors
    ///
    /// The peer violated the protocol or exceeded a limit of the [`Config`]. The connection is
    /// failed (§7.1.7): a Close with [`Error::close_code`] is queued, unless this side has already
    /// closed, and every later call returns the same error.
    #[inline]
    pub fn receive<'b>(&mut self, input: &mut Input<'b>) -> Result<Event<'b>, Error> {
        self.reseal();
        if WORD_64 && let Some(data) = self.whole_message(input) {
            return Ok(Event::Data(data));
        }
        self.receiver.receive::<R>(input, &mut self.sender.pending)
    }

    /// The slow path of [`receive`](Self::receive): everything, on any path.
    #[cfg(feature = "handshake")]
    pub(crate) fn receive_slow<'b>(&mut self, input: &mut Input<'b>) -> Result<Event<'b>, Error> {
        self.reseal();
        self.receiver.receive::<R>(input, &mut self.sender.pending)
    }

    /// Makes [`whole_message`](Self::whole_message) return `None` from now on, or no longer.
    #[cfg(feature = "handshake")]
    pub(crate) const fn hold(&mut self, is_held: bool) {
        self.receiver.hold(is_held);
    }

    /// The fast path of [`receive`](Self::receive).
    #[inline(always)]
    pub(crate) fn whole_message<'b>(&mut self, input: &mut Input<'b>) -> Option<Data<'b>> {
        self.reseal();
        self.receiver.whole_message::<R, false>(input)
    }

    /// Reports that the transport has ended.
    ///
    /// Call it after [`receive`](Self::receive) has returned [`Event::NeedMore`]: bytes that are
    /// still unread are lost, and with them a Close.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEof`] if the transport ended before the peer's Close: a message in
    /// progress is lost, and the code to report is 1006 (§7.1.5). If the connection had failed
    /// before, that earlier error.
    pub fn receive_eof(&mut self) -> Result<(), Error> {
        self.reseal();
        // The error may be one that `receive` has not returned yet.
        self.receiver.eof().inspect_err(|error| self.sender.pending.fault(*error))
    }

    /// Fails the connection (§7.1.7) because a layer above, such as an `Inflate`, rejects
    /// what the peer sent.
    ///
    /// From then on [`receive`](Self::receive) returns `error`. A Close with its code is queued,
    /// except for [`Error::UnexpectedEof`], after which the peer can no longer be reached. After
    /// the peer's Close or an earlier error this has no effect.
    pub fn fail(&mut self, error: Error) {
        self.reseal();
        if matches!(self.receiver.remote(), Remote::Open) {
            self.receiver.fail(error);
            self.sender.pending.fault(error);
        }
    }

    /// Writes a text message in one frame, after the queued control frame if there is one, and
    /// returns the length of both in bytes.
    ///
    /// # Errors
    ///
    /// - [`SendError::BufferTooSmall`] if `out` does not hold both.
    /// - [`SendError::Closed`] once a Close is queued or sent.
    /// - [`SendError::FrameInProgress`] while a frame of
    ///   [`begin_frame`](Self::begin_frame) is incomplete.
    /// - [`SendError::MessageInProgress`] while a fragmented message is open.
    /// - [`SendError::NoMaskingKey`] if the source of masking keys fails or has failed.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn send_text(&mut self, text: &str, out: &mut [u8]) -> Result<usize, SendError> {
        self.reseal();
        self.sender.message(Kind::Text, text.as_bytes(), out)
    }

    /// Writes a binary message in one frame, like [`send_text`](Self::send_text).
    ///
    /// # Errors
    ///
    /// The errors of [`send_text`](Self::send_text).
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn send_binary(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.reseal();
        self.sender.message(Kind::Binary, payload, out)
    }

    /// Writes one fragment of a message, after the queued control frame if there is one, and
    /// returns the length of both in bytes (§5.4).
    ///
    /// All fragments of a message have the same [`Kind`]; the last one has `fin`. The fragments of
    /// a text are valid UTF-8 when joined; a fragment may end inside a character.
    ///
    /// # Errors
    ///
    /// The errors of [`send_text`](Self::send_text), but [`SendError::MessageInProgress`] only if
    /// `content` differs from that of the open message. In addition:
    ///
    /// - [`SendError::InvalidUtf8`] if the text so far, or the whole text with `fin`, is not UTF-8.
    /// - [`SendError::NotNegotiated`] if `content` is compressed and the [`Config`]
    ///   does not allow it.
    pub fn send_fragment(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.reseal();
        self.sender.fragment(content.into(), fin, payload, out)
    }

    /// Makes `payload` the payload of a frame, in place, and returns the header (2 to 14 bytes) for
    /// a vectored write. A client masks the payload. The frame is a whole message or a fragment, as
    /// for [`send_fragment`].
    ///
    /// [`send_fragment`]: Self::send_fragment
    ///
    /// # Errors
    ///
    /// The errors of [`send_fragment`], but [`SendError::ControlDue`] instead of `BufferTooSmall`:
    /// call [`transmit`](Self::transmit) first. `payload` is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::{Config, Connection, Kind};
    /// use std::io::{IoSlice, Write};
    ///
    /// let mut ws = Connection::client(Config::new(), || [1, 2, 3, 4]);
    /// # let mut transport = Vec::new();
    /// let mut payload = *b"Hello";
    /// let header = ws.send_in_place(Kind::Text, true, &mut payload)?;
    /// // Like any write, this one may be short: repeat it with the rest.
    /// let n = transport.write_vectored(&[IoSlice::new(&header), IoSlice::new(&payload)])?;
    /// assert_eq!(n, 2 + 4 + 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_in_place(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &mut [u8],
    ) -> Result<HeaderBytes, SendError> {
        self.reseal();
        self.sender.in_place(content.into(), fin, payload)
    }

    /// Starts a frame whose payload of `len` bytes (0 to 2^63 - 1) follows in chunks, and returns
    /// its header. Write the header, then each chunk after [`mask_next`](Self::mask_next).
    ///
    /// Until `mask_next` has counted all `len` bytes, no other frame can be sent: a queued control
    /// frame waits, even a Close (§5.4). If you cannot supply the bytes, drop the transport. A
    /// frame of 0 bytes is complete with its header.
    ///
    /// # Errors
    ///
    /// The errors of [`send_in_place`](Self::send_in_place), and [`SendError::FrameTooLong`] if
    /// `len` is above 2^63 - 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::{Config, Connection, Kind};
    /// use std::io::{Read, Write};
    ///
    /// let mut ws = Connection::client(Config::new(), || [1, 2, 3, 4]);
    /// # let (mut file, mut transport) = (std::io::repeat(7).take(100_000), Vec::new());
    /// let header = ws.begin_frame(Kind::Binary, true, 100_000)?;
    /// transport.write_all(&header)?;
    /// let mut chunk = [0; 4096];
    /// while ws.frame_left() > 0 {
    ///     let n = file.read(&mut chunk)?;
    ///     if n == 0 {
    ///         return Err("the file is too short: drop the transport".into());
    ///     }
    ///     ws.mask_next(&mut chunk[..n])?;
    ///     transport.write_all(&chunk[..n])?;
    /// }
    /// # assert_eq!(transport.len(), 14 + 100_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin_frame(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        len: u64,
    ) -> Result<HeaderBytes, SendError> {
        self.reseal();
        self.sender.begin(content.into(), fin, len)
    }

    /// Masks the next chunk of the frame in progress and counts its bytes. Then write the chunk. A
    /// server's chunk is not changed.
    ///
    /// # Errors
    ///
    /// `chunk` is unchanged on error.
    ///
    /// - [`SendError::PastFrameEnd`] if no frame is in progress, or `chunk` is
    ///   longer than its rest.
    /// - [`SendError::InvalidUtf8`] if the text so far, or the whole text at its end, is not UTF-8.
    /// - [`SendError::NoMaskingKey`] if the source of masking keys has failed.
    pub fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        self.reseal();
        self.sender.mask_next(chunk)
    }

    /// The number of payload bytes that the frame in progress still expects; 0 if there is none.
    #[must_use]
    pub fn frame_left(&self) -> u64 {
        self.sender.frame_left()
    }

    /// Writes a Ping of 0 to 125 bytes, after the queued control frame if there is one, and returns
    /// the length of both in bytes (§5.5.2).
    ///
    /// # Errors
    ///
    /// The errors of [`send_text`](Self::send_text) except `MessageInProgress`, and
    /// [`SendError::ControlTooLong`] for a longer payload.
    pub fn send_ping(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.reseal();
        self.sender.ping_or_pong(Opcode::Ping, payload, out)
    }

    /// Writes a Pong of 0 to 125 bytes, after the queued control frame if there is one, and returns
    /// the length of both in bytes (§5.5.3).
    ///
    /// # Errors
    ///
    /// The errors of [`send_ping`](Self::send_ping).
    pub fn send_pong(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        self.reseal();
        self.sender.ping_or_pong(Opcode::Pong, payload, out)
    }

    /// Starts the closing handshake (§7.1.2): writes a Close with `code` and a `reason` of 0 to 123
    /// bytes, after the queued Pong if there is one. Data may arrive until the peer's Close.
    /// [`CloseCode::NO_STATUS`] with an empty reason is a Close without a code (§7.1.5).
    ///
    /// If the peer was first, its Close or its error has queued a reply, which is written instead.
    /// If [`auto_close`](Config::auto_close) is off, this is the reply to its Close.
    /// Once a Close has been sent, this returns 0.
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
    /// - [`SendError::InvalidCloseCode`] if this side must not send `code`, or for a reason without
    ///   a code.
    /// - [`SendError::ControlTooLong`] if `reason` is longer than 123 bytes.
    /// - [`SendError::BufferTooSmall`] if `out` is too short.
    /// - [`SendError::FrameInProgress`] while a frame of
    ///   [`begin_frame`](Self::begin_frame) is incomplete.
    /// - [`SendError::NoMaskingKey`] if the source of masking keys fails or has failed.
    pub fn send_close(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.reseal();
        let is_reply = matches!(self.receiver.remote(), Remote::Closed | Remote::Ended);
        self.sender.send_close(code, reason, is_reply, self.receiver.error(), out)
    }

    /// Writes the queued control frame and returns its length, at most
    /// [`MIN_BUFFER_LEN`](crate::MIN_BUFFER_LEN) bytes. Returns 0 if none is queued, or while a
    /// frame of [`begin_frame`](Self::begin_frame) is incomplete.
    ///
    /// # Errors
    ///
    /// - [`SendError::BufferTooSmall`] if `out` does not hold the frame, which stays queued.
    /// - [`SendError::NoMaskingKey`] if the source of masking keys fails or has failed.
    pub fn transmit(&mut self, out: &mut [u8]) -> Result<usize, SendError> {
        self.reseal();
        self.sender.transmit(out)
    }

    /// Returns the length in bytes of an output slice that holds any frame with a payload of
    /// `payload_len` bytes, after the longest control frame that may be queued: 127 bytes (server)
    /// or 131 bytes (client).
    ///
    /// ```
    /// use barews::{Client, Config, Connection, Server};
    ///
    /// let mut out = [0; Connection::<Server>::send_len(4096)];
    /// assert_eq!(out.len(), 127 + 4 + 4096);
    /// let mut ws = Connection::server(Config::new());
    /// assert_eq!(ws.send_binary(&[7; 4096], &mut out)?, 4 + 4096);
    ///
    /// // It is the same for every source of masking keys.
    /// type AnyClient = Connection<Client<fn() -> [u8; 4]>>;
    /// assert_eq!(AnyClient::send_len(4096), 131 + 8 + 4096);
    /// # Ok::<(), barews::SendError>(())
    /// ```
    #[must_use]
    pub const fn send_len(payload_len: usize) -> usize {
        let control = frame::frame_len(MAX_CONTROL_LEN, !R::SERVER);
        control.saturating_add(frame::frame_len(payload_len, !R::SERVER))
    }

    /// Whether [`transmit`](Self::transmit) has a frame to write.
    #[must_use]
    pub const fn wants_write(&self) -> bool {
        self.sender.wants_write()
    }

    /// Whether a message of the peer has begun and not ended: its first header has been consumed,
    /// and its last chunk has not been delivered. `false` after the peer's Close or error.
    ///
    /// With [`Delivery::Frames`](crate::Delivery::Frames), a header is consumed together with its
    /// frame, so a message in a single frame is never in progress.
    #[must_use]
    pub const fn is_receiving_message(&self) -> bool {
        self.receiver.in_message()
    }

    /// Whether a message has been begun by [`send_fragment`](Self::send_fragment),
    /// [`send_in_place`](Self::send_in_place) or [`begin_frame`](Self::begin_frame), and its end
    /// remains to be sent. Once a Close is queued or sent, `true` only while a frame is incomplete.
    #[must_use]
    pub const fn is_sending_message(&self) -> bool {
        self.sender.in_message()
    }

    /// Whether a Close waits for [`send_close`](Self::send_close).
    #[cfg(feature = "handshake")]
    pub(crate) const fn is_held(&self) -> bool {
        self.sender.pending.is_held()
    }

    /// The progress of the closing handshake.
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
