//! The trace of a run: a hash of all events, and the most recent ones for printing.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};

use barews::keepalive::Reason;
use barews::{Error, TransportAction};

use super::network::End;
use super::world::Fault;

/// The number of events that are kept.
const LAST: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Connect { client: usize },
    Refused { client: usize },
    Wait { client: usize, micros: u64 },
    Done { client: usize },
    Read(usize),
    Wrote(usize),
    Eof,
    Reset,
    Opened { seen: u64, deflate: bool },
    Rejected(u16),
    Sent { seq: u64, len: usize },
    Received { seq: u64, len: usize },
    Pinged(u64),
    Ping(u64),
    Pong(u64),
    Closing(u16),
    Close(u16),
    Violation(Error),
    Failed(Error),
    Expired(Reason),
    TransportAction(TransportAction),
    Over(Ending),
    Fault(Fault),
}

/// Why an end dropped its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// `transport_action()` returned `Drop`.
    TransportAction,
    /// The transport was reset.
    Reset,
    /// The transport ended during the opening handshake.
    NoAnswer,
    Rejected,
    Expired(Reason),
    /// Dropped without a Close, as when the process dies.
    Crashed,
    /// The client reconnected.
    TakenOver,
    NoMaskingKey,
}

/// FNV-1a. The hash must be the same in every run, which the hasher of `std` does not guarantee.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

pub(crate) struct Trace {
    hash: Fnv,
    last: VecDeque<(u64, Option<End>, What)>,
    /// Print every event as it happens.
    pub(crate) is_loud: bool,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { hash: Fnv(0xCBF2_9CE4_8422_2325), last: VecDeque::new(), is_loud: false }
    }

    pub(crate) fn push(&mut self, now: u64, end: Option<End>, what: What) {
        (now, end, what).hash(&mut self.hash);
        if self.is_loud {
            println!("{}", Line(now, end, what));
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back((now, end, what));
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last.iter().try_for_each(|(now, end, what)| writeln!(f, "{}", Line(*now, *end, *what)))
    }
}

struct Line(u64, Option<End>, What);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(now, end, what) = self;
        write!(f, "{:>5}.{:06} ", now / 1_000_000, now % 1_000_000)?;
        match end {
            Some(End { link, server: true }) => write!(f, "server {link:>2}  ")?,
            Some(End { link, server: false }) => write!(f, "client {link:>2}  ")?,
            None => write!(f, "           ")?,
        }
        write!(f, "{what:?}")
    }
}
