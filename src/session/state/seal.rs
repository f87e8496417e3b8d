//! An open session as bytes and back.

use core::time::Duration;

use super::{Health, Incoming, Session, SessionRole, Stage};
use crate::buffer::{SendBuffer, Storage};
use crate::bytes::seal::{Bits, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer, valid};
use crate::protocol::closing::State;
use crate::protocol::config::Config;
use crate::protocol::connection::{self, Connection};
use crate::protocol::role::{Client, MaskKeys, Server};
use crate::session::clock;
use crate::session::event::Cause;
use crate::time::keepalive::{Reason, Timeouts};
use crate::wire::error::Error;

/// What a failed session reports, in two bits of its own byte.
mod cause {
    pub(super) const STORAGE_FULL: u8 = 0;
    pub(super) const PROTOCOL: u8 = 1;
    pub(super) const EXPIRED: u8 = 2;
}

impl Session<Server> {
    /// Restores the server's side of a session that was sealed with [`seal`](Self::seal), as if the
    /// time of sealing were `now`.
    ///
    /// `config` and `timeouts` may differ from those of the sealed session: see
    /// [`Connection::unseal_server`] and [`Keepalive::unseal`](crate::keepalive::Keepalive::unseal).
    /// `tx` already holds the unsent bytes of the sealed session.
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::unseal_server`].
    pub fn unseal_server<T: Storage>(
        config: Config,
        timeouts: Timeouts,
        sealed: &[u8],
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<Self, UnsealError> {
        Self::unseal(config, timeouts, Server, sealed, tx, now)
    }
}

impl<K: MaskKeys> Session<Client<K>> {
    /// Restores the client's side of a session, like
    /// [`unseal_server`](Session::unseal_server), with a new source of masking keys as in
    /// [`Connection::client`].
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::unseal_server`].
    pub fn unseal_client<T: Storage>(
        config: Config,
        timeouts: Timeouts,
        keys: K,
        sealed: &[u8],
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<Self, UnsealError> {
        Self::unseal(config, timeouts, Client { keys }, sealed, tx, now)
    }
}

impl<R: SessionRole> Session<R> {
    /// The longest state, in bytes.
    pub const MAX_SEALED_LEN: usize = PREFIX_LEN + connection::MAX_LEN + 1 + 2 + clock::MAX_LEN;

    /// Writes the state of an open session to `out` and returns its length in bytes: at most 16 for an
    /// idle session, and at most [`MAX_SEALED_LEN`](Self::MAX_SEALED_LEN). The session is unchanged.
    ///
    /// With these bytes another process goes on where this one has stopped; see
    /// [`Connection::seal`] for what to hand over with them, and for what they reveal. Deadlines are
    /// sealed relative to `now`.
    ///
    /// # Errors
    ///
    /// - [`SealError::BufferTooSmall`].
    /// - [`SealError::NotOpen`] before the opening handshake is complete, and after it has failed: let
    ///   this process end such a session. The handshake takes no longer than its timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::session::{Session, SessionEvent};
    /// use barews::keepalive::Timeouts;
    /// use barews::{Config, Connection, RecvBuffer, SendBuffer, Server};
    /// use core::time::Duration;
    ///
    /// # let (now, mut tx) = (Duration::from_secs(9), SendBuffer::new([0; 512]));
    /// # let mut ws = Session::opened(Connection::server(Config::new()), Timeouts::new(), now);
    /// # ws.send_text("unsent", &mut tx)?;
    /// let mut sealed = [0; Session::<Server>::MAX_SEALED_LEN];
    /// let n = ws.seal(now, &mut sealed)?;
    /// let (state, unsent) = (&sealed[..n], tx.unsent());
    ///
    /// // In the new process, with its own clock:
    /// let now = Duration::from_millis(3);
    /// let mut tx = SendBuffer::new([0; 512]);
    /// tx.push(unsent)?;
    /// let mut ws = Session::unseal_server(Config::new(), Timeouts::new(), state, &mut tx, now)?;
    /// ws.send_text("more", &mut tx)?;
    /// assert_eq!(tx.unsent(), b"\x81\x06unsent\x81\x04more");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, now: Duration, out: &mut [u8]) -> Result<usize, SealError> {
        let Stage::Open(connection) = &self.stage else { return Err(SealError::NotOpen) };
        let mut writer = Writer::begin(What::Session { is_server: R::SERVER }, out);
        connection.seal_into(&mut writer);
        let health = match self.health {
            Health::Well => 0,
            Health::Failed(_) => 1,
            Health::Reported => 2,
        };
        let bits = Bits::new().with(2, health).with_flag(self.has_ended());
        let bits = bits.with_flag(self.is_stalled).with_flag(self.is_paused);
        let bits = bits.with_flag(self.was_full).with_flag(self.is_half_closed);
        writer.byte(bits.with_flag(self.was_compressed).byte());
        if let Health::Failed(cause) = self.health {
            seal_cause(cause, &mut writer);
        }
        self.clock.seal(now, &mut writer);
        writer.end()
    }

    fn unseal<T: Storage>(
        config: Config,
        timeouts: Timeouts,
        role: R,
        sealed: &[u8],
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<Self, UnsealError> {
        // Restored in place: a session is too long to be moved for nothing.
        let mut unsealed = Ok(Self::new(Stage::Open(Connection::new(config, role)), timeouts, now));
        let restored = unsealed.as_mut().map_or(Ok(()), |session| session.restore(sealed, now));
        if let Err(error) = restored {
            unsealed = Err(error);
        } else {
            // The place of a Ping that is queued is not known, but it is not later than this.
            tx.mark_ping();
        }
        unsealed
    }

    /// Reads the state into this session, which is new.
    fn restore(&mut self, sealed: &[u8], now: Duration) -> Result<(), UnsealError> {
        let mut reader = Reader::begin(What::Session { is_server: R::SERVER }, sealed)?;
        let connection = self.stage.connection_mut();
        connection.map_or(Ok(()), |connection| connection.restore(&mut reader))?;
        let bits = Bits::of(reader.byte()?);
        // An idle session is as it is when new.
        if !bits.are_zero() {
            self.restore_flags(bits, &mut reader)?;
        }
        self.clock.restore(now, &mut reader)?;
        reader.end()
    }

    #[inline(never)]
    fn restore_flags(
        &mut self,
        mut bits: Bits,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let (health, has_ended) = (bits.take(2), bits.take_flag());
        (self.is_stalled, self.is_paused) = (bits.take_flag(), bits.take_flag());
        (self.was_full, self.is_half_closed) = (bits.take_flag(), bits.take_flag());
        self.was_compressed = bits.take_flag();
        self.pause(self.is_paused);
        if has_ended {
            self.incoming = Incoming::Ended;
        }
        self.health = match health {
            0 => Health::Well,
            1 => Health::Failed(unseal_cause(reader)?),
            2 => Health::Reported,
            _ => return Err(UnsealError::Invalid),
        };
        valid(!self.is_half_closed || self.state() == State::Closed)
    }
}

#[cfg_attr(not(reseal), expect(clippy::unused_self, reason = "only for tests"))]
impl<R: SessionRole> Session<R> {
    /// Before each event, with `--cfg reseal`: seals and unseals, like the connection.
    #[inline(always)]
    pub(crate) fn reseal(&mut self, now: Duration) {
        #[cfg(reseal)]
        self.seal_and_unseal(now);
        #[cfg(not(reseal))]
        let _ = now;
    }

    #[cfg(reseal)]
    fn seal_and_unseal(&mut self, now: Duration) {
        let (mut sealed, mut again) = ([0; 256], [0; 256]);
        let Ok(len) = self.seal(now, &mut sealed) else { return };
        let sealed = crate::bytes::part(&sealed, ..len);
        let Stage::Open(connection) = core::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        let (config, timeouts) = (connection.config(), self.clock.timeouts());
        let role = connection.into_role();
        let mut tx = SendBuffer::new([]);
        match Self::unseal(config, timeouts, role, sealed, &mut tx, now) {
            Ok(session) => *self = session,
            Err(error) => assert_eq!(Ok(()), Err(error), "{sealed:?}"),
        }
        assert_eq!(self.seal(now, &mut again), Ok(len), "{sealed:?}");
        assert_eq!(sealed, crate::bytes::part(&again, ..len));
    }
}

/// Only these leave a connection open.
fn seal_cause(cause: Cause, writer: &mut Writer<'_>) {
    let (number, detail) = match cause {
        Cause::Protocol(error) => (cause::PROTOCOL, error.number()),
        Cause::Expired(reason) => (cause::EXPIRED, reason.number()),
        Cause::StorageFull
        | Cause::Handshake(_)
        | Cause::NotOpen
        | Cause::FrameInProgress
        | Cause::MessageInProgress
        | Cause::NotNegotiated
        | Cause::NoMaskingKey
        | Cause::SendBuffer(_) => (cause::STORAGE_FULL, 0),
    };
    writer.byte(Bits::new().with(2, number).with(6, detail).byte());
}

fn unseal_cause(reader: &mut Reader<'_>) -> Result<Cause, UnsealError> {
    let mut bits = Bits::of(reader.byte()?);
    let (number, detail) = (bits.take(2), bits.take(6));
    match number {
        cause::STORAGE_FULL => {
            valid(detail == 0)?;
            Ok(Cause::StorageFull)
        }
        cause::PROTOCOL => Error::from_number(detail).map(Cause::Protocol),
        cause::EXPIRED => {
            let reason = Reason::from_number(detail)?;
            valid(matches!(reason, Reason::Idle | Reason::Message))?;
            Ok(Cause::Expired(reason))
        }
        _ => Err(UnsealError::Invalid),
    }
}
