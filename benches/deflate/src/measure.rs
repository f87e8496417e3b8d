//! Sizes, which are exact, and times.

use std::hint::black_box;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};
use rustix::time::{ClockId, clock_gettime};

use crate::columns::Column;
use crate::corpora::Corpus;

/// A column on a corpus.
pub struct Figure {
    pub column: Column,
    /// The bytes of all payloads.
    pub size: usize,
    /// Nanoseconds for all messages, the median of the rounds.
    pub ns: f64,
}

/// All columns, interleaved, in another order each round.
pub fn measure(corpus: &Corpus, takeover: bool, columns: &[Column], rounds: usize) -> Vec<Figure> {
    let mut entries: Vec<_> = columns
        .iter()
        .map(|&column| (column, size(corpus, takeover, column), column.start(takeover), Vec::new()))
        .collect();
    let mut order = fastrand::Rng::with_seed(corpus.len() as u64);
    let mut out = Vec::new();
    for round in 0..=rounds {
        order.shuffle(&mut entries);
        for (_, _, run, samples) in &mut entries {
            let start = now();
            for message in &corpus.messages {
                run(message, &mut out);
                black_box(&out);
            }
            // The first one fills the caches.
            if round > 0 {
                samples.push((now() - start) as f64);
            }
        }
    }
    let mut figures: Vec<_> = entries
        .into_iter()
        .map(|(column, size, _, mut samples)| Figure { column, size, ns: median(&mut samples) })
        .collect();
    figures
        .sort_by_key(|figure| columns.iter().position(|column| column.name == figure.column.name));
    figures
}

/// Compresses everything once and looks at what comes back from it.
fn size(corpus: &Corpus, takeover: bool, column: Column) -> usize {
    let mut run = column.start(takeover);
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let (mut payload, mut back, mut size) = (Vec::new(), Vec::new(), 0);
    for message in &corpus.messages {
        run(message, &mut payload);
        size += payload.len();
        if !takeover {
            state = InflateState::new_boxed(DataFormat::Raw);
        }
        payload.extend([0, 0, 0xFF, 0xFF]);
        back.resize(message.len() + 1, 0);
        let result = inflate(&mut state, &payload, &mut back, MZFlush::Sync);
        assert!(back[..result.bytes_written] == **message, "{}: {}", column.name, corpus.name);
    }
    size
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
