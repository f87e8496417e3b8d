//! Random streams, valid and invalid, for both sides, cut at random, compared with the reference.

use barews::ControlOrder::{Ahead, Wire};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::driver::{check, join, run};
use crate::support::event::Ev;
use crate::support::reference;
use crate::support::stream::{near_valid, rules, stream};
use crate::support::transcript::{Outcome, Rules};

/// The sorted positions of the indices in `len` bytes.
fn places(indices: &[Index], len: usize) -> Vec<usize> {
    let mut places: Vec<usize> = indices.iter().map(|index| index.index(len + 1)).collect();
    places.sort_unstable();
    places
}

/// Both orders; whole, cut at the indices, and for short streams also byte by byte and in steps.
fn try_bytes(
    bytes: &[u8],
    indices: &[Index],
    step: usize,
    rules: &Rules,
) -> Result<(), TestCaseError> {
    let (wanted, _) = reference::decode(bytes, rules);
    let mut ways = vec![vec![], places(indices, bytes.len())];
    if bytes.len() <= 600 {
        ways.push((1..bytes.len()).collect());
        ways.push((step / 2..bytes.len()).step_by(step).collect());
        // Byte by byte up to some position, then the rest at once.
        let starts = places(indices, bytes.len()).into_iter().take(6);
        ways.extend(starts.map(|start| (1..=start).collect()));
    }
    for cuts in ways {
        for order in [Wire, Ahead] {
            run(bytes, &cuts, rules, order)
                .and_then(|run| check(&run, &wanted, rules, order))
                .map_err(|error| {
                    let start = &bytes[..bytes.len().min(600)];
                    let text =
                        format!("{order:?}, {rules:?}\ncuts {cuts:?}\n{start:02x?}\n{error}");
                    TestCaseError::fail(text)
                })?;
        }
    }
    Ok(())
}

/// The events of `bytes` that the first `judged` bytes determine; later events are dropped.
fn decided(bytes: &[u8], judged: usize, rules: &Rules, ahead: bool) -> Result<Outcome, String> {
    let run = run(bytes, &[], rules, if ahead { Ahead } else { Wire })?;
    let control = |event: &Ev| matches!(event, Ev::Ping(_) | Ev::Pong(_));
    let events = run
        .events
        .iter()
        .filter(|(_, consumed, event)| *consumed <= judged && !(ahead && control(event)));
    let events = join(events.map(|(_, _, event)| event))?;
    let error = run.error.filter(|(_, consumed)| *consumed <= judged);
    Ok(Outcome { events, error, need: None })
}

proptest! {
    #[test]
    fn p01_a_stream_gives_the_events_of_the_reference(
        (bytes, rules) in rules().prop_flat_map(|rules| (stream(rules), Just(rules))),
        cuts in vec(any::<Index>(), 0..16),
        step in 2..30_usize,
    ) {
        try_bytes(&bytes, &cuts, step, &rules)?;
    }

    #[test]
    fn nearly_valid_bytes_give_the_events_of_the_reference(
        (bytes, rules) in rules().prop_flat_map(|rules| (near_valid(rules.server), Just(rules))),
        cuts in vec(any::<Index>(), 0..8),
        step in 2..30_usize,
    ) {
        try_bytes(&bytes, &cuts, step, &rules)?;
    }

    #[test]
    fn p07_any_bytes_give_the_events_of_the_reference(
        bytes in vec(any::<u8>(), 0..64),
        rules in rules(),
        cuts in vec(any::<Index>(), 0..8),
        step in 2..30_usize,
    ) {
        try_bytes(&bytes, &cuts, step, &rules)?;
    }

    /// Bytes after those that determine an event or an error do not change it.
    #[test]
    fn p08_later_bytes_change_nothing(
        (stream, rules) in rules().prop_flat_map(|rules| (stream(rules), Just(rules))),
        tails in [near_valid(true), near_valid(false), vec(any::<u8>(), 0..20).boxed()],
    ) {
        let (alone, judged) = reference::decode(&stream, &rules);
        let ended = alone.error.is_some() || matches!(alone.events.last(), Some(Ev::Close(_)));
        for ahead in [false, true] {
            let mut wanted = alone.clone();
            wanted.need = None;
            wanted.events.retain(|event| match event {
                Ev::Ping(_) | Ev::Pong(_) => !ahead,
                // The frame in progress continues in the tail.
                Ev::Data { left, .. } => ended || *left == 0,
                Ev::Close(_) | Ev::More(_) | Ev::Fail(_) => true,
            });
            for tail in &tails {
                let bytes = [&stream[..judged], tail].concat();
                let mut got = decided(&bytes, judged, &rules, ahead).map_err(TestCaseError::fail)?;
                if !ended {
                    // The tail may contain an error of its own.
                    got.error = None;
                    got.events.retain(|event| !matches!(event, Ev::Data { left: 1.., .. }));
                }
                prop_assert_eq!(&got, &wanted, "{:?}, {:?}", rules, tail);
            }
        }
    }
}
