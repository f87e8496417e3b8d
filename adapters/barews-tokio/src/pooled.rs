//! A driver whose buffers are those of the pool: it has them only while they hold something.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use barews::session::{Session, SessionRole};
use barews::{RecvBuffer, SendBuffer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::driver::Driver;
use crate::pool;

pub(crate) type Pooled<R, T> = Driver<R, T, Vec<u8>>;
pub(crate) type Tx = SendBuffer<Vec<u8>>;

impl<R: SessionRole, T: AsyncRead + AsyncWrite + Unpin> Pooled<R, T> {
    pub(crate) fn pooled(io: T, ws: Session<R>, tx: Tx) -> Self {
        Self::new(io, ws, RecvBuffer::new(Vec::new()), tx)
    }

    /// [`poll_exchange`](Self::poll_exchange) with a buffer of the pool, and without one while it
    /// waits.
    pub(crate) fn poll_pooled(
        &mut self,
        now: Duration,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ws.wants_read() && self.rx.capacity() < pool::BUFFER {
            _ = self.rx.grow(pool::buffer());
        }
        let polled = self.poll_exchange(now, context);
        if polled.is_pending() {
            self.give_back();
        }
        polled
    }

    /// The same, during the opening handshake.
    pub(crate) async fn turn(&mut self, now: Duration) -> io::Result<()> {
        poll_fn(|context| self.poll_pooled(now, context)).await
    }

    /// While a connection waits, it keeps only buffers that hold something.
    pub(crate) fn give_back(&mut self) {
        if self.rx.capacity() > 0
            && self.rx.len() <= self.rx.capacity() / 4
            && let Ok(buffer) = self.rx.grow(vec![0; self.rx.len()])
        {
            pool::keep(buffer);
        }
        if self.tx.is_empty()
            && let Ok(buffer) = self.tx.grow(Vec::new())
        {
            pool::keep(buffer);
        }
    }

    /// Makes space for replies, or for a message of `len` bytes.
    pub(crate) fn lend(&mut self, len: usize) {
        if !self.tx.is_empty() {
            return;
        }
        let capacity = self.tx.spare_mut(0).map_or(0, |space| space.len());
        // With the longest header.
        let buffer = match len.saturating_add(14) {
            needed @ pool::BUFFER.. if needed > capacity => pool::long_buffer(needed),
            _ if capacity == 0 => Some(pool::buffer()),
            _ => None,
        };
        if let Some(buffer) = buffer
            && let Ok(shorter) = self.tx.grow(buffer)
        {
            pool::keep(shorter);
        }
    }
}
