//! The work of a proxy: to pass a compressed message on as it is costs at most a twentieth of
//! inflating it and deflating it again, in release mode.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate};
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{
    Client, CloseCode, Compressed, Config, Connection, ControlOrder, Kind, MaskKeys, RecvBuffer,
    SendBuffer, Server,
};

use crate::support::callgrind::{Job, instructions};

const CONTEXT: CompressionContext = DeflateParams::DEFAULT.client();
const EFFORT: Effort = Effort::FAST;
const NOW: Duration = Duration::ZERO;

const CONFIG: Config = Config::new()
    .control_order(ControlOrder::Wire)
    .auto_pong(false)
    .auto_close(false)
    .auto_fail(false)
    .deflate(true);

fn key() -> [u8; 4] {
    [1, 2, 3, 4]
}

/// The two sides of a proxy, with the buffers between them.
struct Proxy<K: MaskKeys> {
    front: Session<Server>,
    back: Session<Client<K>>,
    rx: RecvBuffer<[u8; 3936]>,
    unused: SendBuffer<[u8; 160]>,
    tx: SendBuffer<Vec<u8>>,
}

fn proxy() -> Proxy<impl MaskKeys> {
    Proxy {
        front: Session::opened(Connection::server(CONFIG), Timeouts::new(), NOW),
        back: Session::opened(Connection::client(CONFIG, key), Timeouts::new(), NOW),
        rx: RecvBuffer::new([0; 3936]),
        unused: SendBuffer::new([0; 160]),
        tx: SendBuffer::new(vec![0; 1 << 20]),
    }
}

impl<K: MaskKeys> Proxy<K> {
    /// Calls `pass` with each event that `wire` yields.
    fn run(
        &mut self,
        mut wire: &[u8],
        mut pass: impl FnMut(SessionEvent<'_>, &mut Session<Client<K>>, &mut SendBuffer<Vec<u8>>),
    ) {
        while !wire.is_empty() {
            let spare = self.rx.spare_mut();
            let n = spare.len().min(wire.len());
            let (read, rest) = wire.split_at(n);
            spare[..n].copy_from_slice(read);
            self.rx.advance(n);
            wire = rest;
            while let Some(event) = self.front.receive(&mut self.rx, &mut self.unused, NOW) {
                pass(event, &mut self.back, &mut self.tx);
            }
            black_box(self.tx.unsent());
            self.tx.sent(usize::MAX);
        }
    }
}

/// A message like those of an exchange, with the lines from `first` on.
fn json(first: usize, len: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in first.. {
        if text.len() >= len {
            break;
        }
        let (id, price, side) = (n * 7919 % 10_007, n * 31 % 977, ["buy", "sell"][n % 2]);
        write!(text, "{{\"id\":{id},\"price\":{price}.{:02},\"side\":\"{side}\"}},", n % 100)
            .unwrap();
    }
    text.truncate(len);
    text.into_bytes()
}

/// What the client sends: `count` messages of `len` bytes.
fn wire(len: usize, count: usize) -> Vec<u8> {
    let mut client = Connection::client(CONFIG, key);
    let storage = vec![0; Deflate::memory(CONTEXT, EFFORT)];
    let mut deflate = Deflate::new(CONTEXT, EFFORT, storage).unwrap();
    let (mut wire, mut deflated) = (Vec::new(), vec![0; Deflate::max_len(len)]);
    for number in 0..count {
        let n = deflate.push(&json(number * len, len), Flush::Finish, &mut deflated).written;
        let mut frame = vec![0; n + 160];
        let content = Compressed(Kind::Text);
        let n = client.send_fragment(content, true, &deflated[..n], &mut frame).unwrap();
        wire.extend(&frame[..n]);
    }
    wire
}

fn as_it_is(wire: Vec<u8>) -> Job {
    let mut proxy = proxy();
    Box::new(move || {
        proxy.run(&wire, |event, back, tx| {
            back.forward(&event, CloseCode::INTERNAL, tx, NOW);
        });
    })
}

fn inflated_and_deflated(wire: Vec<u8>) -> Job {
    let mut proxy = proxy();
    let mut inflate = Inflate::new(CONTEXT, vec![0; Inflate::memory(CONTEXT)]).unwrap();
    let storage = vec![0; Deflate::memory(CONTEXT, EFFORT)];
    let mut deflate = Deflate::new(CONTEXT, EFFORT, storage).unwrap();
    let (mut text, mut deflated) = ([0; 4096], vec![0; 64 << 10]);
    Box::new(move || {
        proxy.run(&wire, |event, back, tx| {
            let SessionEvent::Data(mut data) = event else { panic!("{event:?}") };
            while let Some(chunk) = inflate.push(&mut data, &mut text).unwrap() {
                let done = deflate.push(
                    chunk.payload,
                    if chunk.fin { Flush::Finish } else { Flush::None },
                    &mut deflated,
                );
                assert!(done.done);
                let content = Compressed(chunk.kind);
                back.send_fragment(content, chunk.fin, &deflated[..done.written], tx).unwrap();
            }
        });
    })
}

#[test]
fn passing_on_as_it_is_costs_a_fraction_of_inflating_and_deflating() {
    let lengths = [600, 16 << 10, 256 << 10];
    let jobs = lengths.into_iter().flat_map(|len| {
        let wire = wire(len, (512 << 10) / len);
        [as_it_is(wire.clone()), inflated_and_deflated(wire)]
    });
    let test = "relay::passing_on_as_it_is_costs_a_fraction_of_inflating_and_deflating";
    let Some(counts) = instructions(test, jobs.collect()) else { return };
    for (len, counts) in lengths.into_iter().zip(counts.chunks_exact(2)) {
        let [passed, anew] = [counts[0], counts[1]];
        println!("messages of {len} bytes: {passed} instructions as they are, {anew} anew");
        // In the test profile, masking is not vectorized.
        let factor = if cfg!(debug_assertions) { 3 } else { 20 };
        assert!(factor * passed <= anew, "{len}: {passed} of {anew}");
    }
}
