//! The report of the hostile client.

use std::io::{self, Write};

use hdrhistogram::Histogram;

use crate::fault;
use crate::report::microseconds;

use super::ended::{Ended, Wants};
use super::fault::Fault;
use super::memory::Memory;

/// The allowed ratio of the canary's 99th percentiles with and without hostile connections.
const TIMES: f64 = 3.0;
/// A 99th percentile in microseconds that is always allowed. On a busy machine a wake-up alone can
/// take several milliseconds, and three threads and the server share its cores.
const FLOOR: f64 = 25_000.0;

/// One fault, and how its connections ended.
pub(crate) struct Line {
    fault: Fault,
    pub(crate) opened: u64,
    /// The ends, whether each is correct, and how often it occurred.
    ended: Vec<(Ended, bool, u64)>,
}

impl Line {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self { fault, opened: 0, ended: Vec::new() }
    }

    pub(crate) fn count(&mut self, ended: Ended, wants: Wants) {
        let right = wants.is_met(ended);
        match self.ended.iter_mut().find(|known| (known.0, known.1) == (ended, right)) {
            Some((_, _, count)) => *count += 1,
            None => self.ended.push((ended, right, 1)),
        }
    }

    fn json(&self) -> String {
        let ended = self.ended.iter().map(|(ended, right, count)| {
            format!("{{\"end\":\"{ended}\",\"count\":{count},\"right\":{right}}}")
        });
        let (name, opened, right) = (self.fault.name(), self.opened, self.is_right());
        let ended = ended.collect::<Vec<_>>().join(",");
        format!(
            "{{\"fault\":\"{name}\",\"opened\":{opened},\"right\":{right},\"ended\":[{ended}]}}"
        )
    }

    fn is_right(&self) -> bool {
        self.ended.iter().all(|&(_, right, _)| right)
    }
}

pub(crate) struct Canary {
    pub(crate) calm: Histogram<u64>,
    pub(crate) tormented: Result<Histogram<u64>, fault::Fault>,
}

impl Canary {
    fn calm(&self) -> f64 {
        microseconds(&self.calm, 0.99)
    }

    fn limit(&self) -> f64 {
        (TIMES * self.calm()).max(FLOOR)
    }

    fn tormented(&self) -> Option<f64> {
        Some(microseconds(self.tormented.as_ref().ok()?, 0.99))
    }

    fn is_right(&self) -> bool {
        self.tormented().is_some_and(|tormented| tormented <= self.limit())
    }
}

pub(crate) struct Report {
    pub(crate) lines: [Line; super::ALL.len()],
    pub(crate) canary: Canary,
    pub(crate) memory: Option<Memory>,
}

impl Report {
    pub(crate) fn is_right(&self) -> bool {
        self.lines.iter().all(Line::is_right)
            && self.canary.is_right()
            && self.memory.as_ref().is_none_or(Memory::is_right)
    }

    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            return writeln!(out, "{}", self.json());
        }
        writeln!(out, "{:<20} {:>6}  right  ended", "fault", "opened")?;
        for line in &self.lines {
            let ended: Vec<_> = line
                .ended
                .iter()
                .map(|(ended, right, count)| {
                    format!("{ended} {count}{}", if *right { "" } else { " (!)" })
                })
                .collect();
            let (right, ended) = (yes(line.is_right()), ended.join(", "));
            writeln!(out, "{:<20} {:>6}  {right:<5}  {ended}", line.fault.name(), line.opened)?;
        }
        let Canary { calm, tormented } = &self.canary;
        let (p99, limit) = (self.canary.calm(), self.canary.limit());
        writeln!(out, "canary, calm: p99 {p99:.0} us, {} messages", calm.len())?;
        match tormented {
            Ok(tormented) => {
                let (p99, right) = (microseconds(tormented, 0.99), yes(self.canary.is_right()));
                let count = tormented.len();
                writeln!(out, "canary, tormented: p99 {p99:.0} us, {count} messages")?;
                writeln!(
                    out,
                    "at most {limit:.0} us: {right} ({TIMES} x calm, at least {FLOOR} us)"
                )?;
            }
            Err(fault) => writeln!(out, "canary, tormented: {fault}")?,
        }
        if let Some(memory) = &self.memory {
            let (most, right) = (memory.most(), yes(memory.is_right()));
            let slope = memory.slope().map_or("unknown".into(), |slope| format!("{slope:.1}"));
            writeln!(
                out,
                "server: at most {most:.0} KiB, {slope} KiB/s in the second half: {right}"
            )?;
        }
        Ok(())
    }

    fn json(&self) -> String {
        let faults: Vec<_> = self.lines.iter().map(Line::json).collect();
        let number = |n: Option<f64>| n.map_or("null".into(), |n| n.to_string());
        format!(
            "{{\"right\":{},\"canary_calm_p99_us\":{},\"canary_p99_us\":{},\"rss_kib\":{},\
             \"rss_slope_kib_per_s\":{},\"memory_right\":{},\"faults\":[{}]}}",
            self.is_right(),
            self.canary.calm(),
            number(self.canary.tormented()),
            number(self.memory.as_ref().map(Memory::most)),
            number(self.memory.as_ref().and_then(Memory::slope)),
            self.memory.as_ref().is_none_or(Memory::is_right),
            faults.join(",")
        )
    }
}

const fn yes(right: bool) -> &'static str {
    if right { "yes" } else { "NO" }
}
