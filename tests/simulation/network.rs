//! The simulated network and clocks, and the random number generator of the run. Knows nothing of
//! WebSocket.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

use super::counts::{Count, Counts};
use super::trace::{Trace, What};

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct End {
    pub(crate) link: usize,
    pub(crate) server: bool,
}

impl End {
    pub(crate) const fn other(self) -> Self {
        Self { server: !self.server, ..self }
    }

    const fn index(self) -> usize {
        self.server as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// Bytes arrive at an end.
    Arrive(End, usize),
    /// The other side has closed its half.
    Fin(End),
    Reset(End),
    /// An end may have something to do.
    Wake(End),
    /// The other side has read, so an end can write again.
    Room(End),
    /// A client connects.
    Connect(usize),
    /// A fault is injected.
    Fault,
}

/// One direction.
struct Pipe {
    bytes: VecDeque<u8>,
    /// How many of `bytes` can be read; the rest are in flight.
    arrived: usize,
    capacity: usize,
    delay: RangeInclusive<u64>,
    /// When the last byte arrives.
    last: u64,
    fin: bool,
    /// Everything is lost, without a notice to either side.
    lost: bool,
    /// The connection is reset after this many bytes.
    cut: Option<usize>,
}

#[derive(Default)]
struct Socket {
    closed: bool,
    shut: bool,
    reset: bool,
}

struct Link {
    client: usize,
    /// To the client, and to the server.
    pipes: [Pipe; 2],
    sockets: [Socket; 2],
}

/// The properties of a link.
pub(crate) struct LinkProperties {
    pub(crate) capacity: usize,
    pub(crate) delay: RangeInclusive<u64>,
    /// To the client, and to the server.
    pub(crate) cuts: [Option<usize>; 2],
    pub(crate) lost: bool,
}

pub(crate) enum Read {
    Bytes(usize),
    Later,
    Eof,
    Reset,
}

pub(crate) struct Net {
    /// Microseconds.
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) trace: Trace,
    pub(crate) counts: Counts,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    /// Orders events of the same time.
    number: u64,
    links: Vec<Link>,
    /// The offset of each process's clock: the server's, then the clients'.
    clocks: Vec<u64>,
}

impl Net {
    pub(crate) fn new(mut rng: Rng, clients: usize) -> Self {
        let clocks = (0..=clients).map(|_| rng.u64(0..10_000_000)).collect();
        Self {
            now: 0,
            rng,
            trace: Trace::new(),
            counts: Counts::new(),
            queue: BinaryHeap::new(),
            number: 0,
            links: Vec::new(),
            clocks,
        }
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.queue.push(Reverse((time.max(self.now), self.number, event)));
    }

    /// Moves the clock to the next event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse((time, _, event)) = self.queue.pop()?;
        self.now = time;
        Some(event)
    }

    pub(crate) fn note(&mut self, end: End, what: What) {
        self.trace.push(self.now, Some(end), what);
    }

    /// The time as the process of `end` sees it.
    pub(crate) fn clock(&self, end: End) -> Duration {
        Duration::from_micros(self.now + self.clocks[self.process(end)])
    }

    /// When the clock of `end`'s process will show `time`, if it does not jump.
    pub(crate) fn when(&self, end: End, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        micros.saturating_sub(self.clocks[self.process(end)])
    }

    /// The process of `end`: 0 is the server, followed by the clients.
    pub(crate) fn process(&self, end: End) -> usize {
        if end.server { 0 } else { 1 + self.links[end.link].client }
    }

    pub(crate) fn jump(&mut self, process: usize, by: u64) {
        self.clocks[process] += by;
    }

    pub(crate) fn connect(&mut self, client: usize, link_properties: &LinkProperties) -> usize {
        let pipe = |cut| Pipe {
            bytes: VecDeque::new(),
            arrived: 0,
            capacity: link_properties.capacity,
            delay: link_properties.delay.clone(),
            last: 0,
            fin: false,
            lost: link_properties.lost,
            cut,
        };
        let pipes = link_properties.cuts.map(pipe);
        self.links.push(Link { client, pipes, sockets: Default::default() });
        self.links.len() - 1
    }

    fn pipe(&mut self, to: End) -> &mut Pipe {
        &mut self.links[to.link].pipes[to.index()]
    }

    fn socket(&mut self, end: End) -> &mut Socket {
        &mut self.links[end.link].sockets[end.index()]
    }

    fn delay(&mut self, to: End) -> u64 {
        let range = self.pipe(to).delay.clone();
        self.now + self.rng.u64(range)
    }

    /// When bytes that are sent now arrive: not before bytes that were sent earlier.
    fn arrival(&mut self, to: End) -> u64 {
        let at = self.delay(to);
        let pipe = self.pipe(to);
        pipe.last = pipe.last.max(at);
        pipe.last
    }

    /// Accepts at most `most` bytes; returns `None` if the connection was reset.
    pub(crate) fn write(&mut self, from: End, bytes: &[u8], most: usize) -> Option<usize> {
        let to = from.other();
        if self.socket(from).reset {
            return None;
        }
        let pipe = self.pipe(to);
        let room = pipe.capacity.saturating_sub(pipe.bytes.len());
        let mut n = bytes.len().min(room).min(most);
        let mut is_cut = false;
        if let Some(cut) = &mut pipe.cut {
            n = n.min(*cut);
            *cut -= n;
            is_cut = *cut == 0;
        }
        if is_cut {
            pipe.cut = None;
        }
        pipe.bytes.extend(&bytes[..n]);
        if n > 0 {
            self.counts.add(Count::WireBytes, n);
            let at = self.arrival(to);
            self.at(at, Event::Arrive(to, n));
        }
        if is_cut {
            self.counts.one(Count::Cuts);
            let at = self.arrival(to);
            self.at(at, Event::Reset(to));
            let at = self.delay(from);
            self.at(at, Event::Reset(from));
        }
        Some(n)
    }

    pub(crate) fn read(&mut self, end: End, to: &mut [u8]) -> Read {
        if self.socket(end).reset {
            return Read::Reset;
        }
        let pipe = self.pipe(end);
        let n = to.len().min(pipe.arrived);
        if n == 0 {
            return if pipe.fin { Read::Eof } else { Read::Later };
        }
        let was_full = pipe.bytes.len() >= pipe.capacity;
        let (first, second) = pipe.bytes.as_slices();
        let in_first = n.min(first.len());
        to[..in_first].copy_from_slice(&first[..in_first]);
        to[in_first..n].copy_from_slice(&second[..n - in_first]);
        pipe.bytes.drain(..n);
        pipe.arrived -= n;
        if was_full {
            let at = self.delay(end.other());
            self.at(at, Event::Room(end.other()));
        }
        Read::Bytes(n)
    }

    /// Whether a read would return bytes, the end or a reset.
    pub(crate) fn is_readable(&self, end: End) -> bool {
        let Link { pipes, sockets, .. } = &self.links[end.link];
        let pipe = &pipes[end.index()];
        pipe.arrived > 0 || pipe.fin || sockets[end.index()].reset
    }

    /// Whether a write would accept bytes or report a reset.
    pub(crate) fn is_writable(&self, end: End) -> bool {
        let Link { pipes, sockets, .. } = &self.links[end.link];
        let pipe = &pipes[end.other().index()];
        pipe.bytes.len() < pipe.capacity || sockets[end.index()].reset
    }

    pub(crate) fn shutdown(&mut self, end: End) {
        if !std::mem::replace(&mut self.socket(end).shut, true) {
            let at = self.arrival(end.other());
            self.at(at, Event::Fin(end.other()));
        }
    }

    /// Closes the socket. As with TCP, unread bytes cause a reset, which discards what the other
    /// side has not read yet.
    pub(crate) fn close(&mut self, end: End) {
        self.shutdown(end);
        self.socket(end).closed = true;
        if self.pipe(end).arrived > 0 {
            self.reset_later(end.other());
        }
        let pipe = self.pipe(end);
        pipe.bytes = VecDeque::new();
        pipe.arrived = 0;
    }

    fn reset_later(&mut self, end: End) {
        let at = self.delay(end);
        self.at(at, Event::Reset(end));
    }

    /// A middlebox resets both sides.
    pub(crate) fn reset(&mut self, link: usize) {
        for server in [false, true] {
            self.reset_later(End { link, server });
        }
    }

    /// Loses everything sent to `end` from now on.
    pub(crate) fn lose(&mut self, end: End) {
        self.pipe(end).lost = true;
    }

    /// Applies a network event to an end; returns true if its socket is open.
    pub(crate) fn deliver(&mut self, event: Event) -> bool {
        let (Event::Arrive(end, _) | Event::Fin(end) | Event::Reset(end) | Event::Room(end)) =
            event
        else {
            return false;
        };
        if !matches!(event, Event::Room(_)) && self.pipe(end).lost {
            return false;
        }
        let is_closed = self.socket(end).closed;
        match event {
            Event::Arrive(_, _) if is_closed => {
                self.reset_later(end.other());
            }
            Event::Arrive(_, n) => {
                let pipe = self.pipe(end);
                pipe.arrived = (pipe.arrived + n).min(pipe.bytes.len());
            }
            Event::Fin(_) => self.pipe(end).fin = true,
            Event::Reset(_) => {
                self.socket(end).reset = true;
                let pipe = self.pipe(end);
                pipe.bytes.clear();
                pipe.arrived = 0;
            }
            Event::Room(_) | Event::Wake(_) | Event::Connect(_) | Event::Fault => {}
        }
        !is_closed
    }
}
