//! Measures CPU time, in interleaved rounds.

use rustix::time::{ClockId, clock_gettime};

use crate::columns::{Column, Run};
use crate::faults;
#[cfg(feature = "deflate")]
use crate::streams::Work;
use crate::streams::{Row, Tally};

/// How long a column runs in one round, in nanoseconds, unless one pass takes longer.
const SLOT: u64 = 250_000;

/// One column on one row.
#[derive(Debug)]
pub struct Figure {
    pub row: &'static Row,
    pub column: &'static Column,
    /// Nanoseconds of CPU time per message, median of the rounds; or the error.
    pub ns: Result<f64, String>,
    /// Whether the column is checked, and rejected invalid UTF-8 in this row.
    pub checked: bool,
    /// Bytes on the wire per message, in rows with compression.
    pub wire: Option<f64>,
}

/// CPU time of this thread in nanoseconds.
fn now() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A column that passed the test of a row, ready to be timed.
struct Entry {
    column: &'static Column,
    run: Run,
    passes: u64,
    samples: Vec<f64>,
}

/// Runs all `columns` that support `row`, interleaved, in a different order in each round.
pub fn measure(row: &'static Row, columns: &[&'static Column], rounds: usize) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut entries = Vec::new();
    for &column in columns {
        match ready(row, column) {
            None => {}
            Some(Ok((run, passes))) => {
                entries.push(Entry { column, run, passes, samples: Vec::with_capacity(rounds) });
            }
            Some(Err(error)) => {
                let checked = column.is_checked();
                figures.push(Figure { row, column, ns: Err(error), checked, wire: None });
            }
        }
    }
    let mut order = fastrand::Rng::with_seed(row.size as u64);
    for _ in 0..rounds {
        order.shuffle(&mut entries);
        for entry in &mut entries {
            // Warm up: the caches contain data of the previous column.
            let _ = (entry.run)();
            let start = now();
            for _ in 0..entry.passes {
                let _ = std::hint::black_box((entry.run)());
            }
            let passed = now() - start;
            let messages = entry.passes * row.truth.messages;
            entry.samples.push(passed as f64 / messages as f64);
        }
    }
    for Entry { column, mut run, mut samples, .. } in entries {
        // The results must still be correct at the end.
        let ns = run().and_then(|tally| check(row, tally, false)).map(|()| median(&mut samples));
        let wire = wire(row);
        let checked = column.is_checked()
            && row.spoiled.iter().all(|spoiled| faults::is_refused(column, spoiled));
        figures.push(Figure { row, column, ns, checked, wire });
    }
    figures
}

/// Starts `column` on `row`, verifies it, and determines how many passes fill a slot.
fn ready(row: &'static Row, column: &Column) -> Option<Result<(Run, u64), String>> {
    let mut run = (column.start)(row)?;
    for pass in 0..3 {
        if let Err(error) = run().and_then(|tally| check(row, tally, pass == 0)) {
            return Some(Err(error));
        }
    }
    let start = now();
    let _ = run();
    let pass = (now() - start).max(1);
    Some(Ok((run, (SLOT / pass).max(1))))
}

/// Verifies the result of a pass.
fn check(row: &Row, tally: Tally, first_pass: bool) -> Result<(), String> {
    if tally != row.truth {
        return Err(format!("{tally} instead of {}", row.truth));
    }
    replies(row, first_pass)
}

/// Verifies the replies of a pass.
#[cfg(feature = "deflate")]
fn replies(row: &Row, first_pass: bool) -> Result<(), String> {
    match &row.work {
        Work::Echo(echo) => echo.check(first_pass),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "deflate"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail with the feature `deflate`")]
fn replies(_: &Row, _: bool) -> Result<(), String> {
    Ok(())
}

/// Bytes on the wire per message in the last pass.
#[cfg(feature = "deflate")]
fn wire(row: &Row) -> Option<f64> {
    match &row.work {
        Work::Echo(echo) => Some(echo.wire()),
        _ => None,
    }
}

#[cfg(not(feature = "deflate"))]
fn wire(_: &Row) -> Option<f64> {
    None
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let half = samples.len() / 2;
    match samples {
        [] => f64::NAN,
        _ if samples.len() % 2 == 1 => samples[half],
        _ => f64::midpoint(samples[half - 1], samples[half]),
    }
}

/// The allocations of one column on one row in steady state.
#[cfg(feature = "allocations")]
#[derive(Debug)]
pub struct Allocations {
    pub row: &'static Row,
    pub column: &'static Column,
    /// Allocations and allocated bytes per message.
    pub counts: Result<(f64, f64), String>,
}

/// Counts allocations after some passes, when all buffers have reached their final size.
#[cfg(feature = "allocations")]
pub fn allocations(row: &'static Row, columns: &[&'static Column]) -> Vec<Allocations> {
    const PASSES: u32 = 4;

    let mut all = Vec::new();
    for &column in columns {
        let Some(ready) = ready(row, column) else { continue };
        let counts = ready.and_then(|(mut run, _)| {
            let (mut count, mut bytes) = (0, 0);
            for _ in 0..PASSES {
                let mut tally = Ok(Tally::default());
                let counted = allocation_counter::measure(|| tally = run());
                // The verification allocates, too, and is not counted.
                check(row, tally?, false)?;
                count += counted.count_total;
                bytes += counted.bytes_total;
            }
            let messages = row.truth.messages as f64 * f64::from(PASSES);
            Ok((count as f64 / messages, bytes as f64 / messages))
        });
        all.push(Allocations { row, column, counts });
    }
    all
}

/// The memory of the codecs of a connection, for each column that exposes them.
#[cfg(all(feature = "allocations", feature = "deflate"))]
pub fn codecs() -> Vec<(&'static Column, i64)> {
    crate::columns::deflate::codecs()
        .into_iter()
        .filter_map(|(column, codecs)| {
            let mut held = None;
            let counted = allocation_counter::measure(|| held = codecs.map(|codecs| codecs()));
            held.map(|_| (column, counted.bytes_current))
        })
        .collect()
}
