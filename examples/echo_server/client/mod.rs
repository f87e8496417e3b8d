//! A client: its socket, its session and its turn.

mod handover;
mod receive;

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use barews::session::Session;
use barews::{CloseCode, Server, TransportAction};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::broadcast::BroadcastMessage;
use crate::buffers::Buffers;
use crate::echo::Partial;
use crate::memory::Memory;
use crate::service::Service;
use crate::timers::Scheduled;
use crate::worker::Shared;

/// After this many reads, the other clients take their turn.
const READS: usize = 4;
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

/// An idle client that gets echoes is this, and nothing else.
pub(crate) struct Client {
    ws: Session<Server>,
    state: Option<Box<State>>,
    stream: TcpStream,
    pub(crate) scheduled: Scheduled,
    /// It has a place in the queue of those with something to do.
    pub(crate) is_queued: bool,
    flags: Flags,
}

/// What an idle client that gets echoes does not have.
struct State {
    service: Service,
    /// What the last turn left.
    buffers: Buffers,
    partial: Option<Partial>,
}

impl State {
    /// Whether it holds memory for messages.
    fn is_holding(&self) -> bool {
        !self.buffers.is_empty() || self.partial.is_some()
    }
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
            ws: Session::server(settings.config, settings.timeouts, shared.now),
            state: None,
            stream,
            scheduled: Scheduled::default(),
            is_queued: false,
            flags: Flags::default(),
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, key: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.stream, Token(key), interest)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.stream)
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.ws.deadline()
    }

    pub(crate) fn notify(&mut self, event: &Event) {
        self.flags.hung_up |= event.is_read_closed() || event.is_error();
        self.flags.readable |= event.is_readable() || self.flags.hung_up;
        self.flags.writable |= event.is_writable();
    }

    fn service(&self) -> &Service {
        self.state.as_ref().map_or(&Service::Echo, |state| &state.service)
    }

    /// Whether its messages go to all clients.
    pub(crate) fn is_publisher(&self) -> bool {
        matches!(self.service(), Service::Broadcast(_))
    }

    /// Whether it holds memory for messages.
    pub(crate) fn is_holding(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_holding())
    }

    /// Reads, receives and writes as much as one turn allows.
    pub(crate) fn turn(&mut self, shared: &mut Shared) -> Progress {
        self.with_state(shared, |client, state, shared| {
            for _ in 0..READS {
                let may_read = client.flags.readable && client.ws.wants_read();
                if may_read && !client.flags.unfinished {
                    client.read(state, shared)?;
                } else {
                    client.receive(state, shared)?;
                }
                let progress = client.write(state)?;
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
        self.with_state(shared, |client, state, shared| {
            let tx = &mut state.buffers.tx;
            client.ws.close(code, "", tx, shared.now).map_err(io::Error::other)?;
            client.write(state)
        })
    }

    /// Sends messages to a client that receives broadcasts, in one write.
    pub(crate) fn send_broadcasts(
        &mut self,
        messages: &[BroadcastMessage],
        shared: &mut Shared,
    ) -> Progress {
        if !self.is_publisher() {
            return Progress::Waiting;
        }
        self.with_state(shared, |client, state, shared| {
            let Service::Broadcast(publisher) = &state.service else {
                return Ok(Progress::Waiting);
            };
            let is_compressed = publisher.is_compressed();
            for message in messages {
                let (content, payload) = message.content(is_compressed);
                client.make_way(state, shared)?;
                let tx = &mut state.buffers.tx;
                client.ws.send_fragment(content, true, payload, tx).map_err(io::Error::other)?;
            }
            client.write(state)
        })
    }

    /// Sends the messages of the feed that the client has not got yet.
    pub(crate) fn feed(&mut self, shared: &mut Shared) -> Progress {
        if !matches!(self.service(), Service::Feed { .. }) {
            return Progress::Waiting;
        }
        self.with_state(shared, |client, state, shared| {
            let Service::Feed { place } = &mut state.service else { return Ok(Progress::Waiting) };
            for text in shared.feed.after(place) {
                client.make_way(state, shared)?;
                client.ws.send_text(&text, &mut state.buffers.tx).map_err(io::Error::other)?;
            }
            client.write(state)
        })
    }

    /// Writes if too much is unsent. A client that reads too slowly for what is not a reply is
    /// dropped.
    fn make_way(&mut self, state: &mut State, shared: &Shared) -> io::Result<()> {
        if state.buffers.tx.is_over_mark() && self.ws.is_open() {
            self.write(state)?;
            if state.buffers.tx.is_over_mark() {
                shared.stats.dropped.fetch_add(1, Relaxed);
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Lends the thread's buffers to `act`, and keeps afterwards what there is to keep.
    fn with_state(
        &mut self,
        shared: &mut Shared,
        act: impl FnOnce(&mut Self, &mut State, &mut Shared) -> io::Result<Progress>,
    ) -> Progress {
        let mut kept = self.state.take();
        let mut fresh = None;
        let state = match &mut kept {
            Some(state) => &mut **state,
            None => fresh.insert(State {
                service: Service::Echo,
                buffers: shared.lender.buffers(),
                partial: None,
            }),
        };
        let was_holding = state.is_holding();
        let progress = Self::borrow(state, shared, |state, shared| act(self, state, shared));
        let is_holding = state.is_holding();
        match (was_holding, is_holding) {
            (false, true) => _ = shared.stats.buffers.fetch_add(1, Relaxed),
            (true, false) => _ = shared.stats.buffers.fetch_sub(1, Relaxed),
            _ => {}
        }
        let is_needed = is_holding || !matches!(state.service, Service::Echo);
        self.state = kept.or_else(|| fresh.map(Box::new)).filter(|_| is_needed);
        // An error is mostly a reset: no one is left to notify.
        progress.unwrap_or(Progress::Ended)
    }

    fn borrow(
        state: &mut State,
        shared: &mut Shared,
        act: impl FnOnce(&mut State, &mut Shared) -> io::Result<Progress>,
    ) -> io::Result<Progress> {
        shared.lender.lend(&mut state.buffers, &mut shared.pool)?;
        state.service.exchange(&mut shared.message);
        let progress = act(state, shared);
        let mut message = Memory::default();
        state.service.exchange(&mut message);
        if message.len() > shared.message.len() {
            std::mem::swap(&mut shared.message, &mut message);
        }
        shared.pool.give(message);
        shared.lender.take_back(&mut state.buffers, &mut shared.pool)?;
        progress
    }

    /// Writes what is unsent, and does what the end of the session asks for.
    fn write(&mut self, state: &mut State) -> io::Result<Progress> {
        let tx = &mut state.buffers.tx;
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
