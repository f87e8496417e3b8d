//! The clock, the rounds, the medians.

use rustix::time::{ClockId, clock_gettime};

use crate::columns::{Column, Run};
use crate::faults;
use crate::streams::Row;

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
                figures.push(Figure { row, column, ns: Err(error), checked: column.is_checked() });
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
        let ns = check(row, &mut run).map(|()| median(&mut samples));
        let checked = column.is_checked()
            && row.spoiled.iter().all(|spoiled| faults::is_refused(column, spoiled));
        figures.push(Figure { row, column, ns, checked });
    }
    figures
}

/// Starts `column` on `row`, tests it, and finds how many passes fill a slot.
fn ready(row: &'static Row, column: &Column) -> Option<Result<(Run, u64), String>> {
    let mut run = (column.start)(row)?;
    for _ in 0..3 {
        if let Err(error) = check(row, &mut run) {
            return Some(Err(error));
        }
    }
    let start = now();
    let _ = run();
    let pass = (now() - start).max(1);
    Some(Ok((run, (SLOT / pass).max(1))))
}

/// One pass, whose counts must be true.
pub fn check(row: &Row, run: &mut Run) -> Result<(), String> {
    let tally = run()?;
    if tally != row.truth {
        return Err(format!("{tally} instead of {}", row.truth));
    }
    Ok(())
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
            let mut result = Ok(());
            let counted = allocation_counter::measure(|| {
                for _ in 0..PASSES {
                    result = result.clone().and_then(|()| check(row, &mut run));
                }
            });
            let messages = row.truth.messages as f64 * f64::from(PASSES);
            result.map(|()| {
                (counted.count_total as f64 / messages, counted.bytes_total as f64 / messages)
            })
        });
        all.push(Allocations { row, column, counts });
    }
    all
}
