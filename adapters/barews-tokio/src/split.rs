//! The two halves of a socket, for two tasks.
//!
//! They share the socket behind a lock that is held only while one of them is polled. Either half
//! may read and write, so the transport always wakes both.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Error;
use crate::message::{Chunk, Message};
use crate::websocket::WebSocket;

struct Shared<T> {
    ws: Mutex<WebSocket<T>>,
    tasks: Arc<Tasks>,
    /// Wakes both tasks.
    waker: Waker,
}

/// The tasks that wait: that of the sender and that of the receiver.
#[derive(Default)]
struct Tasks(Mutex<[Option<Waker>; 2]>);

#[derive(Clone, Copy)]
enum Half {
    Sender,
    Receiver,
}

impl Half {
    const fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

impl Tasks {
    fn slots(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, half: Half, waker: &Waker) {
        let slot = &mut self.slots()[half as usize];
        match slot {
            Some(old) => old.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    fn forget(&self, half: Half) {
        self.slots()[half as usize] = None;
    }

    fn wake_half(&self, half: Half) {
        let waker = self.slots()[half as usize].take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_half(Half::Sender);
        self.wake_half(Half::Receiver);
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Shared<T> {
    fn poll<U>(
        &self,
        half: Half,
        context: &Context<'_>,
        poll: impl FnOnce(&mut WebSocket<T>, &mut Context<'_>) -> Poll<U>,
    ) -> Poll<U> {
        // Before the poll: what it waits for may happen at once.
        self.tasks.wait(half, context.waker());
        let mut ws = self.ws.lock().unwrap_or_else(PoisonError::into_inner);
        let (had_output, was_over) = (ws.has_output(), ws.is_over());
        let polled = poll(&mut ws, &mut Context::from_waker(&self.waker));
        // The transport need not wake a task for what another one has got in the meantime.
        let is_written = had_output && !ws.has_output();
        let concerns_other = match half {
            Half::Sender => is_written && ws.wants_turn(),
            Half::Receiver => is_written,
        };
        let is_over = !was_over && ws.is_over();
        drop(ws);
        if concerns_other || is_over {
            self.tell(half.other());
        }
        if polled.is_ready() {
            self.tasks.forget(half);
        }
        polled
    }

    /// Tells the other half what it may wait for: a Close has a deadline, and an end ends both.
    fn tell(&self, half: Half) {
        self.tasks.wake_half(half);
    }
}

pub(crate) fn split<T>(ws: WebSocket<T>) -> (WebSocketSender<T>, WebSocketReceiver<T>) {
    let tasks = Arc::new(Tasks::default());
    let waker = Waker::from(Arc::clone(&tasks));
    let shared = Arc::new(Shared { ws: Mutex::new(ws), tasks, waker });
    (WebSocketSender(Arc::clone(&shared)), WebSocketReceiver(shared))
}

/// The half of a [`WebSocket`] that sends; see [`WebSocket::split`].
pub struct WebSocketSender<T>(Arc<Shared<T>>);

/// The half of a [`WebSocket`] that receives; see [`WebSocket::split`].
pub struct WebSocketReceiver<T>(Arc<Shared<T>>);

impl<T> std::fmt::Debug for WebSocketSender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocketSender")
    }
}

impl<T> std::fmt::Debug for WebSocketReceiver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocketReceiver")
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocketReceiver<T> {
    /// See [`WebSocket::recv`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::recv`].
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        std::future::poll_fn(|context| self.poll_with(context, WebSocket::poll_recv)).await
    }

    /// See [`WebSocket::recv_chunk`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::recv`].
    pub async fn recv_chunk(&mut self) -> Option<Result<Chunk, Error>> {
        std::future::poll_fn(|context| self.poll_with(context, WebSocket::poll_recv_chunk)).await
    }

    fn poll_with<E>(
        &self,
        context: &Context<'_>,
        poll: impl FnOnce(&mut WebSocket<T>, &mut Context<'_>) -> Poll<Option<Result<E, Error>>>,
    ) -> Poll<Option<Result<E, Error>>> {
        let received = self.0.poll(Half::Receiver, context, poll);
        if matches!(received, Poll::Ready(None | Some(Err(_)))) {
            self.0.tell(Half::Sender);
        }
        received
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocketSender<T> {
    /// See [`WebSocket::send`].
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::send`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        std::future::poll_fn(|context| {
            self.0.poll(Half::Sender, context, WebSocket::poll_flush_all)
        })
        .await
    }

    /// See [`WebSocket::feed`]. Call [`flush`](futures_sink::Sink::poll_flush) or
    /// [`send`](Self::send) afterwards: a receiver that already waits does not write it.
    ///
    /// # Errors
    ///
    /// Those of [`WebSocket::send`].
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        std::future::poll_fn(|context| {
            self.0.poll(Half::Sender, context, WebSocket::poll_ready_to_send)
        })
        .await?;
        self.start(&message.into())
    }

    fn start(&self, message: &Message) -> Result<(), Error> {
        let mut ws = self.0.ws.lock().unwrap_or_else(PoisonError::into_inner);
        let result = ws.start_sending(message);
        drop(ws);
        if matches!(message, Message::Close(_)) {
            self.0.tell(Half::Receiver);
        }
        result
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocketReceiver<T> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_with(context, WebSocket::poll_recv)
    }
}

/// [`poll_close`](Sink::poll_close) sends a Close with the code 1000; the receiver sees the end.
impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocketSender<T> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(Half::Sender, context, WebSocket::poll_ready_to_send)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.start(&message)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(Half::Sender, context, WebSocket::poll_flush_all)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closing = self.0.poll(Half::Sender, context, |ws, context| {
            ws.start_closing()?;
            ws.poll_flush_all(context)
        });
        self.0.tell(Half::Receiver);
        closing
    }
}
