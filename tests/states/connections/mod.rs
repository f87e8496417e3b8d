//! All states of two `Connection`s.

mod steps;

use barews::{Client, Config, Connection, ControlOrder, Delivery, Server, State, TransportAction};

use crate::end::{Bytes, End, Facts, key, order, text};
use crate::graph::{Model, Report, walk};
use crate::is_exhaustive;

/// The options of both ends, and how much is sent.
#[derive(Clone, Copy)]
struct World {
    config: Config,
    auto_close: bool,
    order: ControlOrder,
    /// Of both ends together.
    messages: u8,
    pings: u8,
    /// Frames are begun only while fewer bytes are on the way.
    on_the_way: usize,
}

/// A step of the client if the flag is false, of the server if it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A text in one frame, or a fragment of it: the first one, one without payload, the last one.
    Text(bool),
    First(bool),
    Empty(bool),
    Last(bool),
    /// A binary message whose payload follows.
    Begin(bool),
    /// A byte of that payload.
    Chunk(bool),
    Ping(bool),
    Close(bool),
    Transmit(bool),
    /// One byte arrives, or all that are on the way.
    ArriveOne(bool),
    ArriveAll(bool),
    Receive(bool),
    /// The end of the transport is seen.
    SeeEnd(bool),
    /// What `transport_action` asks for.
    Act(bool),
}

use Step::{
    Act, ArriveAll, ArriveOne, Begin, Chunk, Close, Empty, First, Last, Ping, Receive, SeeEnd,
    Text, Transmit,
};

type Keys = fn() -> [u8; 4];

/// A connection of either role.
enum Side {
    Client(Connection<Client<Keys>>),
    Server(Connection<Server>),
}

fn seal(side: &Side) -> Bytes {
    let mut out = [0; Connection::<Server>::MAX_SEALED_LEN];
    let n = on!(side, ws => ws.seal(&mut out)).expect("the longest state fits");
    Bytes::from_slice(&out[..n]).expect("states are short")
}

/// The closing handshake and the transport, as seen from outside.
fn expected(facts: &Facts, is_server: bool) -> (State, TransportAction) {
    match (facts.has_sent_close, facts.has_received_close) {
        (false, false) => (State::Open, TransportAction::Keep),
        (true, false) => (State::LocalClosed, TransportAction::Keep),
        (false, true) => (State::RemoteClosed, TransportAction::Keep),
        (true, true) if facts.has_seen_end => (State::Closed, TransportAction::Drop),
        (true, true) if is_server => (State::Closed, TransportAction::HalfClose),
        (true, true) => (State::Closed, TransportAction::AwaitEnd),
    }
}

impl Model for World {
    type State = [End; 2];
    type Step = Step;

    fn start(&self) -> Self::State {
        let client = Side::Client(Connection::client(self.config, key as Keys));
        let server = Side::Server(Connection::server(self.config));
        [client, server].map(|side| End { sealed: seal(&side), ..End::default() })
    }

    fn steps(&self) -> Vec<Step> {
        let both = |step: fn(bool) -> Step| [step(false), step(true)];
        let steps: [fn(bool) -> Step; 14] = [
            Text, First, Empty, Last, Begin, Chunk, Ping, Close, Transmit, ArriveOne, ArriveAll,
            Receive, SeeEnd, Act,
        ];
        steps.into_iter().flat_map(both).collect()
    }

    fn step(&self, ends: &Self::State, step: Step) -> Option<Self::State> {
        let fragments = |server: bool| order(ends, server)[0].facts.fragments;
        let number = |server: bool| order(ends, server)[0].facts.messages;
        match step {
            Text(it) if fragments(it) == 0 => self.fragment(ends, it, &text(number(it)), true),
            First(it) if fragments(it) == 0 => {
                self.fragment(ends, it, &text(number(it))[..1], false)
            }
            Empty(it) if fragments(it) == 1 => self.fragment(ends, it, &[], false),
            Last(it) if fragments(it) > 0 => {
                self.fragment(ends, it, &text(number(it) - 1)[1..], true)
            }
            Text(_) | First(_) | Empty(_) | Last(_) => None,
            Begin(it) => self.begin(ends, it),
            Chunk(it) => self.chunk(ends, it),
            Ping(it) => self.ping(ends, it),
            Close(it) => self.close(ends, it),
            Transmit(it) => self.transmit(ends, it),
            ArriveOne(it) => Self::arrive(ends, it, false),
            ArriveAll(it) => Self::arrive(ends, it, true),
            Receive(it) => self.receive(ends, it),
            SeeEnd(it) => self.see_end(ends, it),
            Act(it) => self.act(ends, it),
        }
    }

    fn is_forced(&self, ends: &Self::State, step: Step) -> bool {
        match step {
            Text(_) | First(_) | Empty(_) | Last(_) | Begin(_) | Ping(_) => false,
            // The caller owes the reply.
            Close(it) => !self.auto_close && order(ends, it)[0].facts.has_received_close,
            _ => true,
        }
    }

    fn check(&self, ends: &Self::State) {
        for (end, server) in ends.iter().zip([false, true]) {
            let side = self.side(end, server);
            assert_eq!(seal(&side), end.sealed, "another state than was sealed");
            let found = on!(&side, ws => (ws.state(), ws.transport_action()));
            assert_eq!(found, expected(&end.facts, server));
            let wants_write = end.facts.due != 0 && end.facts.frame_left == 0;
            assert_eq!(on!(&side, ws => ws.wants_write()), wants_write);
            self.check_lost(end, server);
        }
        if self.is_over(ends) {
            for end in ends {
                let End { arriving, unread, awaited, .. } = end;
                assert!(arriving.is_empty() && unread.is_empty(), "bytes are left");
                assert!(awaited.is_empty(), "not delivered: {awaited:?}");
            }
        }
    }

    fn is_over(&self, ends: &Self::State) -> bool {
        ends.iter().all(|end| end.facts.has_ended && end.facts.has_seen_end)
    }

    fn must_end(&self, ends: &Self::State) -> bool {
        ends.iter().any(|end| end.facts.has_sent_close)
    }

    fn encode(&self, ends: &Self::State, to: &mut Vec<u8>) {
        for end in ends {
            end.encode(to);
        }
    }

    fn decode(&self, mut from: &[u8]) -> Self::State {
        [End::decode(&mut from), End::decode(&mut from)]
    }
}

/// Walks with limits that the messages reach, for so many messages and Pings of both ends together.
fn walk_all(config: Config, messages: u8, pings: u8) -> Report {
    walk_world(World {
        config: config.max_fragments(3).max_message_len(2),
        auto_close: true,
        order: ControlOrder::Ahead,
        messages,
        pings,
        on_the_way: 24,
    })
}

fn walk_world(world: World) -> Report {
    let World { messages, pings, .. } = world;
    let report = walk(world);
    println!("{messages} messages, {pings} Pings: {report}");
    report
}

#[test]
fn control_frames_ahead() {
    // One after another, of the same kind.
    walk_all(Config::new(), 2, 0);
    walk_all(Config::new(), 0, 2);
    let report = walk_all(Config::new(), 1, 1);
    assert!(report.states > 140_000 && report.ends > 20, "{report}");
    assert!(report.longest < 100, "{report}");
    if is_exhaustive() {
        walk_all(Config::new(), 2, 1);
        walk_all(Config::new(), 1, 3);
    }
}

#[test]
fn order_of_the_wire() {
    let more = u8::from(is_exhaustive());
    let config = Config::new().control_order(ControlOrder::Wire);
    let report = walk_world(World {
        config: config.max_fragments(3).max_message_len(2),
        auto_close: true,
        order: ControlOrder::Wire,
        messages: 1 + more,
        pings: 1,
        on_the_way: 24,
    });
    assert!(report.states > 120_000 && report.longest < 130, "{report}");
}

#[test]
fn whole_frames() {
    let more = u8::from(is_exhaustive());
    let report = walk_all(Config::new().delivery(Delivery::Frames), 1 + more, 1);
    assert!(report.states > 120_000 && report.longest < 130, "{report}");
}

/// The caller replies to a Close, and may send before.
#[test]
fn a_reply_of_the_caller() {
    let more = u8::from(is_exhaustive());
    let report = walk_world(World {
        config: Config::new().max_fragments(3).max_message_len(2).auto_close(false),
        auto_close: false,
        order: ControlOrder::Ahead,
        messages: 1 + more,
        pings: 1,
        on_the_way: 24,
    });
    assert!(report.states > 120_000 && report.longest < 130, "{report}");
}
