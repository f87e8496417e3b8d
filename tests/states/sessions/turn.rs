//! A turn of the caller's loop, and what it may show.

use std::time::Duration;

use barews::keepalive::Reason;
use barews::session::{Failure, SessionEvent};
use barews::{CloseCode, ControlPayload, Error, TransportAction};

use super::{CLOSE, IDLE, MESSAGE, NOW, PING, PONG, Rx, Side, Tx, VERDICT, WRITE, seal};
use crate::end::{Ages, Bytes, End, Facts, close_number, part};
use crate::wire;

/// What came with a turn.
#[derive(Clone, Copy)]
pub(super) enum Input {
    Nothing,
    Bytes(usize),
    End,
}

/// A turn of the caller's loop.
pub(super) struct Loop<'e> {
    pub(super) own: &'e mut End,
    pub(super) peer: &'e mut End,
    pub(super) is_server: bool,
    pub(super) side: Side,
    pub(super) rx: Rx,
    pub(super) tx: Tx,
    /// All bytes that were written, of which with those that wait the first `known` are awaited.
    pub(super) written: Vec<u8>,
    pub(super) known: usize,
    /// The number of bytes received.
    pub(super) received: usize,
    /// The Pongs that the Pings of this turn ask for.
    pub(super) pongs: Bytes,
}

impl Loop<'_> {
    /// Returns `None` if the bytes are too many for this walk.
    pub(super) fn run(mut self, capacity: usize, input: Input) -> Option<()> {
        self.write(capacity)?;
        self.read(input)?;
        for turn in 0.. {
            assert!(turn < 9, "there is always something to do");
            self.receive();
            let has_written = self.write(capacity)? > 0;
            let action = on!(&mut self.side, ws => ws.transport_action(&self.tx));
            match action {
                TransportAction::Keep | TransportAction::AwaitEnd => {}
                TransportAction::HalfClose => self.own.facts.has_ended = true,
                TransportAction::Drop => {
                    self.drop();
                    return Some(());
                }
            }
            let (wants_read, deadline) = on!(&self.side, ws => (ws.wants_read(), ws.deadline()));
            // Events may wait in the receive buffer until output has left.
            if deadline != Some(Duration::ZERO) && (wants_read || !has_written) {
                break;
            }
        }
        self.note_output();
        self.own.facts.is_fed = on!(&self.side, ws => ws.is_receiving_message());
        self.own.sealed = seal(&self.side, NOW);
        self.own.unread = Bytes::from_slice(self.rx.unread()).ok()?;
        self.own.unsent = Bytes::from_slice(self.tx.unsent()).ok()?;
        Some(())
    }

    /// Returns the number of bytes.
    fn write(&mut self, capacity: usize) -> Option<usize> {
        let room = capacity.saturating_sub(self.peer.arriving.len());
        let is_gone = self.peer.facts.is_over;
        let unsent = self.tx.unsent();
        let n = if is_gone { unsent.len() } else { unsent.len().min(room) };
        self.written.extend_from_slice(&unsent[..n]);
        if !is_gone {
            self.peer.arriving.extend_from_slice(&unsent[..n]).ok()?;
        }
        self.tx.sent(n);
        if n > 0 {
            self.own.ages.blocked = 0;
        }
        Some(n)
    }

    fn read(&mut self, input: Input) -> Option<()> {
        if !on!(&self.side, ws => ws.wants_read()) {
            return matches!(input, Input::Nothing).then_some(());
        }
        let space = self.rx.spare_mut().len();
        match input {
            Input::Nothing => {}
            Input::End => {
                self.rx.end();
                self.own.facts.has_seen_end = true;
            }
            Input::Bytes(n) => {
                assert!(space >= n, "the storage has grown");
                self.rx.spare_mut()[..n].copy_from_slice(&self.own.arriving[..n]);
                self.rx.advance(n);
                self.own.arriving = Bytes::from_slice(&self.own.arriving[n..]).ok()?;
                (self.received, self.own.ages.silent) = (n, 0);
            }
        }
        Some(())
    }

    fn receive(&mut self) {
        loop {
            let Self { side, rx, tx, own, .. } = self;
            let event = on!(side, ws => match ws.receive(rx, tx, NOW) {
                None => break,
                Some(SessionEvent::Data(data)) => {
                    own.receive_data(&data, true);
                    if data.fin {
                        own.facts.offset = 0;
                        (own.ages.inside, own.ages.quiet) = (0, 0);
                    }
                    continue;
                }
                Some(SessionEvent::Ping(ping)) => Seen::Ping(ping),
                Some(SessionEvent::Pong(pong)) => Seen::Pong(pong),
                Some(SessionEvent::Close(close)) => {
                    Seen::Close(close.map_or(CloseCode::NO_STATUS, |close| close.code))
                }
                Some(SessionEvent::Failed(failure)) => Seen::Failed(failure),
                Some(event) => panic!("{event:?}"),
            });
            let is_inside = on!(&self.side, ws => ws.is_receiving_message());
            if matches!(event, Seen::Ping(_) | Seen::Pong(_)) && !is_inside {
                self.own.ages.inside = 0;
            }
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Seen) {
        let own = &mut *self.own;
        match event {
            Seen::Ping(ping) => {
                assert!(ping.is_empty());
                own.receive_control(part::PING, true);
                if !own.facts.has_sent_close {
                    self.pongs.push(part::PONG).expect("few Pings");
                }
            }
            Seen::Pong(pong) => {
                assert!(pong.is_empty());
                own.receive_control(part::PONG, true);
            }
            Seen::Close(code) => {
                own.receive_control(part::CLOSE | close_number(*code), false);
                (own.facts.has_received_close, own.facts.has_sent_close) = (true, true);
            }
            Seen::Failed(failure) => {
                assert!(!own.facts.has_failed, "reported twice");
                own.facts.has_failed = true;
                self.check_failure(*failure);
                self.own.facts.has_sent_close = true;
            }
        }
    }

    /// A deadline has passed, and its verdict: nothing else fails.
    fn check_failure(&self, failure: Failure) {
        let Ages { silent, inside, blocked, closing, quiet } = self.own.ages;
        let Facts { has_received_close, has_seen_end, .. } = self.own.facts;
        match failure {
            Failure::Expired(Reason::Pong) => {
                assert_eq!(self.received, 0, "the peer's bytes are here");
                assert!(silent >= PING + PONG + VERDICT);
            }
            Failure::Expired(Reason::Message) => assert!(inside >= MESSAGE + VERDICT),
            Failure::Expired(Reason::Write) => assert!(blocked >= WRITE + VERDICT),
            Failure::Expired(Reason::Idle) => assert!(quiet >= IDLE + VERDICT),
            Failure::Expired(Reason::Close) => assert!(closing >= CLOSE + VERDICT),
            Failure::Protocol(Error::UnexpectedEof) => {
                assert!(has_seen_end && !has_received_close);
                assert!(self.peer.facts.has_failed, "the peer has not ended without a reason");
            }
            _ => panic!("a fault of an honest peer: {failure:?}"),
        }
    }

    /// What the session has queued is what it should have, and is awaited by the peer.
    fn note_output(&mut self) {
        let mut output = std::mem::take(&mut self.written);
        output.extend_from_slice(self.tx.unsent());
        let Self { own, peer, pongs, .. } = self;
        for part in wire::parts(&output[self.known..], !self.is_server) {
            match part & 0xF0 {
                part::PING => assert!(!own.facts.has_sent_close, "a Ping after a Close"),
                part::PONG => assert_eq!(pongs.pop(), Some(part), "a Pong without a Ping"),
                part::CLOSE => assert!(own.facts.has_sent_close, "a Close without a reason"),
                _ => panic!("nobody has sent a message"),
            }
            if !peer.facts.is_over {
                peer.awaited.push(part).expect("few frames");
            }
        }
        assert!(pongs.is_empty() || own.facts.has_sent_close, "a Ping without a Pong");
    }

    /// The transport is dropped, and what waits with it.
    fn drop(mut self) {
        self.note_output();
        let facts = Facts { is_over: true, has_ended: true, ..Facts::default() };
        let Facts { has_failed, messages, .. } = self.own.facts;
        // The closing handshake may be complete, and only the end of the transport late.
        let has_failed = has_failed || self.own.ages.closing >= CLOSE + VERDICT;
        *self.own = End { facts: Facts { messages, has_failed, ..facts }, ..End::default() };
    }
}

/// An event without its borrow.
enum Seen {
    Ping(ControlPayload),
    Pong(ControlPayload),
    Close(CloseCode),
    Failed(Failure),
}
