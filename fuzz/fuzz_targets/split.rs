//! The same bytes cut in any way give the same events, in both orders and both deliveries.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use barews::{Config, Connection, ControlOrder, Delivery, Error, Event, Input, Kind, Role};
use barews_fuzz::{frames, watch};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    /// A data frame, or the part of it that came.
    Frame {
        kind: Kind,
        payload: Vec<u8>,
        first: bool,
        fin: bool,
        left: u64,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

#[derive(Debug, Default, PartialEq)]
struct Run {
    /// Everything in its order, the pieces of a frame put together.
    all: Vec<Seen>,
    /// Data and Close alone: they keep wire order.
    data: Vec<Seen>,
    /// Ping and Pong alone.
    controls: Vec<Seen>,
    error: Option<Error>,
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let _ = check(&mut u);
});

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, count] = <[u8; 2]>::arbitrary(u)?;
    let mut cuts = Vec::new();
    for _ in 0..count % 16 {
        cuts.push(usize::from(u16::arbitrary(u)?));
    }
    let masked = flags & 8 != 0;
    let wire = frames::wire(u, masked, flags & watch::DEFLATE != 0)?;
    if count >= 240 && wire.len() <= 600 {
        cuts = (1..wire.len()).collect();
    }
    for cut in &mut cuts {
        *cut %= wire.len() + 1;
    }
    cuts.sort_unstable();
    if masked {
        compare(&wire, &cuts, flags, Connection::server);
    } else {
        compare(&wire, &cuts, flags, |config| Connection::client(config, || [1, 2, 3, 4]));
    }
    Ok(())
}

fn compare<R: Role>(
    wire: &[u8],
    cuts: &[usize],
    flags: u8,
    make: impl Fn(Config) -> Connection<R>,
) {
    let base = watch::config(flags);
    let mut wholes = Vec::new();
    for delivery in [Delivery::Chunks, Delivery::Frames] {
        for order in [ControlOrder::Wire, ControlOrder::Ahead] {
            let config = base.delivery(delivery).control_order(order);
            let whole = run(&mut make(config), wire, &[]);
            let parts = run(&mut make(config), wire, cuts);
            assert_eq!(whole.error, parts.error, "{config:?}");
            assert_eq!(whole.data, parts.data, "{config:?}");
            if order == ControlOrder::Wire {
                assert_eq!(whole, parts, "{config:?}");
            }
            if whole.error == Some(Error::InvalidUtf8) {
                // A Ping behind the text is ahead of its error, if it is here by then.
                assert!(whole.controls.starts_with(&parts.controls), "{config:?}");
            } else {
                assert_eq!(whole.controls, parts.controls, "{config:?}");
            }
            wholes.push(whole);
        }
        // The order changes nothing but the order.
        let [.., wire, ahead] = &wholes[..] else { unreachable!() };
        assert_eq!((&wire.data, wire.error), (&ahead.data, ahead.error));
        assert!(ahead.controls.starts_with(&wire.controls));
        if wire.error != Some(Error::InvalidUtf8) {
            assert_eq!(wire.controls, ahead.controls);
        }
    }
    // Whole frames are the frames that the pieces make.
    let (chunks, frames) = (&wholes[0], &wholes[2]);
    assert!(chunks.all.starts_with(&frames.all), "{chunks:?} {frames:?}");
    if frames.error.is_some() || chunks.error != Some(Error::InvalidUtf8) {
        assert_eq!(chunks.error, frames.error);
    }
}

fn run<R: Role>(ws: &mut Connection<R>, wire: &[u8], cuts: &[usize]) -> Run {
    let mut seen = Run::default();
    let mut consumed = 0;
    for end in cuts.iter().copied().chain([wire.len()]) {
        let mut bytes = wire[consumed..end.max(consumed)].to_vec();
        let mut input = Input::new(&mut bytes);
        loop {
            let event = match ws.receive(&mut input) {
                Ok(Event::NeedMore(_)) => break,
                Ok(event) => event,
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            };
            add(&mut seen, event);
        }
        consumed += input.consumed();
    }
    seen
}

fn add(seen: &mut Run, event: Event<'_>) {
    let event = match event {
        Event::Data(data) => {
            if extend(&mut seen.data, &data) {
                // In wire order nothing comes between two pieces of a frame.
                extend(&mut seen.all, &data);
                return;
            }
            let (kind, first, fin, left) = (data.kind, data.first, data.fin, data.frame_left);
            Seen::Frame { kind, payload: data.payload.to_vec(), first, fin, left }
        }
        Event::Ping(payload) => Seen::Ping(payload.to_vec()),
        Event::Pong(payload) => Seen::Pong(payload.to_vec()),
        Event::Close(close) => {
            Seen::Close(close.map(|close| (close.code.as_u16(), close.reason.to_owned())))
        }
        Event::NeedMore(_) => return,
    };
    seen.all.push(event.clone());
    match event {
        Seen::Frame { .. } | Seen::Close(_) => seen.data.push(event),
        Seen::Ping(_) | Seen::Pong(_) => seen.controls.push(event),
    }
}

/// Adds a piece to the frame before it, if that is not complete.
fn extend(events: &mut [Seen], data: &barews::Data<'_>) -> bool {
    let Some(Seen::Frame { kind, payload, fin, left, .. }) = events.last_mut() else {
        return false;
    };
    if *left == 0 {
        return false;
    }
    assert_eq!((*kind, data.first), (data.kind, false));
    payload.extend_from_slice(data.payload);
    (*fin, *left) = (data.fin, data.frame_left);
    true
}
