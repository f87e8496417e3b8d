//! The receiving direction of a session: heads, frames and time become events.

use core::time::Duration;

use super::clock::{Ping, Seen, Whole};
use super::event::{Cause, SessionEvent};
use super::opening::{Opening as _, SessionRole, Step};
use super::state::{Incoming, Session, Stage};
use crate::assembler::{Added, Message, Messages, Refused};
use crate::buffer::{Input, Reads, RecvBuffer, SendBuffer, Storage};
use crate::bytes::WORD_64;
use crate::handshake;
use crate::protocol::closing::State;
use crate::protocol::config::Config;
use crate::protocol::connection::Connection;
use crate::protocol::event::{Data, Event};
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
        if let Some(data) = self.whole(&mut input, tx) {
            return Some(SessionEvent::Data(data));
        }
        // Only this call needs the cursor in memory.
        let mut rest = input;
        let event = self.next(&mut rest, reads, capacity, tx, now)?;
        Some(event)
    }

    /// Returns the next event; messages come whole. Those that arrive in several chunks are
    /// assembled in `messages`, an [`Assembler`](crate::Assembler); if compression was negotiated, an
    /// [`InflateAssembler`](crate::deflate::InflateAssembler).
    ///
    /// A message that does not fit into `messages` fails the session with
    /// [`Failure::StorageFull`](super::Failure::StorageFull).
    #[inline]
    pub fn receive_message<'b, S: Storage, M: Messages, T: Storage>(
        &mut self,
        rx: &'b mut RecvBuffer<S>,
        messages: &'b mut M,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<SessionEvent<'b, Message<'b>>> {
        let capacity = rx.max_len();
        let (mut input, reads) = rx.parts();
        // A message in the storage can only be borrowed after the loop.
        let (kind, len) = loop {
            let event = match self.whole(&mut input, tx) {
                Some(data) => SessionEvent::Data(data),
                None => self.next(&mut input, reads, capacity, tx, now)?,
            };
            let mut data = match event {
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
            self.was_compressed = data.compressed;
            match messages.add(&mut data) {
                Ok(Added::Part) => {}
                Ok(Added::Last(len)) => break (data.kind, len),
                Ok(Added::Alone) => {
                    return Message::new(data.kind, data.payload).ok().map(SessionEvent::Data);
                }
                Err(refused) => {
                    let (cause, error) = match refused {
                        Refused::StorageFull => (Cause::StorageFull, Error::MessageTooLong),
                        Refused::Invalid(error) => (Cause::Protocol(error), error),
                    };
                    self.give_up(cause, error, tx, now);
                    return self.report().map(SessionEvent::Failed);
                }
            }
        };
        messages.message(kind, len).map(SessionEvent::Data)
    }

    /// Fails the session (RFC 6455 §7.1.7) because a layer above, such as an
    /// [`Inflate`](crate::deflate::Inflate), rejects what the peer sent, like [`Connection::fail`].
    ///
    /// The next [`receive`](Self::receive) returns [`SessionEvent::Failed`]. After the peer's Close or
    /// an earlier failure this has no effect.
    pub fn fail<T: Storage>(&mut self, error: Error, tx: &mut SendBuffer<T>, now: Duration) {
        if let Stage::Open(connection) = &self.stage
            && matches!(connection.state(), State::Open | State::LocalClosed)
        {
            self.give_up(Cause::Protocol(error), error, tx, now);
        }
    }

    /// The fast path: the next message, if it is whole and in one frame.
    #[inline(always)]
    fn whole<'b, T: Storage>(
        &mut self,
        input: &mut Input<'b>,
        tx: &SendBuffer<T>,
    ) -> Option<Data<'b>> {
        let Stage::Open(connection) = &mut self.stage else { return None };
        if !WORD_64 || tx.is_over_mark() {
            return None;
        }
        let data = connection.whole_message(input)?;
        self.clock.whole = Whole::Message;
        Some(data)
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
        self.reseal(now);
        self.set_incoming(if reads.ended { Incoming::Ended } else { Incoming::Open });
        if matches!(self.stage, Stage::Open(_)) {
            if let Some(event) = self.frame(input, reads, capacity, tx, now) {
                return Some(event);
            }
        } else if let Some(event) = self.head(input, reads, capacity, tx, now) {
            return Some(event);
        }
        if matches!(self.stage, Stage::Refused) {
            input.take(usize::MAX);
            if self.has_ended() && tx.is_empty() {
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
        let opening = self.stage.opening_mut()?;
        let event = match opening.step(input) {
            Ok(Step::Event(event)) => event,
            Ok(Step::Wait) => {
                self.set_incoming(Incoming::Waits);
                return None;
            }
            Ok(Step::Unanswered) => {
                self.refuse(handshake::Error::UpgradeRequired, tx, now);
                return None;
            }
            Ok(Step::NeedMore(wanted)) => {
                reads.wanted = wanted;
                if self.has_ended() {
                    self.report_later(Cause::Protocol(Error::UnexpectedEof));
                    self.stage = Stage::Over;
                } else if self.is_stuck(input, reads, capacity) {
                    self.refuse(handshake::Error::HeadTooLong, tx, now);
                }
                return None;
            }
            Err(error) => {
                self.refuse(error, tx, now);
                return None;
            }
        };
        self.was_full = false;
        match &event {
            SessionEvent::Opened(accepted) => {
                let is_compressed = accepted.deflate().is_some();
                if let Stage::Opening { config, role, .. } =
                    core::mem::replace(&mut self.stage, Stage::Over)
                {
                    let config = Config { deflate: is_compressed, ..config };
                    self.enter(Connection::new(config, role), now);
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
        if self.holds() {
            return None;
        }
        let connection = self.stage.connection_mut()?;
        let event = connection.receive_slow(input);
        if connection.wants_write() {
            _ = self.flush(tx, now);
        }
        match event {
            Ok(Event::Data(data)) => {
                if data.fin {
                    self.clock.whole = Whole::Message;
                }
                // Field by field: a copy of all variants at once is made in unaligned words.
                let Data { kind, payload, first, fin, offset, frame_left, frame_fin, compressed } =
                    data;
                Some(SessionEvent::Data(Data {
                    kind,
                    payload,
                    first,
                    fin,
                    offset,
                    frame_left,
                    frame_fin,
                    compressed,
                }))
            }
            Ok(Event::Ping(payload)) => {
                self.note_control();
                Some(SessionEvent::Ping(payload))
            }
            Ok(Event::Pong(payload)) => {
                self.note_control();
                Some(SessionEvent::Pong(payload))
            }
            Ok(Event::Close(close)) => {
                self.clock.close(now);
                Some(SessionEvent::Close(close))
            }
            Ok(Event::NeedMore(wanted)) => {
                reads.wanted = wanted.get();
                if self.has_ended() {
                    self.end(now);
                } else if self.is_stuck(input, reads, capacity) {
                    self.give_up(Cause::StorageFull, Error::MessageTooLong, tx, now);
                }
                None
            }
            Err(error) => {
                self.report_later(Cause::Protocol(error));
                self.was_full = false;
                self.clock.close(now);
                input.take(usize::MAX);
                if self.has_ended() {
                    self.end(now);
                }
                None
            }
        }
    }

    /// Notes a control frame, which counts only outside of a message.
    fn note_control(&mut self) {
        if !self.is_receiving_message() {
            self.clock.whole = self.clock.whole.max(Whole::Control);
        }
    }

    /// Queues the Close that is held back. False if there is none, or it cannot be sent.
    fn release<T: Storage>(&mut self, tx: &mut SendBuffer<T>, now: Duration) -> bool {
        matches!(&self.stage, Stage::Open(connection) if connection.is_held())
            && self.close(CloseCode::NO_STATUS, "", tx, now).is_ok()
    }

    /// Whether the receive buffer is full without a whole event, and nothing has arrived since it
    /// was: the caller had the opportunity to make space. A buffer that is given back while it is
    /// empty may have no length.
    fn is_stuck(&mut self, input: &Input<'_>, reads: &Reads, capacity: usize) -> bool {
        let is_full = !input.is_empty() && input.len() >= capacity;
        let is_stuck = is_full && self.was_full && reads.received == 0;
        self.was_full = is_full && !is_stuck;
        is_stuck
    }

    /// The transport has ended.
    fn end(&mut self, now: Duration) {
        self.clock.close(now);
        let ended = self.stage.connection_mut().map(Connection::receive_eof);
        if let Some(Err(error)) = ended {
            self.report_later(Cause::Protocol(error));
        }
    }

    /// Queues the Pong or Close that the connection has ready. Without space it waits.
    #[inline(never)]
    ///
    /// `None` if the session is not open, or can no longer send.
    pub(super) fn flush<T: Storage>(
        &mut self,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Option<()> {
        let connection = self.stage.connection_mut()?;
        let queued = tx.queue(|out| connection.transmit(out));
        if connection.state() != State::Open {
            self.clock.close(now);
        }
        match queued {
            Ok(()) => {}
            // It has space later.
            Err(SendError::BufferTooSmall { .. }) if !tx.is_empty() => {}
            Err(error) => {
                self.report_later(Cause::send(error));
                self.stage = Stage::Over;
            }
        }
        Some(())
    }

    /// Fails the session because of something that is not the protocol's. The peer learns the code
    /// of `error`.
    #[cold]
    fn give_up<T: Storage>(
        &mut self,
        cause: Cause,
        error: Error,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        self.report_later(cause);
        _ = self.stage.connection_mut().map(|connection| connection.fail(error));
        self.clock.close(now);
        _ = self.flush(tx, now);
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
            _ = self.flush(tx, now);
        }
        if matches!(self.stage, Stage::Over) {
            return;
        }
        let seen = Seen {
            is_inside: self.is_receiving_message(),
            // A head has a deadline of its own.
            is_partial: is_partial && matches!(self.stage, Stage::Open(_)),
            is_paused: !self.wants_read(),
        };
        match self.clock.tick(seen, reads, tx, now) {
            Action::None => {}
            Action::SendPing => match self.queue(Opcode::Ping, &[], tx) {
                Err(error @ (SendError::NoMaskingKey | SendError::BufferTooSmall { .. }))
                    if error == SendError::NoMaskingKey || tx.is_empty() =>
                {
                    self.report_later(Cause::send(error));
                    self.stage = Stage::Over;
                }
                Err(_) => self.clock.ping = Ping::Due,
                Ok(()) => {
                    tx.mark_ping();
                    self.clock.ping = Ping::Queued;
                }
            },
            Action::Expired(Reason::Message) => {
                self.give_up(Cause::Expired(Reason::Message), Error::TooSlow, tx, now);
            }
            Action::Expired(Reason::Idle) => {
                self.report_later(Cause::Expired(Reason::Idle));
                let closed = self.close(CloseCode::GOING_AWAY, "", tx, now);
                match &mut self.stage {
                    // Its code is already queued; nothing more is received.
                    Stage::Open(connection) if closed.is_ok() => connection.fail(Error::TooSlow),
                    stage => *stage = Stage::Over,
                }
            }
            // The caller has not said when to report the error to the peer.
            Action::Expired(Reason::Close) if self.release(tx, now) => {}
            // Both sides have closed; only the peer's end of the transport is missing.
            Action::Expired(Reason::Close) if self.state() == State::Closed => {
                self.stage = Stage::Over;
            }
            Action::Expired(reason) => {
                self.report_later(Cause::Expired(reason));
                self.stage = Stage::Over;
            }
        }
    }
}
