//! The options of a connection: limits (RFC 6455 §10.4), delivery, order.

use crate::protocol::event::{ControlOrder, Delivery};
#[cfg(doc)]
use crate::wire::error::Error;

/// Whether the feature `deflate` is enabled. Without it, the flags of compression are constants.
pub(crate) const DEFLATE: bool = cfg!(feature = "deflate");

/// The options of a [`Connection`](crate::Connection). Every limit has a finite default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Config {
    pub(crate) max_frame_len: u64,
    pub(crate) max_message_len: u64,
    pub(crate) max_fragments: u32,
    pub(crate) delivery: Delivery,
    pub(crate) control_order: ControlOrder,
    pub(crate) auto_pong: bool,
    pub(crate) auto_close: bool,
    pub(crate) auto_fail: bool,
    pub(crate) validate_sent_text: bool,
    pub(crate) deflate: bool,
}

impl Config {
    /// No limit of length. The peer may then send a message without end.
    pub const UNLIMITED: u64 = u64::MAX;

    /// No limit on fragments.
    pub const UNLIMITED_FRAGMENTS: u32 = u32::MAX;

    /// The defaults: 16 MiB per frame, 64 MiB and 65,536 fragments per message,
    /// [`Delivery::Chunks`], [`ControlOrder::Ahead`], automatic Pongs and replies to a Close.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_frame_len: 16 << 20,
            max_message_len: 64 << 20,
            max_fragments: 1 << 16,
            delivery: Delivery::Chunks,
            control_order: ControlOrder::Ahead,
            auto_pong: true,
            auto_close: true,
            auto_fail: true,
            validate_sent_text: true,
            deflate: false,
        }
    }

    /// The options of a proxy, whose two sides exchange all frames as they are, with
    /// [`Session::forward`](crate::session::Session::forward): no limit of length,
    /// [`ControlOrder::Wire`], and no Pong or Close but the peer's.
    #[must_use]
    pub const fn proxy() -> Self {
        Self {
            max_frame_len: Self::UNLIMITED,
            max_message_len: Self::UNLIMITED,
            max_fragments: Self::UNLIMITED_FRAGMENTS,
            control_order: ControlOrder::Wire,
            auto_pong: false,
            auto_close: false,
            auto_fail: false,
            ..Self::new()
        }
    }

    /// Sets the longest payload of a data frame, in bytes. A longer one is [`Error::FrameTooLong`],
    /// as soon as its header announces it.
    #[must_use]
    pub const fn max_frame_len(self, max_frame_len: u64) -> Self {
        Self { max_frame_len, ..self }
    }

    /// Sets the longest message, in bytes. A longer one is [`Error::MessageTooLong`], as soon as
    /// the header of a frame exceeds the limit.
    #[must_use]
    pub const fn max_message_len(self, max_message_len: u64) -> Self {
        Self { max_message_len, ..self }
    }

    /// Sets the most frames in one message, empty ones included; 0 counts as 1. One more is
    /// [`Error::TooManyFragments`].
    #[must_use]
    pub const fn max_fragments(self, max_fragments: u32) -> Self {
        let max_fragments = if max_fragments == 0 { 1 } else { max_fragments };
        Self { max_fragments, ..self }
    }

    /// Sets whether the payload is delivered as it arrives or as whole frames.
    #[must_use]
    pub const fn delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// Sets whether Ping and Pong are delivered ahead of data.
    #[must_use]
    pub const fn control_order(self, control_order: ControlOrder) -> Self {
        Self { control_order, ..self }
    }

    /// Sets whether a received Ping queues its Pong automatically. If not, the caller has to reply
    /// with [`send_pong`](crate::Connection::send_pong) (RFC 6455 §5.5.2).
    #[must_use]
    pub const fn auto_pong(self, auto_pong: bool) -> Self {
        Self { auto_pong, ..self }
    }

    /// Sets whether the peer's Close queues its reply automatically, with the same code. If not,
    /// the caller has to reply with [`send_close`](crate::Connection::send_close), with a code and
    /// a reason of its own (RFC 6455 §5.5.1). A protocol error of the peer queues a Close anyway,
    /// unless [`auto_fail`](Self::auto_fail) is off.
    ///
    /// Until the reply is sent, the state is [`RemoteClosed`](crate::State::RemoteClosed), and
    /// other frames can be sent: §5.5.1 allows an endpoint to send the rest of its current message
    /// first, and a proxy may have to pass on what its other side sent before that learned of the
    /// Close. The peer need not process such frames.
    ///
    /// ```
    /// use barews::{CloseCode, Config, Connection, Event, Input, Kind, TransportAction};
    ///
    /// let mut ws = Connection::server(Config::new().auto_close(false));
    /// let mut out = [0; 64];
    /// let mut n = ws.send_fragment(Kind::Text, false, b"Hel", &mut out)?;
    ///
    /// let mut close = *b"\x88\x80\0\0\0\0";
    /// assert_eq!(ws.receive(&mut Input::new(&mut close))?, Event::Close(None));
    /// assert!(!ws.wants_write());
    ///
    /// n += ws.send_fragment(Kind::Text, true, b"lo", &mut out[n..])?;
    /// n += ws.send_close(CloseCode::GOING_AWAY, "restart", &mut out[n..])?;
    /// assert_eq!(&out[..n], b"\x01\x03Hel\x80\x02lo\x88\x09\x03\xE9restart");
    /// assert_eq!(ws.transport_action(), TransportAction::HalfClose);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn auto_close(self, auto_close: bool) -> Self {
        Self { auto_close, ..self }
    }

    /// Sets whether a protocol error of the peer queues the Close that reports it automatically. If
    /// not, that Close is held back until the caller calls
    /// [`send_close`](crate::Connection::send_close), with any code: it keeps its own.
    ///
    /// A proxy has to pass on what its other side answers to the frames before the error. Until the
    /// Close is sent, the state is [`RemoteClosed`](crate::State::RemoteClosed), and other frames can
    /// be sent.
    ///
    /// ```
    /// use barews::{CloseCode, Config, Connection, Error, Input, TransportAction};
    ///
    /// let mut ws = Connection::server(Config::new().auto_fail(false));
    /// let mut unmasked = *b"\x81\x02hi";
    /// assert_eq!(ws.receive(&mut Input::new(&mut unmasked)), Err(Error::Unmasked));
    /// let mut out = [0; 64];
    /// let mut n = ws.send_text("to an earlier one", &mut out)?;
    /// n += ws.send_close(CloseCode::NORMAL, "", &mut out[n..])?;
    /// assert_eq!(&out[..n], b"\x81\x11to an earlier one\x88\x02\x03\xEA"); // 1002
    /// assert_eq!(ws.transport_action(), TransportAction::HalfClose);
    /// # Ok::<(), barews::SendError>(())
    /// ```
    #[must_use]
    pub const fn auto_fail(self, auto_fail: bool) -> Self {
        Self { auto_fail, ..self }
    }

    /// Sets whether the fragments and chunks of a text to send are checked for UTF-8 (RFC 6455 §5.6).
    /// Without the check, the caller ensures that a text is valid when its parts are joined: the peer
    /// fails the connection otherwise (§8.1).
    ///
    /// An echo server or a proxy sends text that a connection has checked when it was received; the
    /// second check only costs time. [`send_text`](crate::Connection::send_text) takes a `&str` and
    /// needs none.
    ///
    /// ```
    /// use barews::{Config, Connection, Kind, SendError};
    ///
    /// let mut out = [0; 8];
    /// let mut ws = Connection::server(Config::new());
    /// assert_eq!(
    ///     ws.send_fragment(Kind::Text, true, b"\xFF", &mut out),
    ///     Err(SendError::InvalidUtf8)
    /// );
    /// let mut trusting = Connection::server(Config::new().validate_sent_text(false));
    /// assert_eq!(trusting.send_fragment(Kind::Text, true, b"\xFF", &mut out), Ok(3));
    /// ```
    #[must_use]
    pub const fn validate_sent_text(self, validate_sent_text: bool) -> Self {
        Self { validate_sent_text, ..self }
    }

    /// Sets whether permessage-deflate was negotiated in the opening handshake (RFC 7692). If so, a
    /// message may be compressed, and [`Data::compressed`](crate::Data::compressed) is set. If not,
    /// RSV1 is [`Error::ReservedBits`].
    ///
    /// `max_frame_len` and `max_message_len` then limit the compressed bytes;
    /// [`Inflate`](crate::deflate::Inflate) limits the length of the inflated message.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
