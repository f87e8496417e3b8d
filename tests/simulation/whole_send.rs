//! The sending half of an end with a whole `Session`.

use std::time::Duration;

use barews::{CloseCode, Error, Kind, Message, SendError, State};

use super::content;
use super::counts::Count;
use super::network::Net;
use super::trace::What;
use super::whole_roles::{Talk, WholeRole};
use super::whole_side::WholeSide;

/// A message that is sent in fragments.
pub(crate) struct Open {
    kind: Kind,
    payload: Vec<u8>,
    at: usize,
}

impl<R: WholeRole> WholeSide<R> {
    /// Sends what there is to send; returns whether there was something.
    pub(super) fn send(&mut self, net: &mut Net, talk: &Talk<'_>, now: Duration) -> bool {
        let may = self.ws.is_open() && self.own.violation.is_none() && self.own.failed.is_none();
        if !may || self.next.is_none() || self.tx.is_over_mark() || net.now < self.paused_until {
            return false;
        }
        let is_done = self.open.is_none() && self.next > Some(talk.outgoing.last);
        let all_seen = talk.incoming.seen == talk.incoming.last;
        if self.close.is_none() && is_done && all_seen && !self.end.server {
            self.close = Some(CloseCode::NORMAL);
        }
        if let Some(code) = self.close {
            return self.send_close(code, net, now);
        }
        if net.rng.u8(..32) == 0 {
            self.own.sent_ping += 1;
            let payload = content::ping(self.own.sent_ping);
            let sent = self.ws.send_ping(&payload, &mut self.tx);
            net.counts.one(Count::Pings);
            return self.is_sent(sent);
        }
        if is_done {
            return false;
        }
        if net.rng.u8(..4) == 0 {
            let pause = if talk.is_calm { 20_000 } else { 4_000_000 };
            self.paused_until = net.now + (net.rng.u64(0..pause) >> net.rng.u32(0..12));
        }
        self.send_data(net, talk, now)
    }

    fn send_data(&mut self, net: &mut Net, talk: &Talk<'_>, now: Duration) -> bool {
        let number = self.next.expect("the session is open");
        let (ws, tx) = (&mut self.ws, &mut self.tx);
        let (is_last, sent) = if let Some(Open { kind, payload, at }) = &mut self.open {
            let n = net.rng.usize(0..=payload.len() - *at);
            let mut piece = payload[*at..*at + n].to_vec();
            let fin = *at + n == payload.len() && net.rng.bool();
            *at += n;
            let sent = match net.rng.u8(..3) {
                0 => ws.send_fragment(*kind, fin, &piece, tx),
                1 => ws
                    .send_in_place(*kind, fin, &mut piece, tx)
                    .map(|()| tx.push(&piece).expect("a `Vec` grows")),
                _ => ws.begin_frame(*kind, fin, n as u64, tx).and_then(|()| {
                    for chunk in piece.chunks_mut(1 + n / 3) {
                        ws.mask_next(chunk)?;
                        tx.push(chunk).expect("a `Vec` grows");
                    }
                    Ok(())
                }),
            };
            (fin, sent)
        } else {
            let (kind, payload) = talk.outgoing.message(number);
            if kind == Kind::Binary && net.rng.bool() {
                net.counts.one(Count::FragmentedMessages);
                self.open = Some(Open { kind, payload, at: 0 });
                return true;
            }
            let message = match kind {
                Kind::Text => Message::Text(str::from_utf8(&payload).expect("a text is UTF-8")),
                Kind::Binary => Message::Binary(&payload),
            };
            (true, ws.send_message(message, tx))
        };
        if !self.is_sent(sent) {
            return true;
        }
        self.times.sent(now);
        if is_last {
            self.open = None;
            self.next = Some(number + 1);
            self.own.sent += 1;
            net.note(self.end, What::Sent { seq: number, len: 0 });
        }
        true
    }

    fn send_close(&mut self, code: CloseCode, net: &mut Net, now: Duration) -> bool {
        let sent = self.ws.close(code, "done", &mut self.tx, now);
        if self.is_sent(sent) {
            assert_eq!(self.ws.state(), State::LocalClosed);
            net.note(self.end, What::Closing(code.as_u16()));
            net.counts.one(if self.end.server {
                Count::ClosesByServers
            } else {
                Count::ClosesByClients
            });
        }
        true
    }

    /// Only the source of masking keys may fail.
    fn is_sent(&mut self, sent: Result<(), SendError>) -> bool {
        match sent {
            Ok(()) => true,
            Err(SendError::NoMaskingKey) => {
                self.lacks_keys = true;
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// When it will send next.
    pub(super) fn next_send(&self, talk: &Talk<'_>) -> Option<u64> {
        let has_data = self.open.is_some() || self.next? <= talk.outgoing.last;
        let may = self.ws.is_open() && self.own.violation.is_none() && !self.tx.is_over_mark();
        let may = may && !self.lacks_keys;
        (may && (has_data || self.close.is_some())).then_some(self.paused_until)
    }

    /// Queues an invalid frame, if the state allows it.
    pub(crate) fn violate(&mut self, net: &mut Net) {
        if !self.ws.is_open() || self.open.is_some() || self.own.violation.is_some() {
            return;
        }
        let (first, payload, error): (u8, &[u8], Error) = match net.rng.u8(..6) {
            0 => (0x83, b"", Error::ReservedOpcode),
            1 => (0x82, b"", if R::SERVER { Error::Masked } else { Error::Unmasked }),
            2 => (0x81, b"\xFF", Error::InvalidUtf8),
            3 => (0x80, b"", Error::UnexpectedContinuation),
            4 => (0x88, &1005_u16.to_be_bytes(), Error::InvalidCloseCode),
            _ => (0x09, b"", Error::FragmentedControl),
        };
        let masks = if R::SERVER { error == Error::Masked } else { error != Error::Unmasked };
        let mask = if masks { 0x80 } else { 0 };
        let len = u8::try_from(payload.len()).expect("the payload is short");
        let key: &[u8] = if masks { &[0; 4] } else { &[] };
        let frame = [&[first, mask | len], key, payload].concat();
        self.tx.push(&frame).expect("a `Vec` grows");
        self.own.violation = Some(error);
        net.note(self.end, What::Violation(error));
        net.counts.one(Count::InvalidFrames);
    }
}
