//! A connection as bytes and back.

use super::Connection;
use crate::bytes::seal::{Bits, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer, allowed};
use crate::protocol::config::{Config, DEFLATE};
use crate::protocol::role::{Client, MaskKeys, Role, Server};
use crate::protocol::{pending, receiver, sender};

/// The most bytes of [`Connection::seal_into`].
pub(crate) const MAX_LEN: usize = 1 + receiver::MAX_LEN + pending::MAX_LEN + sender::MAX_LEN;

impl Connection<Server> {
    /// Restores the server's side of a connection that was sealed with [`seal`](Self::seal), possibly
    /// by another process or an older version of this crate.
    ///
    /// `config` may differ from that of the sealed connection, except that whether compression was
    /// negotiated comes from `sealed`. `sealed` may be any bytes, for instance from a file: they
    /// become a state that a connection with `config` can reach, or an error.
    ///
    /// # Errors
    ///
    /// - [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    ///   [`Invalid`](UnsealError::Invalid) if `sealed` is not the state of such a connection.
    /// - [`UnsealError::Config`] if the state exceeds a limit of `config`; if the caller would not
    ///   send a Close for which the connection waits, because
    ///   [`auto_close`](Config::auto_close) or [`auto_fail`](Config::auto_fail) was off and is on;
    ///   if [`delivery`](Config::delivery) asks for whole frames, and a part of the frame was
    ///   delivered; if [`validate_sent_text`](Config::validate_sent_text) differs, and a text is
    ///   being sent.
    pub fn unseal_server(config: Config, sealed: &[u8]) -> Result<Self, UnsealError> {
        Self::unseal(config, Server, sealed)
    }
}

impl<K: MaskKeys> Connection<Client<K>> {
    /// Restores the client's side of a connection, like
    /// [`unseal_server`](Connection::unseal_server), with a new source of masking keys as in
    /// [`Connection::client`].
    ///
    /// # Errors
    ///
    /// The errors of [`unseal_server`](Connection::unseal_server).
    pub fn unseal_client(config: Config, keys: K, sealed: &[u8]) -> Result<Self, UnsealError> {
        Self::unseal(config, Client { keys }, sealed)
    }
}

impl<R: Role> Connection<R> {
    /// The longest state, in bytes.
    pub const MAX_SEALED_LEN: usize = PREFIX_LEN + MAX_LEN;

    /// Writes the state of the connection to `out` and returns its length in bytes: 3 for an idle
    /// connection, at most [`MAX_SEALED_LEN`](Self::MAX_SEALED_LEN). The connection is unchanged.
    ///
    /// With these bytes another process goes on where this one has stopped: a server is replaced, or
    /// put to sleep, and its connections stay open. The connection owns neither the transport nor the
    /// buffers, so hand over with it
    ///
    /// - the transport, for instance as a file descriptor;
    /// - the bytes that were received and are unread;
    /// - the bytes that are to be written and are unsent;
    /// - of a message that is compressed or arrives in chunks, what the caller keeps: an
    ///   [`Assembler`](crate::Assembler::seal), an `Inflate`, a `Deflate`, each with its own `seal`.
    ///
    /// The bytes may contain the payload of a Ping, and the masking key for the rest of a frame; they
    /// are as secret as the connection.
    ///
    /// # Errors
    ///
    /// [`SealError::BufferTooSmall`].
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::{Config, Connection, Event, Input, Server};
    ///
    /// // A text of two fragments is cut after "Hel", inside its first frame.
    /// let mut received = *b"\x01\x84\0\0\0\0Hell\x80\x81\0\0\0\0o";
    /// let mut ws = Connection::server(Config::new());
    /// let mut input = Input::new(&mut received[..9]);
    /// assert!(matches!(ws.receive(&mut input)?, Event::Data(data) if data.payload == b"Hel"));
    ///
    /// let mut sealed = [0; Connection::<Server>::MAX_SEALED_LEN];
    /// let n = ws.seal(&mut sealed)?;
    ///
    /// // In the new process:
    /// let mut ws = Connection::unseal_server(Config::new(), &sealed[..n])?;
    /// let mut input = Input::new(&mut received[9..]);
    /// assert!(matches!(ws.receive(&mut input)?, Event::Data(data) if data.payload == b"l"));
    /// assert!(matches!(ws.receive(&mut input)?, Event::Data(data) if data.fin));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, SealError> {
        let mut writer = Writer::begin(What::Connection { is_server: R::SERVER }, out);
        self.seal_into(&mut writer);
        writer.end()
    }

    fn unseal(config: Config, role: R, sealed: &[u8]) -> Result<Self, UnsealError> {
        // Restored in place: a connection is too long to be moved for nothing.
        let mut unsealed = Ok(Self::new(config, role));
        let restored = unsealed
            .as_mut()
            .map_or(Ok(()), |connection: &mut Self| connection.restore_all(sealed));
        if let Err(error) = restored {
            unsealed = Err(error);
        }
        unsealed
    }

    fn restore_all(&mut self, sealed: &[u8]) -> Result<(), UnsealError> {
        let mut reader = Reader::begin(What::Connection { is_server: R::SERVER }, sealed)?;
        self.restore(&mut reader)?;
        reader.end()
    }

    pub(crate) fn seal_into(&self, writer: &mut Writer<'_>) {
        let Self { receiver, sender, .. } = self;
        let bits = Bits::new().with_flag(receiver.is_deflate()).with(3, receiver.doing());
        let bits = bits.with(3, sender.pending.doing()).with_flag(sender.is_sending());
        writer.byte(bits.byte());
        if R::SERVER {
            receiver.seal::<true>(writer);
        } else {
            receiver.seal::<false>(writer);
        }
        sender.pending.seal(receiver.error(), writer);
        sender.seal(writer);
    }

    /// Reads the state into this connection, which is new.
    pub(crate) fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), UnsealError> {
        let Self { receiver, sender, .. } = self;
        let mut bits = Bits::of(reader.byte()?);
        let deflate = bits.take_flag();
        allowed(DEFLATE || !deflate)?;
        receiver.set_deflate(deflate);
        sender.set_deflate(deflate);
        let (receiving, pending, is_sending) = (bits.take(3), bits.take(3), bits.take_flag());
        if R::SERVER {
            receiver.unseal::<true>(receiving, reader)?;
        } else {
            receiver.unseal::<false>(receiving, reader)?;
        }
        let (remote, error) = (receiver.remote(), receiver.error());
        sender.pending.unseal(pending, R::SERVER, remote, error, reader)?;
        if is_sending {
            sender.unseal(error, reader)?;
        }
        Ok(())
    }

    /// Before each call, with `--cfg reseal`: seals and unseals, so that each test shows that nothing
    /// is lost.
    #[inline(always)]
    #[cfg_attr(not(reseal), expect(clippy::unused_self, reason = "only for tests"))]
    pub(super) fn reseal(&mut self) {
        #[cfg(reseal)]
        self.seal_and_unseal();
    }

    #[cfg(all(reseal, feature = "handshake"))]
    pub(crate) const fn config(&self) -> Config {
        self.config
    }

    #[cfg(all(reseal, feature = "handshake"))]
    pub(crate) fn into_role(self) -> R {
        self.sender.into_role()
    }

    #[cfg(reseal)]
    fn seal_and_unseal(&mut self) {
        let (mut sealed, mut again) = ([0; 256], [0; 256]);
        let len = self.seal(&mut sealed).unwrap_or_default();
        let sealed = crate::bytes::part(&sealed, ..len);
        let config = Config { deflate: self.receiver.is_deflate(), ..self.config };
        let is_held = self.receiver.is_held();
        self.receiver = super::Receiver::new(&config);
        self.sender.reset(&config);
        let restored = self.restore_all(sealed);
        self.receiver.hold(is_held);
        assert_eq!((restored, self.seal(&mut again)), (Ok(()), Ok(len)), "{sealed:?}");
        assert_eq!(sealed, crate::bytes::part(&again, ..len));
    }
}
