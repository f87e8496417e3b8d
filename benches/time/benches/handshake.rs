//! The opening handshake: a server reads the request of a browser and responds; a client writes a
//! request and validates the response.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Duration;

use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};
use barews::handshake::server::{Incoming, Origins, RequestReader};
use common::REQUEST;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The server's side. Returns the length of the response.
fn serve(request: &[u8], out: &mut [u8]) -> usize {
    let Status::Complete(Incoming::Upgrade(upgrade)) = RequestReader::new().read(request).unwrap()
    else {
        unreachable!("the request is complete and valid")
    };
    upgrade.accept(Origins::Any).unwrap().write(out).unwrap()
}

fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handshake");
    let (mut request, mut answer) = ([0; 512], [0; 512]);

    group.throughput(Throughput::Bytes(REQUEST.len().try_into().unwrap()));
    group.bench_function("server", |bencher| {
        bencher.iter(|| serve(black_box(REQUEST), black_box(&mut answer)));
    });

    let nonce = *b"sixteen bytes it";
    let client = || Handshake::new(black_box(nonce), "server.example.com", "/chat?room=1");
    let sent = client().write_request(&mut request).unwrap();
    group.throughput(Throughput::Bytes(sent.try_into().unwrap()));
    group.bench_function("client-request", |bencher| {
        bencher.iter(|| client().write_request(black_box(&mut request)).unwrap());
    });

    let len = serve(&request[..sent], &mut answer);
    let answer = &answer[..len];
    group.throughput(Throughput::Bytes(len.try_into().unwrap()));
    group.bench_function("client-response", |bencher| {
        bencher.iter(|| {
            let mut client = client();
            let status = client.read_response(black_box(answer)).unwrap();
            let Status::Complete(Response::Accepted(accepted)) = status else {
                unreachable!("the response is complete and valid")
            };
            accepted.head_len()
        });
    });
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = benches; config = config(); targets = handshake }
criterion_main!(benches);
