//! One run: a server process, its clients, all their connections, and the injected faults.

use std::time::Duration;

use barews::backoff::Backoff;
use barews::handshake::server::RequestReader;
use barews::{Client, CloseCode, Server};
use fastrand::Rng;

use super::content::Stream;
use super::counts::Count;
use super::network::{End, Event, LinkProperties, Net};
use super::opening::{ClientHandshake, MOST};
use super::roles::Keys;
use super::session::Exchange;
use super::side::{Opening, Side};
use super::trace::{Ending, What};
use super::wire::Wire;

/// A run with more events counts as endless.
const MOST_EVENTS: u32 = 400_000;
/// Every connection must end within this many microseconds after the last fault.
const SETTLE_TIME: u64 = 60_000_000;

/// An injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A middlebox resets the connection.
    Reset,
    /// Everything is lost in both directions, without a notice to either side.
    Lose,
    LoseOneWay,
    /// One side closes its half without a Close.
    HalfClose,
    /// One side drops the transport.
    Crash,
    /// The server drops all its transports.
    ServerCrash,
    /// One side stops for a while.
    Hang,
    /// One side stops reading for a while.
    StopReading,
    /// A clock jumps forward.
    Jump,
    /// One side starts the closing handshake early.
    Close,
    /// One side sends an invalid frame.
    Violation,
}

pub(crate) const FAULTS: [Fault; 11] = [
    Fault::Reset,
    Fault::Lose,
    Fault::LoseOneWay,
    Fault::HalfClose,
    Fault::Crash,
    Fault::ServerCrash,
    Fault::Hang,
    Fault::StopReading,
    Fault::Jump,
    Fault::Close,
    Fault::Violation,
];

struct ClientProcess {
    backoff: Backoff,
    opened: Option<Duration>,
    /// Messages to the server, and from the server.
    up: Stream,
    down: Stream,
    is_done: bool,
}

pub(crate) struct Pair {
    /// The index of the client.
    index: usize,
    begun: u64,
    taken_over: bool,
    pub(crate) client: Side<Client<Keys>>,
    pub(crate) server: Side<Server>,
}

pub(crate) struct World {
    pub(crate) net: Net,
    clients: Vec<ClientProcess>,
    pub(crate) pairs: Vec<Pair>,
    /// No fault is injected from this time on.
    calm_at: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..=3);
        let calm_at = rng.u64(0..8_000_000);
        let faults = rng.u32(0..=8);
        let clients = (0..count).map(|_| {
            let mut stream = || Stream::new(rng.u64(..), rng.u64(0..=MOST));
            let (up, down) = (stream(), stream());
            let (base, cap) = (rng.u64(1..200), rng.u64(200..2000));
            let backoff = Backoff::new(Duration::from_millis(base), Duration::from_millis(cap));
            let backoff = backoff.stable_after(Duration::from_millis(rng.u64(1..2000)));
            ClientProcess { backoff, opened: None, up, down, is_done: false }
        });
        let clients = clients.collect();
        let mut net = Net::new(rng, count);
        for client in 0..count {
            let at = net.rng.u64(0..50_000);
            net.at(at, Event::Connect(client));
        }
        for _ in 0..faults {
            // Connections are short, so most faults come early.
            let most = calm_at >> net.rng.u32(0..8);
            let at = net.rng.u64(0..=most);
            net.at(at, Event::Fault);
        }
        Self { net, clients, pairs: Vec::new(), calm_at }
    }

    /// Runs until no event is left.
    pub(crate) fn run(&mut self) {
        let mut events = 0;
        while let Some(event) = self.net.next() {
            events += 1;
            self.net.counts.one(Count::Events);
            assert!(events < MOST_EVENTS, "the run does not end");
            assert!(self.net.now < self.calm_at + SETTLE_TIME, "a connection does not end");
            match event {
                Event::Connect(client) => self.connect(client),
                Event::Fault => self.fault(),
                Event::Wake(end) => {
                    let wire = self.wire(end);
                    if wire.wake_at <= self.net.now {
                        self.wire_mut(end).wake_at = u64::MAX;
                        self.step(end);
                    }
                }
                Event::Arrive(end, _) | Event::Fin(end) | Event::Reset(end) | Event::Room(end) => {
                    if self.net.deliver(event) {
                        self.wake(end);
                    }
                }
            }
        }
        for pair in &self.pairs {
            assert!(pair.client.wire.over.is_some(), "the client's side is still open");
            assert!(pair.server.wire.over.is_some(), "the server's side is still open");
        }
        for process in &self.clients {
            assert!(process.is_done, "a client did not finish");
        }
    }

    fn wire(&self, end: End) -> &Wire {
        let pair = &self.pairs[end.link];
        if end.server { &pair.server.wire } else { &pair.client.wire }
    }

    fn wire_mut(&mut self, end: End) -> &mut Wire {
        let pair = &mut self.pairs[end.link];
        if end.server { &mut pair.server.wire } else { &mut pair.client.wire }
    }

    fn wake(&mut self, end: End) {
        let at = self.net.now + self.net.rng.u64(0..100);
        let pair = &mut self.pairs[end.link];
        let wire = if end.server { &mut pair.server.wire } else { &mut pair.client.wire };
        if wire.over.is_none() {
            wire.wake(&mut self.net, at.max(wire.hung_until));
        }
    }

    fn is_calm(&self) -> bool {
        self.net.now >= self.calm_at
    }

    fn connect(&mut self, client: usize) {
        let is_calm = self.is_calm();
        let net = &mut self.net;
        if !is_calm && net.rng.u8(..16) == 0 {
            net.trace.push(net.now, None, What::Refused { client });
            net.counts.one(Count::RefusedConnects);
            return self.reconnect(client, None);
        }
        let link_properties = link_properties(net, is_calm);
        if link_properties.lost {
            net.counts.one(Count::LossesInHandshake);
        }
        let link = net.connect(client, &link_properties);
        let process = &mut self.clients[client];
        net.trace.push(net.now, None, What::Connect { client });
        net.counts.one(Count::Connections);
        if link > 0 && process.down.seen + process.up.seen > 0 {
            net.counts.one(Count::ReconnectsThatResume);
        }
        process.opened = None;
        let handshake = ClientHandshake::new(process.down.seen, &mut net.rng);
        let (client_end, server_end) = (End { link, server: false }, End { link, server: true });
        let mut pair = Pair {
            index: client,
            begun: net.now,
            taken_over: false,
            client: Side::new(net, client_end, Opening::Done),
            server: Side::new(net, server_end, Opening::Server(RequestReader::new())),
        };
        handshake.write(&mut pair.client.wire.out);
        pair.client.wire.may_stop = !is_calm;
        pair.server.wire.may_stop = !is_calm;
        pair.client.opening = Opening::Client(Box::new(handshake));
        self.pairs.push(pair);
        self.step(client_end);
        self.step(server_end);
    }

    /// Steps one end, then checks both.
    fn step(&mut self, end: End) {
        let is_calm = self.is_calm();
        let pair = &mut self.pairs[end.link];
        let process = &mut self.clients[pair.index];
        let (up, down) = (&mut process.up, &mut process.down);
        let was_over = pair.client.wire.over.is_some();
        let opened = if end.server {
            let mut exchange =
                Exchange { outgoing: down, incoming: up, peer: &pair.client.own, is_calm };
            pair.server.step(&mut self.net, &mut exchange)
        } else {
            let mut exchange =
                Exchange { outgoing: up, incoming: down, peer: &pair.server.own, is_calm };
            pair.client.step(&mut self.net, &mut exchange)
        };
        pair.client.own.check(&pair.server.own);
        pair.server.own.check(&pair.client.own);
        if opened.is_some() {
            let (client, now) = (pair.index, self.net.clock(end));
            if end.server {
                self.take_over(client, end.link);
            } else {
                self.clients[client].opened = Some(now);
            }
        }
        self.check_ended(end, was_over);
    }

    /// Ends the earlier connections of a client that has reconnected: what still arrives on them is
    /// ignored.
    fn take_over(&mut self, client: usize, link: usize) {
        for (other, pair) in self.pairs.iter_mut().enumerate() {
            if other != link && pair.index == client && pair.server.wire.over.is_none() {
                self.net.counts.one(Count::TakenOver);
                pair.taken_over = true;
                pair.server.session = None;
                pair.server.wire.end(&mut self.net, Ending::TakenOver);
            }
        }
    }

    /// Checks a connection that has ended, and reconnects the client unless it is done.
    fn check_ended(&mut self, end: End, was_over: bool) {
        let pair = &self.pairs[end.link];
        let (client, server) = (&pair.client, &pair.server);
        let lacks_keys = client.wire.over == Some(Ending::NoMaskingKey);
        if pair.begun >= self.calm_at && !pair.taken_over && !lacks_keys {
            // Without a fault, both sides close cleanly.
            for (over, own) in [(client.wire.over, &client.own), (server.wire.over, &server.own)] {
                let is_clean =
                    over == Some(Ending::TransportAction) && own.received_close && own.sent_close;
                assert!(over.is_none() || is_clean, "{over:?}: {own:?}");
            }
        }
        if was_over || client.wire.over.is_none() {
            return;
        }
        let (index, own) = (pair.index, &pair.client.own);
        if !own.is_complete {
            return self.reconnect(index, Some(end));
        }
        let process = &mut self.clients[index];
        assert_eq!(
            process.up.seen, process.up.last,
            "the server lacks messages after a clean close"
        );
        assert_eq!(process.down.seen, process.down.last);
        process.is_done = true;
        self.net.trace.push(self.net.now, None, What::Done { client: index });
    }

    fn reconnect(&mut self, client: usize, end: Option<End>) {
        let process = &mut self.clients[client];
        let net = &mut self.net;
        if let (Some(opened), Some(end)) = (process.opened.take(), end) {
            process.backoff.on_lost(net.clock(end).saturating_sub(opened));
        }
        let most = process.backoff.ceiling();
        let delay = process.backoff.next_delay(net.rng.u64(..));
        assert!(delay <= most, "{delay:?} of {most:?}");
        let micros = u64::try_from(delay.as_micros()).expect("the delay is short");
        net.trace.push(net.now, None, What::Wait { client, micros });
        net.at(net.now + micros, Event::Connect(client));
    }

    fn fault(&mut self) {
        let live: Vec<usize> = (0..self.pairs.len()).filter(|link| self.is_live(*link)).collect();
        if live.is_empty() {
            return;
        }
        let link = live[self.net.rng.usize(..live.len())];
        let end = End { link, server: self.net.rng.bool() };
        let fault = FAULTS[self.net.rng.usize(..FAULTS.len())];
        self.net.note(end, What::Fault(fault));
        let is_opening = self.pairs[link].client.session.is_none();
        let net = &mut self.net;
        match fault {
            Fault::Reset => {
                net.reset(link);
                net.counts.one(if is_opening { Count::CutsInHandshake } else { Count::Cuts });
            }
            Fault::Lose => {
                net.lose(end);
                net.lose(end.other());
                net.counts.one(if is_opening { Count::LossesInHandshake } else { Count::Losses });
            }
            Fault::LoseOneWay => {
                net.lose(end);
                net.counts.one(Count::LossesOfOneWay);
            }
            Fault::HalfClose => {
                net.shutdown(end);
                net.counts.one(Count::HalfCloses);
                self.wire_mut(end).is_mute = true;
            }
            Fault::Crash => {
                net.counts.one(if is_opening { Count::CrashesInHandshake } else { Count::Crashes });
                self.crash(end);
            }
            Fault::ServerCrash => {
                net.counts.one(Count::ServerCrashes);
                for link in live {
                    self.crash(End { link, server: true });
                }
            }
            Fault::Hang => {
                net.counts.one(Count::Hangs);
                self.wire_mut(end).hung_until = self.until_later();
            }
            Fault::StopReading => {
                net.counts.one(Count::ReadPauses);
                self.wire_mut(end).read_paused_until = self.until_later();
            }
            Fault::Jump => self.jump(end),
            Fault::Close => self.close(end),
            Fault::Violation => self.violate(end),
        }
        for server in [false, true] {
            self.wake(End { link, server });
        }
    }

    fn is_live(&self, link: usize) -> bool {
        let Pair { client, server, .. } = &self.pairs[link];
        client.wire.over.is_none() && server.wire.over.is_none()
    }

    /// A random time before the faults end.
    fn until_later(&mut self) -> u64 {
        let now = self.net.now;
        self.net.rng.u64(now..=now.max(self.calm_at).min(now + 5_000_000))
    }

    fn crash(&mut self, end: End) {
        let was_over = self.pairs[end.link].client.wire.over.is_some();
        self.pairs[end.link].server.session.take_if(|_| end.server);
        self.pairs[end.link].client.session.take_if(|_| !end.server);
        let pair = &mut self.pairs[end.link];
        let wire = if end.server { &mut pair.server.wire } else { &mut pair.client.wire };
        wire.end(&mut self.net, Ending::Crashed);
        self.check_ended(end, was_over);
    }

    /// The clock of a process jumps, as after a suspend.
    fn jump(&mut self, end: End) {
        let process = self.net.process(end);
        let by = 1_000 << self.net.rng.u32(0..16);
        self.net.jump(process, by);
        self.net.counts.one(Count::ClockJumps);
        for link in 0..self.pairs.len() {
            for server in [false, true] {
                let end = End { link, server };
                if self.net.process(end) == process {
                    self.wake(end);
                }
            }
        }
    }

    fn close(&mut self, end: End) {
        let pair = &mut self.pairs[end.link];
        if end.server {
            if let Some(session) = &mut pair.server.session {
                session.close = Some(CloseCode::GOING_AWAY);
            }
        } else if let Some(session) = &mut pair.client.session {
            session.close = Some(CloseCode::new(3000));
        }
    }

    fn violate(&mut self, end: End) {
        let Pair { client, server, .. } = &mut self.pairs[end.link];
        let net = &mut self.net;
        if let (true, Some(session)) = (end.server, &server.session) {
            super::violation::send_invalid_frame(session, &mut server.wire, &mut server.own, net);
        } else if let (false, Some(session)) = (end.server, &client.session) {
            super::violation::send_invalid_frame(session, &mut client.wire, &mut client.own, net);
        }
    }
}

/// Draws the properties of a link.
pub(crate) fn link_properties(net: &mut Net, is_calm: bool) -> LinkProperties {
    let rng = &mut net.rng;
    if is_calm {
        return LinkProperties {
            capacity: rng.usize(4096..65536),
            delay: 100..=2_000,
            cuts: [None; 2],
            lost: false,
        };
    }
    let least = 1 << rng.u32(0..16);
    let capacity = 128 << rng.u32(0..10);
    let mut cut = || {
        let most = 1 << rng.u32(4..14);
        (rng.u8(..6) == 0).then(|| rng.usize(0..most))
    };
    let cuts = [cut(), cut()];
    LinkProperties { capacity, delay: least..=4 * least, cuts, lost: rng.u8(..32) == 0 }
}
