//! A second world: both ends of each connection are a whole `Session`, and whole processes stand
//! still.

use barews::handshake::client::Handshake;
use barews::session::Session;
use barews::{Client, CloseCode, Config, Server};
use fastrand::Rng;

use super::content::Stream;
use super::counts::Count;
use super::network::{End, Event, Net};
use super::opening::{MOST, path};
use super::roles::{Keys, keys};
use super::trace::{Ending, What};
use super::whole_roles::Talk;
use super::whole_side::WholeSide;
use super::whole_times::{Times, random_limits};
use super::world::{FAULTS, Fault, link_properties};

/// A run with more events counts as endless.
const MOST_EVENTS: u32 = 400_000;
/// Every connection must end within this many microseconds after the last fault.
const SETTLE_TIME: u64 = 200_000_000;

struct ClientProcess {
    /// Messages to the server, and from the server.
    up: Stream,
    down: Stream,
    is_done: bool,
}

struct Pair {
    /// The index of the client.
    index: usize,
    begun: u64,
    taken_over: bool,
    client: WholeSide<Client<Keys>>,
    server: WholeSide<Server>,
}

pub(crate) struct WholeWorld {
    pub(crate) net: Net,
    clients: Vec<ClientProcess>,
    pairs: Vec<Pair>,
    /// No process, the server's first, does anything before this time.
    still_until: Vec<u64>,
    /// No fault is injected from this time on.
    calm_at: u64,
}

impl WholeWorld {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5E55_1013);
        let count = rng.usize(1..=3);
        let calm_at = rng.u64(0..8_000_000);
        let faults = rng.u32(0..=8);
        let clients = (0..count).map(|_| {
            let mut stream = || Stream::new(rng.u64(..), rng.u64(0..=MOST));
            ClientProcess { up: stream(), down: stream(), is_done: false }
        });
        let clients = clients.collect();
        let mut net = Net::new(rng, count);
        for client in 0..count {
            let at = net.rng.u64(0..50_000);
            net.at(at, Event::Connect(client));
        }
        for _ in 0..faults {
            let most = calm_at >> net.rng.u32(0..8);
            let at = net.rng.u64(0..=most);
            net.at(at, Event::Fault);
        }
        Self { net, clients, pairs: Vec::new(), still_until: vec![0; count + 1], calm_at }
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
                Event::Wake(end) => self.woken(end),
                Event::Arrive(end, _) | Event::Fin(end) | Event::Reset(end) | Event::Room(end) => {
                    if self.net.deliver(event) {
                        let at = self.net.now + self.net.rng.u64(0..100);
                        self.wake(end, at);
                    }
                }
            }
        }
        for pair in &self.pairs {
            assert!(pair.client.over.is_some(), "the client's side is still open");
            assert!(pair.server.over.is_some(), "the server's side is still open");
        }
        for process in &self.clients {
            assert!(process.is_done, "a client did not finish");
        }
    }

    fn woken(&mut self, end: End) {
        let pair = &mut self.pairs[end.link];
        let wake_at = if end.server { &mut pair.server.wake_at } else { &mut pair.client.wake_at };
        if *wake_at <= self.net.now {
            *wake_at = u64::MAX;
            self.step(end);
        }
    }

    fn wake(&mut self, end: End, at: u64) {
        let at = at.max(self.still_until[self.net.process(end)]);
        let pair = &mut self.pairs[end.link];
        if end.server {
            pair.server.wake(&mut self.net, at);
        } else {
            pair.client.wake(&mut self.net, at);
        }
    }

    fn connect(&mut self, client: usize) {
        if self.net.now < self.still_until[client + 1] {
            return self.net.at(self.still_until[client + 1], Event::Connect(client));
        }
        let is_calm = self.net.now >= self.calm_at;
        let net = &mut self.net;
        let properties = link_properties(net, is_calm);
        if properties.lost {
            net.counts.one(Count::LossesInHandshake);
        }
        let link = net.connect(client, &properties);
        net.trace.push(net.now, None, What::Connect { client });
        net.counts.one(Count::Connections);
        let (client_end, server_end) = (End { link, server: false }, End { link, server: true });
        let limits = [random_limits(&mut net.rng), random_limits(&mut net.rng)];
        let config = config(&mut net.rng);

        let now = net.clock(server_end);
        let ws = Session::server(config, limits[0].timeouts(), now);
        let times = Times::new(limits[0], now);
        let mut server = WholeSide::new(
            net,
            server_end,
            ws,
            WholeSide::<Server>::output(is_calm),
            times,
            is_calm,
        );

        server.times.is_late = net.now < self.still_until[0];

        let mut nonce = [0; 16];
        net.rng.fill(&mut nonce);
        let handshake = Handshake::new(nonce, "feed.example", path(self.clients[client].down.seen));
        let (now, mut tx) = (net.clock(client_end), WholeSide::<Client<Keys>>::output(is_calm));
        let (keys, _) = keys(&mut net.rng);
        let ws = Session::client(config, limits[1].timeouts(), keys, &handshake, &mut tx, now);
        let times = Times::new(limits[1], now);
        let ws = ws.expect("a valid request");
        let side = WholeSide::new(net, client_end, ws, tx, times, is_calm);
        let begun = net.now;
        self.pairs.push(Pair { index: client, begun, taken_over: false, client: side, server });
        self.step(client_end);
        let now = self.net.now;
        self.wake(server_end, now);
    }

    /// Steps one end, then checks both.
    fn step(&mut self, end: End) {
        let still = self.still_until[self.net.process(end)];
        if self.net.now < still {
            return self.wake(end, still);
        }
        let is_calm = self.net.now >= self.calm_at;
        let pair = &mut self.pairs[end.link];
        let process = &mut self.clients[pair.index];
        let (up, down) = (&mut process.up, &mut process.down);
        let was_over = pair.client.over.is_some();
        let has_opened = if end.server {
            let mut talk = Talk { outgoing: down, incoming: up, is_calm };
            pair.server.step(&mut self.net, &mut talk)
        } else {
            let mut talk = Talk { outgoing: up, incoming: down, is_calm };
            pair.client.step(&mut self.net, &mut talk)
        };
        pair.client.own.check(&pair.server.own);
        pair.server.own.check(&pair.client.own);
        if has_opened && end.server {
            self.take_over(self.pairs[end.link].index, end.link);
        }
        self.check_ended(end.link, was_over);
    }

    /// Ends the earlier connections of a client that has reconnected.
    fn take_over(&mut self, client: usize, link: usize) {
        for (other, pair) in self.pairs.iter_mut().enumerate() {
            if other != link && pair.index == client && pair.server.over.is_none() {
                self.net.counts.one(Count::TakenOver);
                pair.taken_over = true;
                pair.server.end(&mut self.net, Ending::TakenOver);
            }
        }
    }

    fn check_ended(&mut self, link: usize, was_over: bool) {
        let pair = &self.pairs[link];
        let (client, server) = (&pair.client, &pair.server);
        let lacks_keys = client.lacks_keys || server_lacks_keys(client);
        if pair.begun >= self.calm_at && !pair.taken_over && !lacks_keys {
            // Without a fault, both sides close cleanly.
            for (over, own) in [(client.over, &client.own), (server.over, &server.own)] {
                let is_clean = over == Some(Ending::TransportAction)
                    && own.failed.is_none()
                    && own.received_close.is_some();
                assert!(over.is_none() || is_clean, "{over:?}: {own:?}");
            }
        }
        if was_over || client.over.is_none() {
            return;
        }
        let index = pair.index;
        if client.own.received_close != Some(CloseCode::NORMAL) {
            let at = self.net.now + self.net.rng.u64(1000..1_000_000);
            return self.net.at(at, Event::Connect(index));
        }
        let process = &mut self.clients[index];
        assert_eq!(process.up.seen, process.up.last, "the server lacks messages");
        assert_eq!(process.down.seen, process.down.last, "the client lacks messages");
        process.is_done = true;
        self.net.counts.one(Count::CleanEnds);
        self.net.trace.push(self.net.now, None, What::Done { client: index });
    }

    fn fault(&mut self) {
        let is_live = |pair: &Pair| pair.client.over.is_none() && pair.server.over.is_none();
        let live: Vec<usize> =
            (0..self.pairs.len()).filter(|link| is_live(&self.pairs[*link])).collect();
        if live.is_empty() {
            return;
        }
        let link = live[self.net.rng.usize(..live.len())];
        let end = End { link, server: self.net.rng.bool() };
        let fault = FAULTS[self.net.rng.usize(..FAULTS.len())];
        self.net.note(end, What::Fault(fault));
        let until = self.net.now + (self.net.rng.u64(0..40_000_000) >> self.net.rng.u32(0..8));
        let Pair { client, server, .. } = &mut self.pairs[link];
        let net = &mut self.net;
        match fault {
            Fault::Reset => {
                net.reset(link);
                net.counts.one(Count::Cuts);
            }
            Fault::Lose => {
                net.lose(end);
                net.lose(end.other());
                net.counts.one(Count::Losses);
            }
            Fault::LoseOneWay => {
                net.lose(end);
                net.counts.one(Count::LossesOfOneWay);
            }
            Fault::HalfClose => {
                net.shutdown(end);
                net.counts.one(Count::HalfCloses);
                if end.server { server.is_mute = true } else { client.is_mute = true }
            }
            Fault::Crash => {
                net.counts.one(Count::Crashes);
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
                let process = net.process(end);
                self.still_until[process] = until;
                self.calm_at = self.calm_at.max(until);
                self.late(process);
            }
            Fault::StopReading => {
                net.counts.one(Count::ReadPauses);
                let until = until.min(net.now + 5_000_000);
                self.calm_at = self.calm_at.max(until);
                if end.server {
                    server.read_paused_until = until;
                } else {
                    client.read_paused_until = until;
                }
            }
            Fault::Jump => {
                net.counts.one(Count::ClockJumps);
                let process = net.process(end);
                let by = 1_000 << net.rng.u32(0..16);
                net.jump(process, by);
                self.late(process);
            }
            Fault::Close if end.server => server.close = Some(CloseCode::GOING_AWAY),
            Fault::Close => client.close = Some(CloseCode::new(3000)),
            Fault::Violation if end.server => server.violate(net),
            Fault::Violation => client.violate(net),
        }
        let now = self.net.now;
        for server in [false, true] {
            self.wake(End { link, server }, now);
        }
    }

    /// The ends of a process that stands still, or whose clock jumps.
    fn late(&mut self, process: usize) {
        for link in 0..self.pairs.len() {
            for server in [false, true] {
                let end = End { link, server };
                if self.net.process(end) == process {
                    let Pair { client, server, .. } = &mut self.pairs[link];
                    let times = if end.server { &mut server.times } else { &mut client.times };
                    times.is_late = true;
                    let now = self.net.now;
                    self.wake(end, now);
                }
            }
        }
    }

    fn crash(&mut self, end: End) {
        let pair = &mut self.pairs[end.link];
        let was_over = pair.client.over.is_some();
        if end.server {
            pair.server.end(&mut self.net, Ending::Crashed);
        } else {
            pair.client.end(&mut self.net, Ending::Crashed);
        }
        self.check_ended(end.link, was_over);
    }
}

/// Whether the session itself has found no masking key.
fn server_lacks_keys(client: &WholeSide<Client<Keys>>) -> bool {
    matches!(client.own.failed, Some(barews::session::Failure::Send(_)))
}

fn config(rng: &mut Rng) -> Config {
    let delivery = if rng.bool() { barews::Delivery::Chunks } else { barews::Delivery::Frames };
    let order = if rng.bool() { barews::ControlOrder::Ahead } else { barews::ControlOrder::Wire };
    Config::new().delivery(delivery).control_order(order)
}
