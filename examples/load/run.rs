//! The event loop of a measurement: opens the connections, sends for the given time, waits for the
//! outstanding echoes, closes.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mio::{Events, Interest, Poll, Token};

use crate::client::{BUFFER_LEN, Client, Progress, Shared};
use crate::fault::Fault;
use crate::process::Process;
use crate::report::{Report, Stats};
use crate::script::{Script, Shape};

/// How often the time is checked when there are no events.
const TICK: Duration = Duration::from_millis(20);
/// At most this many errors are printed.
const MAX_PRINTED: u64 = 5;

pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) pipeline: u64,
    pub(crate) shape: Shape,
    pub(crate) time: Duration,
    /// If nothing is read or written for so long, the server has lost what it owes.
    pub(crate) patience: Duration,
    pub(crate) server: Option<u32>,
}

/// CPU time of this process and of the server.
type CpuTimes = [Option<Duration>; 2];

pub(crate) fn run(load: &Load) -> Result<Report, Box<dyn Error>> {
    let script = Script::new(load.shape)?;
    let mut poll = Poll::new()?;
    let bar = ProgressBar::new(load.connections as u64)
        .with_style(ProgressStyle::with_template("{msg} {wide_bar} {eta}")?)
        .with_message("opening");
    let mut clients = Vec::with_capacity(load.connections);
    for index in 0..load.connections {
        let mut client = Client::open(load.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut client.stream, Token(index), interest)?;
        clients.push(Some(client));
        bar.inc(1);
    }
    bar.set_length(load.time.as_millis() as u64);
    bar.set_message("measuring");
    let shared = Shared {
        script,
        pipeline: load.pipeline,
        stats: Stats::new(),
        buffer: vec![0; BUFFER_LEN],
        out: Vec::new(),
    };
    let open = clients.len();
    let patience = load.patience;
    let mut run = Run { clients, open, ready: (0..open).collect(), shared, patience };

    let warm_up = load.time / 10;
    run.until(&mut poll, Instant::now() + warm_up, &bar)?;
    run.shared.stats.restart();
    let cpu = cpu_times(load);
    let start = Instant::now();
    run.until(&mut poll, start + 9 * warm_up, &bar)?;
    let time = start.elapsed();
    let [own_cpu, server_cpu] = since(cpu, cpu_times(load));
    let stats = std::mem::replace(&mut run.shared.stats, Stats::new());

    bar.set_message("closing");
    let mut errors = stats.errors;
    run.close(&mut poll)?;
    errors += run.shared.stats.errors;
    bar.finish_and_clear();
    let Load { connections, pipeline, shape, .. } = *load;
    Ok(Report { connections, pipeline, shape, time, stats, errors, own_cpu, server_cpu })
}

fn cpu_times(load: &Load) -> CpuTimes {
    [Process::Own.cpu_time(), load.server.and_then(|pid| Process::Other(pid).cpu_time())]
}

fn since(before: CpuTimes, now: CpuTimes) -> CpuTimes {
    [0, 1].map(|who| before[who].zip(now[who]).map(|(before, now)| now.saturating_sub(before)))
}

struct Run {
    clients: Vec<Option<Client>>,
    /// How many connections have not ended.
    open: usize,
    /// Connections that can continue.
    ready: VecDeque<usize>,
    shared: Shared,
    patience: Duration,
}

impl Run {
    /// Runs until `end`, or until no connection is left.
    fn until(&mut self, poll: &mut Poll, end: Instant, bar: &ProgressBar) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut progress = Watch::new(&self.shared.stats);
        loop {
            let now = Instant::now();
            if now >= end || self.open == 0 {
                return Ok(());
            }
            if progress.idle(&self.shared.stats, now) >= self.patience {
                self.give_up();
                return Ok(());
            }
            if progress.ticks(now) {
                bar.inc(TICK.as_millis() as u64);
            }
            self.turn(poll, &mut events)?;
        }
    }

    /// Waits for all outstanding echoes, and does the closing handshakes.
    fn close(&mut self, poll: &mut Poll) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut progress = Watch::new(&self.shared.stats);
        for client in self.clients.iter_mut().flatten() {
            client.drain();
        }
        self.ready = (0..self.clients.len()).collect();
        while self.open > 0 {
            if progress.idle(&self.shared.stats, Instant::now()) >= self.patience {
                self.give_up();
            }
            self.turn(poll, &mut events)?;
        }
        Ok(())
    }

    fn turn(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<()> {
        let timeout = if self.ready.is_empty() { TICK } else { Duration::ZERO };
        match poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &*events {
            if let Some(client) = &mut self.clients[event.token().0] {
                client.notify(event);
                self.ready.push_back(event.token().0);
            }
        }
        for _ in 0..self.ready.len() {
            let Some(index) = self.ready.pop_front() else { break };
            let Some(client) = &mut self.clients[index] else { continue };
            match client.proceed(&mut self.shared) {
                Ok(Progress::Waiting) => {}
                Ok(Progress::More) => self.ready.push_back(index),
                Ok(Progress::Ended) => self.end(index),
                Err(fault) => self.fail(index, &fault),
            }
        }
        Ok(())
    }

    fn give_up(&mut self) {
        for index in 0..self.clients.len() {
            if self.clients[index].is_some() {
                self.fail(index, &Fault::Stalled);
            }
        }
    }

    fn fail(&mut self, index: usize, fault: &Fault) {
        self.shared.stats.errors += 1;
        if self.shared.stats.errors <= MAX_PRINTED {
            eprintln!("connection {index}: {fault}");
        }
        self.end(index);
    }

    fn end(&mut self, index: usize) {
        self.clients[index] = None;
        self.open -= 1;
    }
}

/// Detects a stall, and paces the progress bar.
struct Watch {
    moved: u64,
    since: Instant,
    ticked: Instant,
}

impl Watch {
    fn new(stats: &Stats) -> Self {
        let now = Instant::now();
        Self { moved: stats.moved, since: now, ticked: now }
    }

    /// For how long nothing has moved.
    fn idle(&mut self, stats: &Stats, now: Instant) -> Duration {
        if self.moved != stats.moved {
            (self.moved, self.since) = (stats.moved, now);
        }
        now.duration_since(self.since)
    }

    fn ticks(&mut self, now: Instant) -> bool {
        let ticks = now.duration_since(self.ticked) >= TICK;
        if ticks {
            self.ticked += TICK;
        }
        ticks
    }
}
