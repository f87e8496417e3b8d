//! The events do not depend on how the bytes are cut, nor, apart from their order and pieces, on
//! `ControlOrder` and `Delivery`.
#![no_main]

use std::cell::RefCell;

use arbitrary::{Arbitrary, Unstructured};
use barews::{Config, Connection, ControlOrder, Data, Delivery, Error, Event, Input, Kind, Role};
use barews_fuzz::{frames, watch};
use libfuzzer_sys::fuzz_target;

/// An event. Its bytes are in [`Run::bytes`].
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    /// A data frame, or the received part of it, with its pieces joined.
    Frame {
        kind: Kind,
        len: usize,
        first: bool,
        fin: bool,
        left: u64,
    },
    Close(Option<u16>, usize),
}

/// A Ping or Pong. Its bytes are in [`Run::control_bytes`].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Control {
    ping: bool,
    len: usize,
}

#[derive(Debug, Default, PartialEq)]
struct Run {
    /// Only data and Close, which keep wire order.
    data: Vec<Seen>,
    bytes: Vec<u8>,
    /// Only Ping and Pong.
    controls: Vec<Control>,
    control_bytes: Vec<u8>,
    /// For each Ping and Pong, the numbers of data events and of bytes before it.
    before: Vec<(usize, usize)>,
    error: Option<Error>,
}

/// How the two runs of a case differ.
#[derive(Clone, Copy, PartialEq)]
enum Differ {
    Cuts,
    Order,
    Delivery,
}

thread_local! {
    static RUNS: RefCell<[Run; 2]> = RefCell::default();
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let _ = check(&mut u);
});

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, how] = <[u8; 2]>::arbitrary(u)?;
    let mut cuts = [0; 15];
    let cuts = &mut cuts[..usize::from(how % 16)];
    for cut in &mut *cuts {
        *cut = usize::from(u16::arbitrary(u)?);
    }
    let masked = flags & 8 != 0;
    let wire = frames::wire(u, masked, flags & watch::DEFLATE != 0)?;
    for cut in &mut *cuts {
        *cut %= wire.len() + 1;
    }
    cuts.sort_unstable();
    let (differ, every) = match how >> 4 & 7 {
        0..=2 => (Differ::Cuts, 0),
        3 | 4 => (Differ::Cuts, 1 + wire.len() / 2000),
        5 => (Differ::Cuts, 2 + usize::from(how >> 7)),
        6 => (Differ::Order, 0),
        _ => (Differ::Delivery, 0),
    };
    let cuts = Cuts { all: cuts, every };
    if masked {
        compare(&wire, cuts, differ, flags, Connection::server);
    } else {
        compare(&wire, cuts, differ, flags, |config| Connection::client(config, || [1, 2, 3, 4]));
    }
    Ok(())
}

/// Where a wire is cut: at the positions `all`, or after every `every` bytes.
#[derive(Clone, Copy)]
struct Cuts<'a> {
    all: &'a [usize],
    every: usize,
}

impl Cuts<'_> {
    const NONE: Cuts<'static> = Cuts { all: &[], every: 0 };

    fn ends(&self, len: usize) -> impl Iterator<Item = usize> {
        let (all, step) =
            if self.every > 0 { (&[][..], self.every) } else { (self.all, len.max(1)) };
        all.iter().copied().chain((step..len).step_by(step)).chain([len])
    }
}

fn compare<R: Role>(
    wire: &[u8],
    cuts: Cuts<'_>,
    differ: Differ,
    flags: u8,
    make: impl Fn(Config) -> Connection<R>,
) {
    let config = watch::config(flags);
    let (a, b) = match differ {
        Differ::Cuts => (config, config),
        Differ::Order => {
            (config.control_order(ControlOrder::Wire), config.control_order(ControlOrder::Ahead))
        }
        Differ::Delivery => {
            let config = config.control_order(ControlOrder::Wire);
            (config.delivery(Delivery::Chunks), config.delivery(Delivery::Frames))
        }
    };
    let in_wire_order = flags & 2 != 0;
    RUNS.with_borrow_mut(|[first, second]| {
        run(&mut make(a), wire, Cuts::NONE, first);
        let cuts = if differ == Differ::Cuts { cuts } else { Cuts::NONE };
        run(&mut make(b), wire, cuts, second);
        match differ {
            Differ::Cuts => same_for_cuts(first, second, in_wire_order),
            Differ::Order => same_for_orders(first, second),
            Differ::Delivery => same_for_deliveries(first, second),
        }
    });
}

fn same_for_cuts(whole: &Run, parts: &Run, in_wire_order: bool) {
    assert_eq!(whole.error, parts.error);
    assert_eq!((&whole.data, &whole.bytes), (&parts.data, &parts.bytes));
    if in_wire_order {
        assert_eq!(whole, parts);
    } else if whole.error == Some(Error::InvalidUtf8) {
        // A Ping after the text overtakes the error in it, if the Ping is received by then.
        assert!(whole.controls.starts_with(&parts.controls));
        assert!(whole.control_bytes.starts_with(&parts.control_bytes));
    } else {
        assert_eq!(whole.controls, parts.controls);
        assert_eq!(whole.control_bytes, parts.control_bytes);
    }
}

/// `ControlOrder` only changes the order of events.
fn same_for_orders(wire: &Run, ahead: &Run) {
    assert_eq!((&wire.data, wire.error), (&ahead.data, ahead.error));
    assert_eq!(wire.bytes, ahead.bytes);
    assert!(ahead.controls.starts_with(&wire.controls));
    assert!(ahead.control_bytes.starts_with(&wire.control_bytes));
    if wire.error != Some(Error::InvalidUtf8) {
        assert_eq!(wire.controls.len(), ahead.controls.len());
    }
    for (wire, ahead) in wire.before.iter().zip(&ahead.before) {
        assert!(ahead.0 <= wire.0 && ahead.1 <= wire.1, "a control frame is late");
    }
}

/// Whole frames are the joined pieces.
fn same_for_deliveries(chunks: &Run, frames: &Run) {
    assert!(chunks.data.starts_with(&frames.data), "{chunks:?} {frames:?}");
    assert!(chunks.bytes.starts_with(&frames.bytes));
    assert!(chunks.controls.starts_with(&frames.controls));
    assert!(chunks.control_bytes.starts_with(&frames.control_bytes));
    assert!(chunks.before.starts_with(&frames.before));
    if frames.error.is_some() || chunks.error != Some(Error::InvalidUtf8) {
        assert_eq!(chunks.error, frames.error);
    }
}

fn run<R: Role>(ws: &mut Connection<R>, wire: &[u8], cuts: Cuts<'_>, seen: &mut Run) {
    seen.clear();
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.extend_from_slice(wire);
        // Unread bytes are not modified, so the next read continues in place.
        let mut consumed = 0;
        for end in cuts.ends(wire.len()) {
            let mut input = Input::new(&mut bytes[consumed..end.max(consumed)]);
            loop {
                match ws.receive(&mut input) {
                    Ok(Event::NeedMore(_)) => break,
                    Ok(event) => seen.add(event),
                    Err(error) => {
                        seen.error = Some(error);
                        return;
                    }
                }
            }
            consumed += input.consumed();
        }
    });
}

impl Run {
    fn clear(&mut self) {
        let Self { data, bytes, controls, control_bytes, before, error } = self;
        data.clear();
        bytes.clear();
        controls.clear();
        control_bytes.clear();
        before.clear();
        *error = None;
    }

    fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Data(data) => self.data(&data),
            Event::Ping(payload) => self.control(true, &payload),
            Event::Pong(payload) => self.control(false, &payload),
            Event::Close(close) => {
                let reason = close.map_or("", |close| close.reason);
                self.bytes.extend_from_slice(reason.as_bytes());
                let code = close.map(|close| close.code.as_u16());
                self.data.push(Seen::Close(code, reason.len()));
            }
            Event::NeedMore(_) => {}
        }
    }

    /// Joins a piece with the last frame, if that is incomplete.
    fn data(&mut self, data: &Data<'_>) {
        self.bytes.extend_from_slice(data.payload);
        if let Some(Seen::Frame { kind, len, fin, left, .. }) = self.data.last_mut()
            && *left > 0
        {
            assert_eq!((*kind, data.first), (data.kind, false));
            *len += data.payload.len();
            (*fin, *left) = (data.fin, data.frame_left);
            return;
        }
        let (kind, first, fin, left) = (data.kind, data.first, data.fin, data.frame_left);
        self.data.push(Seen::Frame { kind, len: data.payload.len(), first, fin, left });
    }

    fn control(&mut self, ping: bool, payload: &[u8]) {
        self.before.push((self.data.len(), self.bytes.len()));
        self.control_bytes.extend_from_slice(payload);
        self.controls.push(Control { ping, len: payload.len() });
    }
}
