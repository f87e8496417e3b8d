//! A hostile client: a mix of connections with the faults that a public server meets, and honest
//! ones.
//!
//! A round opens `--connections` connections in its first quarter. A connection that is still open
//! at the end of the round, and `--patience` seconds later, counts as a timeout; on a slow machine,
//! make the rounds longer. A canary, one well-behaved connection in a thread of its own, measures
//! round trips first without and then with the hostile connections: the 99th percentile may rise
//! to three times its calm value.
//!
//! The exit status is 0 only if every connection ended as RFC 6455 requires, every honest echo was
//! right, the canary stayed within its limit, and the server's memory (with `--pid`) did not grow.

mod actor;
mod canary;
mod ended;
mod fault;
mod memory;
mod plan;
mod report;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mio::{Events, Interest, Poll, Token};

use actor::Actor;
use fault::{ALL, Fault, SLOTS};
use memory::Memory;
use plan::Planner;
pub(crate) use report::Report;
use report::{Canary, Line};

/// How often connections that wait for their time are polled.
const TICK: Duration = Duration::from_millis(2);
const BUFFER_LEN: usize = 64 << 10;

pub(crate) struct Torment {
    pub(crate) address: SocketAddr,
    /// Connections per round.
    pub(crate) connections: usize,
    pub(crate) rounds: u32,
    /// The total time of all rounds.
    pub(crate) time: Duration,
    /// How much longer than its time a round may take, for connections to end.
    pub(crate) patience: Duration,
    pub(crate) server: Option<u32>,
}

/// When a round begins and ends.
#[derive(Clone, Copy)]
struct Round {
    start: Instant,
    time: Duration,
}

impl Round {
    /// The elapsed fraction of the round.
    fn part(&self) -> f64 {
        self.start.elapsed().as_secs_f64() / self.time.as_secs_f64()
    }

    /// How many of `all` are due by now, if they are spread evenly over the round.
    fn of(&self, all: usize) -> usize {
        let due = self.start.elapsed().as_nanos() * all as u128 / self.time.as_nanos().max(1);
        usize::try_from(due).unwrap_or(usize::MAX)
    }
}

pub(crate) fn run(torment: &Torment) -> Result<Report, Box<dyn Error>> {
    let bar = ProgressBar::new(u64::from(torment.rounds))
        .with_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} rounds")?);
    bar.set_message("calm");
    let calm_end = Instant::now() + (torment.time / 8).max(Duration::from_secs(1));
    let calm = canary::round_trips(torment.address, || Instant::now() < calm_end)?;

    bar.set_message("torment");
    let mut stage = Stage {
        torment,
        poll: Poll::new()?,
        planner: Planner::new(torment.address),
        actors: Vec::new(),
        lines: ALL.map(Line::new),
        memory: torment.server.map(Memory::new),
        buffer: vec![0; BUFFER_LEN],
    };
    let goes_on = AtomicBool::new(true);
    let (result, tormented) = thread::scope(|scope| {
        let canary = scope
            .spawn(|| canary::round_trips(torment.address, || goes_on.load(Ordering::Relaxed)));
        let result = (0..torment.rounds).try_for_each(|_| {
            bar.inc(1);
            stage.round()
        });
        goes_on.store(false, Ordering::Relaxed);
        (result, canary.join())
    });
    result?;
    bar.finish_and_clear();
    // A canary that failed is part of the report, not an error.
    let tormented = tormented.map_err(|_| "the canary's thread panicked")?;
    Ok(Report { lines: stage.lines, canary: Canary { calm, tormented }, memory: stage.memory })
}

struct Stage<'a> {
    torment: &'a Torment,
    poll: Poll,
    planner: Planner,
    actors: Vec<Option<Actor>>,
    lines: [Line; ALL.len()],
    memory: Option<Memory>,
    buffer: Vec<u8>,
}

impl Stage<'_> {
    fn round(&mut self) -> io::Result<()> {
        let time = self.torment.time / self.torment.rounds;
        let round = Round { start: Instant::now(), time };
        let mut events = Events::with_capacity(1024);
        let (mut opened, mut swept) = (0, round.start);
        loop {
            let all = self.torment.connections;
            while opened < all && opened <= round.of(4 * all) {
                self.actors.push(None);
                self.open(opened, SLOTS[opened % SLOTS.len()])?;
                opened += 1;
            }
            let mut left = self.actors.iter().flatten();
            let late = round.start.elapsed().checked_sub(round.time);
            let over = match late {
                None => opened == all && left.next().is_none(),
                // For some of them a timeout is right, and nobody waits for those.
                Some(late) => {
                    late >= self.torment.patience
                        || left.all(|actor| actor.wants.is_met(actor.give_up()))
                }
            };
            if over {
                break;
            }
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => result?,
            }
            for event in &events {
                if let Some(Some(actor)) = self.actors.get_mut(event.token().0) {
                    actor.notify(event);
                    self.proceed(event.token().0, &round)?;
                }
            }
            if swept.elapsed() >= TICK {
                for index in 0..self.actors.len() {
                    self.proceed(index, &round)?;
                }
                if let Some(memory) = &mut self.memory {
                    memory.sample();
                }
                swept = Instant::now();
            }
        }
        if let Some(memory) = &mut self.memory {
            memory.end_round();
        }
        for actor in self.actors.drain(..).flatten() {
            self.lines[actor.fault as usize].count(actor.give_up(), actor.wants);
        }
        Ok(())
    }

    /// Opens a connection as actor `index`.
    fn open(&mut self, index: usize, fault: Fault) -> io::Result<()> {
        let mut actor = Actor::new(self.torment.address, fault, self.planner.plan(fault))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(actor.stream_mut(), Token(index), interest)?;
        self.actors[index] = Some(actor);
        self.lines[fault as usize].opened += 1;
        Ok(())
    }

    fn proceed(&mut self, index: usize, round: &Round) -> io::Result<()> {
        let Some(actor) = &mut self.actors[index] else { return Ok(()) };
        let Some(ended) = actor.proceed(round, &mut self.buffer) else { return Ok(()) };
        let fault = actor.fault;
        self.lines[fault as usize].count(ended, actor.wants);
        self.actors[index] = None;
        // A storm reconnects at once, except near the end of the round, so that its last connection
        // has time to end.
        if fault == Fault::Storm && round.part() < 0.75 {
            self.open(index, fault)?;
        }
        Ok(())
    }
}
