//! Receiving: both roles, all kinds and sizes of messages, each `ControlOrder` and `Delivery`, a
//! mix with control frames and fragments, and a buffer of the minimum length.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Duration;

use barews::{Config, Connection, ControlOrder, Delivery};
use common::{Content, SIDES, Side, Stream, Ws};
use criterion::{
    BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

/// The total payload length of a stream, unless one message is longer.
const TOTAL: usize = 64 << 10;

fn messages(criterion: &mut Criterion) {
    for side in SIDES {
        let mut group = criterion.benchmark_group(format!("receive/{}", side.name()));
        for content in [Content::Binary, Content::Ascii, Content::Cjk] {
            for len in [16, 125, 1 << 10, 16 << 10, 1 << 20] {
                let stream = Stream::messages(side, content, len, (TOTAL / len).max(1));
                bench(&mut group, (content.name(), len), side, Config::new(), stream);
            }
        }
        group.finish();
    }
}

fn choices(criterion: &mut Criterion) {
    let wire = Config::new().control_order(ControlOrder::Wire);
    let whole = Config::new().delivery(Delivery::Frames);
    let choices = [("ahead", Config::new()), ("wire", wire), ("frames", whole)];
    for side in SIDES {
        let mut group = criterion.benchmark_group(format!("choices/{}", side.name()));
        for (name, config) in choices {
            for len in [16, 1 << 10] {
                let stream = Stream::messages(side, Content::Binary, len, TOTAL / len);
                bench(&mut group, (name, len), side, config, stream);
            }
            bench(&mut group, (name, 0), side, config, Stream::mix(side, TOTAL));
        }
        group.finish();
    }
}

/// `len` 0 stands for the mix.
fn bench(
    group: &mut criterion::BenchmarkGroup<'_, WallTime>,
    (name, len): (&str, usize),
    side: Side,
    config: Config,
    stream: Stream,
) {
    let Stream { mut bytes, events, payload, .. } = stream;
    let mut ws = Ws::new(side, config);
    assert_eq!(ws.receive(&mut bytes), events);
    group.throughput(Throughput::Bytes(payload.try_into().unwrap()));
    let len = if len == 0 { "mix".into() } else { len.to_string() };
    group.bench_function(BenchmarkId::new(name, len), |bencher| {
        bencher.iter(|| ws.receive(black_box(&mut bytes)));
    });
}

fn least_buffer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("buffer-131");
    let streams = [
        ("16", Stream::messages(Side::Server, Content::Binary, 16, TOTAL / 16)),
        ("16384", Stream::messages(Side::Server, Content::Binary, 16 << 10, TOTAL / (16 << 10))),
        ("mix", Stream::mix(Side::Server, TOTAL)),
    ];
    for (name, stream) in streams {
        let mut ws = Connection::server(Config::new());
        assert_eq!(common::receive_131(&mut ws, &stream.bytes), stream.events);
        group.throughput(Throughput::Bytes(stream.payload.try_into().unwrap()));
        group.bench_function(BenchmarkId::new("server", name), |bencher| {
            bencher.iter(|| common::receive_131(&mut ws, black_box(&stream.bytes)));
        });
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = benches; config = config(); targets = messages, choices, least_buffer }
criterion_main!(benches);
