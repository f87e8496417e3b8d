//! The heads that a session writes: a client's request, a server's response.

use core::time::Duration;

use super::event::Cause;
use super::opening::{ClientOpening, ServerOpening, SessionRole};
use super::state::{Incoming, Session, Stage};
use crate::buffer::{SendBuffer, Storage};
use crate::handshake;
use crate::handshake::client::{Handshake, Rejected};
use crate::handshake::server::{Accept, RequestReader, respond};
use crate::handshake::{BuildError, Limits};
use crate::protocol::config::Config;
use crate::protocol::connection::Connection;
use crate::protocol::role::{Client, MaskKeys, Server};
use crate::time::keepalive::Timeouts;

impl Session<Server> {
    /// Creates the server's side of a session. The transport was opened at `now`.
    #[must_use]
    pub fn server(config: Config, timeouts: Timeouts, now: Duration) -> Self {
        Self::server_with_limits(config, timeouts, Limits::new(), now)
    }

    /// Creates the server's side of a session, with limits on the head of the request.
    #[must_use]
    pub fn server_with_limits(
        config: Config,
        timeouts: Timeouts,
        limits: Limits,
        now: Duration,
    ) -> Self {
        let opening = ServerOpening::Reading(RequestReader::with_limits(limits));
        Self::new(Stage::Opening { opening, config, role: Server::default() }, timeouts, now)
    }

    /// Answers a [`SessionEvent::Upgrade`](super::SessionEvent::Upgrade): with the 101 that
    /// [`Upgrade::accept`](crate::handshake::server::Upgrade::accept) returns, or with the refusal.
    ///
    /// If the session has ended in the meantime, this has no effect.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the response cannot be written; nothing was, and the request can be
    /// answered again.
    pub fn answer<T: Storage>(
        &mut self,
        answer: Result<Accept<'_, '_>, handshake::Error>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<(), BuildError> {
        let Stage::Opening { opening: ServerOpening::Asked { is_upgrade: true }, config, .. } =
            &self.stage
        else {
            return Ok(());
        };
        match answer {
            Ok(accept) => {
                let config = Config { deflate: accept.deflate.is_some(), ..*config };
                write_head(tx, |out| accept.write(out))?;
                self.set_incoming(Incoming::Open);
                self.enter(Connection::server(config), now);
            }
            Err(error) => self.refuse(error, tx, now),
        }
        Ok(())
    }

    /// Answers a [`SessionEvent::Request`](super::SessionEvent::Request), or refuses a
    /// [`SessionEvent::Upgrade`](super::SessionEvent::Upgrade), with an HTTP
    /// response; see [`respond`](handshake::server::respond()).
    ///
    /// # Errors
    ///
    /// The errors of [`answer`](Self::answer).
    pub fn respond<T: Storage>(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<(), BuildError> {
        self.end_with(|out| respond(status, headers, body, out), tx, now)
    }

    /// Answers as another server has answered, for a proxy; see [`Rejected::forward`].
    ///
    /// # Errors
    ///
    /// The errors of [`Rejected::forward`]; nothing was written, and the request can be answered
    /// again.
    pub fn reject_as<T: Storage>(
        &mut self,
        rejected: &Rejected<'_>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<(), BuildError> {
        self.end_with(|out| rejected.forward(out), tx, now)
    }

    /// Answers a request with the response that `write` writes, which is not a 101.
    fn end_with<T: Storage>(
        &mut self,
        write: impl Fn(&mut [u8]) -> Result<usize, BuildError>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<(), BuildError> {
        if let Stage::Opening { opening: ServerOpening::Asked { .. }, .. } = &self.stage {
            write_head(tx, write)?;
            self.stage = Stage::Refused;
            self.set_incoming(Incoming::Open);
            self.clock.close(now);
        }
        Ok(())
    }
}

impl<K: MaskKeys> Session<Client<K>> {
    /// Creates the client's side of a session and queues the request. The transport was opened at
    /// `now`. `keys` is as for [`Connection::client`].
    ///
    /// # Errors
    ///
    /// - The errors of [`Handshake::write_request`].
    /// - [`BuildError::TooManyOffers`] for more than 8 subprotocols, or 8 offers of compression.
    pub fn client<T: Storage>(
        config: Config,
        timeouts: Timeouts,
        keys: K,
        handshake: &Handshake<'_>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<Self, BuildError> {
        let opening = ClientOpening::new(handshake)?;
        write_head(tx, |out| handshake.write_request(out))?;
        Ok(Self::new(Stage::Opening { opening, config, role: Client { keys } }, timeouts, now))
    }
}

impl<R: SessionRole> Session<R> {
    /// Writes the refusal of a handshake. A client has none, and just ends.
    #[cold]
    pub(super) fn refuse<T: Storage>(
        &mut self,
        error: handshake::Error,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        self.report_later(Cause::Handshake(error));
        self.set_incoming(Incoming::Open);
        self.stage = if R::SERVER && write_head(tx, |out| error.respond(out)).is_ok() {
            Stage::Refused
        } else {
            Stage::Over
        };
        self.clock.close(now);
    }
}

/// Queues a head of any length.
fn write_head<T: Storage>(
    tx: &mut SendBuffer<T>,
    write: impl Fn(&mut [u8]) -> Result<usize, BuildError>,
) -> Result<(), BuildError> {
    let needed = match write(&mut []) {
        Err(BuildError::BufferTooSmall { needed }) => needed,
        other => return other.map(drop),
    };
    let out =
        tx.spare_mut(needed).map_err(|full| BuildError::BufferTooSmall { needed: full.needed })?;
    let n = write(out)?;
    tx.advance(n);
    Ok(())
}
