//! The speed of masking relative to a plain XOR loop, for one kind of processor.

use std::hint::black_box;

use barews::{Config, Connection, Server};
use rustix::time::{ClockId, clock_gettime};

use crate::common::{self, Content, Side, Stream};

/// The required speed of masking, as a ratio to the XOR loop.
const LEAST: f64 = 0.7;

/// Repeated because the machine may be busy.
const ATTEMPTS: usize = 3;

const LEN: usize = 16 << 10;
/// The time for this length is subtracted, as the fixed cost of a call.
const SHORT: usize = 126;
/// The length of the header of both frames.
const HEADER: usize = 8;
const ROUNDS: usize = 101;
const PASSES: usize = 64;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Checks the speed of masking alone, and of masking with the ASCII test in a server that receives
/// a frame. False if one of them is too slow.
pub fn check(name: &str) -> bool {
    let mut ws = Connection::server(Config::new());
    let alone = attempts(name, "mask", &mut |frame| {
        black_box(barews::mask::mask(&mut frame[HEADER..], black_box(KEY)));
    });
    alone & attempts(name, "receive", &mut |frame| receive(&mut ws, frame))
}

#[inline(never)]
fn receive(ws: &mut Connection<Server>, frame: &mut [u8]) {
    assert_eq!(common::receive(ws, frame), 1);
}

/// The loop to compare with.
#[inline(never)]
fn xor_only(bytes: &mut [u8], key: [u8; 4]) {
    let wide: [u8; 32] = std::array::from_fn(|at| key[at % 4]);
    for lane in bytes.as_chunks_mut::<32>().0 {
        for (byte, key) in lane.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
}

fn attempts(name: &str, what: &str, ours: &mut dyn FnMut(&mut [u8])) -> bool {
    let mut tried = Vec::new();
    let mut passed = false;
    while !passed && tried.len() < ATTEMPTS {
        let ratio = ratio(ours);
        tried.push(format!("{ratio:.2}"));
        passed = ratio >= LEAST;
    }
    let verdict = if passed { "" } else { "TOO SLOW" };
    let tried = tried.join(", ");
    println!("{name:10} {what:8} {tried} of the speed of plain XOR, required: {LEAST} {verdict}");
    passed
}

/// The median over rounds, in which both loops alternate on the same bytes.
fn ratio(ours: &mut dyn FnMut(&mut [u8])) -> f64 {
    let mut long = Frame::new(LEN);
    let mut short = Frame::new(SHORT);
    let mut twin = |frame: &mut [u8]| xor_only(&mut frame[HEADER..], black_box(KEY));
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let twin = long.time(&mut twin) - short.time(&mut twin);
            twin / (long.time(ours) - short.time(ours))
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ROUNDS / 2]
}

/// A masked frame at the start of a cache line.
struct Frame {
    stream: Vec<u8>,
    memory: Vec<u8>,
}

impl Frame {
    fn new(len: usize) -> Self {
        let stream = Stream::messages(Side::Server, Content::Binary, len, 1).bytes;
        Self { memory: vec![0; stream.len() + 64], stream }
    }

    /// The CPU time of this thread in nanoseconds.
    fn time(&mut self, mask: &mut dyn FnMut(&mut [u8])) -> f64 {
        let start = self.memory.as_ptr().align_offset(64);
        let frame = &mut self.memory[start..start + self.stream.len()];
        frame.copy_from_slice(&self.stream);
        mask(frame);
        let start = now();
        for _ in 0..PASSES {
            mask(black_box(frame));
        }
        now() - start
    }
}

#[allow(clippy::cast_precision_loss, reason = "only differences count")]
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
