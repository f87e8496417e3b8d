//! All states of two `Session`s with their deadlines. Time passes in steps of 3 ms, the time between
//! an expired deadline and its verdict.

mod turn;

use std::time::Duration;

use barews::keepalive::Timeouts;
use barews::session::Session;
use barews::{Client, Config, Connection, Kind, RecvBuffer, SendBuffer, SendError, Server};

use crate::end::{Ages, Bytes, End, Facts, close_code, key, order, order_mut, part, text};
use crate::graph::{Model, Report, walk};
use crate::{is_exhaustive, wire};

use self::turn::{Input, Loop};

/// The time of every step. Sealed state is relative to it.
const NOW: Duration = Duration::from_secs(1000);

/// A step of time, in milliseconds.
const TICK: u64 = 3;

/// The timeouts, in steps of time.
const PING: u8 = 2;
const PONG: u8 = 2;
const MESSAGE: u8 = 3;
const WRITE: u8 = 2;
const CLOSE: u8 = 2;
const IDLE: u8 = 5;

/// The mark of the output, in bytes.
const MARK: usize = 12;

/// From an expired deadline to its verdict.
const VERDICT: u8 = 1;

fn timeouts(has_pings: bool) -> Timeouts {
    let steps = |n: u8| Some(Duration::from_millis(TICK * u64::from(n)));
    Timeouts::none()
        .ping_after(if has_pings { steps(PING) } else { None })
        .idle_within(if has_pings { None } else { steps(IDLE) })
        .pong_within(steps(PONG))
        .message_within(steps(MESSAGE))
        .write_within(steps(WRITE))
        .close_within(steps(CLOSE))
}

/// How much is sent, and how many bytes the network takes.
#[derive(Clone, Copy)]
struct World {
    config: Config,
    messages: u8,
    /// Whether the client, and the server, sends Pings.
    has_pings: [bool; 2],
    capacity: usize,
    /// Whether bytes may arrive one by one.
    is_fine: bool,
}

#[derive(Clone)]
struct State {
    ends: [End; 2],
    /// Nothing arrives any more.
    is_lost: bool,
}

/// A step of the client if the flag is false, of the server if it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Text(bool),
    First(bool),
    Last(bool),
    Close(bool),
    /// A turn of the caller's loop: without a new byte, with one, with all that are on the way, with
    /// the end of the transport.
    Turn(bool),
    ArriveOne(bool),
    ArriveAll(bool),
    SeeEnd(bool),
    /// Time passes, for both.
    Tick,
    Lose,
}

use Step::{ArriveAll, ArriveOne, Close, First, Last, Lose, SeeEnd, Text, Tick, Turn};

type Keys = fn() -> [u8; 4];
type Rx = RecvBuffer<Vec<u8>>;
type Tx = SendBuffer<Vec<u8>>;

/// A session of either role.
enum Side {
    Client(Session<Client<Keys>>),
    Server(Session<Server>),
}

fn seal(side: &Side, now: Duration) -> Bytes {
    let mut out = [0; Session::<Server>::MAX_SEALED_LEN];
    let n = on!(side, ws => ws.seal(now, &mut out)).expect("an open session");
    Bytes::from_slice(&out[..n]).expect("states are short")
}

impl World {
    fn timeouts(&self, is_server: bool) -> Timeouts {
        timeouts(self.has_pings[usize::from(is_server)])
    }

    fn side(&self, end: &End, is_server: bool, tx: &mut Tx) -> Side {
        let (config, sealed) = (self.config, &end.sealed);
        let timeouts = self.timeouts(is_server);
        if is_server {
            let ws = Session::unseal_server(config, timeouts, sealed, tx, NOW);
            Side::Server(ws.expect("a state"))
        } else {
            let ws = Session::unseal_client(config, timeouts, key as Keys, sealed, tx, NOW);
            Side::Client(ws.expect("a state"))
        }
    }

    fn tx(end: &End) -> Tx {
        // No hysteresis, which is not part of the state.
        let mut tx = SendBuffer::with_marks(Vec::new(), MARK, MARK);
        tx.push(&end.unsent).expect("a vector");
        tx
    }

    fn begin<'e>(&self, ends: &'e mut [End; 2], is_server: bool) -> Loop<'e> {
        let [own, peer] = order_mut(ends, is_server);
        let mut tx = Self::tx(own);
        let side = self.side(own, is_server, &mut tx);
        let rx = RecvBuffer::with_unread(own.unread.to_vec(), own.unread.len());
        let known = own.unsent.len();
        let (written, received, pongs) = (Vec::new(), 0, Bytes::new());
        Loop { own, peer, is_server, side, rx, tx, written, known, received, pongs }
    }

    fn turn(&self, state: &State, is_server: bool, input: Input) -> Option<State> {
        let [own, peer] = order(&state.ends, is_server);
        let is_possible = !own.facts.is_over
            && match input {
                Input::Nothing => self.is_due(own, peer, is_server),
                Input::Bytes(n) => !state.is_lost && n <= own.arriving.len(),
                Input::End => {
                    let Facts { has_ended, .. } = peer.facts;
                    let is_last = own.arriving.is_empty() && !own.facts.has_seen_end;
                    has_ended && is_last && !state.is_lost
                }
            };
        if !is_possible {
            return None;
        }
        let mut next = state.clone();
        self.begin(&mut next.ends, is_server).run(self.capacity, input)?;
        Some(next)
    }

    /// Whether the caller has something to do though nothing has arrived.
    fn is_due(&self, own: &End, peer: &End, is_server: bool) -> bool {
        let Facts { is_over, .. } = own.facts;
        if is_over {
            return false;
        }
        let has_room = peer.arriving.len() < self.capacity || peer.facts.is_over;
        if has_room && !own.unsent.is_empty() {
            return true;
        }
        let side = self.side(own, is_server, &mut Self::tx(own));
        on!(&side, ws => ws.deadline()).is_some_and(|at| at <= NOW)
    }

    /// Queues what the caller says, and writes it.
    fn send(
        &self,
        state: &State,
        is_server: bool,
        parts: &[u8],
        call: impl FnOnce(&mut Side, &mut Tx) -> Result<(), SendError>,
    ) -> Option<State> {
        let mut next = state.clone();
        let mut turn = self.begin(&mut next.ends, is_server);
        let before = turn.tx.len();
        call(&mut turn.side, &mut turn.tx).expect("the session is open");
        let queued = turn.tx.unsent()[before..].to_vec();
        assert_eq!(wire::parts(&queued, !is_server)[..], *parts);
        turn.known += queued.len();
        turn.peer.awaited.extend_from_slice(parts).ok()?;
        turn.own.ages.quiet = 0;
        turn.run(self.capacity, Input::Nothing)?;
        Some(next)
    }

    /// Sends a fragment of the next text.
    fn fragment(&self, state: &State, is_server: bool, payload: &[u8], fin: bool) -> Option<State> {
        let [own, peer] = order(&state.ends, is_server);
        let first = own.facts.fragments == 0;
        if first && own.facts.messages + peer.facts.messages == self.messages {
            return None;
        }
        let mut parts = Bytes::new();
        if first {
            parts.push(part::TEXT).ok()?;
        }
        parts.extend_from_slice(payload).ok()?;
        parts.push(if fin { part::END_OF_MESSAGE } else { part::END_OF_FRAME }).ok()?;
        let mut next = self.send(
            state,
            is_server,
            &parts,
            |side, tx| on!(side, ws => ws.send_fragment(Kind::Text, fin, payload, tx)),
        )?;
        let facts = &mut order_mut(&mut next.ends, is_server)[0].facts;
        facts.messages += u8::from(first);
        facts.fragments = u8::from(!fin);
        Some(next)
    }

    fn close(&self, state: &State, is_server: bool) -> Option<State> {
        let mut state = state.clone();
        order_mut(&mut state.ends, is_server)[0].facts.has_sent_close = true;
        self.send(
            &state,
            is_server,
            &[part::CLOSE | u8::from(is_server)],
            |side, tx| on!(side, ws => ws.close(close_code(is_server.into()), "", tx, NOW)),
        )
    }

    /// Time passes for both, once both have done what is due.
    fn tick(&self, state: &State) -> Option<State> {
        let mut next = state.clone();
        for is_server in [false, true] {
            let [own, peer] = order_mut(&mut next.ends, is_server);
            if own.facts.is_over {
                continue;
            }
            if self.is_due(own, peer, is_server) {
                return None;
            }
            let side = self.side(own, is_server, &mut Self::tx(own));
            own.sealed = seal(&side, NOW + Duration::from_millis(TICK));
            own.ages = own.older();
        }
        Some(next)
    }
}

impl End {
    /// Whether a part of a message has arrived, and its end has not.
    fn is_inside(&self) -> bool {
        !self.unread.is_empty() || self.facts.is_fed
    }

    /// The ages after a step of time.
    fn older(&self) -> Ages {
        // Longer than any deadline.
        let older = |age: u8, counts: bool| if counts { (age + 1).min(6) } else { 0 };
        let Ages { silent, inside, blocked, closing, quiet } = self.ages;
        let is_closing = self.facts.has_sent_close;
        Ages {
            silent: older(silent, !is_closing),
            inside: older(inside, !is_closing && self.is_inside()),
            blocked: older(blocked, !is_closing && !self.unsent.is_empty()),
            closing: older(closing, is_closing),
            quiet: older(quiet, !is_closing),
        }
    }
}

impl Model for World {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        let client = Connection::client(self.config, key as Keys);
        let client = Side::Client(Session::opened(client, self.timeouts(false), NOW));
        let server = Connection::server(self.config);
        let server = Side::Server(Session::opened(server, self.timeouts(true), NOW));
        let ends = [client, server].map(|side| End { sealed: seal(&side, NOW), ..End::default() });
        State { ends, is_lost: false }
    }

    fn steps(&self) -> Vec<Step> {
        let both = |step: fn(bool) -> Step| [step(false), step(true)];
        let steps: [fn(bool) -> Step; 8] =
            [Text, First, Last, Close, Turn, ArriveOne, ArriveAll, SeeEnd];
        steps.into_iter().flat_map(both).chain([Tick, Lose]).collect()
    }

    fn step(&self, state: &State, step: Step) -> Option<State> {
        let facts = |server: bool| order(&state.ends, server)[0].facts;
        let may_send = |server: bool| !facts(server).has_sent_close && !facts(server).is_over;
        let all = |server: bool| order(&state.ends, server)[0].arriving.len();
        match step {
            Text(it) | First(it) | Last(it) | Close(it) if !may_send(it) => None,
            Text(it) | First(it) if facts(it).fragments > 0 => None,
            Last(it) if facts(it).fragments == 0 => None,
            Text(it) => self.fragment(state, it, &text(facts(it).messages), true),
            First(it) => self.fragment(state, it, &text(facts(it).messages)[..1], false),
            Last(it) => self.fragment(state, it, &text(facts(it).messages - 1)[1..], true),
            Close(it) => self.close(state, it),
            Turn(it) => self.turn(state, it, Input::Nothing),
            ArriveOne(it) if self.is_fine => self.turn(state, it, Input::Bytes(1)),
            ArriveAll(it) if all(it) > 0 => self.turn(state, it, Input::Bytes(all(it))),
            SeeEnd(it) => self.turn(state, it, Input::End),
            Tick if self.is_over(state) => None,
            Tick => self.tick(state),
            Lose if !state.is_lost && !self.is_over(state) => {
                Some(State { is_lost: true, ..state.clone() })
            }
            ArriveOne(_) | ArriveAll(_) | Lose => None,
        }
    }

    fn is_forced(&self, _: &State, step: Step) -> bool {
        !matches!(step, Text(_) | First(_) | Last(_) | Close(_) | Lose)
    }

    fn check(&self, state: &State) {
        for (end, is_server) in state.ends.iter().zip([false, true]) {
            if !end.facts.is_over {
                let side = self.side(end, is_server, &mut Self::tx(end));
                assert_eq!(seal(&side, NOW), end.sealed, "another state than was sealed");
                assert_eq!(on!(&side, ws => ws.is_open()), !end.facts.has_sent_close);
            }
        }
    }

    fn is_over(&self, state: &State) -> bool {
        state.ends.iter().all(|end| end.facts.is_over)
    }

    fn must_end(&self, state: &State) -> bool {
        let ends = |end: &End| end.facts.has_sent_close || end.facts.is_over;
        state.is_lost || state.ends.iter().any(ends)
    }

    fn encode(&self, state: &State, to: &mut Vec<u8>) {
        to.push(state.is_lost.into());
        for end in &state.ends {
            end.encode(to);
        }
    }

    fn decode(&self, from: &[u8]) -> State {
        let (is_lost, mut from) = (from[0] != 0, &from[1..]);
        State { ends: [End::decode(&mut from), End::decode(&mut from)], is_lost }
    }
}

fn walk_sessions(messages: u8, has_pings: [bool; 2], is_fine: bool, capacity: usize) -> Report {
    let config = Config::new().max_message_len(2).max_fragments(2);
    let report = walk(World { config, messages, has_pings, capacity, is_fine });
    println!("{messages} messages, Pings of client and server {has_pings:?}: {report}");
    report
}

#[test]
fn a_server_with_pings() {
    let report = walk_sessions(1, [false, true], false, 8);
    assert!(report.states > 470_000 && report.ends > 90 && report.longest < 40, "{report}");
    if is_exhaustive() {
        walk_sessions(2, [false, true], false, 16);
    }
}

#[test]
fn a_client_with_pings() {
    let report = walk_sessions(1, [true, false], false, 8);
    assert!(report.states > 440_000 && report.ends > 90 && report.longest < 40, "{report}");
    if is_exhaustive() {
        walk_sessions(2, [true, false], false, 16);
    }
}

#[test]
fn bytes_one_by_one() {
    let report = walk_sessions(0, [false, true], true, 8);
    assert!(report.states > 400_000 && report.longest < 70, "{report}");
    if is_exhaustive() {
        walk_sessions(0, [true, false], true, 8);
    }
}
