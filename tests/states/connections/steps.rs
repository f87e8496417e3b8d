//! The steps of the two connections.

use barews::{
    CloseCode, Connection, ControlOrder, Error, Event, Input, Kind, MIN_BUFFER_LEN, SendError,
    TransportAction,
};

use super::{Keys, Side, World, seal};
use crate::end::{
    Bytes, End, Facts, binary, close_code, close_number, key, order, order_mut, part,
};
use crate::wire;

impl World {
    pub(super) fn side(&self, end: &End, is_server: bool) -> Side {
        if is_server {
            Side::Server(Connection::unseal_server(self.config, &end.sealed).expect("a state"))
        } else {
            let ws = Connection::unseal_client(self.config, key as Keys, &end.sealed);
            Side::Client(ws.expect("a state"))
        }
    }

    /// Sends what `call` writes, which follows what is due, and is `parts`. `None` if it must be, and
    /// is, refused.
    pub(super) fn send(
        &self,
        ends: &[End; 2],
        server: bool,
        may: bool,
        parts: &[u8],
        call: impl FnOnce(&mut Side, &mut [u8]) -> Result<usize, SendError>,
    ) -> Option<[End; 2]> {
        let [own, _] = order(ends, server);
        let mut out = [0; 2 * MIN_BUFFER_LEN];
        let mut side = self.side(own, server);
        let written = match call(&mut side, &mut out) {
            Ok(n) => &out[..n],
            Err(error) => {
                assert!(!may, "{error:?}");
                assert_eq!(seal(&side), own.sealed, "a refused call has changed the state");
                return None;
            }
        };
        assert!(may, "not refused");
        let mut ends = ends.clone();
        let [own, peer] = order_mut(&mut ends, server);
        let due = own.facts.due;
        let mut expected = if due == 0 { Bytes::new() } else { [due].into_iter().collect() };
        expected.extend_from_slice(parts).ok()?;
        assert_eq!(wire::parts(written, !server), expected, "what was written");
        peer.awaited.extend_from_slice(&expected).ok()?;
        peer.arriving.extend_from_slice(written).ok()?;
        own.facts.due = 0;
        own.facts.has_sent_close |= expected.last().is_some_and(|it| it & 0xF0 == part::CLOSE);
        own.sealed = seal(&side);
        Some(ends)
    }

    /// Sends a fragment of the next text.
    pub(super) fn fragment(
        &self,
        ends: &[End; 2],
        server: bool,
        payload: &[u8],
        fin: bool,
    ) -> Option<[End; 2]> {
        let [own, peer] = order(ends, server);
        let first = own.facts.fragments == 0;
        let all = own.facts.messages + peer.facts.messages;
        if (first && all == self.messages) || peer.arriving.len() >= self.on_the_way {
            return None;
        }
        let mut parts = Bytes::new();
        if first {
            parts.push(part::TEXT).ok()?;
        }
        parts.extend_from_slice(payload).ok()?;
        parts.push(if fin { part::END_OF_MESSAGE } else { part::END_OF_FRAME }).ok()?;
        let mut next = self.send(
            ends,
            server,
            own.may_send(),
            &parts,
            |side, out| on!(side, ws => ws.send_fragment(Kind::Text, fin, payload, out)),
        )?;
        let facts = &mut order_mut(&mut next, server)[0].facts;
        facts.messages += u8::from(first);
        facts.fragments = if fin { 0 } else { facts.fragments + 1 };
        Some(next)
    }

    pub(super) fn begin(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let [own, peer] = order(ends, server);
        let all = own.facts.messages + peer.facts.messages;
        let is_possible = own.facts.fragments == 0 && own.may_send() && own.facts.due == 0;
        if !is_possible || all == self.messages || peer.arriving.len() >= self.on_the_way {
            return None;
        }
        let mut next = ends.clone();
        let [own, peer] = order_mut(&mut next, server);
        let mut side = self.side(own, server);
        let header = on!(&mut side, ws => ws.begin_frame(Kind::Binary, true, 2)).expect("may send");
        peer.arriving.extend_from_slice(&header).ok()?;
        peer.awaited.push(part::BINARY).ok()?;
        (own.facts.messages, own.facts.frame_left) = (own.facts.messages + 1, 2);
        own.sealed = seal(&side);
        Some(next)
    }

    pub(super) fn chunk(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let mut next = ends.clone();
        let [own, peer] = order_mut(&mut next, server);
        own.facts.frame_left = own.facts.frame_left.checked_sub(1)?;
        let mut chunk = [binary(own.facts.messages)];
        peer.awaited.extend_from_slice(&chunk).ok()?;
        let mut side = self.side(own, server);
        on!(&mut side, ws => ws.mask_next(&mut chunk)).expect("a frame is in progress");
        peer.arriving.extend_from_slice(&chunk).ok()?;
        if own.facts.frame_left == 0 {
            peer.awaited.push(part::END_OF_MESSAGE).ok()?;
        }
        own.sealed = seal(&side);
        Some(next)
    }

    pub(super) fn ping(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let [own, peer] = order(ends, server);
        let full = peer.arriving.len() >= self.on_the_way;
        if own.facts.pings + peer.facts.pings == self.pings || full {
            return None;
        }
        let number = own.facts.pings;
        let mut next = self.send(
            ends,
            server,
            own.may_send(),
            &[part::PING | number],
            |side, out| on!(side, ws => ws.send_ping(&[number], out)),
        )?;
        order_mut(&mut next, server)[0].facts.pings += 1;
        Some(next)
    }

    pub(super) fn close(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let [own, _] = order(ends, server);
        let Facts { has_sent_close, due, frame_left, .. } = own.facts;
        if has_sent_close {
            return None;
        }
        // Instead of a reply that is due, the same.
        let is_due = due & 0xF0 == part::CLOSE;
        let close = part::CLOSE | u8::from(server);
        let parts = if is_due { &[][..] } else { &[close] };
        self.send(
            ends,
            server,
            frame_left == 0,
            parts,
            |side, out| on!(side, ws => ws.send_close(close_code(server.into()), "", out)),
        )
    }

    pub(super) fn transmit(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let [own, _] = order(ends, server);
        (own.facts.due != 0 && own.facts.frame_left == 0).then_some(())?;
        self.send(ends, server, true, &[], |side, out| on!(side, ws => ws.transmit(out)))
    }

    pub(super) fn receive(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let mut next = ends.clone();
        let [own, _] = order_mut(&mut next, server);
        own.facts.is_fed.then_some(())?;
        let may_overtake = self.order == ControlOrder::Ahead;
        let mut side = self.side(own, server);
        let mut bytes = std::mem::take(&mut own.unread);
        let mut input = Input::new(&mut bytes);
        match on!(&mut side, ws => ws.receive(&mut input)).expect("an honest peer has no fault") {
            Event::NeedMore(_) => own.facts.is_fed = false,
            Event::Data(data) => own.receive_data(&data, may_overtake),
            Event::Ping(ping) => {
                own.receive_control(part::PING | ping[0], may_overtake);
                // After a Close, nothing is answered.
                if !own.facts.has_sent_close {
                    own.facts.due = part::PONG | ping[0];
                }
            }
            Event::Pong(pong) => own.receive_control(part::PONG | pong[0], may_overtake),
            Event::Close(close) => {
                let number = close_number(close.expect("every Close has a code").code);
                own.receive_control(part::CLOSE | number, false);
                own.facts.has_received_close = true;
                if !own.facts.has_sent_close && self.auto_close {
                    own.facts.due = part::CLOSE | number;
                }
            }
        }
        own.unread = Bytes::from_slice(input.unread()).ok()?;
        own.sealed = seal(&side);
        Some(next)
    }

    /// `all` of the bytes that are on the way arrive, or one.
    pub(super) fn arrive(ends: &[End; 2], server: bool, all: bool) -> Option<[End; 2]> {
        let [own, _] = order(ends, server);
        let least = if all { 2 } else { 1 };
        if own.facts.is_fed || own.arriving.len() < least {
            return None;
        }
        let mut next = ends.clone();
        let [own, _] = order_mut(&mut next, server);
        let n = if all { own.arriving.len() } else { 1 };
        own.unread.extend_from_slice(&own.arriving[..n]).ok()?;
        own.arriving = Bytes::from_slice(&own.arriving[n..]).ok()?;
        own.facts.is_fed = true;
        Some(next)
    }

    pub(super) fn see_end(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let mut next = ends.clone();
        let [own, peer] = order_mut(&mut next, server);
        let Facts { is_fed, has_seen_end, .. } = own.facts;
        if !peer.facts.has_ended || has_seen_end || is_fed || !own.arriving.is_empty() {
            return None;
        }
        let mut side = self.side(own, server);
        on!(&mut side, ws => ws.receive_eof()).expect("a Close came before");
        own.facts.has_seen_end = true;
        own.sealed = seal(&side);
        Some(next)
    }

    pub(super) fn act(&self, ends: &[End; 2], server: bool) -> Option<[End; 2]> {
        let mut next = ends.clone();
        let [own, _] = order_mut(&mut next, server);
        let side = self.side(own, server);
        let ends_it = match on!(&side, ws => ws.transport_action()) {
            TransportAction::HalfClose | TransportAction::Drop => true,
            TransportAction::Keep | TransportAction::AwaitEnd => false,
        };
        (ends_it && !own.facts.has_ended).then(|| own.facts.has_ended = true)?;
        Some(next)
    }

    /// A transport that is lost now ends this side.
    pub(super) fn check_lost(&self, end: &End, server: bool) {
        let Facts { has_received_close, has_seen_end, frame_left, .. } = end.facts;
        if end.facts.is_fed || has_seen_end {
            return;
        }
        let mut side = self.side(end, server);
        let expected = if has_received_close { Ok(()) } else { Err(Error::UnexpectedEof) };
        let mut out = [0; MIN_BUFFER_LEN];
        on!(&mut side, ws => {
            assert_eq!(ws.receive_eof(), expected);
            // What was begun is to be sent, since the peer may have ended one direction only.
            for _ in 0..frame_left {
                ws.mask_next(&mut [0]).expect("a frame is in progress");
            }
            ws.send_close(CloseCode::NORMAL, "", &mut out).expect("there is space");
            assert_eq!(ws.transport_action(), TransportAction::Drop);
        });
    }
}
