//! An end after its opening handshake: receives, sends, and follows `transport_action()`.

use barews::keepalive::{Action, Reason};
use barews::{
    CloseCode, Connection, ControlOrder, Delivery, Error, MIN_BUFFER_LEN, SendError, State,
    TransportAction,
};

use super::content::{self, LONGEST, Stream};
use super::counts::Count;
use super::inbox::Inbox;
use super::ledger::Ledger;
use super::network::Net;
use super::outbox::{MAX_FRAGMENTS, Outbox, append};
use super::roles::SimulatedRole;
use super::trace::{Ending, What};
use super::wire::{HIGH, ReadOutcome, Wire};

/// The two directions as one end sees them, and the ledger of the peer.
pub(crate) struct Exchange<'a> {
    pub(crate) outgoing: &'a Stream,
    pub(crate) incoming: &'a mut Stream,
    pub(crate) peer: &'a Ledger,
    /// Whether fault injection has ended.
    pub(crate) is_calm: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Session<R> {
    pub(crate) ws: Connection<R>,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) delivery: Delivery,
    pub(crate) order: ControlOrder,
    pub(crate) auto_pong: bool,
    pub(crate) max_frame_len: usize,
    pub(crate) is_compressed: bool,
    /// Whether its source of masking keys will fail.
    pub(crate) lacks_keys: bool,
    /// A keepalive Ping is to be sent.
    is_ping_due: bool,
    /// The code of the Close to send.
    pub(crate) close: Option<CloseCode>,
    /// No message is sent before this time.
    pub(crate) paused_until: u64,
}

impl<R: SimulatedRole> Session<R> {
    pub(crate) fn new(net: &mut Net, first: u64, deflate: bool) -> Self {
        let rng = &mut net.rng;
        let delivery = if rng.bool() { Delivery::Chunks } else { Delivery::Frames };
        let order = if rng.u8(..4) > 0 { ControlOrder::Ahead } else { ControlOrder::Wire };
        let auto_pong = rng.u8(..8) > 0;
        // The limits are tight: the longest message just fits.
        #[cfg(feature = "deflate")]
        let max_len = if deflate { barews::deflate::Deflate::max_len(LONGEST) } else { LONGEST };
        #[cfg(not(feature = "deflate"))]
        let max_len = LONGEST;
        let config = barews::Config::new()
            .max_frame_len(max_len as u64)
            .max_message_len(max_len as u64)
            .max_fragments(MAX_FRAGMENTS)
            .delivery(delivery)
            .control_order(order)
            .auto_pong(auto_pong);
        #[cfg(feature = "deflate")]
        let config = config.deflate(deflate);
        assert!(cfg!(feature = "deflate") || !deflate);
        let (ws, lacks_keys) = R::connection(config, rng);
        Self {
            ws,
            inbox: Inbox::new(net),
            outbox: Outbox::new(first),
            delivery,
            order,
            auto_pong,
            max_frame_len: max_len,
            is_compressed: deflate,
            lacks_keys,
            is_ping_due: false,
            close: None,
            paused_until: 0,
        }
    }

    pub(crate) fn step(
        &mut self,
        wire: &mut Wire,
        own: &mut Ledger,
        exchange: &mut Exchange<'_>,
        net: &mut Net,
    ) {
        // An event loop may poll its deadlines before or after it reads.
        let polls_first = net.rng.bool();
        if polls_first {
            self.poll(wire, net);
        }
        if wire.over.is_none() {
            self.read(wire, own, exchange, net);
        }
        if !polls_first && wire.over.is_none() {
            self.poll(wire, net);
        }
        if wire.over.is_some() {
            return;
        }
        // The masking key may have failed for a reply.
        let is_broken = self.lacks_keys
            && !wire.is_ended
            && self.ws.transport_action() == TransportAction::Drop;
        let sent = if is_broken {
            Err(SendError::NoMaskingKey)
        } else {
            self.send(wire, own, exchange, net)
        };
        if let Err(error) = sent {
            assert_eq!(error, SendError::NoMaskingKey, "{:?}, {own:?}", self.ws.state());
            assert!(self.lacks_keys && self.ws.transport_action() == TransportAction::Drop);
            net.counts.one(Count::KeysThatFail);
            return wire.end(net, Ending::NoMaskingKey);
        }
        if !wire.flush(net) {
            return self.reset(wire, own, net);
        }
        self.follow_transport_action(wire, own, net);
    }

    fn read(
        &mut self,
        wire: &mut Wire,
        own: &mut Ledger,
        exchange: &mut Exchange<'_>,
        net: &mut Net,
    ) {
        if wire.is_stopped() {
            net.counts.one(Count::ReadsStopped);
            return;
        }
        match wire.read(net) {
            ReadOutcome::Nothing => {}
            ReadOutcome::Bytes => self.receive(wire, own, exchange, net),
            ReadOutcome::Eof => self.eof(own),
            ReadOutcome::Reset => self.reset(wire, own, net),
        }
    }

    /// The transport has ended.
    fn eof(&mut self, own: &Ledger) {
        let expected = match (own.failed, own.received_close) {
            (Some(error), _) => Err(error),
            (None, true) => Ok(()),
            (None, false) => Err(Error::UnexpectedEof),
        };
        assert_eq!(self.ws.receive_eof(), expected, "{own:?}");
    }

    fn reset(&mut self, wire: &mut Wire, own: &Ledger, net: &mut Net) {
        self.eof(own);
        net.counts.one(Count::Resets);
        wire.end(net, Ending::Reset);
    }

    fn poll(&mut self, wire: &mut Wire, net: &mut Net) {
        match wire.poll(net) {
            Action::None => {}
            Action::SendPing => self.is_ping_due = true,
            Action::Expired(reason) => {
                let code = match reason {
                    Reason::Idle => CloseCode::GOING_AWAY,
                    Reason::Message => CloseCode::POLICY,
                    _ => return wire.end(net, Ending::Expired(reason)),
                };
                let can_close = self.ws.state() == State::Open && self.ws.frame_left() == 0;
                if !can_close || net.rng.bool() {
                    return wire.end(net, Ending::Expired(reason));
                }
                // The deadline of the closing handshake applies from now on.
                self.close = Some(code);
                let now = net.clock(wire.end);
                wire.on_close(now);
            }
        }
    }

    fn send(
        &mut self,
        wire: &mut Wire,
        own: &mut Ledger,
        exchange: &mut Exchange<'_>,
        net: &mut Net,
    ) -> Result<(), SendError> {
        let now = net.clock(wire.end);
        if net.rng.u8(..16) == 0 {
            self.try_refused_call(net);
        }
        if self.close.is_none() {
            self.ping(wire, own, net)?;
        }
        let mut turns = net.rng.u32(1..8);
        while turns > 0 && wire.pending() <= HIGH && own.violation.is_none() {
            turns -= 1;
            let state = self.ws.state();
            // A frame that was begun must be completed: nothing can be sent before, not even a
            // Close.
            let must = self.ws.frame_left() > 0 && (state != State::Open || self.close.is_some());
            let may = state == State::Open && self.close.is_none() && net.now >= self.paused_until;
            if !(must || may && !self.outbox.is_done(exchange.outgoing)) {
                break;
            }
            if let Some((seq, len)) =
                self.outbox.send(&mut self.ws, wire, own, exchange.outgoing, net)?
            {
                own.sent += 1;
                wire.on_sent(now);
                net.note(wire.end, What::Sent { seq, len });
            }
            self.note_pong_written(own);
            self.pause(exchange.is_calm, net);
        }
        if self.is_ping_due && self.close.is_none() {
            // The frame in progress that blocked the Ping may be complete now.
            self.ping(wire, own, net)?;
        }
        self.close(wire, own, exchange, net)?;
        if self.ws.wants_write() {
            append(&mut wire.out, MIN_BUFFER_LEN, |out| self.ws.transmit(out))?;
            self.note_pong_written(own);
        }
        if let Some(number) =
            own.pending_pong.filter(|_| !self.auto_pong && own.violation.is_none())
            && self.ws.frame_left() == 0
            && self.ws.state() == State::Open
        {
            let payload = content::ping(number);
            append(&mut wire.out, MIN_BUFFER_LEN, |out| self.ws.send_pong(&payload, out))?;
            net.counts.one(Count::PongsByCaller);
            own.pong_written();
        }
        self.note_close(wire, own, net);
        Ok(())
    }

    /// Once this end's Close is written, the deadline of the closing handshake applies.
    pub(crate) fn note_close(&self, wire: &mut Wire, own: &mut Ledger, net: &Net) {
        own.sent_close = matches!(self.ws.state(), State::LocalClosed | State::Closed);
        if own.sent_close {
            let now = net.clock(wire.end);
            wire.on_close(now);
        }
    }

    /// Records that a pending Pong was written, if none is pending any more.
    pub(crate) fn note_pong_written(&self, own: &mut Ledger) {
        if self.auto_pong && self.ws.frame_left() == 0 && !self.ws.wants_write() {
            own.pong_written();
        }
    }

    /// Pauses sending, usually for a short time.
    fn pause(&mut self, is_calm: bool, net: &mut Net) {
        let micros = match net.rng.u32(0..1000) {
            0..700 => 0,
            700..992 => net.rng.u64(0..20_000),
            _ if is_calm => 0,
            _ => {
                net.counts.one(Count::Pauses);
                net.rng.u64(100_000..6_000_000)
            }
        };
        self.paused_until = net.now + micros;
    }

    fn ping(&mut self, wire: &mut Wire, own: &mut Ledger, net: &mut Net) -> Result<(), SendError> {
        if self.ws.state() != State::Open {
            self.is_ping_due = false;
            return Ok(());
        }
        let wants = wire.pending() <= HIGH && net.rng.u8(..32) == 0;
        if self.ws.frame_left() == 0 && (self.is_ping_due || wants) {
            own.sent_ping += 1;
            let payload = content::ping(own.sent_ping);
            append(&mut wire.out, 2 * MIN_BUFFER_LEN, |out| self.ws.send_ping(&payload, out))?;
            self.note_pong_written(own);
            net.note(wire.end, What::Pinged(own.sent_ping));
            net.counts.one(Count::Pings);
            if std::mem::take(&mut self.is_ping_due) {
                net.counts.one(Count::KeepalivePings);
                wire.on_ping();
            }
        }
        Ok(())
    }

    /// Begins the closing handshake if requested, unless a frame is in progress.
    fn close(
        &mut self,
        wire: &mut Wire,
        own: &mut Ledger,
        exchange: &Exchange<'_>,
        net: &mut Net,
    ) -> Result<(), SendError> {
        let all_sent = self.outbox.is_done(exchange.outgoing);
        let all_seen = exchange.incoming.seen == exchange.incoming.last && !self.inbox.is_partial();
        if !wire.end.server && all_sent && all_seen {
            self.close = self.close.or(Some(CloseCode::NORMAL));
        }
        let may = matches!(self.ws.state(), State::Open) && self.ws.frame_left() == 0;
        if let Some(code) = self.close.filter(|_| may) {
            let reason = ["", "done", "服务器关闭"][net.rng.usize(..3)];
            append(&mut wire.out, 2 * MIN_BUFFER_LEN, |out| self.ws.send_close(code, reason, out))?;
            self.note_pong_written(own);
            assert_eq!(self.ws.state(), State::LocalClosed);
            net.note(wire.end, What::Closing(code.as_u16()));
            net.counts.one(if wire.end.server {
                Count::ClosesByServers
            } else {
                Count::ClosesByClients
            });
        }
        Ok(())
    }

    /// Makes a call that the state does not allow: it must fail and change nothing.
    fn try_refused_call(&mut self, net: &mut Net) {
        let before = (
            self.ws.state(),
            self.ws.wants_write(),
            self.ws.frame_left(),
            self.ws.transport_action(),
        );
        let mut out = [0; 2 * MIN_BUFFER_LEN];
        let open = self.outbox.open_kind();
        let refused = match (before.0, before.2) {
            (_, 1..) if before.0 == State::Open => {
                let refused = self.ws.send_ping(b"", &mut out).err();
                (refused, SendError::FrameInProgress)
            }
            (State::Open, _) if open.is_some() => {
                (self.ws.send_text("", &mut out).err(), SendError::MessageInProgress)
            }
            (State::Open, _) => (self.ws.mask_next(&mut [0]).err(), SendError::PastFrameEnd),
            (State::LocalClosed | State::RemoteClosed | State::Closed, _) => {
                (self.ws.send_binary(b"late", &mut out).err(), SendError::Closed)
            }
        };
        if refused.0 != Some(SendError::NoMaskingKey) {
            assert_eq!(refused.0, Some(refused.1), "{before:?}");
            net.counts.one(Count::RefusedCalls);
        }
        let after = (
            self.ws.state(),
            self.ws.wants_write(),
            self.ws.frame_left(),
            self.ws.transport_action(),
        );
        assert_eq!(before, after, "a refused call changed the state");
    }

    fn follow_transport_action(&mut self, wire: &mut Wire, own: &Ledger, net: &mut Net) {
        if wire.pending() > 0 {
            return;
        }
        let (action, state) = (self.ws.transport_action(), self.ws.state());
        match action {
            TransportAction::Keep => {
                let waits = self.ws.frame_left() > 0 && state == State::RemoteClosed;
                assert!(
                    !wire.is_ended || waits,
                    "`Keep` after the transport has ended: {state:?}, {own:?}"
                );
            }
            TransportAction::AwaitEnd => {
                assert!(
                    state == State::Closed && !wire.is_ended && !wire.end.server,
                    "{state:?}, {own:?}"
                );
            }
            TransportAction::HalfClose => {
                assert!(
                    state == State::Closed && !wire.is_ended && own.sent_close,
                    "{state:?}, {own:?}"
                );
                assert!(
                    wire.end.server || own.failed.is_some(),
                    "a client must wait for the server: {own:?}"
                );
                if !wire.is_half_closed {
                    wire.is_half_closed = true;
                    net.note(wire.end, What::TransportAction(action));
                    net.counts.one(Count::HalfCloseActions);
                    net.shutdown(wire.end);
                }
            }
            TransportAction::Drop => {
                assert!(state == State::Closed && wire.is_ended, "{state:?}, {own:?}");
                if own.received_close {
                    net.counts.one(Count::CleanEnds);
                }
                wire.end(net, Ending::TransportAction);
            }
        }
    }

    /// When it will next send, unless another event comes first.
    pub(crate) fn next_send(
        &self,
        wire: &Wire,
        own: &Ledger,
        exchange: &Exchange<'_>,
        net: &Net,
    ) -> Option<u64> {
        let has_data = !self.outbox.is_done(exchange.outgoing) && self.ws.state() == State::Open;
        let has_data = has_data || self.ws.frame_left() > 0 || self.close.is_some();
        let may = wire.pending() <= HIGH && own.violation.is_none() && !own.sent_close;
        (has_data && may).then_some(self.paused_until.max(net.now + 1))
    }
}
