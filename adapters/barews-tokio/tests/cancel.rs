//! Futures that are dropped before they are ready, and two halves in every order.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use barews_tokio::{
    Acceptor, CloseCode, CloseFrame, Connector, Error, Message, WebSocket, WebSocketReceiver,
    WebSocketSender,
};
use futures_util::SinkExt;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::Mutex;
use tokio::task::yield_now;

/// A socket whose pipe holds so little that each message needs many polls.
async fn pair(len: usize, is_compressed: bool) -> [WebSocket<DuplexStream>; 2] {
    let (near, far) = duplex(len);
    let (mut acceptor, mut connector) = (Acceptor::new(), Connector::new());
    if is_compressed {
        (acceptor, connector) = (acceptor.deflate(), connector.deflate());
    }
    let accepting = tokio::spawn(async move { acceptor.accept(near).await.unwrap() });
    let client = connector.connect_over(far, "ws://localhost/").await.unwrap();
    [accepting.await.unwrap(), client]
}

/// Polls a future so often, and drops it if it is not ready then.
async fn attempt<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let poll = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

fn message(n: usize) -> Message {
    let text = format!("{n} ").repeat(n);
    if n.is_multiple_of(3) { Message::binary(text.into_bytes()) } else { text.into() }
}

/// Every future of both sides is dropped after one to three polls, wherever that is. No message is
/// lost, repeated or cut.
#[tokio::test]
async fn dropped_futures_change_nothing() {
    for (len, is_compressed) in [(1, false), (5, true), (64, false), (64, true)] {
        let [mut server, mut client] = pair(len, is_compressed).await;
        let echoing = tokio::spawn(async move {
            for n in 0.. {
                let received = loop {
                    if let Some(received) = attempt(server.recv(), 1 + n % 3).await {
                        break received;
                    }
                };
                let Some(received) = received else { return };
                let received = received.unwrap();
                if matches!(received, Message::Close(_)) {
                    continue;
                }
                // Once it is ready, the message is queued.
                while attempt(server.feed(received.clone()), 1).await.is_none() {}
                while attempt(server.flush(), 2).await.is_none() {}
            }
        });
        for n in 0..40 {
            while attempt(client.feed(message(n)), 1).await.is_none() {}
            let received = loop {
                if let Some(received) = attempt(client.recv(), 1 + n % 2).await {
                    break received;
                }
            };
            assert_eq!(received.unwrap().unwrap(), message(n), "{len} {is_compressed}");
        }
        client.close(CloseCode::NORMAL, "").await.unwrap();
        echoing.await.unwrap();
    }
}

/// A dropped `send` has queued the whole message or nothing.
#[tokio::test]
async fn a_dropped_send_sends_all_or_nothing() {
    let [mut server, mut client] = pair(16, false).await;
    let sending = tokio::spawn(async move {
        let mut queued = Vec::new();
        for n in 0..200 {
            if attempt(client.send(format!("message {n}")), 1).await.is_some() {
                queued.push(n);
            }
        }
        client.send(Message::Close(None)).await.unwrap();
        while client.recv().await.is_some() {}
        queued
    });
    let mut received = Vec::new();
    while let Some(message) = server.recv_message().await {
        let message = message.unwrap();
        let n: usize = message.as_text().unwrap()["message ".len()..].parse().unwrap();
        received.push(n);
    }
    let queued = sending.await.unwrap();
    assert!(received.is_sorted_by(|a, b| a < b), "{received:?}");
    assert!(queued.iter().all(|n| received.contains(n)), "{queued:?} {received:?}");
}

/// A `close` that was dropped goes on when it is called again, and the Close is sent once.
#[tokio::test]
async fn a_dropped_close_goes_on() {
    for is_sink in [false, true] {
        let [mut server, mut client] = pair(3, true).await;
        let serving = tokio::spawn(async move {
            let mut received = Vec::new();
            while let Some(message) = server.recv().await {
                received.push(message.unwrap());
            }
            received
        });
        client.feed(message(50)).await.unwrap();
        loop {
            let closed = if is_sink {
                attempt(SinkExt::close(&mut client), 1).await
            } else {
                attempt(client.close(CloseCode::NORMAL, ""), 1).await
            };
            if let Some(closed) = closed {
                break closed.unwrap();
            }
        }
        SinkExt::close(&mut client).await.unwrap();
        let close = CloseFrame { code: CloseCode::NORMAL, reason: "".into() };
        assert_eq!(serving.await.unwrap(), [message(50), Message::Close(Some(close))]);
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// A task of the small scheduler below. It is polled only if it was woken.
struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    is_woken: Arc<Flag>,
    is_done: bool,
}

impl<'a> Task<'a> {
    fn new(future: impl Future<Output = ()> + 'a) -> Self {
        let is_woken = Arc::new(Flag(AtomicBool::new(true)));
        Self { future: Box::pin(future), is_woken, is_done: false }
    }

    fn can_run(&self) -> bool {
        !self.is_done && self.is_woken.0.load(SeqCst)
    }

    fn run(&mut self) {
        self.is_woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.is_woken));
        self.is_done = self.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
    }
}

/// Runs the tasks in the order that `choices` says: each choice is a number of a task that can run.
/// Returns the numbers of alternatives at each step. Panics if none can run and not all are done: a
/// wakeup was lost.
fn run(mut tasks: Vec<Task<'_>>, choices: &[usize]) -> Vec<usize> {
    let mut alternatives = Vec::new();
    while tasks.iter().any(|task| !task.is_done) {
        let ready: Vec<usize> = (0..tasks.len()).filter(|n| tasks[*n].can_run()).collect();
        assert!(!ready.is_empty(), "all tasks wait: {choices:?}");
        let choice = choices.get(alternatives.len()).copied().unwrap_or(0);
        alternatives.push(ready.len());
        tasks[ready[choice]].run();
        assert!(alternatives.len() < 10_000, "no end: {choices:?}");
    }
    alternatives
}

/// The messages of the side that closes.
const CLIENT: usize = 2;
/// Those of the other one, which may be closed before it has sent all.
const SERVER: usize = 3;

async fn send_and_close(mut to: WebSocketSender<DuplexStream>) {
    for n in 0..CLIENT {
        to.send(message(n + 4)).await.unwrap();
    }
    to.send(Message::Close(None)).await.unwrap();
}

async fn send(mut to: WebSocketSender<DuplexStream>) {
    for n in 0..SERVER {
        match to.send(message(n + 4)).await {
            Err(Error::Closed) => return,
            sent => sent.unwrap(),
        }
    }
}

async fn receive(mut from: WebSocketReceiver<DuplexStream>, least: usize, most: usize) {
    let mut n = 0;
    while let Some(received) = from.recv().await {
        let received = received.unwrap();
        if !matches!(received, Message::Close(_)) {
            assert_eq!(received, message(n + 4));
            n += 1;
        }
    }
    assert!((least..=most).contains(&n), "{n}");
}

/// The two halves of both sides are four tasks. All orders in which they can run for the first
/// steps, and for the rest the first one or the last one that can: no wakeup is lost.
#[test]
fn the_halves_run_in_every_order() {
    const DEPTH: usize = 9;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let (mut choices, mut orders) = (Vec::new(), 0);
    loop {
        let [server, client] = runtime.block_on(pair(23, false));
        let ((to_client, from_client), (to_server, from_server)) = (server.split(), client.split());
        let tasks = vec![
            Task::new(send(to_client)),
            Task::new(receive(from_client, CLIENT, CLIENT)),
            Task::new(send_and_close(to_server)),
            Task::new(receive(from_server, 0, SERVER)),
        ];
        let alternatives = run(tasks, &choices);
        orders += 1;
        // The next combination.
        choices.resize(DEPTH.min(alternatives.len()), 0);
        let Some(at) = (0..choices.len()).rposition(|n| choices[n] + 1 < alternatives[n]) else {
            break;
        };
        choices[at] += 1;
        choices.truncate(at + 1);
    }
    assert!(orders > 1000, "{orders}");
    println!("{orders} orders");
}

/// A pipe whose writes are blocked, or fail, while the gate says so. It wakes nobody.
struct Gated {
    pipe: DuplexStream,
    gate: Arc<AtomicU8>,
}

const OPEN: u8 = 0;
const BLOCKED: u8 = 1;
const BROKEN: u8 = 2;

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, space)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.gate.load(SeqCst) {
            OPEN => Pin::new(&mut self.pipe).poll_write(context, bytes),
            BLOCKED => Poll::Pending,
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

/// What one half does for the other wakes it, even if the transport does not.
#[tokio::test]
async fn the_halves_wake_each_other() {
    let (near, far) = duplex(1 << 20);
    let gate = Arc::new(AtomicU8::new(OPEN));
    let gated = Gated { pipe: far, gate: Arc::clone(&gate) };
    let accepting = tokio::spawn(async move { Acceptor::new().accept(near).await.unwrap() });
    let client = Connector::new().connect_over(gated, "ws://localhost/").await.unwrap();
    let mut server = accepting.await.unwrap();
    let (to, from) = client.split();
    let (to, from) = (Mutex::new(to), Mutex::new(from));

    // The receiver writes what the sender waits for.
    gate.store(BLOCKED, SeqCst);
    let mut sending = Task::new(async { to.lock().await.send("one").await.unwrap() });
    sending.run();
    assert!(!sending.is_done && !sending.can_run());
    gate.store(OPEN, SeqCst);
    Task::new(async { drop(from.lock().await.recv().await) }).run();
    assert!(sending.can_run());
    sending.run();
    assert!(sending.is_done);
    assert_eq!(server.recv().await.unwrap().unwrap(), "one".into());

    // The sender writes what has kept the receiver from reading.
    gate.store(BLOCKED, SeqCst);
    let mut filling = Task::new(async {
        let mut to = to.lock().await;
        to.feed(vec![7; 100_000]).await.unwrap();
    });
    filling.run();
    assert!(filling.is_done);
    let mut receiving = Task::new(async {
        let mut from = from.lock().await;
        assert_eq!(from.recv().await.unwrap().unwrap(), "two".into());
        assert!(from.recv().await.is_none());
    });
    receiving.run();
    server.send("two").await.unwrap();
    receiving.run();
    assert!(!receiving.can_run());
    gate.store(OPEN, SeqCst);
    let mut flushing = Task::new(async { to.lock().await.flush().await.unwrap() });
    flushing.run();
    assert!(flushing.is_done && receiving.can_run());
    receiving.run();
    assert!(!receiving.is_done && !receiving.can_run());

    // The sender finds the transport broken.
    gate.store(BROKEN, SeqCst);
    let mut failing = Task::new(async {
        assert!(matches!(to.lock().await.send("three").await, Err(Error::Io(_))));
    });
    failing.run();
    assert!(failing.is_done && receiving.can_run());
    receiving.run();
    assert!(receiving.is_done);
}
