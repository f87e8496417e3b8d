//! The families: each does one kind of work `n` times, after a setup that is not counted.

use std::hint::black_box;

use barews::frame::Opcode;
use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::{Config, Connection, ControlOrder, Delivery, Event, Input, Kind, Role};

use crate::common::{self, Content, REQUEST, Side, Stream};
use crate::count::counted;
use crate::session;

/// One kind of work.
pub struct Family {
    pub name: &'static str,
    /// The unit of the figure.
    pub unit: &'static str,
    /// The length of the shorter run; the longer one has `2 * n`.
    pub n: usize,
    /// The number of units in a run of `n`.
    pub units: fn(usize) -> usize,
    /// Does the work. Returns the number of events, written bytes or the like, which must not be 0.
    pub run: fn(usize) -> usize,
}

/// The length of the longer messages.
const LONG: usize = 16 << 10;

/// Messages of one kind and size in one input. The unit is frame or byte.
macro_rules! receive {
    ($side:ident, $content:ident, $len:expr, $name:literal, frame) => {
        Family {
            name: $name,
            unit: "frame",
            n: 1000,
            units: |n| n,
            run: |n| messages(Side::$side, Config::new(), Content::$content, $len, n),
        }
    };
    ($side:ident, $content:ident, $name:literal, byte) => {
        Family {
            name: $name,
            unit: "byte",
            n: 16,
            units: |n| n * LONG,
            run: |n| messages(Side::$side, Config::new(), Content::$content, LONG, n),
        }
    };
}

/// The same through a `Session`.
macro_rules! session {
    ($side:ident, $content:ident, $len:expr, $name:literal, frame) => {
        frames($name, |n| session::messages(Side::$side, Content::$content, $len, n))
    };
    ($side:ident, $content:ident, $name:literal, byte) => {
        Family {
            name: $name,
            unit: "byte",
            n: 8,
            units: |n| n * LONG,
            run: |n| session::messages(Side::$side, Content::$content, LONG, n),
        }
    };
}

const fn frames(name: &'static str, run: fn(usize) -> usize) -> Family {
    Family { name, unit: "frame", n: 1000, units: |n| n, run }
}

/// Two units per `n`: a data frame and a Ping.
const fn pings_behind(name: &'static str, run: fn(usize) -> usize) -> Family {
    Family { name, unit: "frame", n: 1000, units: |n| 2 * n, run }
}

/// Idle connections that are unsealed.
const fn wakes(name: &'static str, run: fn(usize) -> usize) -> Family {
    Family { name, unit: "wake", n: 1000, units: |n| n, run }
}

pub const ALL: [Family; 54] = [
    receive!(Server, Binary, 16, "receive/server/binary/16", frame),
    receive!(Server, Binary, 125, "receive/server/binary/125", frame),
    receive!(Server, Ascii, 16, "receive/server/ascii/16", frame),
    receive!(Server, Ascii, 125, "receive/server/ascii/125", frame),
    receive!(Server, Cjk, 125, "receive/server/cjk/125", frame),
    receive!(Client, Binary, 16, "receive/client/binary/16", frame),
    receive!(Client, Binary, 125, "receive/client/binary/125", frame),
    receive!(Client, Ascii, 16, "receive/client/ascii/16", frame),
    receive!(Client, Ascii, 125, "receive/client/ascii/125", frame),
    receive!(Client, Cjk, 125, "receive/client/cjk/125", frame),
    frames("receive/server/wire/16", |n| messages(Side::Server, WIRE, Content::Binary, 16, n)),
    frames("receive/client/wire/16", |n| messages(Side::Client, WIRE, Content::Binary, 16, n)),
    receive!(Server, Binary, "receive/server/binary/16384", byte),
    receive!(Server, Ascii, "receive/server/ascii/16384", byte),
    receive!(Server, Cjk, "receive/server/cjk/16384", byte),
    receive!(Client, Binary, "receive/client/binary/16384", byte),
    receive!(Client, Ascii, "receive/client/ascii/16384", byte),
    receive!(Client, Cjk, "receive/client/cjk/16384", byte),
    pings_behind("flood/pings-behind/server", |n| flood(Side::Server, n)),
    pings_behind("flood/pings-behind/client", |n| flood(Side::Client, n)),
    Family {
        name: "bytewise/server/chunks",
        unit: "byte",
        n: 4,
        units: |n| mix().bytes.len() * n,
        run: |n| bytewise(Connection::server(Config::new()), n),
    },
    Family {
        name: "bytewise/server/frames",
        unit: "byte",
        n: 4,
        units: |n| mix().bytes.len() * n,
        run: |n| bytewise(Connection::server(Config::new().delivery(Delivery::Frames)), n),
    },
    frames("send/server/16", |n| sends(Connection::server(Config::new()), 16, n)),
    frames("send/server/125", |n| sends(Connection::server(Config::new()), 125, n)),
    frames("send/server/1024", |n| sends(Connection::server(Config::new()), 1024, n)),
    frames("send/client/16", |n| sends(common::client(Config::new()), 16, n)),
    frames("send/client/125", |n| sends(common::client(Config::new()), 125, n)),
    frames("send/client/1024", |n| sends(common::client(Config::new()), 1024, n)),
    frames("send/client/in-place/16", |n| sends_in_place(common::client(Config::new()), 16, n)),
    Family {
        name: "handshake/server",
        unit: "handshake",
        n: 50,
        units: |n| n,
        // Allocated, because the instructions depend on its alignment.
        run: |n| handshake(&Vec::from(REQUEST), n),
    },
    Family {
        name: "handshake/server/long",
        unit: "handshake",
        n: 50,
        units: |n| n,
        run: |n| handshake(&long_request(), n),
    },
    Family {
        name: "buffer-131/server/16384",
        unit: "byte",
        n: 4,
        units: |n| n * LONG,
        run: |n| {
            let stream = Stream::messages(Side::Server, Content::Binary, LONG, n);
            let mut ws = Connection::server(Config::new());
            counted(|| common::receive_131(&mut ws, black_box(&stream.bytes)))
        },
    },
    Family {
        name: "receive/server/mix",
        unit: "byte",
        n: 4,
        units: |n| mix().bytes.len() * n,
        run: |n| {
            let mut bytes = mix().bytes.repeat(n);
            whole(Connection::server(Config::new()), &mut bytes)
        },
    },
    session!(Server, Binary, 16, "session/receive/server/binary/16", frame),
    session!(Server, Binary, 125, "session/receive/server/binary/125", frame),
    session!(Server, Ascii, 16, "session/receive/server/ascii/16", frame),
    session!(Server, Ascii, 125, "session/receive/server/ascii/125", frame),
    session!(Client, Binary, 16, "session/receive/client/binary/16", frame),
    session!(Client, Binary, 125, "session/receive/client/binary/125", frame),
    session!(Client, Ascii, 16, "session/receive/client/ascii/16", frame),
    session!(Client, Ascii, 125, "session/receive/client/ascii/125", frame),
    session!(Server, Binary, "session/receive/server/binary/16384", byte),
    session!(Server, Ascii, "session/receive/server/ascii/16384", byte),
    session!(Client, Binary, "session/receive/client/binary/16384", byte),
    session!(Client, Ascii, "session/receive/client/ascii/16384", byte),
    Family {
        name: "session/bytewise/server/chunks",
        unit: "byte",
        n: 4,
        units: |n| mix().bytes.len() * n,
        run: |n| session::bytewise(&mix(), n),
    },
    frames("session/send/server/16", |n| session::sends(Connection::server(Config::new()), 16, n)),
    frames("session/send/server/125", |n| {
        session::sends(Connection::server(Config::new()), 125, n)
    }),
    frames("session/send/server/1024", |n| {
        session::sends(Connection::server(Config::new()), 1024, n)
    }),
    frames("session/send/client/16", |n| session::sends(common::client(Config::new()), 16, n)),
    frames("session/send/client/125", |n| session::sends(common::client(Config::new()), 125, n)),
    frames("session/send/client/1024", |n| session::sends(common::client(Config::new()), 1024, n)),
    wakes("wake/server", wake),
    wakes("session/wake/server", session::wake),
];

const WIRE: Config = Config::new().control_order(ControlOrder::Wire);

/// The cost of the look-ahead per frame: its name, the family with look-ahead and the one without.
pub const LOOK_AHEAD: [(&str, &str, &str); 2] = [
    ("look-ahead/server/16", "receive/server/binary/16", "receive/server/wire/16"),
    ("look-ahead/client/16", "receive/client/binary/16", "receive/client/wire/16"),
];

pub fn find(name: &str) -> Option<&'static Family> {
    const FAMILIES: &[Family] = &ALL;
    FAMILIES.iter().find(|family| family.name == name)
}

fn messages(side: Side, config: Config, content: Content, len: usize, n: usize) -> usize {
    let mut stream = Stream::messages(side, content, len, n);
    let events = match side {
        Side::Server => whole(Connection::server(config), &mut stream.bytes),
        Side::Client => whole(common::client(config), &mut stream.bytes),
    };
    assert_eq!(events, stream.events);
    events
}

fn whole<R: Role>(mut ws: Connection<R>, bytes: &mut [u8]) -> usize {
    counted(|| common::receive(&mut ws, black_box(bytes)))
}

/// Messages of one byte, then as many Pings, all in one input.
fn flood(side: Side, n: usize) -> usize {
    let mut stream = Stream::new(side);
    for _ in 0..n {
        stream.frame(Opcode::Binary, true, b"x");
    }
    for _ in 0..n {
        stream.frame(Opcode::Ping, true, b"ping");
    }
    let events = match side {
        Side::Server => whole(Connection::server(Config::new()), &mut stream.bytes),
        Side::Client => whole(common::client(Config::new()), &mut stream.bytes),
    };
    assert_eq!(events, stream.events);
    events
}

/// One round of the mix.
fn mix() -> Stream {
    Stream::mix(Side::Server, 1)
}

/// The mix, received byte by byte.
fn bytewise<R: Role>(mut ws: Connection<R>, n: usize) -> usize {
    let Stream { bytes, events, .. } = mix();
    let mut bytes = bytes.repeat(n);
    let seen = counted(|| {
        let (mut start, mut seen) = (0, 0);
        for end in 1..=bytes.len() {
            let mut input = Input::new(black_box(&mut bytes[start..end]));
            while let Some(events) = common::next(&mut ws, &mut input) {
                seen += events;
            }
            start += input.consumed();
        }
        seen
    });
    assert_eq!(seen, events * n);
    assert!(matches!(ws.receive(&mut Input::new(&mut [])), Ok(Event::NeedMore(_))));
    seen
}

fn sends<R: Role>(mut ws: Connection<R>, len: usize, n: usize) -> usize {
    let payload = Content::Binary.payload(len, 0);
    let mut out = vec![0; len + 14];
    counted(|| {
        let send = |_| ws.send_binary(black_box(&payload), black_box(&mut out)).unwrap_or(0);
        (0..n).map(send).sum()
    })
}

fn sends_in_place<R: Role>(mut ws: Connection<R>, len: usize, n: usize) -> usize {
    let mut payload = Content::Binary.payload(len, 0);
    counted(|| {
        let mut send = |_| {
            let header = ws.send_in_place(Kind::Binary, true, black_box(&mut payload));
            header.map_or(0, |header| black_box(&header).len())
        };
        (0..n).map(&mut send).sum()
    })
}

/// A request with a long target, and a long field with tabs, which the fast path cannot skip.
fn long_request() -> Vec<u8> {
    let [target, name, value] = ["resource", "x-field-", "value\tof"].map(|part| part.repeat(50));
    let fields = REQUEST.strip_prefix(b"GET /chat?room=1 HTTP/1.1\r\n").unwrap_or_default();
    [format!("GET /{target} HTTP/1.1\r\n{name}: {value}\r\n").as_bytes(), fields].concat()
}

fn handshake(request: &[u8], n: usize) -> usize {
    let mut out = [0; 512];
    counted(|| {
        let mut answer = || {
            let Ok(Status::Complete(Incoming::Upgrade(upgrade))) =
                RequestReader::new().read(black_box(request))
            else {
                return 0;
            };
            let accept = upgrade.accept(Origins::Any);
            accept.ok().and_then(|accept| accept.write(black_box(&mut out)).ok()).unwrap_or(0)
        };
        (0..n).map(|_| answer()).sum()
    })
}

/// Unseals an idle connection.
fn wake(n: usize) -> usize {
    let mut sealed = [0; 16];
    let len = Connection::server(Config::new()).seal(&mut sealed).unwrap_or_default();
    counted(|| {
        let mut awake = 0;
        for _ in 0..n {
            let ws = Connection::unseal_server(Config::new(), black_box(&sealed[..len]));
            awake += usize::from(black_box(ws).is_ok());
        }
        awake
    })
}
