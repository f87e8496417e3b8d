//! The work of `receive` is linear: twice the input takes at most 2.1 times the instructions.
//! Without valgrind only the events are counted, with a message.

use std::hint::black_box;

use barews::{Config, Delivery, Event, Input};

use crate::support::callgrind::are_linear;
use crate::support::endpoint::{SIDES, Side};
use crate::support::frame::{BINARY, CONTINUATION, FIN, PING, PONG, TEXT};

/// The number of frames in the shorter run of each family.
const FRAMES: usize = 1500;

/// The bytes of `n` frames, how they are read, and the expected number of events.
#[derive(Clone, Copy)]
struct Family {
    name: &'static str,
    wire: fn(Side, usize) -> Vec<u8>,
    reads: Reads,
    delivery: Delivery,
    events: fn(usize) -> usize,
}

#[derive(Clone, Copy)]
enum Reads {
    /// All at once, with one `Input` for all events.
    Whole,
    /// All at once, with a new `Input` over the rest for every event.
    OneEvent,
    /// One more byte per read.
    Bytes,
    /// All but the tail at once; then one event and one more byte per read.
    TailBytes,
}

const FAMILIES: [Family; 10] = [
    Family {
        name: "messages of all sizes with pings, whole",
        wire: |side, n| mixed(side).repeat(n / 5),
        reads: Reads::Whole,
        delivery: Delivery::Chunks,
        events: |n| n,
    },
    Family {
        name: "messages of all sizes with pings, byte at a time",
        wire: |side, n| mixed(side).repeat(n / 50),
        reads: Reads::Bytes,
        delivery: Delivery::Frames,
        events: |n| n / 10,
    },
    Family {
        name: "one long frame, byte at a time, delivered whole",
        wire: |side, n| side.frame(FIN | TEXT, &vec![b'-'; n * 5]),
        reads: Reads::Bytes,
        delivery: Delivery::Frames,
        events: |_| 1,
    },
    Family {
        name: "empty frames followed by pings, whole",
        wire: |side, n| [tiny(side, n), side.frame(PING, b"p").repeat(n)].concat(),
        reads: Reads::Whole,
        delivery: Delivery::Chunks,
        events: |n| 2 * n,
    },
    Family {
        name: "empty frames followed by pings, one event per read",
        wire: |side, n| [tiny(side, n), side.frame(PING, b"p").repeat(n)].concat(),
        reads: Reads::OneEvent,
        delivery: Delivery::Chunks,
        events: |n| 2 * n,
    },
    Family {
        name: "pings only",
        wire: |side, n| side.frame(PING, b"p").repeat(n),
        reads: Reads::OneEvent,
        delivery: Delivery::Chunks,
        events: |n| n,
    },
    Family {
        name: "fragments and pongs, one event per read",
        wire: |side, n| {
            let fragment = side.frame(CONTINUATION, b"f");
            let pair = [fragment, side.frame(PONG, b"")].concat();
            [side.frame(TEXT, b""), pair.repeat(n)].concat()
        },
        reads: Reads::OneEvent,
        delivery: Delivery::Frames,
        events: |n| 2 * n + 1,
    },
    Family {
        name: "an incomplete ping after many frames, one event per read",
        wire: |side, n| {
            let ping = side.frame(PING, b"incomplete");
            [tiny(side, n), medium(side, n), ping[..ping.len() - 1].to_vec()].concat()
        },
        reads: Reads::OneEvent,
        delivery: Delivery::Chunks,
        events: |n| 2 * n,
    },
    Family {
        name: "pings byte at a time after tiny frames",
        wire: |side, n| [tiny(side, n), side.frame(PING, b"12").repeat(n / 8)].concat(),
        reads: Reads::TailBytes,
        delivery: Delivery::Chunks,
        events: |n| n + n / 8,
    },
    Family {
        name: "a header byte at a time after longer frames",
        wire: |side, n| [medium(side, n), side.header(FIN | BINARY, 65_536).repeat(1)].concat(),
        reads: Reads::TailBytes,
        delivery: Delivery::Frames,
        events: |n| n,
    },
];

/// Five events.
fn mixed(side: Side) -> Vec<u8> {
    [
        side.frame(FIN | TEXT, b"hello"),
        side.frame(PING, b"p"),
        side.frame(TEXT, &[b'-'; 130]),
        side.frame(PONG, &[7; 125]),
        side.frame(FIN | CONTINUATION, b""),
    ]
    .concat()
}

fn tiny(side: Side, n: usize) -> Vec<u8> {
    side.frame(FIN | BINARY, b"").repeat(n)
}

/// Frames that do not take the short path of the look-ahead.
fn medium(side: Side, n: usize) -> Vec<u8> {
    side.frame(FIN | BINARY, &[1; 126]).repeat(n)
}

/// Runs a family and returns the number of events.
fn run(family: Family, side: Side, mut wire: Vec<u8>, n: usize) -> usize {
    let config = Config::new().delivery(family.delivery).max_fragments(u32::MAX);
    let mut ws = side.ws(config);
    let (mut start, mut events) = (0, 0);
    let mut end = match family.reads {
        Reads::Whole | Reads::OneEvent => wire.len(),
        Reads::Bytes => 0,
        Reads::TailBytes => wire.len() - wire.len().min(n / 8 * 4),
    };
    loop {
        let mut input = Input::new(&mut wire[start..end]);
        let waits = loop {
            if let Event::NeedMore(_) = ws.receive(&mut input).unwrap() {
                break true;
            }
            events += 1;
            if matches!(family.reads, Reads::OneEvent | Reads::TailBytes) {
                break false;
            }
        };
        start += input.consumed();
        if waits && end == wire.len() {
            return events;
        }
        end = wire.len().min(end + 1);
    }
}

#[test]
fn the_number_of_events_is_the_number_of_frames() {
    for family in FAMILIES {
        for side in SIDES {
            for n in [200, 400, 800] {
                assert_eq!(
                    run(family, side, (family.wire)(side, n), n),
                    (family.events)(n),
                    "{} {n}",
                    family.name
                );
            }
        }
    }
}

#[test]
fn p05_twice_the_input_takes_at_most_2_1_times_the_work() {
    const TEST: &str = "receive::p05_twice_the_input_takes_at_most_2_1_times_the_work";
    are_linear(TEST, &FAMILIES.map(|family| family.name), FRAMES, |family, n| {
        let (family, side) = (FAMILIES[family], Side::Server);
        let wire = (family.wire)(side, n);
        Box::new(move || _ = black_box(run(family, side, wire, n)))
    });
}
