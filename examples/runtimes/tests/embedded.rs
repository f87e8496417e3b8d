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

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, Inflate, WindowBits};
use barews::handshake::Error;
use barews::session::Failure;
use barews::{CloseCode, Compressed, Config, Connection, Event, Kind, RecvBuffer};
use embedded_io_async::{ErrorType, Read, Write};
use program::session::{Means, Page, serve};

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

/// A clock that stands still.
fn means(
    half_closes: &Cell<u32>,
) -> Means<impl Fn() -> Duration, impl AsyncFn(Duration), impl for<'a> Fn(&mut Wire<'a>)> {
    Means {
        now: || Duration::ZERO,
        sleep: async |_| pending().await,
        half_close: |_: &mut Wire<'_>| half_closes.set(half_closes.get() + 1),
    }
}

fn no_page(_: &str) -> Option<Page<&'static str>> {
    None
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
        let means = means(&half_closes);
        let serve = serve(&mut wire, &means, no_page);
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
    let means = means(&half_closes);
    let ended = futures_lite::future::block_on(serve(&mut wire, &means, no_page));
    assert_eq!(ended, Err(Failure::Handshake(Error::HeadTooLong)));
    assert_eq!(half_closes.get(), 1);
    assert!(wire.output.starts_with(b"HTTP/1.1 431 "));
}

#[test]
fn a_compressed_message_is_echoed_compressed() {
    const BITS: WindowBits = WindowBits::new(9).unwrap();
    const CONTEXT: CompressionContext = CompressionContext { window_bits: BITS, takeover: true };
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let mut input = [&REQUEST[..REQUEST.len() - 2], offer.as_bytes()].concat();
    // Inflated, it is longer than all buffers together, and its compressed form is one chunk.
    let message = "ü".repeat(20_000);
    let effort = Effort::TINY.window_bits(BITS);
    let memory = vec![0; Deflate::memory(CONTEXT, effort)];
    let mut deflate = Deflate::new(CONTEXT, effort, memory).unwrap();
    let mut compressed = [0; 2048];
    let deflated = deflate.push(message.as_bytes(), Flush::Finish, &mut compressed);
    assert!(deflated.done);
    let mut client = Connection::client(Config::new().deflate(true), || [0x37, 0xFA, 0x21, 0x3D]);
    let mut frame = [0; 3000];
    let content = Compressed(Kind::Text);
    let n =
        client.send_fragment(content, true, &compressed[..deflated.written], &mut frame).unwrap();
    input.extend(&frame[..n]);
    let n = client.send_close(CloseCode::NORMAL, "", &mut frame).unwrap();
    input.extend(&frame[..n]);

    let mut output = [0; 8192];
    let mut wire = Wire { input: &input, output: &mut output, written: 0 };
    let half_closes = Cell::new(0);
    let means = means(&half_closes);
    let ended = futures_lite::future::block_on(serve(&mut wire, &means, no_page));
    assert_eq!(ended, Ok(()));
    let written = wire.written;
    let head = b"client_max_window_bits=9\r\n\r\n";
    let end = output.windows(head.len()).position(|bytes| bytes == head).unwrap() + head.len();
    let mut rx = RecvBuffer::new(output[end..written].to_vec());
    rx.advance(written - end);
    let mut inflate = Inflate::new(CONTEXT, vec![0; Inflate::memory(CONTEXT)]).unwrap();
    let (mut echo, mut fins) = (Vec::new(), 0);
    loop {
        match client.receive(&mut rx.input()).unwrap() {
            Event::Data(mut data) => {
                let mut piece = [0; 100];
                while let Some(piece) = inflate.push(&mut data, &mut piece).unwrap() {
                    echo.extend_from_slice(piece.payload);
                    fins += usize::from(piece.fin);
                }
            }
            Event::Close(close) => break assert_eq!(close.unwrap().code, CloseCode::NORMAL),
            event => panic!("{event:?}"),
        }
    }
    assert_eq!((echo == message.as_bytes(), fins), (true, 1));
}

#[test]
fn a_page_longer_than_the_buffers_is_sent_whole() {
    let body = "0123456789".repeat(500);
    let page =
        |path: &str| (path == "/").then_some(Page { content_type: "text/plain", body: &body });
    for (request, status, sent) in [
        ("GET / HTTP/1.1\r\nHost: device\r\n\r\n", "HTTP/1.1 200 OK\r\n", &*body),
        ("GET /x HTTP/1.1\r\nHost: device\r\n\r\n", "HTTP/1.1 426 ", ""),
        ("POST / HTTP/1.1\r\nHost: device\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 426 ", ""),
    ] {
        let mut output = [0; 8192];
        let mut wire = Wire { input: request.as_bytes(), output: &mut output, written: 0 };
        let half_closes = Cell::new(0);
        let means = means(&half_closes);
        let ended = futures_lite::future::block_on(serve(&mut wire, &means, page));
        let refused = Err(Failure::Handshake(Error::UpgradeRequired));
        let outcome = if sent.is_empty() { refused } else { Ok(()) };
        assert_eq!((ended, half_closes.get()), (outcome, 1), "{request}");
        let written = wire.written;
        let answer = std::str::from_utf8(&output[..written]).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(status), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}", sent.len())), "{head}");
        assert_eq!(body, sent);
    }
}
