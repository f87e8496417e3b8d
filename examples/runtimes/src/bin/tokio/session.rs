//! The task that owns a connection.

use std::mem;

use barews::keepalive::Timeouts;
use barews::{Assembler, Config, Connection, Event, RecvBuffer, Server, State, TransportAction};
use barews_runtimes::{Failure, append, echo};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, watch};

use super::clock::Clock;

/// Echoes whole messages. Other tasks that want to send use a channel, which becomes one more
/// branch in [`step`](Self::step), so the connection needs no lock.
pub(crate) struct Session<R> {
    from: R,
    rx: RecvBuffer<Vec<u8>>,
    ws: Connection<Server>,
    messages: Assembler<Vec<u8>>,
    /// Output that is not yet in the queue.
    pending: Vec<u8>,
    queue: mpsc::Sender<Vec<u8>>,
    written: watch::Receiver<u64>,
    clock: Clock,
}

/// What [`Session::step`] waited for.
enum Next {
    Read(usize),
    Queued,
    Written,
    Deadline,
}

impl<R: AsyncRead + Unpin> Session<R> {
    /// A session after the opening handshake. `rx` may already hold frames.
    pub(crate) fn new(
        from: R,
        rx: RecvBuffer<Vec<u8>>,
        (queue, written): (mpsc::Sender<Vec<u8>>, watch::Receiver<u64>),
        timeouts: Timeouts,
    ) -> Result<Self, Failure> {
        let ws = Connection::server(Config::new());
        let (messages, pending) = (Assembler::new(Vec::new()), Vec::new());
        let clock = Clock::start(timeouts);
        let mut session = Self { from, rx, ws, messages, pending, queue, written, clock };
        session.receive()?;
        Ok(session)
    }

    /// Whether the closing handshake is done, or the peer was sent a Close for an error.
    pub(crate) fn is_over(&self) -> bool {
        self.ws.transport_action() != TransportAction::Keep && self.pending.is_empty()
    }

    /// Waits for one event and handles it. Cancel-safe: if the future is dropped, no received byte
    /// is lost. A read takes bytes from the socket in the same poll that returns them, there is no
    /// await between that and `rx.advance`, and all state is in `self`.
    pub(crate) async fn step(&mut self) -> Result<(), Failure> {
        let blocked = !self.pending.is_empty();
        let next = tokio::select! {
            n = self.from.read(self.rx.spare_mut()), if !blocked => Next::Read(n?),
            room = self.queue.reserve(), if blocked => {
                room?.send(mem::take(&mut self.pending));
                Next::Queued
            }
            changed = self.written.changed() => changed.map(|()| Next::Written)?,
            () = self.clock.deadline() => Next::Deadline,
        };
        match next {
            Next::Read(0) => self.ws.receive_eof()?,
            Next::Read(n) => {
                self.rx.advance(n);
                self.receive()?;
            }
            Next::Queued => self.clock.on_queued(),
            Next::Written => self.clock.on_written(*self.written.borrow()),
            Next::Deadline => {
                if self.clock.poll()? {
                    append(&mut self.pending, |out| self.ws.send_ping(&[], out))?;
                }
            }
        }
        Ok(())
    }

    /// Processes the bytes in `rx`.
    fn receive(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let keepalive = &mut self.clock.keepalive;
        keepalive.on_receive(now);
        let mut input = self.rx.input();
        loop {
            let event = self.ws.receive(&mut input);
            // A Pong, or a Close that answers a Close or an error, is sent before later messages.
            append(&mut self.pending, |out| self.ws.transmit(out))?;
            match event {
                Ok(Event::Data(data)) => {
                    if echo(&mut self.ws, &mut self.messages, &data, &mut self.pending)? {
                        keepalive.on_message(now);
                    } else {
                        keepalive.on_partial(now);
                    }
                }
                Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
                Ok(Event::NeedMore(_)) | Err(_) => break,
            }
        }
        if !self.pending.is_empty() {
            keepalive.on_blocked(now);
        }
        if self.ws.state() != State::Open {
            keepalive.on_close(now);
        }
        Ok(())
    }
}
