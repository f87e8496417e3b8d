//! One end of a connection, starting with the opening handshake.

use std::num::NonZero;

use barews::handshake::server::RequestReader;
use barews::keepalive::Action;

use super::counts::Count;
use super::ledger::Ledger;
use super::network::{End, Net};
use super::opening::{ClientHandshake, Opened};
use super::roles::SimulatedRole;
use super::session::{Exchange, Session};
use super::trace::{Ending, What};
use super::wire::{ReadOutcome, Wire};

/// The greatest length of a request or response head.
pub(crate) const MAX_HEAD: usize = 8192;

pub(crate) enum Opening {
    Client(Box<ClientHandshake>),
    Server(RequestReader),
    /// The handshake was rejected; the end of the transport is still to come.
    Refused,
    Done,
}

pub(crate) struct Side<R> {
    pub(crate) wire: Wire,
    pub(crate) own: Ledger,
    pub(crate) opening: Opening,
    pub(crate) session: Option<Session<R>>,
}

impl<R: SimulatedRole> Side<R> {
    pub(crate) fn new(net: &mut Net, end: End, opening: Opening) -> Self {
        Self { wire: Wire::new(net, end), own: Ledger::default(), opening, session: None }
    }

    /// One step. Returns the result of the opening handshake if it has just ended.
    pub(crate) fn step(&mut self, net: &mut Net, exchange: &mut Exchange<'_>) -> Option<Opened> {
        if self.wire.over.is_some() {
            return None;
        }
        let mut opened = None;
        if net.now >= self.wire.hung_until {
            if let Some(session) = &mut self.session {
                session.step(&mut self.wire, &mut self.own, exchange, net);
            } else {
                opened = self.open(net, exchange);
            }
        }
        if self.wire.over.is_some() {
            self.session = None;
        }
        let word = self
            .session
            .as_ref()
            .and_then(|session| session.next_send(&self.wire, &self.own, exchange, net));
        self.wire.sleep(net, word);
        opened
    }

    fn open(&mut self, net: &mut Net, exchange: &mut Exchange<'_>) -> Option<Opened> {
        let wire = &mut self.wire;
        if let Action::Expired(reason) = wire.poll(net) {
            wire.end(net, Ending::Expired(reason));
            return None;
        }
        let mut opened = None;
        match (wire.read(net), &mut self.opening) {
            (ReadOutcome::Nothing, _) => {}
            (ReadOutcome::Reset, _) => {
                net.counts.one(Count::ResetsInHandshake);
                wire.end(net, Ending::Reset);
            }
            (ReadOutcome::Eof, opening) => {
                let is_refused = matches!(opening, Opening::Refused);
                wire.end(net, if is_refused { Ending::Rejected } else { Ending::NoAnswer });
            }
            (ReadOutcome::Bytes, Opening::Client(handshake)) => {
                opened = handshake.read(wire, net);
                if opened.is_none() && wire.over.is_none() {
                    make_room(wire);
                }
            }
            (ReadOutcome::Bytes, Opening::Server(reader)) => {
                match super::opening::serve(reader, wire, exchange, net) {
                    super::opening::Served::Incomplete => make_room(wire),
                    super::opening::Served::Opened(agreed) => opened = Some(agreed),
                    super::opening::Served::Refused => {
                        self.opening = Opening::Refused;
                        let now = net.clock(wire.end);
                        wire.on_close(now);
                    }
                }
            }
            (ReadOutcome::Bytes, Opening::Refused | Opening::Done) => {
                let unread = wire.rx.len();
                wire.rx.consume(unread);
            }
        }
        if let Some(agreed) = opened {
            self.begin(agreed, net, exchange);
        }
        if self.wire.over.is_none() && !self.wire.flush(net) {
            net.counts.one(Count::ResetsInHandshake);
            self.wire.end(net, Ending::Reset);
        }
        let is_refused = matches!(self.opening, Opening::Refused);
        if is_refused && self.wire.over.is_none() && self.wire.pending() == 0 {
            net.shutdown(self.wire.end);
        }
        opened
    }

    /// Begins the session. The bytes after the head are the first frames.
    fn begin(&mut self, agreed: Opened, net: &mut Net, exchange: &mut Exchange<'_>) {
        let wire = &mut self.wire;
        self.opening = Opening::Done;
        let now = net.clock(wire.end);
        wire.on_open(now);
        let is_deflate = agreed.is_compressed();
        net.note(wire.end, What::Opened { seen: agreed.seen, deflate: is_deflate });
        net.counts.one(Count::Opened);
        if is_deflate {
            net.counts.one(Count::OpenedWithDeflate);
        }
        let mut session = Session::new(net, agreed.seen + 1, is_deflate);
        #[cfg(feature = "deflate")]
        if let Some(params) = agreed.deflate {
            let (client, server) = (params.client(), params.server());
            let (ours, theirs) = if R::SERVER { (server, client) } else { (client, server) };
            session.inbox.inflate(theirs);
            session.outbox.deflate(ours, net);
        }
        // A new buffer, of the minimum length or longer.
        let most = 1 << net.rng.u32(8..13);
        let len = net.rng.usize(barews::MIN_BUFFER_LEN..=most);
        let storage = vec![0; len.max(wire.rx.len())];
        wire.rx.grow(storage.into_boxed_slice()).expect("the unread bytes fit");
        wire.missing = 0;
        session.receive(wire, &mut self.own, exchange, net);
        self.session = Some(session);
    }
}

/// Grows the buffer for the rest of the head, up to the greatest length of a head.
fn make_room(wire: &mut Wire) {
    let missing = NonZero::new(wire.missing).expect("an incomplete head needs more bytes");
    if let Err(full) = wire.rx.reserve(missing.get()) {
        assert!(full.needed <= MAX_HEAD, "{full}: the limit is {MAX_HEAD}");
        let len = full.needed.max(2 * wire.rx.capacity()).min(MAX_HEAD);
        wire.rx.grow(vec![0; len].into_boxed_slice()).expect("the unread bytes fit");
    }
}
