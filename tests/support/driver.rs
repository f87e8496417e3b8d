//! Feeds a [`Connection`] its input in pieces, as a caller does, and compares the events with the
//! expected ones.

use core::fmt::Debug;

use barews::{Config, Connection, ControlOrder, Delivery, Event, Input, Role, State};

use super::event::Ev;
use super::frame::{KEY, frame};
use super::reference::decode;
use super::transcript::{Outcome, Rules};

/// Up to this input length, every `NeedMore` is compared with the reference decoder.
const SHORT: usize = 1024;

/// The result of one run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Each event with the number of its push and the bytes consumed after it.
    pub(crate) events: Vec<(usize, usize, Ev)>,
    pub(crate) error: Option<(String, usize)>,
    pub(crate) need: Option<u64>,
    /// The output of the final `transmit`.
    reply: Vec<u8>,
    states: Vec<State>,
    eof: Option<String>,
}

/// Returns an error message if two values differ.
fn same<T: PartialEq + Debug + ?Sized>(what: &str, left: &T, right: &T) -> Result<(), String> {
    if left == right {
        return Ok(());
    }
    let short = |value| format!("{value:?}").chars().take(1500).collect::<String>();
    Err(format!("{what}: {} instead of {}", short(left), short(right)))
}

/// Pushes `bytes` cut at `cuts`, checking the contract of every call.
pub(crate) fn run(
    bytes: &[u8],
    cuts: &[usize],
    rules: &Rules,
    order: ControlOrder,
) -> Result<Run, String> {
    let config = Config::new()
        .max_frame_len(rules.max_frame_len)
        .max_message_len(rules.max_message_len)
        .max_fragments(rules.max_fragments)
        .delivery(if rules.frames { Delivery::Frames } else { Delivery::Chunks })
        .control_order(order);
    if rules.server {
        drive(Connection::server(config), bytes, cuts, rules)
    } else {
        drive(Connection::client(config, || KEY), bytes, cuts, rules)
    }
}

fn drive<R: Role>(
    mut ws: Connection<R>,
    bytes: &[u8],
    cuts: &[usize],
    rules: &Rules,
) -> Result<Run, String> {
    let mut run = Run::default();
    let mut buffer = Vec::new();
    // The bytes pushed, consumed, and promised as enough for an event.
    let (mut pushed, mut consumed, mut promised) = (0, 0, 0_u64);
    // An empty push comes first, to check the number for the first event.
    for (push, end) in [0].iter().chain(cuts).chain(&[bytes.len()]).copied().enumerate() {
        buffer.extend_from_slice(&bytes[pushed..end]);
        pushed = end;
        let mut input = Input::new(&mut buffer);
        run.need = None;
        while run.need.is_none() && run.error.is_none() {
            match ws.receive(&mut input) {
                Ok(event) => match Ev::from(event) {
                    Ev::More(need) => run.need = Some(need as u64),
                    event if (pushed as u64) < promised => {
                        return Err(format!("{event:?} at {pushed}, before {promised}"));
                    }
                    event => run.events.push((push, consumed + input.consumed(), event)),
                },
                Err(error) => run.error = Some((name(error), consumed + input.consumed())),
            }
        }
        // A second call without new bytes returns the same and consumes nothing.
        let (used, left) = (input.consumed(), input.len());
        match ws.receive(&mut input) {
            Ok(Event::NeedMore(n)) => same("again", &Some(n.get() as u64), &run.need)?,
            Ok(event) => return Err(format!("{event:?} after the end")),
            Err(error) => same("again", &Some((name(error), consumed + used)), &run.error)?,
        }
        same("consumed without an event", &input.len(), &left)?;
        consumed += used;
        if buffer[used..] != bytes[consumed..pushed] {
            return Err(format!("unread bytes from {consumed} to {pushed} were altered"));
        }
        if let Some((_, _, Ev::Close(_))) = run.events.last() {
            same("bytes kept after a Close", &left, &0)?;
        }
        let Some(need) = run.need else {
            // The error is permanent, and nothing more is consumed.
            let mut more = [0x89, 0x80, 0, 0, 0, 0, 0x89, 0x00];
            let mut input = Input::new(&mut more);
            let again = ws.receive(&mut input).map_err(name).err();
            same("the error later", &again, &run.error.as_ref().map(|error| error.0.clone()))?;
            same("consumed later", &input.consumed(), &0)?;
            break;
        };
        promised = promised.max(pushed as u64 + need);
        if pushed <= SHORT {
            same("need", &run.need, &decode(&bytes[..pushed], rules).0.need.map(clamp))
                .map_err(|error| format!("{error}, of {pushed} bytes"))?;
        }
        buffer.drain(..used);
    }
    finish(ws, run)
}

/// Checks the pending output and the states before and after it, and ends the transport.
fn finish<R: Role>(mut ws: Connection<R>, mut run: Run) -> Result<Run, String> {
    let mut out = [0; barews::MIN_BUFFER_LEN];
    run.states.push(ws.state());
    same("wants_write", &ws.wants_write(), &reply_is_due(&run))?;
    let n = ws.transmit(&mut out).map_err(name)?;
    run.reply = out[..n].to_vec();
    same("a second transmit", &ws.transmit(&mut out), &Ok(0))?;
    run.states.push(ws.state());
    run.eof = Some(ws.receive_eof().map_or_else(name, |()| "ok".to_owned()));
    Ok(run)
}

fn reply_is_due(run: &Run) -> bool {
    let answered = |seen: &Ev| matches!(seen, Ev::Ping(_) | Ev::Close(_));
    run.error.is_some() || run.events.iter().any(|(_, _, seen)| answered(seen))
}

fn name(error: impl Debug) -> String {
    format!("{error:?}")
}

/// A wire length limited to this platform's `usize`.
fn clamp(n: u64) -> u64 {
    usize::try_from(n).unwrap_or(usize::MAX) as u64
}

/// Joins adjacent chunks of the same frame.
pub(crate) fn join<'a>(events: impl IntoIterator<Item = &'a Ev>) -> Result<Vec<Ev>, String> {
    let mut joined: Vec<Ev> = Vec::new();
    for event in events {
        let open = match joined.last_mut() {
            Some(Ev::Data { kind, fin, left, payload, .. }) if *left > 0 => {
                Some((kind, fin, left, payload))
            }
            _ => None,
        };
        match (event, open) {
            (
                Ev::Data { kind, first, fin, left, payload },
                Some((open_kind, open_fin, open_left, open_payload)),
            ) => {
                same("kind inside a frame", kind, open_kind)?;
                same("first inside a frame", first, &false)?;
                same("fin before the end of a frame", open_fin, &false)?;
                same("left", &(left + payload.len() as u64), open_left)?;
                (*open_fin, *open_left) = (*fin, *left);
                open_payload.extend(payload);
            }
            (other, _) => joined.push(other.clone()),
        }
    }
    Ok(joined)
}

fn is_control(event: &Ev) -> bool {
    matches!(event, Ev::Ping(_) | Ev::Pong(_))
}

/// The payload bytes and the complete data frames before each Ping and Pong.
fn data_before<'a>(events: impl Iterator<Item = &'a Ev>) -> Vec<(usize, usize)> {
    let (mut bytes, mut frames, mut before) = (0, 0, Vec::new());
    for event in events {
        match event {
            Ev::Data { left, payload, .. } => {
                bytes += payload.len();
                frames += usize::from(*left == 0);
            }
            Ev::Ping(_) | Ev::Pong(_) => before.push((bytes, frames)),
            Ev::Close(_) | Ev::More(_) | Ev::Fail(_) => {}
        }
    }
    before
}

/// Compares a run with the expected outcome.
pub(crate) fn check(
    run: &Run,
    wanted: &Outcome,
    rules: &Rules,
    order: ControlOrder,
) -> Result<(), String> {
    let events = || run.events.iter().map(|(_, _, event)| event);
    if order == ControlOrder::Wire {
        same("events", &join(events())?, &wanted.events)?;
    } else {
        check_ahead(run, wanted)?;
    }
    same("error", &run.error, &wanted.error)?;
    same("need", &run.need, &wanted.need.map(clamp))?;
    let piece = |event: &Ev| matches!(event, Ev::Data { left: 1.., .. });
    same("pieces of frames", &(rules.frames && events().any(piece)), &false)?;
    same("reply", &run.reply, &reply(run, rules.server))?;
    let closed = events().any(|event| matches!(event, Ev::Close(_)));
    let (states, eof) = match &run.error {
        Some((error, _)) => ([State::RemoteClosed, State::Closed], &error[..]),
        None if closed => ([State::RemoteClosed, State::Closed], "ok"),
        None => ([State::Open; 2], "UnexpectedEof"),
    };
    same("states", &run.states[..], &states[..])?;
    same("eof", &run.eof.as_deref(), &Some(eof))
}

/// The rules of [`ControlOrder::Ahead`].
fn check_ahead(run: &Run, wanted: &Outcome) -> Result<(), String> {
    let events = || run.events.iter().map(|(_, _, event)| event);
    let in_order: Vec<_> =
        wanted.events.iter().filter(|event| !is_control(event)).cloned().collect();
    same("data and close", &join(events().filter(|event| !is_control(event)))?, &in_order)?;
    let got: Vec<_> = events().filter(|event| is_control(event)).collect();
    let due: Vec<_> = wanted.events.iter().filter(|event| is_control(event)).collect();
    if wanted.error.is_none() {
        same("pings and pongs", &got, &due)?;
    } else {
        // A Ping after the fault may overtake it; one before it is never lost.
        same("pings and pongs before the fault", &got.get(..due.len()), &Some(&due[..]))?;
    }
    // A control frame comes no later than in wire order,
    let (early, wire) = (data_before(events()), data_before(wanted.events.iter()));
    if early.iter().zip(&wire).any(|(early, wire)| early.0 > wire.0 || early.1 > wire.1) {
        return Err(format!("a control frame is late: {early:?} instead of {wire:?}"));
    }
    // and before all data of its own push.
    for pair in run.events.windows(2) {
        if let [(before, _, first), (push, _, second)] = pair
            && before == push
            && !is_control(first)
            && is_control(second)
        {
            return Err(format!("{second:?} after {first:?} in push {push}"));
        }
    }
    Ok(())
}

/// The expected final output: the echo of a Close, the code of an error, or the last Pong.
fn reply(run: &Run, server: bool) -> Vec<u8> {
    let last = run.events.iter().rev().find_map(|(_, _, event)| match event {
        Ev::Ping(payload) => Some((0x8A, payload.clone())),
        Ev::Close(None) => Some((0x88, vec![])),
        Ev::Close(Some((code, _))) => Some((0x88, code.to_be_bytes().to_vec())),
        Ev::Data { .. } | Ev::Pong(_) | Ev::More(_) | Ev::Fail(_) => None,
    });
    let fault = run.error.as_ref().map(|(error, _)| {
        let code: u16 = match &error[..] {
            "InvalidUtf8" => 1007,
            "FrameTooLong" | "MessageTooLong" | "TooManyFragments" => 1009,
            _ => 1002,
        };
        (0x88, code.to_be_bytes().to_vec())
    });
    let Some((first, payload)) = fault.or(last) else { return vec![] };
    frame(first, (!server).then_some(KEY), &payload)
}
