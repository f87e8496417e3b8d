//! A replacement for a socket: always ready, in memory.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// The receiving half. It restarts at the end of its bytes, so a column can keep its connection
/// from pass to pass. A read never crosses the end.
#[derive(Debug)]
pub struct Source {
    bytes: &'static [u8],
    at: usize,
    read: usize,
}

impl Source {
    pub fn new(bytes: &'static [u8], read: usize) -> Self {
        Self { bytes, at: 0, read }
    }

    /// Copies the bytes of one read. Returns 0 only at the end of a pass.
    #[inline]
    pub fn receive(&mut self, to: &mut [u8]) -> usize {
        let lent = self.lend(to.len());
        to[..lent.len()].copy_from_slice(lent);
        lent.len()
    }

    /// The bytes of one read, at most `room`, without copying. For callers that append to a buffer.
    #[inline]
    pub fn lend(&mut self, room: usize) -> &'static [u8] {
        let rest = &self.bytes[self.at..];
        let lent = &rest[..rest.len().min(self.read).min(room)];
        self.at += lent.len();
        lent
    }

    /// Whether the pass has ended. If so, starts the next one.
    #[inline]
    pub fn ended(&mut self) -> bool {
        let ended = self.at == self.bytes.len();
        if ended {
            self.at = 0;
        }
        ended
    }
}

/// The number of bytes written to a [`Pipe`], for callers that no longer own the pipe.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<AtomicU64>);

impl Written {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, n: usize) {
        // There is one thread: a load and a store are enough, and cheaper than `fetch_add`.
        self.0.store(self.get() + n as u64, Ordering::Relaxed);
    }
}

/// Both halves: reads from a [`Source`], writes into one buffer that is reused.
#[derive(Debug)]
pub struct Pipe {
    source: Source,
    out: Vec<u8>,
    end: usize,
    written: Written,
}

impl Pipe {
    /// `room` is the length of the longest frame to be written.
    pub fn new(source: Source, room: usize) -> Self {
        Self { source, out: vec![0; room], end: 0, written: Written::default() }
    }

    /// A pipe for writing only.
    pub fn sink(room: usize) -> Self {
        Self::new(Source::new(&[], 0), room)
    }

    /// The bytes written since the last call, if they fit into the buffer.
    pub fn take_output(&mut self) -> &[u8] {
        &self.out[..std::mem::take(&mut self.end)]
    }

    pub fn written(&self) -> Written {
        self.written.clone()
    }

    #[inline]
    fn receive(&mut self, to: &mut [u8]) -> usize {
        self.source.ended();
        self.source.receive(to)
    }

    #[inline]
    fn send(&mut self, from: &[u8]) -> usize {
        if self.end + from.len() > self.out.len() {
            self.end = 0;
        }
        if self.out.len() < from.len() {
            self.out.resize(from.len(), 0);
        }
        let to = &mut self.out[self.end..self.end + from.len()];
        to.copy_from_slice(from);
        std::hint::black_box(to);
        self.end += from.len();
        self.written.add(from.len());
        from.len()
    }

    #[inline]
    fn send_all(&mut self, from: &[io::IoSlice<'_>]) -> usize {
        from.iter().map(|slice| self.send(slice)).sum()
    }
}

impl io::Read for Pipe {
    #[inline]
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        Ok(self.receive(to))
    }
}

impl io::Write for Pipe {
    #[inline]
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(self.send(from))
    }

    #[inline]
    fn write_vectored(&mut self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.send_all(from))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Ready<T> = Poll<io::Result<T>>;

impl tokio::io::AsyncRead for Pipe {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut tokio::io::ReadBuf<'_>,
    ) -> Ready<()> {
        self.source.ended();
        to.put_slice(self.source.lend(to.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Pipe {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, from: &[u8]) -> Ready<usize> {
        Poll::Ready(Ok(self.send(from)))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Ready<usize> {
        Poll::Ready(Ok(self.send_all(from)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Ready<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Ready<()> {
        Poll::Ready(Ok(()))
    }
}

impl futures::AsyncRead for Pipe {
    #[inline]
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut [u8]) -> Ready<usize> {
        Poll::Ready(Ok(self.receive(to)))
    }
}

impl futures::AsyncWrite for Pipe {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, from: &[u8]) -> Ready<usize> {
        Poll::Ready(Ok(self.send(from)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Ready<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Ready<()> {
        Poll::Ready(Ok(()))
    }
}

impl embedded_io_async::ErrorType for Pipe {
    type Error = Infallible;
}

impl embedded_io_async::Read for Pipe {
    #[inline]
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.receive(to))
    }
}

impl embedded_io_async::Write for Pipe {
    #[inline]
    async fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        Ok(self.send(from))
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
