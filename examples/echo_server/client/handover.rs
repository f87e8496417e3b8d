//! A client as bytes and back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use barews::session::Session;
use barews::{RecvBuffer, SealError, Server, State as Closing};
use mio::net::TcpStream;

use super::{Client, Flags, State};
use crate::buffers::Lender;
use crate::echo::Partial;
use crate::handover::{Body, Parts, invalid};
use crate::memory::Memory;
use crate::service::Service;
use crate::settings::Settings;
use crate::timers::Scheduled;

/// Bits that never change: the end of the stream was read; not all that was read has been received;
/// there is a message in assembly.
const ENDED: u8 = 1;
const UNFINISHED: u8 = 2;
const PARTIAL: u8 = 4;

impl Client {
    /// Its state. `None` if this process has to serve it to its end.
    pub(crate) fn seal(&mut self, now: Duration) -> Option<Body> {
        let Self { ws, state, flags, .. } = self;
        let partial = state.as_ref().is_some_and(|state| state.partial.is_some());
        let bits = [(flags.ended, ENDED), (flags.unfinished, UNFINISHED), (partial, PARTIAL)];
        let bits =
            bits.iter().fold(0, |bits, (is_set, bit)| if *is_set { bits | bit } else { bits });
        let mut body = Body::default();
        body.part(&[bits]);
        let mut session = [0; Session::<Server>::MAX_SEALED_LEN];
        match ws.seal(now, &mut session) {
            Ok(len) => body.part(session.get(..len)?),
            // The request is not complete: instead of a session, there is the time that is left.
            Err(SealError::NotOpen) if ws.state() == Closing::Open => {
                body.part(&[]).option(ws.deadline().map(|at| millis(at.saturating_sub(now))))
            }
            Err(_) => return None,
        };
        match state {
            None => Service::Echo.seal(body.part(&[]).part(&[]))?,
            Some(state) => {
                let State { service, buffers, partial } = &mut **state;
                service.seal(body.part(buffers.rx.unread()).part(buffers.tx.unsent()))?;
                if let Some(partial) = partial {
                    partial.seal(&mut body);
                }
            }
        }
        Some(body)
    }

    /// The client of another process, as of `now`.
    pub(crate) fn unseal(
        fd: OwnedFd,
        body: &[u8],
        settings: &Settings,
        now: Duration,
    ) -> io::Result<Self> {
        let mut parts = Parts(body);
        let [bits] = parts.bytes()?;
        if bits & !(ENDED | UNFINISHED | PARTIAL) != 0 {
            return Err(invalid());
        }
        let session = parts.part()?;
        let left = if session.is_empty() { parts.option()? } else { None };
        let (unread, unsent) = (parts.part()?, parts.part()?);
        let mut buffers = Lender::new(settings).buffers();
        let (has_ended, unfinished) = (bits & ENDED != 0, bits & UNFINISHED != 0);
        if unfinished {
            // The session has not heard of all of them.
            buffers.rx.push(unread).map_err(io::Error::other)?;
        } else {
            buffers.rx = RecvBuffer::with_unread(
                Memory::copy(unread).map_err(io::Error::other)?,
                unread.len(),
            );
        }
        if has_ended {
            buffers.rx.end();
        }
        let tx = &mut buffers.tx;
        tx.push(unsent).map_err(io::Error::other)?;
        let Settings { config, timeouts, .. } = *settings;
        let ws = if session.is_empty() {
            let timeouts = timeouts.handshake_within(left.map(Duration::from_millis));
            Session::server(config, timeouts, now)
        } else {
            Session::unseal_server(config, timeouts, session, tx, now).map_err(io::Error::other)?
        };
        let service = Service::unseal(&mut parts, settings)?;
        let partial = bits & PARTIAL != 0;
        let partial = partial.then(|| Partial::unseal(&mut parts)).transpose()?;
        parts.end()?;
        let state = State { service, buffers, partial };
        let is_needed = state.is_holding() || !matches!(state.service, Service::Echo);
        Ok(Self {
            ws,
            state: is_needed.then(|| Box::new(state)),
            stream: TcpStream::from_std(fd.into()),
            scheduled: Scheduled::default(),
            is_queued: false,
            flags: Flags { ended: has_ended, unfinished, ..Flags::default() },
        })
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
