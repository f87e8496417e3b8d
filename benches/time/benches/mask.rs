//! Masking alone: short and long payloads, at the start of a cache line and 6 bytes after it, the
//! position of a payload after a short header.
#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn mask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for (name, offset) in [("aligned", 0), ("behind-6", 6)] {
        for len in [16, 125, 1 << 10, 16 << 10, 1 << 20_usize] {
            let mut memory = vec![0x5A_u8; 64 + offset + len];
            let start = memory.as_ptr().align_offset(64) + offset;
            let bytes = &mut memory[start..start + len];
            group.throughput(Throughput::Bytes(len.try_into().unwrap_or(u64::MAX)));
            group.bench_function(BenchmarkId::new(name, len), |bencher| {
                bencher.iter(|| barews::mask::mask(black_box(&mut *bytes), black_box(KEY)));
            });
        }
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = benches; config = config(); targets = mask }
criterion_main!(benches);
