//! Measures sizes, which are exact, and times.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use crate::columns::{Column, ROOM, Run};
use crate::corpora::Corpus;
use crate::{compressors, inflaters};

/// The result of a column for a corpus.
pub struct Figure {
    pub column: Column,
    /// The total output in bytes.
    pub size: usize,
    /// Nanoseconds for all messages, the median of the rounds.
    pub ns: f64,
}

/// Runs all compressors on the messages of a corpus. Their output is verified with zlib.
pub fn compress(corpus: &Corpus, takeover: bool, columns: &[Column], rounds: usize) -> Vec<Figure> {
    let zlib =
        inflaters::ALL.iter().find(|column| column.name == "zlib").expect("the column exists");
    let size = |column: &Column| {
        let payloads = all((column.start)(takeover), inputs(column, &corpus.messages));
        let size = payloads.iter().map(Vec::len).sum();
        let back = all((zlib.start)(takeover), inputs(zlib, &payloads));
        assert!(back == corpus.messages, "{}: {}", column.name, corpus.name);
        size
    };
    measure(&corpus.messages, takeover, columns, rounds, size)
}

/// Runs all decompressors on the payloads that zlib at level 6 makes from a corpus.
pub fn inflate(corpus: &Corpus, takeover: bool, columns: &[Column], rounds: usize) -> Vec<Figure> {
    let zlib =
        compressors::ALL.iter().find(|column| column.name == "zlib 6").expect("the column exists");
    let payloads = all((zlib.start)(takeover), inputs(zlib, &corpus.messages));
    let size = |column: &Column| {
        let back = all((column.start)(takeover), inputs(column, &payloads));
        assert!(back == corpus.messages, "{}: {}", column.name, corpus.name);
        corpus.len()
    };
    measure(&payloads, takeover, columns, rounds, size)
}

fn inputs(column: &Column, from: &[Vec<u8>]) -> Vec<Vec<u8>> {
    from.iter().map(|bytes| (column.input)(bytes)).collect()
}

fn all(mut run: Run, inputs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut out = vec![0; ROOM];
    let one = |mut input: Vec<u8>| {
        let len = run(&mut input, &mut out);
        out[..len].to_vec()
    };
    inputs.into_iter().map(one).collect()
}

/// Measures all columns, in a different order in each round.
fn measure(
    from: &[Vec<u8>],
    takeover: bool,
    columns: &[Column],
    rounds: usize,
    size: impl Fn(&Column) -> usize,
) -> Vec<Figure> {
    let mut entries: Vec<_> = columns
        .iter()
        .map(|column| (column, inputs(column, from), (column.start)(takeover), Vec::new()))
        .collect();
    let mut order = fastrand::Rng::with_seed(from.len() as u64);
    let mut out = vec![0; ROOM];
    for round in 0..=rounds {
        order.shuffle(&mut entries);
        for (_, inputs, run, samples) in &mut entries {
            let start = now();
            for input in inputs {
                black_box(run(input, &mut out));
                black_box(&out);
            }
            // The first round warms up the caches.
            if round > 0 {
                samples.push((now() - start) as f64);
            }
        }
    }
    let figure = |(column, _, _, mut samples): (&Column, _, _, Vec<f64>)| Figure {
        column: *column,
        size: size(column),
        ns: median(&mut samples),
    };
    let mut figures: Vec<_> = entries.into_iter().map(figure).collect();
    figures
        .sort_by_key(|figure| columns.iter().position(|column| column.name == figure.column.name));
    figures
}

/// CPU time of this thread in nanoseconds.
fn now() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
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
