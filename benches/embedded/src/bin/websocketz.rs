//! websocketz: its read and write halves over an always-ready transport.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use barews_embedded::{Column, KEY, delivered, uncounted};
use embedded_io_async::{ErrorType, Read, Write};
use rand_core::TryRng;
use websocketz::{Message, WebSocketRead, WebSocketWrite, next};

barews_embedded::firmware!(Column {
    state: size_of::<WebSocketRead<'_, Source<'_>>>(),
    decode,
    encode,
});

#[inline(never)]
fn decode(bytes: &mut [u8], scratch: &mut [u8]) {
    let mut fragments = [0; 4];
    let mut ws = WebSocketRead::server(Source(bytes), scratch, &mut fragments);
    let ws = black_box(&mut ws);
    while block_on(receive(ws)) {}
}

async fn receive(ws: &mut WebSocketRead<'_, Source<'_>>) -> bool {
    match next!(ws) {
        Some(Ok(Message::Text(text))) => delivered(text.as_bytes()),
        Some(Ok(Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes))) => {
            delivered(bytes);
        }
        Some(Ok(Message::Close(_))) => {}
        Some(Err(_)) | None => return false,
    }
    true
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let mut ws = if client {
        WebSocketWrite::client(Sink(0), Keys, out)
    } else {
        WebSocketWrite::server(Sink(0), Keys, out)
    };
    let ws = black_box(&mut ws);
    match block_on(ws.send(Message::Binary(payload))) {
        Ok(()) => ws.inner().0,
        Err(_) => 0,
    }
}

/// The transport is always ready, so this never spins.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// A transport to read from. A network driver would write into the buffer of the crate, so this
/// copy is not counted.
struct Source<'a>(&'a [u8]);

impl ErrorType for Source<'_> {
    type Error = Infallible;
}

impl Read for Source<'_> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        let n = to.len().min(self.0.len());
        uncounted(|| {
            for (to, from) in to.iter_mut().zip(self.0) {
                *to = *from;
            }
        });
        self.0 = self.0.get(n..).unwrap_or_default();
        Ok(n)
    }
}

/// A transport that only counts the bytes written; they stay in the buffer of the crate.
struct Sink(usize);

impl ErrorType for Sink {
    type Error = Infallible;
}

impl Write for Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

struct Keys;

impl TryRng for Keys {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(KEY))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for (to, key) in to.iter_mut().zip(KEY) {
            *to = key;
        }
        Ok(())
    }
}
