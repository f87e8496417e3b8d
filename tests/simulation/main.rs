//! Deterministic simulation: a server and its clients on a simulated network with simulated clocks
//! and injected faults. Each run is determined by its seed.
//!
//! There are two worlds: `world` has `Connection` with an opening and deadlines of its own, and
//! compression; `whole_world` has `Session`, and processes that stand still.
//!
//! `SIMULATION_SEEDS=N` runs `N` seeds of each instead of 10,000 and 2,500; `SIMULATION_SEED=S`
//! starts at seed `S`. `SIMULATION_SEED` alone runs that seed only and prints every event.
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
mod standstill;
mod trace;
mod violation;
mod whole_roles;
mod whole_send;
mod whole_side;
mod whole_times;
mod whole_world;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use counts::{Count, Counts};
use network::Net;
use whole_world::WholeWorld;
use world::World;

const SEEDS: u64 = 10_000;
/// Of whole sessions.
const SESSION_SEEDS: u64 = 2_500;
/// One in `REPEAT_ONE_IN` seeds runs twice, to check determinism.
const REPEAT_ONE_IN: u64 = 16;

/// What is simulated.
trait Simulation {
    fn new(seed: u64) -> Self;
    /// Runs to the end.
    fn run(&mut self);
    fn net(&mut self) -> &mut Net;
}

impl Simulation for World {
    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn run(&mut self) {
        self.run();
    }

    fn net(&mut self) -> &mut Net {
        &mut self.net
    }
}

impl Simulation for WholeWorld {
    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn run(&mut self) {
        self.run();
    }

    fn net(&mut self) -> &mut Net {
        &mut self.net
    }
}

/// Runs a seed and returns its counts and the hash of its trace.
fn run<S: Simulation>(seed: u64, is_loud: bool) -> (Counts, u64) {
    let mut world = S::new(seed);
    world.net().trace.is_loud = is_loud;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        eprintln!("{}", world.net().trace);
        let features = if cfg!(feature = "deflate") { " --features deflate" } else { "" };
        eprintln!("the last events of seed {seed}; to print all of them:");
        eprintln!(
            "SIMULATION_SEED={seed} cargo test -p barews{features} --test simulation -- --nocapture"
        );
        std::panic::resume_unwind(panic);
    }
    let net = world.net();
    (net.counts.clone(), net.trace.hash())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("the variable is a number"))
}

/// Runs all seeds; returns what happened, unless there were too few seeds to tell.
fn run_all<S: Simulation>(enough: u64) -> Option<Counts> {
    let (first, seeds) = (number("SIMULATION_SEED"), number("SIMULATION_SEEDS"));
    let is_loud = first.is_some() && seeds.is_none();
    let first = first.unwrap_or(0);
    let seeds = seeds.unwrap_or(if is_loud { 1 } else { enough });
    let (mut counts, mut traces) = (Counts::new(), 0_u64);
    for seed in first..first + seeds {
        let (these, hash) = run::<S>(seed, is_loud);
        counts += &these;
        traces = traces.wrapping_add(hash);
        if seed % REPEAT_ONE_IN == 0 && !is_loud {
            let again = run::<S>(seed, false);
            assert_eq!(again, (these, hash), "seed {seed} is not deterministic");
        }
    }
    println!("{seeds} seeds from {first}, sum of their trace hashes {traces:016x}\n{counts}");
    (seeds >= enough).then_some(counts)
}

#[test]
fn connections_on_a_faulty_network() {
    if let Some(counts) = run_all::<World>(SEEDS) {
        assert!(counts.missing().is_empty(), "never happened: {:?}", counts.missing());
    }
}

/// What must happen to whole sessions.
const OF_SESSIONS: &[Count] = &[
    Count::Opened,
    Count::RejectedHandshakes,
    Count::Messages,
    Count::FragmentedMessages,
    Count::Pings,
    Count::Pongs,
    Count::ClosesByClients,
    Count::ClosesByServers,
    Count::CleanEnds,
    Count::WritesInPart,
    Count::WritesBlocked,
    Count::ReadsStopped,
    Count::HalfCloseActions,
    Count::Resets,
    Count::Cuts,
    Count::Losses,
    Count::LossesInHandshake,
    Count::LossesOfOneWay,
    Count::HalfCloses,
    Count::Hangs,
    Count::ReadPauses,
    Count::ClockJumps,
    Count::Crashes,
    Count::ServerCrashes,
    Count::TakenOver,
    Count::InvalidFrames,
    Count::FailedConnections,
    Count::KeysThatFail,
    Count::ExpiredHandshakes,
    Count::ExpiredPongs,
    Count::ExpiredIdle,
    Count::ExpiredMessages,
    Count::ExpiredWrites,
    Count::ExpiredCloses,
];

#[test]
fn sessions_on_a_faulty_network() {
    if let Some(counts) = run_all::<WholeWorld>(SESSION_SEEDS) {
        let missing = counts.missing_of(OF_SESSIONS);
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}
