//! Counters, and the report of a run.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::script::Shape;

pub(crate) struct Stats {
    /// Complete echoes.
    pub(crate) messages: u64,
    pub(crate) pongs: u64,
    /// Bytes read and written.
    pub(crate) moved: u64,
    /// Connections that failed.
    pub(crate) errors: u64,
    round_trips: Histogram<u64>,
}

impl Stats {
    pub(crate) fn new() -> Self {
        Self { messages: 0, pongs: 0, moved: 0, errors: 0, round_trips: histogram() }
    }

    /// Resets all counters except errors and bytes.
    pub(crate) fn restart(&mut self) {
        *self = Self { errors: self.errors, moved: self.moved, ..Self::new() };
    }

    /// Records `count` messages that were sent or echoed together.
    pub(crate) fn round_trips(&mut self, time: Duration, count: u64) {
        self.round_trips.saturating_record_n(nanoseconds(time), count);
    }
}

/// A histogram of nanoseconds with a precision of two digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000_000, 2).expect("the bounds are valid")
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn microseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

/// A run and its figures.
pub(crate) struct Report {
    pub(crate) connections: usize,
    pub(crate) pipeline: u64,
    pub(crate) shape: Shape,
    /// The time of the measurement.
    pub(crate) time: Duration,
    pub(crate) stats: Stats,
    /// All errors, including those while the connections are closed.
    pub(crate) errors: u64,
    /// CPU time of the generator and of the server.
    pub(crate) own_cpu: Option<Duration>,
    pub(crate) server_cpu: Option<Duration>,
}

impl Report {
    /// Whether every echo was right, and there were any.
    pub(crate) fn is_right(&self) -> bool {
        self.errors == 0 && self.stats.messages > 0
    }

    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            return writeln!(out, "{}", self.json());
        }
        let rtt = &self.stats.round_trips;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|q| microseconds(rtt, q));
        writeln!(
            out,
            "{} connections, {} messages in flight on each, {} bytes, {:?}",
            self.connections, self.pipeline, self.shape.len, self.shape.kind
        )?;
        writeln!(out, "{:>14.0} messages/s", self.rate())?;
        writeln!(out, "{:>14.1} MB/s of payload in each direction", self.megabytes())?;
        writeln!(out, "{p50:>14.1} us round trip, p50")?;
        writeln!(out, "{p99:>14.1} us round trip, p99")?;
        writeln!(out, "{p999:>14.1} us round trip, p99.9")?;
        for (cpu, who) in [(self.own_cpu, "the generator"), (self.server_cpu, "the server")] {
            if let Some(cpu) = cpu {
                let (each, share) = (self.cpu_each(cpu), 100.0 * self.share(cpu));
                writeln!(out, "{each:>14.0} ns CPU per message in {who}, {share:.0} % of a core")?;
            }
        }
        if self.shape.ping_every > 0 {
            writeln!(out, "{:>14} Pongs", self.stats.pongs)?;
        }
        writeln!(out, "{:>14} errors", self.errors)
    }

    fn json(&self) -> String {
        let rtt = |quantile| microseconds(&self.stats.round_trips, quantile);
        let mut fields = vec![
            ("connections", self.connections as f64),
            ("pipeline", self.pipeline as f64),
            ("size", self.shape.len as f64),
            ("seconds", self.time.as_secs_f64()),
            ("messages", self.stats.messages as f64),
            ("messages_per_s", self.rate()),
            ("megabytes_per_s", self.megabytes()),
            ("p50_us", rtt(0.5)),
            ("p99_us", rtt(0.99)),
            ("p999_us", rtt(0.999)),
            ("pongs", self.stats.pongs as f64),
            ("errors", self.errors as f64),
        ];
        fields.extend(self.own_cpu.map(|cpu| ("cpu_ns_per_message", self.cpu_each(cpu))));
        fields.extend(self.own_cpu.map(|cpu| ("cpu_share", self.share(cpu))));
        fields.extend(self.server_cpu.map(|cpu| ("server_ns_per_message", self.cpu_each(cpu))));
        fields.extend(self.server_cpu.map(|cpu| ("server_share", self.share(cpu))));
        let fields: Vec<_> = fields.iter().map(|(name, n)| format!("\"{name}\":{n}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn rate(&self) -> f64 {
        self.stats.messages as f64 / self.time.as_secs_f64()
    }

    fn megabytes(&self) -> f64 {
        self.rate() * self.shape.len as f64 / 1e6
    }

    fn cpu_each(&self, cpu: Duration) -> f64 {
        cpu.as_nanos() as f64 / self.stats.messages.max(1) as f64
    }

    fn share(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() / self.time.as_secs_f64()
    }
}
