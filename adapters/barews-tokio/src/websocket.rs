//! The socket that applications use.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use barews::session::{SessionEvent, SessionRole};
use barews::{Client, CloseCode, Server, State};
use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Error;
use crate::codec::{Codec, Keys, Received};
use crate::driver::Driver;
use crate::message::{Chunk, CloseFrame, Message};
use crate::pooled::Pooled;
use crate::split::{self, WebSocketReceiver, WebSocketSender};

/// An open WebSocket over `T`, for instance a [`TcpStream`](tokio::net::TcpStream), a TLS stream, or
/// a stream of HTTP/2.
///
/// The task that waits in [`recv`](Self::recv) also answers Pings, sends Pings, keeps the deadlines
/// and writes what is queued. A connection on which no task calls it answers nothing, and only a
/// blocked [`send`](Self::send) has a deadline.
///
/// # Cancellation
///
/// All methods are cancel-safe. A future that is dropped before it is ready loses nothing of what
/// is received. [`send`](Self::send) has then queued the whole message or nothing of it; what is
/// queued is written by the next call of any method. [`close`](Self::close) can be called again:
/// the Close is sent once.
///
/// # The end
///
/// [`recv`](Self::recv) returns `None` after the closing handshake (RFC 6455 §7.1), and also if the
/// transport fails once the peer has closed.
///
/// After an error it returns `None` as soon as the peer has ended the transport, at the latest after
/// [`Timeouts::close_within`](barews::keepalive::Timeouts::close_within). The Close that tells the
/// peer why (§7.1.7) is written before the error is returned, as far as the transport takes it, so
/// the socket may be dropped at once. Sends return [`Error::Closed`] from then on.
///
/// Dropping an open socket drops the transport and what is queued. The peer sees an abnormal end
/// (1006, §7.1.5).
pub struct WebSocket<T>(Side<T>);

/// Apart, so that the future of a task does not hold it several times.
enum Side<T> {
    Server(Box<Open<Server, T>>),
    Client(Box<Open<Client<Keys>, T>>),
}

/// Does the same with a connection of either role.
macro_rules! on {
    ($side:expr, $open:ident => $call:expr) => {
        match $side {
            Side::Server($open) => $call,
            Side::Client($open) => $call,
        }
    };
}

/// An open connection.
struct Open<R: SessionRole, T> {
    driver: Pooled<R, T>,
    codec: Codec,
    protocol: Option<Box<str>>,
    /// The last poll has received all that was here.
    is_waiting: bool,
}

/// The next event of a session, in one of two forms.
type Receive<R, T, E> = fn(&mut Codec, &mut Pooled<R, T>, Duration) -> Option<Result<E, Error>>;

impl<T> std::fmt::Debug for WebSocket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (protocol, is_over) = on!(&self.0, it => (&it.protocol, it.driver.is_over));
        let mut f = f.debug_struct("WebSocket");
        f.field("protocol", protocol).field("is_over", &is_over).finish_non_exhaustive()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    pub(crate) fn server(
        driver: Pooled<Server, T>,
        codec: Codec,
        protocol: Option<Box<str>>,
    ) -> Self {
        Self(Side::Server(Box::new(Open { driver, codec, protocol, is_waiting: false })))
    }

    pub(crate) fn client(
        driver: Pooled<Client<Keys>, T>,
        codec: Codec,
        protocol: Option<Box<str>>,
    ) -> Self {
        Self(Side::Client(Box::new(Open { driver, codec, protocol, is_waiting: false })))
    }

    /// The subprotocol that was negotiated.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        on!(&self.0, it => it.protocol.as_deref())
    }

    /// The transport.
    #[must_use]
    pub const fn transport(&self) -> &T {
        on!(&self.0, it => &it.driver.io)
    }

    /// Waits for the next message or control frame; `None` after the end.
    ///
    /// # Errors
    ///
    /// The connection has failed; what tells the peer is sent. `None` follows.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// Waits for the next text or binary message, like [`recv`](Self::recv), and skips the control
    /// frames.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub async fn recv_message(&mut self) -> Option<Result<Message, Error>> {
        loop {
            match self.recv().await? {
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
                received => return Some(received),
            }
        }
    }

    /// Waits for the next chunk of a message, for messages of any length in constant memory; `None`
    /// after the end. Control frames are handled as by [`recv`](Self::recv), and not returned.
    ///
    /// A chunk is what has arrived, at most 128 KiB. If the message was compressed, it is what that
    /// inflates to, which may be a thousand times as much. [`recv`](Self::recv) skips the rest of a
    /// message whose start was returned here, and this returns a message whole if a dropped `recv`
    /// has received its start. [`Options::max_message_len`](crate::Options::max_message_len) counts
    /// all chunks of a message.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub async fn recv_chunk(&mut self) -> Option<Result<Chunk, Error>> {
        poll_fn(|context| self.poll_recv_chunk(context)).await
    }

    /// Sends a message or control frame, with all that is queued.
    ///
    /// # Errors
    ///
    /// - [`Error::Closed`] after either side's Close, or after an error.
    /// - [`Error::Send`] if a Ping or Pong is longer than 125 bytes (RFC 6455 §5.5), the reason of a
    ///   Close longer than 123, its code must not be sent (§7.4), or a message in chunks is
    ///   incomplete. Nothing is sent, and the connection is unchanged.
    /// - [`Error::Io`] or [`Error::Failed`] if the transport fails, or takes nothing within the
    ///   timeout. The connection is at its end.
    /// - [`Error::Memory`] if there is no memory for the message; nothing is sent.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Queues a message or control frame, once the output is short enough. The next
    /// [`recv`](Self::recv), [`send`](Self::send) or [`flush`](Self::flush) writes it, together with
    /// what else is queued.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        poll_fn(|context| self.poll_ready_to_send(context)).await?;
        self.start_sending(&message.into())
    }

    /// Sends a chunk of a text message, as a fragment. The last one has `fin`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub async fn send_text_chunk(&mut self, chunk: &str, fin: bool) -> Result<(), Error> {
        self.send_chunk(barews::Message::Text(chunk), fin).await
    }

    /// Sends a chunk of a binary message, as a fragment. The last one has `fin`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub async fn send_binary_chunk(&mut self, chunk: &[u8], fin: bool) -> Result<(), Error> {
        self.send_chunk(barews::Message::Binary(chunk), fin).await
    }

    async fn send_chunk(&mut self, chunk: barews::Message<'_>, fin: bool) -> Result<(), Error> {
        poll_fn(|context| self.poll_ready_to_send(context)).await?;
        on!(&mut self.0, it => {
            let Driver { ws, tx, .. } = &mut it.driver;
            it.codec.send_chunk(chunk, fin, ws, tx)?;
        });
        self.flush().await
    }

    /// Writes all that is queued.
    ///
    /// # Errors
    ///
    /// The connection has failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|context| self.poll_flush_all(context)).await
    }

    /// Closes the connection and waits for its end, at most as long as
    /// [`Timeouts::close_within`](barews::keepalive::Timeouts::close_within). Messages that arrive
    /// until then are discarded; to receive them, send [`Message::Close`] and call
    /// [`recv`](Self::recv) until it returns `None`.
    ///
    /// # Errors
    ///
    /// The connection has failed, or the reason is longer than 123 bytes, or the code must not be
    /// sent.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        on!(&mut self.0, it => {
            let now = it.driver.clock.now();
            it.driver.ws.close(code, reason, &mut it.driver.tx, now)?;
        });
        poll_fn(|context| self.poll_end(context)).await
    }

    /// Splits the socket, for a task that receives and another one that sends. The receiver does
    /// what [`recv`](Self::recv) does, so some task must call it. The transport is dropped with the
    /// second half. A lock is held while a half is polled, and never across an `await`.
    #[must_use]
    pub fn split(self) -> (WebSocketSender<T>, WebSocketReceiver<T>) {
        split::split(self)
    }

    pub(crate) fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        on!(&mut self.0, it => it.poll_event(context, Codec::receive))
    }

    pub(crate) fn poll_recv_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Chunk, Error>>> {
        loop {
            let received =
                ready!(on!(&mut self.0, it => it.poll_event(context, Codec::receive_chunk)));
            match received {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Received::Chunk(chunk))) => return Poll::Ready(Some(Ok(chunk))),
                Some(Ok(Received::Control(_))) => {}
            }
        }
    }

    /// Waits until the output is below its high mark.
    pub(crate) fn poll_ready_to_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        on!(&mut self.0, it => {
            while it.driver.tx.is_over_mark() {
                ready!(it.poll_output(context))?;
            }
            Poll::Ready(if it.driver.is_over { Err(Error::Closed) } else { Ok(()) })
        })
    }

    pub(crate) fn start_sending(&mut self, message: &Message) -> Result<(), Error> {
        on!(&mut self.0, it => {
            it.driver.lend(message.as_bytes().len());
            let Driver { ws, tx, clock, .. } = &mut it.driver;
            it.codec.send(message, ws, tx, || clock.now())
        })
    }

    pub(crate) fn poll_flush_all(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        on!(&mut self.0, it => {
            while it.driver.has_output() {
                ready!(it.poll_output(context))?;
            }
        });
        Poll::Ready(Ok(()))
    }

    /// Whether something is queued, or waits inside of the transport.
    pub(crate) const fn has_output(&self) -> bool {
        on!(&self.0, it => it.driver.has_output())
    }

    /// Whether the connection is of no more use.
    pub(crate) const fn is_over(&self) -> bool {
        on!(&self.0, it => it.driver.is_over)
    }

    /// Whether the session has something to do although nothing was received: the output that held
    /// it back is written, or what was written starts a deadline.
    pub(crate) fn wants_turn(&self) -> bool {
        on!(&self.0, it => {
            let ws = &it.driver.ws;
            !ws.wants_read() || ws.deadline().is_some_and(|at| at.is_zero())
        })
    }

    /// Discards what arrives until the end.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match ready!(self.poll_recv_chunk(context)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    pub(crate) fn start_closing(&mut self) -> Result<(), Error> {
        let close = CloseFrame { code: CloseCode::NORMAL, reason: "".into() };
        self.start_sending(&Message::Close(Some(close)))
    }
}

impl<R: SessionRole, T: AsyncRead + AsyncWrite + Unpin> Open<R, T> {
    /// Receives and exchanges bytes until there is something to return.
    fn poll_event<E>(
        &mut self,
        context: &mut Context<'_>,
        receive: Receive<R, T, E>,
    ) -> Poll<Option<Result<E, Error>>> {
        let Self { driver, codec, is_waiting, .. } = self;
        // Only the transport and time can have changed, unless the output held something back.
        let mut has_received = std::mem::take(is_waiting) && driver.ws.wants_read();
        while !driver.is_over {
            let now = driver.clock.now();
            let received = if std::mem::take(&mut has_received) {
                None
            } else {
                driver.lend(0);
                receive(codec, driver, now)
            };
            if let Some(received) = received {
                if let Err(error) = &received {
                    // The Close that tells the peer, as far as the transport takes it.
                    let written = driver.poll_write(context);
                    driver.is_over =
                        matches!(error, Error::Memory) || matches!(written, Poll::Ready(Err(_)));
                }
                return Poll::Ready(Some(received));
            }
            match driver.poll_pooled(now, context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    driver.is_over = true;
                    // A peer that has closed may be gone before it has received the reply.
                    let is_end = matches!(driver.ws.state(), State::RemoteClosed | State::Closed);
                    return Poll::Ready((!is_end).then(|| Err(error.into())));
                }
                Poll::Pending => {
                    codec.give_back(&driver.ws);
                    *is_waiting = true;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(None)
    }

    /// A turn in which nothing is received, so that only the output and its deadline matter.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let driver = &mut self.driver;
        if driver.is_over {
            return Poll::Ready(Err(Error::Closed));
        }
        let now = driver.clock.now();
        driver.ws.pause(true);
        let event = driver.ws.receive(&mut driver.rx, &mut driver.tx, now);
        let turn = match event {
            Some(SessionEvent::Failed(failure)) => {
                _ = driver.poll_write(context);
                Poll::Ready(Err(Error::from(failure)))
            }
            _ => driver.poll_pooled(now, context).map_err(Error::from),
        };
        driver.ws.pause(false);
        match ready!(turn) {
            Ok(()) if driver.is_over => Poll::Ready(Err(Error::Closed)),
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                driver.is_over = true;
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<T> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(context)
    }
}

/// [`poll_close`](Sink::poll_close) closes the connection with the code 1000 and waits for the end,
/// like [`WebSocket::close`].
impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready_to_send(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.start_sending(&message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush_all(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.start_closing()?;
        self.poll_end(context)
    }
}
