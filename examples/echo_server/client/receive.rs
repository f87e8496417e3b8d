//! Receiving from a client.

use std::io::{self, ErrorKind, Read};
use std::mem::take;
use std::sync::atomic::Ordering::Relaxed;

use barews::keepalive::Reason;
use barews::session::{Failure, SessionEvent};
use barews::{Error, RecvBuffer, SendError, Storage};
use mio::net::TcpStream;

use super::{Client, Flags, State};
use crate::buffers::Buffers;
use crate::echo::{Output, Partial};
use crate::service::{self, Service};
use crate::stats::Stats;
use crate::worker::Shared;

/// After this many bytes of messages, the other clients take their turn. They may be much more than
/// what was read if they are compressed. A broadcast counts as at least [`BROADCAST`] bytes.
const WORK: usize = 1 << 20;
const BROADCAST: usize = WORK / 64;

impl Client {
    /// Reads once, and handles that.
    pub(super) fn read(&mut self, state: &mut State, shared: &mut Shared) -> io::Result<()> {
        if state.is_direct() {
            self.read_message(state, shared)?;
            // What ends the transport is not part of the message.
            if !self.flags.ended {
                return Ok(());
            }
        } else {
            read(&mut self.stream, &mut self.flags, &mut state.buffers.rx, &shared.stats)?;
        }
        self.receive(state, shared)
    }

    /// Reads once, to where a long message is assembled.
    fn read_message(&mut self, state: &mut State, shared: &mut Shared) -> io::Result<()> {
        let State { buffers, partial, .. } = state;
        let Some(incoming) = partial else { return Ok(()) };
        let Ok((spare, has_grown)) = incoming.spare(&mut shared.pool) else {
            *partial = None;
            self.ws.fail(Error::MessageTooLong, &mut buffers.tx, shared.now);
            return Ok(());
        };
        shared.stats.grown.fetch_add(has_grown.into(), Relaxed);
        let mut rx = RecvBuffer::new(spare);
        read(&mut self.stream, &mut self.flags, &mut rx, &shared.stats)?;
        if self.flags.ended {
            buffers.rx.end();
            return Ok(());
        }
        let (mut len, mut has_ended, mut failed) = (0, false, None);
        while let Some(event) = self.ws.receive(&mut rx, &mut buffers.tx, shared.now) {
            match event {
                SessionEvent::Data(data) => (len, has_ended) = (data.payload.len(), data.fin),
                event => failed = failure(&event),
            }
        }
        incoming.advance(len);
        if let Some(failure) = failed {
            *partial = None;
            count(failure, &shared.stats);
        }
        self.echo_if_due(state, has_ended, shared)
    }

    /// Echoes the message that has arrived in several chunks, if it is complete.
    fn echo_if_due(&mut self, state: &mut State, fin: bool, shared: &mut Shared) -> io::Result<()> {
        let Some(partial) = state.partial.take_if(|partial| partial.is_due(fin)) else {
            return Ok(());
        };
        shared.messages += 1;
        let Self { ws, stream, flags, .. } = self;
        let mut out =
            Output { ws, tx: &mut state.buffers.tx, stream, writable: &mut flags.writable };
        partial.echo(fin, &mut out, &mut shared.pool)
    }

    /// Handles what was read.
    pub(super) fn receive(&mut self, state: &mut State, shared: &mut Shared) -> io::Result<()> {
        let mut work = 0;
        self.flags.unfinished = loop {
            match self.next(state, shared)? {
                None => break false,
                Some(len) => work += len,
            }
            if work > WORK {
                break true;
            }
        };
        shared.stats.messages.fetch_add(take(&mut shared.messages), Relaxed);
        Ok(())
    }

    /// Handles the next event. Returns the length of the message, if it is one; `None` if there is
    /// no event.
    fn next(&mut self, state: &mut State, shared: &mut Shared) -> io::Result<Option<usize>> {
        let Self { stream, ws, flags, .. } = self;
        let State { service, buffers: Buffers { rx, tx }, partial } = state;
        let failure = match service {
            Service::Echo => match ws.receive(rx, tx, shared.now) {
                Some(SessionEvent::Data(mut data)) => {
                    let (len, fin) = (data.payload.len(), data.fin);
                    if data.first && fin {
                        shared.messages += 1;
                        Output { ws, tx, stream, writable: &mut flags.writable }
                            .whole(&mut data)?;
                        return Ok(Some(len));
                    }
                    if !ws.is_open() {
                        return Ok(Some(len));
                    }
                    let incoming = partial.get_or_insert_with(|| Partial::new(data.kind));
                    if let Ok(has_grown) = incoming.push(&data, &mut shared.pool) {
                        shared.stats.grown.fetch_add(has_grown.into(), Relaxed);
                        self.echo_if_due(state, fin, shared)?;
                    } else {
                        *partial = None;
                        ws.fail(Error::MessageTooLong, tx, shared.now);
                    }
                    return Ok(Some(len));
                }
                Some(SessionEvent::Upgrade(upgrade)) => {
                    *service = service::open(ws, &upgrade, tx, shared)?;
                    return Ok(Some(0));
                }
                Some(SessionEvent::Request(request)) => {
                    service::respond(ws, &request, tx, shared)?;
                    return Ok(Some(0));
                }
                event => event.as_ref().map(failure),
            },
            Service::Feed { .. } => match ws.receive(rx, tx, shared.now) {
                Some(SessionEvent::Data(data)) => {
                    shared.messages += u64::from(data.fin);
                    return Ok(Some(data.payload.len()));
                }
                event => event.as_ref().map(failure),
            },
            Service::Deflate(codec) => {
                match ws.receive_message(rx, &mut codec.messages, tx, shared.now) {
                    Some(SessionEvent::Data(message)) => {
                        shared.messages += 1;
                        let len = message.as_bytes().len();
                        let sent = if ws.was_compressed() {
                            ws.send_compressed(message, &mut codec.deflate, tx)
                        } else {
                            ws.send_message(message, tx)
                        };
                        match sent {
                            // There is no memory for the echo.
                            Err(SendError::BufferTooSmall { .. }) => {
                                ws.fail(Error::MessageTooLong, tx, shared.now);
                            }
                            sent => sent.map_err(io::Error::other)?,
                        }
                        return Ok(Some(len));
                    }
                    event => event.as_ref().map(failure),
                }
            }
            Service::Broadcast(publisher) => match publisher.receive(ws, rx, tx, shared.now) {
                Some(SessionEvent::Data(message)) => {
                    shared.messages += 1;
                    shared.broadcasts.push(shared.encoder.encode(message));
                    return Ok(Some(message.as_bytes().len().max(BROADCAST)));
                }
                event => event.as_ref().map(failure),
            },
        };
        match failure {
            None => return Ok(None),
            Some(None) => {}
            Some(Some(failure)) => {
                // Nothing of a refused message is echoed.
                *partial = None;
                count(failure, &shared.stats);
            }
        }
        Ok(Some(0))
    }
}

impl State {
    /// Whether the next bytes belong to a long message, and are read to where it is assembled.
    fn is_direct(&self) -> bool {
        let Buffers { rx, tx } = &self.buffers;
        self.partial.as_ref().is_some_and(Partial::is_long) && rx.is_empty() && !tx.is_over_mark()
    }
}

fn failure<D>(event: &SessionEvent<'_, D>) -> Option<Failure> {
    if let SessionEvent::Failed(failure) = event { Some(*failure) } else { None }
}

fn count(failure: Failure, stats: &Stats) {
    match failure {
        Failure::Expired(Reason::Write) => _ = stats.dropped.fetch_add(1, Relaxed),
        Failure::Expired(_) => _ = stats.reaped.fetch_add(1, Relaxed),
        _ => {}
    }
}

/// Reads once.
fn read(
    stream: &mut TcpStream,
    flags: &mut Flags,
    rx: &mut RecvBuffer<impl Storage>,
    stats: &Stats,
) -> io::Result<()> {
    let spare = rx.spare_mut();
    let room = spare.len();
    if room == 0 {
        return Err(ErrorKind::OutOfMemory.into());
    }
    match stream.read(spare) {
        Ok(n) => {
            // A short read has drained the socket, so the read that would return `WouldBlock` is
            // avoided.
            flags.readable = n == room || flags.hung_up;
            flags.ended = n == 0;
            rx.advance(n);
            stats.bytes.fetch_add(n as u64, Relaxed);
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => flags.readable = false,
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
