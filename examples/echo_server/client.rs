//! A client: its socket, its session and its turn.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem::take;
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use barews::frame::{Header, Lead, Opcode};
use barews::keepalive::Reason;
use barews::session::{Failure, Session, SessionEvent};
use barews::{CloseCode, Data, SendBuffer, SendError, Server, TransportAction};
use mio::event::Event;
use mio::net::TcpStream;

use crate::broadcast::BroadcastMessage;
use crate::buffers::Buffers;
use crate::service::{self, Service};
use crate::timers::Scheduled;
use crate::worker::Shared;

/// After this many reads, the other clients take their turn ...
const READS: usize = 4;
/// ... or after this many bytes of messages, which may be much more than what was read if they are
/// compressed. A broadcast counts as at least [`BROADCAST`] bytes.
const WORK: usize = 1 << 20;
const BROADCAST: usize = WORK / 64;

/// At most this much memory for messages is kept between turns, in bytes.
const KEPT: usize = 1 << 20;
/// The payload of a frame of this length, in bytes, is written from the receive buffer: the copy
/// would cost more than the system call.
const LONG: usize = 32 << 10;

/// When a client can continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// At the next event of its socket.
    Waiting,
    /// At once, after the other clients had their turn.
    More,
    /// Never.
    Ended,
}

pub(crate) struct Client {
    stream: TcpStream,
    ws: Session<Server>,
    service: Service,
    /// What the last turn left. `None` most of the time.
    pub(crate) buffers: Option<Box<Buffers>>,
    pub(crate) scheduled: Scheduled,
    /// It has a place in the queue of those with something to do.
    pub(crate) is_queued: bool,
    flags: Flags,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
struct Flags {
    /// There may be something to read.
    readable: bool,
    /// There may be room to write.
    writable: bool,
    /// The client has closed its half: after a short read there is still the end of the stream to
    /// read.
    hung_up: bool,
    /// The end of the stream was read.
    ended: bool,
    /// Not all that was read has been received.
    unfinished: bool,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, shared: &Shared) -> Self {
        let settings = &shared.settings;
        Self {
            stream,
            ws: Session::server(settings.config, settings.timeouts, shared.now),
            service: Service::Echo,
            buffers: None,
            scheduled: Scheduled::default(),
            is_queued: false,
            flags: Flags::default(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.ws.deadline()
    }

    pub(crate) fn notify(&mut self, event: &Event) {
        self.flags.hung_up |= event.is_read_closed() || event.is_error();
        self.flags.readable |= event.is_readable() || self.flags.hung_up;
        self.flags.writable |= event.is_writable();
    }

    /// Whether its messages go to all clients.
    pub(crate) fn is_publisher(&self) -> bool {
        matches!(self.service, Service::Broadcast(_))
    }

    /// Reads, receives and writes as much as one turn allows.
    pub(crate) fn turn(&mut self, shared: &mut Shared) -> Progress {
        self.with_buffers(shared, |client, buffers, shared| {
            for _ in 0..READS {
                if client.flags.readable && client.ws.wants_read() && !client.flags.unfinished {
                    client.read(buffers, shared)?;
                }
                client.receive(buffers, shared)?;
                let progress = client.write(buffers)?;
                if progress != Progress::More || client.flags.unfinished {
                    return Ok(progress);
                }
            }
            Ok(Progress::More)
        })
    }

    /// Whether its deadline has passed. Nobody is given up without a last attempt in both
    /// directions.
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        let is_due = self.deadline().is_some_and(|at| at <= now);
        self.flags.readable |= is_due;
        self.flags.writable |= is_due;
        is_due
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self, code: CloseCode, shared: &mut Shared) -> Progress {
        self.with_buffers(shared, |client, buffers, shared| {
            client.ws.close(code, "", &mut buffers.tx, shared.now).map_err(io::Error::other)?;
            client.write(buffers)
        })
    }

    /// Sends a broadcast message, if the client receives those.
    pub(crate) fn send_broadcast(
        &mut self,
        message: &BroadcastMessage,
        shared: &mut Shared,
    ) -> Progress {
        let Service::Broadcast(publisher) = &self.service else { return Progress::Waiting };
        let (content, payload) = message.content(publisher.is_compressed());
        self.send(shared, |ws, buffers| ws.send_fragment(content, true, payload, &mut buffers.tx))
    }

    /// Sends the messages of the feed that the client has not got yet.
    pub(crate) fn feed(&mut self, shared: &mut Shared) -> Progress {
        let Service::Feed { seen } = &mut self.service else { return Progress::Waiting };
        let (messages, newest) = shared.feed.after(*seen);
        *seen = newest;
        self.send(shared, |ws, buffers| {
            messages.iter().try_for_each(|text| ws.send_text(text, &mut buffers.tx))
        })
    }

    /// Sends what is not a reply. A client that reads too slowly for it is dropped.
    fn send(
        &mut self,
        shared: &mut Shared,
        send: impl FnOnce(&mut Session<Server>, &mut Buffers) -> Result<(), SendError>,
    ) -> Progress {
        self.with_buffers(shared, |client, buffers, shared| {
            if buffers.tx.is_over_mark() && client.ws.is_open() {
                shared.stats.dropped.fetch_add(1, Relaxed);
                return Ok(Progress::Ended);
            }
            send(&mut client.ws, buffers).map_err(io::Error::other)?;
            client.write(buffers)
        })
    }

    fn with_buffers(
        &mut self,
        shared: &mut Shared,
        act: impl FnOnce(&mut Self, &mut Buffers, &mut Shared) -> io::Result<Progress>,
    ) -> Progress {
        let mut buffers = shared.pool.lend(self.buffers.take(), &shared.stats);
        shared.message = self.service.exchange(take(&mut shared.message));
        // An error is mostly a reset: no one is left to notify.
        let progress = act(self, &mut buffers, shared).unwrap_or(Progress::Ended);
        let message = self.service.exchange(Vec::new());
        if message.len() <= KEPT && message.len() > shared.message.len() {
            shared.message = message;
        }
        self.buffers = shared.pool.take_back(buffers, &shared.stats);
        progress
    }

    /// Reads once.
    fn read(&mut self, buffers: &mut Buffers, shared: &mut Shared) -> io::Result<()> {
        let rx = &mut buffers.rx;
        let capacity = rx.capacity();
        shared.pool.lengthen(rx);
        let spare = rx.spare_mut();
        let room = spare.len();
        if room == 0 {
            return Err(ErrorKind::OutOfMemory.into());
        }
        match self.stream.read(spare) {
            Ok(n) => {
                // A short read has drained the socket, so the read that would return `WouldBlock`
                // is avoided.
                self.flags.readable = n == room || self.flags.hung_up;
                self.flags.ended = n == 0;
                rx.advance(n);
                shared.stats.bytes.fetch_add(n as u64, Relaxed);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.flags.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if rx.capacity() > capacity {
            shared.stats.grown.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// Handles what was read.
    fn receive(&mut self, buffers: &mut Buffers, shared: &mut Shared) -> io::Result<()> {
        let mut work = 0;
        self.flags.unfinished = loop {
            match self.next(buffers, shared)? {
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
    fn next(&mut self, buffers: &mut Buffers, shared: &mut Shared) -> io::Result<Option<usize>> {
        let Self { stream, ws, service, flags, .. } = self;
        let Buffers { rx, tx } = buffers;
        let event = match service {
            Service::Echo | Service::Feed { .. } => match ws.receive(rx, tx, shared.now) {
                Some(SessionEvent::Data(data)) => {
                    shared.messages += 1;
                    if matches!(service, Service::Echo) && ws.is_open() {
                        echo(&data, tx, stream, &mut flags.writable)?;
                    }
                    return Ok(Some(data.payload.len()));
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
                        return sent.map(|()| Some(len)).map_err(io::Error::other);
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
        match event {
            Some(Some(Failure::Expired(Reason::Write))) => &shared.stats.dropped,
            Some(Some(Failure::Expired(_))) => &shared.stats.reaped,
            Some(_) => return Ok(Some(0)),
            None => return Ok(None),
        }
        .fetch_add(1, Relaxed);
        Ok(Some(0))
    }

    /// Writes what is unsent, and does what the end of the session asks for.
    fn write(&mut self, buffers: &mut Buffers) -> io::Result<Progress> {
        let Buffers { tx, .. } = buffers;
        while self.flags.writable && !tx.is_empty() {
            match self.stream.write(tx.unsent()) {
                Ok(n) => {
                    self.flags.writable = n == tx.len();
                    tx.sent(n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.flags.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        match self.ws.transport_action(tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => self.stream.shutdown(Shutdown::Write)?,
            TransportAction::Drop => return Ok(Progress::Ended),
        }
        let is_waiting = if self.ws.wants_read() {
            !self.flags.readable && !self.flags.unfinished
        } else {
            self.flags.ended || tx.is_over_mark()
        };
        Ok(if is_waiting { Progress::Waiting } else { Progress::More })
    }
}

fn failure<D>(event: &SessionEvent<'_, D>) -> Option<Failure> {
    if let SessionEvent::Failed(failure) = event { Some(*failure) } else { None }
}

/// Echoes a frame. Its text was validated when it was received, and `send_fragment` would do that
/// again.
fn echo(
    data: &Data<'_>,
    tx: &mut SendBuffer<Vec<u8>>,
    stream: &mut TcpStream,
    writable: &mut bool,
) -> io::Result<()> {
    let opcode = if data.first { Opcode::from(data.kind) } else { Opcode::Continuation };
    let lead = Lead { fin: data.fin, rsv1: false, opcode };
    let header = Header { lead, masking_key: None, payload_len: data.payload.len() as u64 };
    tx.push(&header.encode()).map_err(io::Error::other)?;
    let mut written = 0;
    if data.payload.len() >= LONG && *writable {
        let parts = [tx.unsent(), data.payload].map(IoSlice::new);
        let len: usize = parts.iter().map(|part| part.len()).sum();
        match stream.write_vectored(&parts) {
            Ok(n) => written = n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        *writable = written == len;
    }
    tx.sent_with(written, data.payload).map_err(io::Error::other)
}
