//! The clock, the rounds, the medians.

use rustix::time::{ClockId, clock_gettime};

use crate::columns::{Column, Run};
use crate::faults;
#[cfg(feature = "deflate")]
use crate::streams::Work;
use crate::streams::{Row, Tally};

/// How long a column runs inside one round, in nanoseconds, unless one pass takes longer.
const SLOT: u64 = 250_000;

/// One column on one row.
#[derive(Debug)]
pub struct Figure {
    pub row: &'static Row,
    pub column: &'static Column,
    /// Nanoseconds of CPU time a message, the median of the rounds; or what went wrong.
    pub ns: Result<f64, String>,
    /// The column is checked, and on this row it was seen to refuse a text that is not UTF-8.
    pub checked: bool,
    /// Bytes of frames a message, where messages are sent back compressed.
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

/// Runs all `columns` that can do `row`, interleaved, in another order each round.
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
            // The caches hold what the column before has left there.
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
        // What was right at first must still be right in the end.
        let ns = run().and_then(|tally| check(row, tally, false)).map(|()| median(&mut samples));
        let wire = wire(row);
        let checked = column.is_checked()
            && row.spoiled.iter().all(|spoiled| faults::is_refused(column, spoiled));
        figures.push(Figure { row, column, ns, checked, wire });
    }
    figures
}

/// Starts `column` on `row`, tests it, and finds how many passes fill a slot.
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

/// What a pass saw and sent must be true.
fn check(row: &Row, tally: Tally, first_pass: bool) -> Result<(), String> {
    if tally != row.truth {
        return Err(format!("{tally} instead of {}", row.truth));
    }
    replies(row, first_pass)
}

/// What was sent back must be what came.
#[cfg(feature = "deflate")]
fn replies(row: &Row, first_pass: bool) -> Result<(), String> {
    match &row.work {
        Work::Echo(echo) => echo.check(first_pass),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "deflate"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
fn replies(_: &Row, _: bool) -> Result<(), String> {
    Ok(())
}

/// Bytes of frames a message in the last pass.
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

/// What one column allocates on one row in steady state.
#[cfg(feature = "allocations")]
#[derive(Debug)]
pub struct Allocations {
    pub row: &'static Row,
    pub column: &'static Column,
    /// Allocations and allocated bytes a message.
    pub counts: Result<(f64, f64), String>,
}

/// Counts after some passes, when every buffer has its length.
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
                // The judge allocates, too, and is not counted.
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

/// The bytes that the codecs of a connection hold, of each column that gives them out.
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
