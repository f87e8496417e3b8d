//! The receiving half of a session: checks every event against the ledger of the peer.

use barews::{
    CloseCode, ControlOrder, Data, Delivery, Error, Event, MIN_BUFFER_LEN, State, TransportAction,
};

use super::content;
use super::counts::Count;
use super::ledger::Ledger;
use super::network::{End, Net};
use super::outbox::append;
use super::roles::SimulatedRole;
use super::session::{Exchange, Session};
use super::trace::What;
use super::wire::Wire;

/// The length of the longest frame header.
const HEADER: usize = 14;

impl<R: SimulatedRole> Session<R> {
    /// Takes all events from the received bytes.
    pub(crate) fn receive(
        &mut self,
        wire: &mut Wire,
        own: &mut Ledger,
        exchange: &mut Exchange<'_>,
        net: &mut Net,
    ) {
        let mut ended = false;
        // `NeedMore` is exact once the header is complete: after that many bytes an event must
        // follow.
        let mut is_event_due = wire.missing == 0 && wire.was_unread >= HEADER;
        let mut was_data = false;
        let mut input = wire.rx.input();
        loop {
            let state = self.ws.state();
            let event = self.ws.receive(&mut input);
            if let Ok(Event::Data(_) | Event::Ping(_) | Event::Pong(_) | Event::Close(_)) = &event {
                assert_eq!(wire.missing, 0, "{event:?} before the bytes that `NeedMore` asked for");
                assert!(
                    matches!(state, State::Open | State::LocalClosed),
                    "{event:?} in {state:?}"
                );
                is_event_due = false;
            }
            if matches!(event, Ok(Event::Ping(_) | Event::Pong(_))) {
                let may = !was_data || self.order == ControlOrder::Wire;
                assert!(may, "{event:?} after data that arrived with it");
            }
            match event {
                Ok(Event::Data(mut data)) => {
                    was_data = true;
                    assert!(self.delivery == Delivery::Chunks || data.frame_left == 0);
                    ended |= self.take_piece(&mut data, wire.end, own, exchange, net);
                }
                Ok(Event::Ping(payload)) => {
                    let number = content::ping_number(&payload);
                    assert_eq!(number, own.received_ping + 1, "Pings arrive in order");
                    own.received_ping = number;
                    net.note(wire.end, What::Ping(number));
                    let is_due = self.ws.wants_write() || self.ws.frame_left() > 0;
                    // Once the masking keys fail, nothing more can be written.
                    let is_broken = self.ws.transport_action() == TransportAction::Drop;
                    if state == State::Open {
                        own.pending_pong = Some(number);
                        assert!(is_due || is_broken || !self.auto_pong, "no Pong is due");
                    }
                }
                Ok(Event::Pong(payload)) => {
                    let number = content::ping_number(&payload);
                    assert!(
                        number > own.received_pong && number <= own.sent_ping,
                        "Pong {number}: {own:?}"
                    );
                    own.received_pong = number;
                    net.counts.one(Count::Pongs);
                    net.note(wire.end, What::Pong(number));
                }
                Ok(Event::Close(close)) => {
                    let code = close.map_or(CloseCode::NO_STATUS, |close| close.code);
                    net.note(wire.end, What::Close(code.as_u16()));
                    own.received_close = true;
                    own.is_complete = code == CloseCode::NORMAL;
                    own.pending_pong = None;
                    // RFC 6455 §7.1.7: the Close carries the code of the error.
                    assert!(
                        exchange.peer.close_code.is_none_or(|close_code| close_code == code),
                        "{code}: {:?}",
                        exchange.peer
                    );
                }
                Ok(Event::NeedMore(missing)) => {
                    assert!(
                        !is_event_due || own.received_close,
                        "an event was due, not `NeedMore({missing})`"
                    );
                    wire.missing = missing.get();
                    wire.was_unread = input.len();
                    break;
                }
                Err(error) => {
                    Self::fail(error, wire.end, own, exchange, net);
                    break;
                }
            }
            if self.ws.wants_write() && net.rng.bool() {
                let sent = append(&mut wire.out, MIN_BUFFER_LEN, |out| self.ws.transmit(out));
                // If the masking key failed, `transport_action` says so.
                if sent.is_ok() {
                    self.note_pong_written(own);
                }
            }
        }
        if own.failed.is_some() {
            let unread = wire.rx.len();
            wire.rx.consume(unread);
            wire.missing = 0;
        }
        self.make_room(wire, net);
        let is_open = matches!(self.ws.state(), State::Open | State::LocalClosed);
        let partial = is_open && (self.inbox.is_partial() || !wire.rx.is_empty());
        let now = net.clock(wire.end);
        wire.on_events(now, ended, partial);
        self.note_close(wire, own, net);
    }

    /// Takes a piece of a message; returns true if it is the last one.
    fn take_piece(
        &mut self,
        data: &mut Data<'_>,
        end: End,
        own: &mut Ledger,
        exchange: &mut Exchange<'_>,
        net: &mut Net,
    ) -> bool {
        match self.inbox.take(data, exchange.incoming, net) {
            Ok(None) => return false,
            Ok(Some(len)) => {
                own.received += 1;
                exchange.incoming.seen += 1;
                net.counts.one(Count::Messages);
                net.counts.add(Count::PayloadBytes, len);
                if len > usize::from(u16::MAX) {
                    net.counts.one(Count::LongMessages);
                }
                net.note(end, What::Received { seq: exchange.incoming.seen, len });
            }
            // The next event is this error; its Close replaces a pending Pong.
            #[cfg(feature = "deflate")]
            Err(error) => {
                self.ws.fail(error);
                own.pending_pong = None;
                return false;
            }
            #[cfg(not(feature = "deflate"))]
            Err(error) => panic!("{error} without compression"),
        }
        true
    }

    /// Handles a protocol error, which must be the one that the peer caused on purpose.
    fn fail(error: Error, end: End, own: &mut Ledger, exchange: &Exchange<'_>, net: &mut Net) {
        assert_eq!(Some(error), exchange.peer.violation, "{own:?}");
        if own.failed.is_none() {
            net.counts.one(Count::FailedConnections);
            net.note(end, What::Failed(error));
        }
        assert!(
            own.failed.is_none_or(|earlier| earlier == error),
            "a later error differs from the first"
        );
        own.failed = Some(error);
        own.pending_pong = None;
        own.close_code = (!own.sent_close).then_some(error.close_code()).or(own.close_code);
    }

    /// Grows the buffer by exactly what `NeedMore` asks for.
    fn make_room(&self, wire: &mut Wire, net: &mut Net) {
        let Err(full) = wire.rx.reserve(wire.missing) else { return };
        let most = match self.delivery {
            Delivery::Frames => self.max_frame_len + HEADER,
            _ => MIN_BUFFER_LEN,
        };
        assert!(full.needed <= most, "{full}: the limit is {most}");
        wire.rx.grow(vec![0; full.needed].into_boxed_slice()).expect("the unread bytes fit");
        net.counts.one(Count::BuffersGrown);
    }
}
