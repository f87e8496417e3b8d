//! A session with its buffers, its transport and its timer.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use barews::handshake::client::Response;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{Client, CloseCode, Data, MaskKeys, RecvBuffer, SendBuffer, Storage, TransportAction};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Error;

/// A [`Session`] on a transport, for code that works with events and frames, and chooses the memory: a
/// proxy, or a server of its own kind. A [`WebSocket`](crate::WebSocket) is built on it.
///
/// ```
/// use barews::handshake::server::Origins;
/// use barews::keepalive::Timeouts;
/// use barews::session::{Session, SessionEvent};
/// use barews::{Config, RecvBuffer, SendBuffer};
/// use barews_tokio::Driver;
/// use std::time::Duration;
/// use tokio::net::TcpStream;
///
/// /// Echoes each chunk of a message when it arrives, in 8 KiB.
/// async fn echo(stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
///     let ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
///     let (rx, tx) = (RecvBuffer::new([0; 4096]), SendBuffer::new([0; 4096]));
///     let mut driver = Driver::new(stream, ws, rx, tx);
///     while !driver.is_over() {
///         let Driver { ws, rx, tx, clock, .. } = &mut driver;
///         while let Some(event) = ws.receive(rx, tx, clock.now()) {
///             match event {
///                 SessionEvent::Upgrade(it) => {
///                     ws.answer(it.accept(Origins::Any), tx, clock.now())?;
///                 }
///                 SessionEvent::Data(it) => ws.send_fragment(it.kind, it.fin, it.payload, tx)?,
///                 _ => {}
///             }
///         }
///         driver.exchange().await?;
///     }
///     Ok(())
/// }
/// ```
#[non_exhaustive]
pub struct Driver<R: SessionRole, T, S> {
    /// The transport.
    pub io: T,
    /// The session.
    pub ws: Session<R>,
    /// What was received.
    pub rx: RecvBuffer<S>,
    /// What is to be sent.
    pub tx: SendBuffer<S>,
    /// The time of the session.
    pub clock: Clock,
    /// Fires no later than the session's deadline.
    timer: Option<Pin<Box<Sleep>>>,
    /// The task that the timer wakes.
    sleeper: Waker,
    /// Bytes may wait inside of `io`.
    is_unflushed: bool,
    is_shutting_down: bool,
    pub(crate) is_over: bool,
}

/// The time since a driver was created.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// How long the driver exists.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl<R: SessionRole, T, S> fmt::Debug for Driver<R, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Driver");
        f.field("rx", &self.rx).field("tx", &self.tx).field("is_over", &self.is_over);
        f.finish_non_exhaustive()
    }
}

impl<K: MaskKeys, T: AsyncRead + AsyncWrite + Unpin, S: Storage> Driver<Client<K>, T, S> {
    /// Waits for the response of the server, and returns what `judge` makes of it.
    ///
    /// # Errors
    ///
    /// - [`Error::Failed`] if the response is not valid, or comes too late.
    /// - [`Error::Io`] if the transport fails, and [`Error::Closed`] if the session was closed.
    pub async fn open<U>(&mut self, judge: impl FnOnce(Response<'_>) -> U) -> Result<U, Error> {
        while !self.is_over {
            // No event is held across the `await`, which would make the future long.
            while let Some(event) = self.receive() {
                match event {
                    SessionEvent::Opened(it) => return Ok(judge(Response::Accepted(it))),
                    SessionEvent::Rejected(it) => return Ok(judge(Response::Rejected(it))),
                    SessionEvent::Failed(failure) => return Err(failure.into()),
                    _ => {}
                }
            }
            self.exchange().await?;
        }
        Err(Error::Closed)
    }
}

impl<R: SessionRole, T: AsyncRead + AsyncWrite + Unpin, S: Storage> Driver<R, T, S> {
    /// Creates a driver. The time of `ws` is zero at this moment: it was created at
    /// [`Duration::ZERO`].
    pub fn new(io: T, ws: Session<R>, rx: RecvBuffer<S>, tx: SendBuffer<S>) -> Self {
        Self {
            io,
            ws,
            rx,
            tx,
            clock: Clock { start: Instant::now() },
            timer: None,
            sleeper: Waker::noop().clone(),
            is_unflushed: false,
            is_shutting_down: false,
            is_over: false,
        }
    }

    /// Whether the transport is of no more use, so that it should be dropped.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next event; see [`Session::receive`]. To reply while it is borrowed, call that method with
    /// the fields.
    pub fn receive(&mut self) -> Option<SessionEvent<'_>> {
        self.ws.receive(&mut self.rx, &mut self.tx, self.clock.now())
    }

    /// Sends with another session all that this one has received, for a proxy; see
    /// [`Session::forward`], which `lost` is for. `see` gets the chunks of messages afterwards.
    ///
    /// While `to` has output that is not written, this receives nothing. The buffers must fit: what
    /// `rx` holds, with the longest header and a Close, must fit into the `tx` of the other. Create
    /// that with a high mark of `usize::MAX`, because its length must not stop its own session.
    pub fn forward_to<P: SessionRole, U: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        to: &mut Driver<P, U, S>,
        lost: CloseCode,
        mut see: impl FnMut(Data<'_>),
    ) {
        self.ws.pause(!to.tx.is_empty());
        while let Some(event) = self.receive() {
            to.ws.forward(&event, lost, &mut to.tx, to.clock.now());
            if let SessionEvent::Data(data) = event {
                see(data);
            }
        }
    }

    /// Exchanges bytes with the peer, to be called when [`receive`](Self::receive) has returned `None`.
    /// It writes what is queued, ends the transport as far as the session wants it, and reads. It
    /// returns when all is written or something was read, at the session's deadline, and when the
    /// transport [is over](Self::is_over).
    ///
    /// It is cancel-safe: a future that is dropped has lost nothing.
    ///
    /// # Errors
    ///
    /// The transport has failed. After a failed write, what is queued is lost, and what the peer has
    /// sent before can still be read. After a failed read, the next event says that the session has
    /// failed. To wait for that is always right. Once the transport is over, the error is
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    pub async fn exchange(&mut self) -> io::Result<()> {
        if self.is_over {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (now, had_output) = (self.clock.now(), !self.tx.is_empty());
        // Another session may wait for the space.
        let is_sent = |tx: &SendBuffer<S>| had_output && tx.is_empty();
        poll_fn(|context| match self.poll_exchange(now, context) {
            Poll::Pending if is_sent(&self.tx) => Poll::Ready(Ok(())),
            polled => polled,
        })
        .await
    }

    /// Like [`exchange`](Self::exchange), but returns after a write only if the session waits for it.
    /// `now` is when the session has received last.
    pub(crate) fn poll_exchange(
        &mut self,
        now: Duration,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let was_empty = self.tx.is_empty();
        let is_written = self.poll_write(context)?.is_ready();
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => self.is_shutting_down = true,
            TransportAction::Drop => {
                // The caller may drop it later.
                _ = Pin::new(&mut self.io).poll_shutdown(context);
                self.is_over = true;
                return Poll::Ready(Ok(()));
            }
        }
        if self.is_shutting_down && is_written {
            // A peer that is gone needs no end.
            self.is_shutting_down = Pin::new(&mut self.io).poll_shutdown(context).is_pending();
        }
        let wants_read = self.ws.wants_read();
        if wants_read {
            let mut space = ReadBuf::new(self.rx.spare_mut());
            match Pin::new(&mut self.io).poll_read(context, &mut space) {
                Poll::Ready(Ok(())) => {
                    let n = space.filled().len();
                    self.rx.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => {
                    self.rx.end();
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {}
            }
        }
        // What was held back until the output is written. Where the session has something else to do
        // after a write, its deadline says so.
        let is_released = is_written && !was_empty && !wants_read;
        if is_released || self.poll_deadline(self.ws.deadline(), now, context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// Whether something is queued, or waits inside of `io`.
    pub(crate) const fn has_output(&self) -> bool {
        !self.tx.is_empty() || self.is_unflushed
    }

    /// Writes all that is unsent. After an error there is nothing to write.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.poll_write_all(context);
        if let Poll::Ready(Err(_)) = written {
            self.tx.sent(usize::MAX);
            self.is_unflushed = false;
        }
        written
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        let Some(at) = self.clock.start.checked_add(deadline) else { return Poll::Pending };
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
}
