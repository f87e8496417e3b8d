//! Deterministic simulation: a server and its clients on a simulated network with simulated clocks
//! and injected faults. Each run is determined by its seed.
//!
//! `SIMULATION_SEEDS=N` runs `N` seeds instead of 10,000; `SIMULATION_SEED=S` starts at seed `S`.
//! `SIMULATION_SEED` alone runs that seed only and prints every event.
#![cfg(feature = "handshake")]

mod content;
mod counts;
mod deadlines;
mod inbox;
mod ledger;
mod network;
mod opening;
mod outbox;
mod receive;
mod roles;
mod session;
mod side;
mod trace;
mod violation;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use counts::Counts;
use world::World;

const SEEDS: u64 = 10_000;
/// One in `REPEAT_ONE_IN` seeds runs twice, to check determinism.
const REPEAT_ONE_IN: u64 = 16;

/// Runs a seed and returns its counts and the hash of its trace.
fn run(seed: u64, is_loud: bool) -> (Counts, u64) {
    let mut world = World::new(seed);
    world.net.trace.is_loud = is_loud;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        eprintln!("{}", world.net.trace);
        let features = if cfg!(feature = "deflate") { " --features deflate" } else { "" };
        eprintln!("the last events of seed {seed}; to print all of them:");
        eprintln!(
            "SIMULATION_SEED={seed} cargo test -p barews{features} --test simulation -- --nocapture"
        );
        std::panic::resume_unwind(panic);
    }
    (world.net.counts, world.net.trace.hash())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("the variable is a number"))
}

#[test]
fn connections_on_a_faulty_network() {
    let (first, seeds) = (number("SIMULATION_SEED"), number("SIMULATION_SEEDS"));
    let is_loud = first.is_some() && seeds.is_none();
    let first = first.unwrap_or(0);
    let seeds = seeds.unwrap_or(if is_loud { 1 } else { SEEDS });
    let (mut counts, mut traces) = (Counts::new(), 0_u64);
    for seed in first..first + seeds {
        let (these, hash) = run(seed, is_loud);
        counts += &these;
        traces = traces.wrapping_add(hash);
        if seed % REPEAT_ONE_IN == 0 && !is_loud {
            let again = run(seed, false);
            assert_eq!(again, (these, hash), "seed {seed} is not deterministic");
        }
    }
    println!("{seeds} seeds from {first}, sum of their trace hashes {traces:016x}\n{counts}");
    if seeds >= SEEDS {
        assert!(counts.missing().is_empty(), "never happened: {:?}", counts.missing());
    }
}
