//! The socket, its two buffers and its timer: what is the same for every session.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use barews::session::{Session, SessionRole};
use barews::{RecvBuffer, SendBuffer, TransportAction};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::pool;

pub(crate) struct Transport<T> {
    pub(crate) io: T,
    pub(crate) rx: RecvBuffer<Vec<u8>>,
    pub(crate) tx: SendBuffer<Vec<u8>>,
    pub(crate) start: Instant,
    /// Fires no later than the session's deadline.
    timer: Option<Pin<Box<Sleep>>>,
    /// The task that the timer wakes.
    sleeper: Waker,
    /// Bytes may wait inside of `io`.
    is_unflushed: bool,
    is_shutting_down: bool,
}

/// What a turn has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Receive again.
    Again,
    /// The transport is of no more use.
    Over,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport<T> {
    pub(crate) fn new(io: T) -> Self {
        Self {
            io,
            rx: RecvBuffer::new(Vec::new()),
            tx: SendBuffer::new(Vec::new()),
            start: Instant::now(),
            timer: None,
            sleeper: Waker::noop().clone(),
            is_unflushed: false,
            is_shutting_down: false,
        }
    }

    /// The time of the session.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Writes what is unsent, ends the transport as far as the session wants it, reads, and waits no
    /// longer than until the session's deadline. `now` is when the session has received last.
    pub(crate) fn poll_turn<R: SessionRole>(
        &mut self,
        ws: &mut Session<R>,
        now: Duration,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Turn>> {
        let was_empty = self.tx.is_empty();
        let is_written = self.poll_write(context)?.is_ready();
        match ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => self.is_shutting_down = true,
            TransportAction::Drop => {
                // The caller may drop it later.
                _ = Pin::new(&mut self.io).poll_shutdown(context);
                return Poll::Ready(Ok(Turn::Over));
            }
        }
        if self.is_shutting_down && is_written {
            // A peer that is gone needs no end.
            self.is_shutting_down = Pin::new(&mut self.io).poll_shutdown(context).is_pending();
        }
        let wants_read = ws.wants_read();
        if wants_read {
            if self.rx.capacity() < pool::BUFFER {
                _ = self.rx.grow(pool::buffer());
            }
            let mut space = ReadBuf::new(self.rx.spare_mut());
            if Pin::new(&mut self.io).poll_read(context, &mut space)?.is_ready() {
                let n = space.filled().len();
                self.rx.advance(n);
                return Poll::Ready(Ok(Turn::Again));
            }
        }
        // What was held back until the output is written. Where the session has something else to do
        // after a write, its deadline says so.
        let is_released = is_written && !was_empty && !wants_read;
        if is_released || self.poll_deadline(ws.deadline(), now, context).is_ready() {
            return Poll::Ready(Ok(Turn::Again));
        }
        self.give_back();
        Poll::Pending
    }

    /// Whether something is queued, or waits inside of `io`.
    pub(crate) const fn has_output(&self) -> bool {
        !self.tx.is_empty() || self.is_unflushed
    }

    /// Writes all that is unsent.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.tx.is_empty() {
            let n = match Pin::new(&mut self.io).poll_write(context, self.tx.unsent())? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(n) => n,
            };
            self.tx.sent(n);
            self.is_unflushed = true;
        }
        if self.is_unflushed {
            if Pin::new(&mut self.io).poll_flush(context)?.is_pending() {
                return Poll::Pending;
            }
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once the deadline has passed.
    fn poll_deadline(
        &mut self,
        deadline: Option<Duration>,
        now: Duration,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if deadline <= now {
            return Poll::Ready(());
        }
        let Some(at) = self.start.checked_add(deadline) else { return Poll::Pending };
        let is_known = self.sleeper.will_wake(context.waker());
        if is_known
            && let Some(timer) = &self.timer
            && timer.deadline() <= at
            && !timer.is_elapsed()
        {
            return Poll::Pending;
        }
        if !is_known {
            self.sleeper.clone_from(context.waker());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        // Most deadlines move to a later time: then the timer fires once more than needed.
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        // A task that has used up its budget must also be known to the timer.
        while pin!(unconstrained(timer.as_mut())).poll(context).is_ready() {
            if Instant::now() >= at {
                self.timer = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
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
