//! Tests for `src/bin/embedded/main.rs`: the program, and its `serve` with a counting allocator.

mod common;

#[expect(dead_code, reason = "`main` is not called here")]
#[path = "../src/bin/embedded/main.rs"]
mod program;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use barews::handshake::Error;
use barews::session::Failure;
use barews::{CloseCode, Config, Connection, Kind};
use embedded_io_async::{ErrorType, Read, Write};

common::echo_tests!(common::Server::start(env!("CARGO_BIN_EXE_embedded")).0.unwrap());

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: device\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A transport that delivers `input` in short pieces and records the output.
struct Wire<'a> {
    input: &'a [u8],
    output: &'a mut [u8],
    written: usize,
}

impl ErrorType for Wire<'_> {
    type Error = Infallible;
}

impl Read for Wire<'_> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        let n = to.len().min(7).min(self.input.len());
        let (piece, rest) = self.input.split_at(n);
        to[..n].copy_from_slice(piece);
        self.input = rest;
        Ok(n)
    }
}

impl Write for Wire<'_> {
    async fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        self.output[self.written..][..from.len()].copy_from_slice(from);
        self.written += from.len();
        Ok(from.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn a_session_allocates_nothing() {
    let mut client = Connection::client(Config::new(), || [0x37, 0xFA, 0x21, 0x3D]);
    let mut input = REQUEST.to_vec();
    let mut frame = [0; 5000];
    let n =
        client.send_fragment(Kind::Text, false, "ü".repeat(1200).as_bytes(), &mut frame).unwrap();
    input.extend(&frame[..n]);
    let n = client.send_ping(b"still there?", &mut frame).unwrap();
    input.extend(&frame[..n]);
    let n = client.send_fragment(Kind::Text, true, b"!", &mut frame).unwrap();
    input.extend(&frame[..n]);
    let n = client.send_close(CloseCode::NORMAL, "", &mut frame).unwrap();
    input.extend(&frame[..n]);

    let mut output = [0; 8192];
    let mut wire = Wire { input: &input, output: &mut output, written: 0 };
    let (half_closes, mut ended) = (Cell::new(0), None);
    let allocations = allocation_counter::measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        let half_close = || half_closes.set(half_closes.get() + 1);
        let now = || Duration::ZERO;
        let serve = program::serve(&mut wire, now, |_| pending(), half_close);
        ended = Some(pin!(serve).poll(&mut context));
    });
    assert_eq!(ended, Some(Poll::Ready(Ok(()))));
    assert_eq!(half_closes.get(), 1);
    assert_eq!(allocations.count_total, 0);
    let written = wire.written;
    let output = &output[..written];
    assert!(output.starts_with(b"HTTP/1.1 101 "));
    assert!(output.windows(14).any(|bytes| bytes == b"\x8A\x0Cstill there?"));
    assert!(output.ends_with(b"\x80\x01!\x88\x02\x03\xE8"));
}

#[test]
fn a_request_longer_than_the_buffer_is_answered() {
    let field = format!("X: {}\r\n\r\n", "x".repeat(1024));
    let input = [&REQUEST[..REQUEST.len() - 2], field.as_bytes()].concat();
    let mut output = [0; 8192];
    let mut wire = Wire { input: &input, output: &mut output, written: 0 };
    let half_closes = Cell::new(0);
    let half_close = || half_closes.set(half_closes.get() + 1);
    let now = || Duration::ZERO;
    let serve = program::serve(&mut wire, now, |_| pending(), half_close);
    let ended = futures_lite::future::block_on(serve);
    assert_eq!(ended, Err(Failure::Handshake(Error::HeadTooLong)));
    assert_eq!(half_closes.get(), 1);
    assert!(wire.output.starts_with(b"HTTP/1.1 431 "));
}
