//! The server's resident memory, and whether it grows.

use std::time::{Duration, Instant};

use crate::process::Process;

const EVERY: Duration = Duration::from_millis(100);
/// The allowed growth in KiB per second.
const SLOPE: f64 = 1.0;
/// Growth in KiB over the second half that is ignored: the allocator decides when memory is freed.
const NOISE: f64 = 4096.0;
/// With fewer rounds, all samples count.
const LEAST_ROUNDS: usize = 4;

pub(crate) struct Memory {
    server: Process,
    start: Instant,
    /// Seconds since the start, and KiB.
    samples: Vec<(f64, f64)>,
    /// The least sample of each round.
    rounds: Vec<(f64, f64)>,
    /// The number of samples in all rounds before this one.
    before: usize,
}

impl Memory {
    pub(crate) fn new(pid: u32) -> Self {
        let (server, start) = (Process::Other(pid), Instant::now());
        Self { server, start, samples: Vec::new(), rounds: Vec::new(), before: 0 }
    }

    pub(crate) fn end_round(&mut self) {
        let samples = self.samples.get(self.before..).unwrap_or_default();
        self.rounds.extend(samples.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)));
        self.before = self.samples.len();
    }

    /// Takes a sample, unless the last one is recent.
    pub(crate) fn sample(&mut self) {
        let now = self.start.elapsed().as_secs_f64();
        let due = self.samples.last().is_none_or(|last| now - last.0 >= EVERY.as_secs_f64());
        if due && let Some(resident) = self.server.resident() {
            self.samples.push((now, resident as f64));
        }
    }

    /// The maximum in KiB.
    pub(crate) fn most(&self) -> f64 {
        self.samples.iter().fold(0.0, |most, sample| most.max(sample.1))
    }

    /// Growth in KiB per second over the second half, by least squares. `None` without samples, for
    /// example if the server is gone.
    pub(crate) fn slope(&self) -> Option<f64> {
        let half = self.second_half();
        let n = half.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| half.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let over: f64 = half.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
        let under: f64 = half.iter().map(|sample| (sample.0 - x).powi(2)).sum();
        (half.len() > 1).then(|| over / under)
    }

    pub(crate) fn is_right(&self) -> bool {
        let half = self.second_half();
        let time = half.last().zip(half.first()).map_or(0.0, |(last, first)| last.0 - first.0);
        self.slope().is_some_and(|slope| slope <= SLOPE || slope * time <= NOISE)
    }

    /// Of several rounds only the least of each: what a round takes while it lasts is not growth.
    fn second_half(&self) -> &[(f64, f64)] {
        let is_many = self.rounds.len() >= LEAST_ROUNDS;
        let all = if is_many { &self.rounds } else { &self.samples };
        all.get(all.len() / 2..).unwrap_or_default()
    }
}
