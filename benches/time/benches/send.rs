//! Sending with both roles: whole messages, fragments, in place, and the header alone.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Duration;

use barews::{Config, Connection, Kind, Role};
use common::Content;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn send(criterion: &mut Criterion) {
    side(criterion, "send/server", &mut Connection::server(Config::new()));
    side(criterion, "send/client", &mut common::client(Config::new()));
}

fn side<R: Role>(criterion: &mut Criterion, name: &str, ws: &mut Connection<R>) {
    let mut group = criterion.benchmark_group(name);
    for len in [16, 125, 1 << 10, 16 << 10] {
        let mut payload = Content::Binary.payload(len, 0);
        let text = String::from_utf8(Content::Ascii.payload(len, 0)).unwrap();
        let mut out = vec![0; len + 14];
        group.throughput(Throughput::Bytes(len.try_into().unwrap()));
        group.bench_function(BenchmarkId::new("binary", len), |bencher| {
            bencher.iter(|| ws.send_binary(black_box(&payload), black_box(&mut out)).unwrap());
        });
        group.bench_function(BenchmarkId::new("text", len), |bencher| {
            bencher.iter(|| ws.send_text(black_box(&text), black_box(&mut out)).unwrap());
        });
        // A message of two frames with the same payload.
        group.bench_function(BenchmarkId::new("two-fragments", len), |bencher| {
            let half = &payload[len / 2..];
            bencher.iter(|| {
                ws.send_fragment(Kind::Binary, false, black_box(half), &mut out).unwrap();
                ws.send_fragment(Kind::Binary, true, black_box(half), black_box(&mut out)).unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("in-place", len), |bencher| {
            bencher.iter(|| ws.send_in_place(Kind::Binary, true, black_box(&mut payload)).unwrap());
        });
    }
    group.finish();
}

fn header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("send/header");
    let mut server = Connection::server(Config::new());
    let mut client = common::client(Config::new());
    // An empty frame is complete after its header, so the next one can follow.
    group.bench_function("server", |bencher| {
        bencher.iter(|| server.begin_frame(Kind::Binary, true, black_box(0)).unwrap());
    });
    group.bench_function("client", |bencher| {
        bencher.iter(|| client.begin_frame(Kind::Binary, true, black_box(0)).unwrap());
    });
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = benches; config = config(); targets = send, header }
criterion_main!(benches);
