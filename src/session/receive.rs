//! The receiving direction of a session: heads, frames and time become events.

use core::time::Duration;

use super::clock::Seen;
use super::event::{Failure, SessionEvent};
use super::opening::{Opening as _, SessionRole, Step};
use super::state::{Session, Stage};
use crate::assembler::{Added, Assembler, Message};
use crate::buffer::{Input, Reads, RecvBuffer, SendBuffer, Storage};
use crate::bytes::WORD_64;
use crate::handshake;
use crate::protocol::closing::State;
use crate::protocol::config::Config;
use crate::protocol::connection::Connection;
use crate::protocol::event::Event;
use crate::time::keepalive::{Action, Reason};
use crate::wire::close::CloseCode;
use crate::wire::error::{Error, SendError};
use crate::wire::frame::Opcode;

impl<R: SessionRole> Session<R> {
    /// Returns the next event; messages come in chunks. What it queues is in `tx`.
    ///
    /// Call it until it returns `None`. Then write what is unsent, ask
    /// [`transport_action`](Self::transport_action), read unless
    /// [`wants_read`](Self::wants_read) forbids it, and sleep no longer than until
    /// [`deadline`](Self::deadline) before you call it again.
    #[inline]
    pub fn receive<'b, S: Storage, T: Storage>(
        &mut self,
        rx: &'b mut RecvBuffer<S>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b>> {
        let capacity = rx.max_len();
        let (mut input, reads) = rx.parts();
        if WORD_64
            && let Stage::Open(connection) = &mut self.stage
            && !tx.is_over_mark()
            && let Some(data) = connection.whole_message(&mut input)
        {
            self.clock.has_message = true;
            return Some(SessionEvent::Data(data));
        }
        // Only this call needs the cursor in memory.
        let mut rest = input;
        self.next(&mut rest, reads, capacity, tx, now)
    }

    /// Returns the next event; messages come whole. Those that arrive in several chunks are
    /// assembled in `messages`.
    ///
    /// A message that does not fit into `messages` fails the session with
    /// [`Failure::StorageFull`].
    #[inline]
    pub fn receive_message<'b, S: Storage, M: Storage, T: Storage>(
        &mut self,
        rx: &'b mut RecvBuffer<S>,
        messages: &'b mut Assembler<M>,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b, Message<'b>>> {
        let capacity = rx.max_len();
        let (mut input, reads) = rx.parts();
        // A message in the storage can only be borrowed after the loop.
        let (kind, len) = loop {
            let data = match self.next(&mut input, reads, capacity, tx, now)? {
                SessionEvent::Data(data) => data,
                SessionEvent::Upgrade(it) => return Some(SessionEvent::Upgrade(it)),
                SessionEvent::Request(it) => return Some(SessionEvent::Request(it)),
                SessionEvent::Opened(it) => return Some(SessionEvent::Opened(it)),
                SessionEvent::Rejected(it) => return Some(SessionEvent::Rejected(it)),
                SessionEvent::Ping(it) => return Some(SessionEvent::Ping(it)),
                SessionEvent::Pong(it) => return Some(SessionEvent::Pong(it)),
                SessionEvent::Close(it) => return Some(SessionEvent::Close(it)),
                SessionEvent::Failed(it) => return Some(SessionEvent::Failed(it)),
            };
            match messages.add(&data) {
                Ok(Added::Part) => {}
                Ok(Added::Last(len)) => break (data.kind, len),
                Ok(Added::Alone) => {
                    return Message::new(data.kind, data.payload).ok().map(SessionEvent::Data);
                }
                Err(_) => {
                    self.give_up(Failure::StorageFull, Error::MessageTooLong, tx, now);
                    return self.report().map(SessionEvent::Failed);
                }
            }
        };
        messages.message(kind, len).ok().map(SessionEvent::Data)
    }

    /// The next event, on any path.
    #[inline(never)]
    fn next<'b, T: Storage>(
        &mut self,
        input: &mut Input<'b>,
        reads: &mut Reads,
        capacity: usize,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b>> {
        if matches!(self.stage, Stage::Opening { .. })
            && let Some(event) = self.head(input, reads, capacity, tx, now)
        {
            return Some(event);
        }
        if matches!(self.stage, Stage::Open(_))
            && let Some(event) = self.frame(input, reads, capacity, tx, now)
        {
            return Some(event);
        }
        if matches!(self.stage, Stage::Refused) {
            input.take(usize::MAX);
            if reads.ended {
                self.stage = Stage::Over;
            }
        }
        self.tick(!input.is_empty(), reads, tx, now);
        self.report().map(SessionEvent::Failed)
    }

    /// The next event of the opening handshake.
    fn head<'b, T: Storage>(
        &mut self,
        input: &mut Input<'b>,
        reads: &mut Reads,
        capacity: usize,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b>> {
        let Stage::Opening { opening, .. } = &mut self.stage else { return None };
        let event = match opening.step(input) {
            Ok(Step::Event(event)) => event,
            Ok(Step::Wait) => return None,
            Ok(Step::Unanswered) => {
                self.refuse(handshake::Error::UpgradeRequired, tx, now);
                return None;
            }
            Ok(Step::NeedMore(wanted)) => {
                reads.wanted = wanted;
                if reads.ended {
                    self.fail(Failure::Protocol(Error::UnexpectedEof));
                    self.stage = Stage::Over;
                } else if self.is_stuck(input, capacity) {
                    self.refuse(handshake::Error::HeadTooLong, tx, now);
                }
                return None;
            }
            Err(error) => {
                self.refuse(error, tx, now);
                return None;
            }
        };
        match &event {
            SessionEvent::Opened(accepted) => {
                let is_compressed = accepted.deflate().is_some();
                if let Stage::Opening { config, role, .. } =
                    core::mem::replace(&mut self.stage, Stage::Over)
                {
                    let config = Config { deflate: is_compressed, ..config };
                    self.stage = Stage::Open(Connection::new(config, role));
                    self.clock.open(now);
                }
            }
            SessionEvent::Rejected(_) => self.stage = Stage::Over,
            _ => {}
        }
        Some(event)
    }

    /// The next event of the connection.
    fn frame<'b, T: Storage>(
        &mut self,
        input: &mut Input<'b>,
        reads: &mut Reads,
        capacity: usize,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b>> {
        self.is_stalled = tx.is_over_mark();
        if self.is_stalled {
            return None;
        }
        let Stage::Open(connection) = &mut self.stage else { return None };
        let event = connection.receive(input);
        if connection.wants_write() {
            self.flush(tx, now);
        }
        match event {
            Ok(Event::Data(data)) => {
                self.clock.has_message |= data.fin;
                Some(SessionEvent::Data(data))
            }
            Ok(Event::Ping(payload)) => {
                self.clock.has_control = true;
                Some(SessionEvent::Ping(payload))
            }
            Ok(Event::Pong(payload)) => {
                self.clock.has_control = true;
                Some(SessionEvent::Pong(payload))
            }
            Ok(Event::Close(close)) => {
                self.clock.close(now);
                Some(SessionEvent::Close(close))
            }
            Ok(Event::NeedMore(wanted)) => {
                reads.wanted = wanted.get();
                if reads.ended {
                    self.end();
                } else if self.is_stuck(input, capacity) {
                    self.give_up(Failure::StorageFull, Error::MessageTooLong, tx, now);
                }
                None
            }
            Err(error) => {
                self.fail(Failure::Protocol(error));
                self.clock.close(now);
                input.take(usize::MAX);
                if reads.ended {
                    self.end();
                }
                None
            }
        }
    }

    /// Whether the receive buffer is full without a whole event, for the second time: the caller
    /// had the opportunity to make space.
    fn is_stuck(&mut self, input: &Input<'_>, capacity: usize) -> bool {
        let is_full = input.len() >= capacity;
        let is_stuck = is_full && self.was_full;
        self.was_full = is_full && !is_stuck;
        is_stuck
    }

    /// The transport has ended.
    fn end(&mut self) {
        let Stage::Open(connection) = &mut self.stage else { return };
        if let Err(error) = connection.receive_eof() {
            self.fail(Failure::Protocol(error));
        }
    }

    /// Queues the Pong or Close that the connection has ready. Without space it waits.
    #[inline(never)]
    pub(super) fn flush<T: Storage>(&mut self, tx: &mut SendBuffer<T>, now: Duration) {
        let Stage::Open(connection) = &mut self.stage else { return };
        let mut room = 0;
        while connection.wants_write() {
            let Ok(out) = tx.spare_mut(room) else { break };
            match connection.transmit(out) {
                Ok(n) => tx.advance(n),
                Err(SendError::BufferTooSmall { needed }) if needed > room => room = needed,
                Err(error) => {
                    self.fail(Failure::Send(error));
                    break;
                }
            }
        }
        let Stage::Open(connection) = &self.stage else { return };
        if connection.state() != State::Open {
            self.clock.close(now);
        }
        if connection.wants_write() && tx.is_empty() {
            self.fail(Failure::Send(SendError::BufferTooSmall { needed: room }));
            self.stage = Stage::Over;
        }
    }

    /// Fails the session because of something that is not the protocol's. The peer learns the code
    /// of `error`.
    #[cold]
    fn give_up<T: Storage>(
        &mut self,
        failure: Failure,
        error: Error,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        self.fail(failure);
        if let Stage::Open(connection) = &mut self.stage {
            connection.fail(error);
        }
        self.clock.close(now);
        self.flush(tx, now);
    }

    /// Lets time pass.
    fn tick<T: Storage>(
        &mut self,
        is_partial: bool,
        reads: &mut Reads,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        if matches!(&self.stage, Stage::Open(open) if open.wants_write() || open.state() != State::Open)
        {
            self.flush(tx, now);
        }
        if matches!(self.stage, Stage::Over) {
            return;
        }
        let is_inside = matches!(&self.stage, Stage::Open(open) if open.is_receiving_message());
        let seen = Seen { is_inside, is_partial, is_stalled: self.is_stalled, now };
        match self.clock.tick(seen, reads, tx) {
            Action::None => {}
            Action::SendPing => {
                let end = self.queue(Opcode::Ping, &[], tx).is_ok().then(|| tx.position());
                self.clock.ping_queued(end);
            }
            Action::Expired(Reason::Message) => {
                self.give_up(Failure::Expired(Reason::Message), Error::TooSlow, tx, now);
            }
            Action::Expired(Reason::Idle) => {
                self.fail(Failure::Expired(Reason::Idle));
                let closed = self.close(CloseCode::GOING_AWAY, "", tx, now);
                if closed.is_err() {
                    self.stage = Stage::Over;
                }
            }
            // Both sides have closed; only the peer's end of the transport is missing.
            Action::Expired(Reason::Close) if self.state() == State::Closed => {
                self.stage = Stage::Over;
            }
            Action::Expired(reason) => {
                self.fail(Failure::Expired(reason));
                self.stage = Stage::Over;
            }
        }
    }
}
