//! The cost of UTF-8 validation: whole messages received by both roles, and `core::str::from_utf8`
//! on the same payloads, which neither parses headers nor unmasks.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Duration;

use barews::Config;
use common::{SIDES, Stream, TEXTS, Ws};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// The total payload length of a stream.
const TOTAL: usize = 64 << 10;

fn utf8(criterion: &mut Criterion) {
    for content in TEXTS {
        let mut group = criterion.benchmark_group(format!("utf8/{}", content.name()));
        for len in [16, 125, 1 << 10, 16 << 10] {
            let count = TOTAL / len;
            group.throughput(Throughput::Bytes((len * count).try_into().unwrap()));
            for side in SIDES {
                let Stream { mut bytes, events, .. } = Stream::messages(side, content, len, count);
                let mut ws = Ws::new(side, Config::new());
                assert_eq!(ws.receive(&mut bytes), events);
                group.bench_function(BenchmarkId::new(side.name(), len), |bencher| {
                    bencher.iter(|| ws.receive(black_box(&mut bytes)));
                });
            }
            let texts: Vec<Vec<u8>> = (0..count).map(|i| content.payload(len, i)).collect();
            group.bench_function(BenchmarkId::new("core", len), |bencher| {
                bencher.iter(|| {
                    texts.iter().all(|text| core::str::from_utf8(black_box(text)).is_ok())
                });
            });
        }
        group.finish();
    }
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = benches; config = config(); targets = utf8 }
criterion_main!(benches);
