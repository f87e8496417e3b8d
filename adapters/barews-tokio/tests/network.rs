//! A faulty network under a paused clock, and clients that come and go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use barews_tokio::{Acceptor, CloseCode, Connector, Message, WebSocket};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// A pipe that delays, divides and may cut what passes through it.
struct Faulty {
    pipe: DuplexStream,
    random: StdRng,
    delays: [Option<Pin<Box<Sleep>>>; 2],
    /// How many bytes pass before the fault.
    left: usize,
    fault: Fault,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Reset,
    /// Nothing passes any more.
    Silence,
}

impl Faulty {
    fn new(pipe: DuplexStream, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let fault = [Fault::None, Fault::None, Fault::Reset, Fault::Silence];
        let fault = fault[random.random_range(0..fault.len())];
        let left = random.random_range(0..20_000);
        Self { pipe, random, delays: [None, None], left, fault }
    }

    /// How many bytes may pass now.
    fn poll_pass(&mut self, way: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            match self.fault {
                Fault::None => {}
                Fault::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Fault::Silence => return Poll::Pending,
            }
        }
        if self.delays[way].is_none() && self.random.random_bool(0.05) {
            let delay = Duration::from_millis(self.random.random_range(1..500));
            self.delays[way] = Some(Box::pin(sleep(delay)));
        }
        if let Some(delay) = &mut self.delays[way] {
            ready!(delay.as_mut().poll(context));
            self.delays[way] = None;
        }
        let most = self.random.random_range(1..2000);
        Poll::Ready(Ok(if self.left == 0 { most } else { most.min(self.left) }))
    }

    fn passed(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n);
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = ready!(self.poll_pass(0, context))?;
        let mut part = out.take(most);
        ready!(Pin::new(&mut self.pipe).poll_read(context, &mut part))?;
        let n = part.filled().len();
        out.advance(n);
        self.passed(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = ready!(self.poll_pass(1, context))?;
        let n =
            ready!(Pin::new(&mut self.pipe).poll_write(context, &bytes[..most.min(bytes.len())]))?;
        self.passed(n);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

const MESSAGES: usize = 12;

fn message(seed: u64, n: usize) -> Message {
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(n as u64));
    let len = [3, 100, 1000, 9000][random.random_range(0..4)];
    let text: String = (0..len).map(|_| char::from(random.random_range(b'a'..=b'e'))).collect();
    if random.random() { text.into() } else { Message::binary(text.into_bytes()) }
}

/// Sends and receives at once, and returns how many messages came. They are those that were sent,
/// in order, once.
async fn talk(ws: WebSocket<Faulty>, own: u64, theirs: u64) -> (usize, bool) {
    let (mut to, mut from) = ws.split();
    let (mut sent, mut received) = (0, 0);
    loop {
        if received == MESSAGES && sent == MESSAGES {
            // Both sides do so. All messages are before the Close.
            _ = to.feed(Message::Close(None)).await;
        }
        tokio::select! {
            result = to.feed(message(own, sent)), if sent < MESSAGES => {
                if result.is_err() {
                    return (received, false);
                }
                sent += 1;
            }
            event = from.recv() => match event {
                Some(Ok(Message::Text(_) | Message::Binary(_))) if received == MESSAGES => {
                    panic!("one message too many");
                }
                Some(Ok(it @ (Message::Text(_) | Message::Binary(_)))) => {
                    assert_eq!(it, message(theirs, received));
                    received += 1;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) => return (received, false),
                None => return (received, true),
            }
        }
    }
}

async fn run(seed: u64) -> bool {
    let (near, far) = duplex(256 << (seed % 6));
    let (near, far) = (Faulty::new(near, seed), Faulty::new(far, !seed));
    let is_faulty = !matches!((near.fault, far.fault), (Fault::None, Fault::None));
    let (mut acceptor, mut connector) = (Acceptor::new(), Connector::new());
    if seed.is_multiple_of(2) {
        (acceptor, connector) = (acceptor.deflate(), connector.deflate());
    }
    let server = tokio::spawn(async move {
        match acceptor.accept(near).await {
            Ok(ws) => talk(ws, 1000 * seed, 7000 * seed).await,
            Err(_) => (0, false),
        }
    });
    let client = async {
        match connector.connect_over(far, "ws://localhost/").await {
            Ok(ws) => talk(ws, 7000 * seed, 1000 * seed).await,
            Err(_) => (0, false),
        }
    };
    // Every deadline is shorter; messages and delays take the rest.
    let both = timeout(Duration::from_secs(600), async { (client.await, server.await.unwrap()) });
    let ((at_client, _), (at_server, is_clean)) = both.await.expect("both sides end");
    let is_complete = at_client == MESSAGES && at_server == MESSAGES && is_clean;
    assert!(is_faulty || is_complete, "{seed}: {at_client}, {at_server}, {is_clean}");
    is_faulty
}

/// `SEEDS=N` runs more than 100.
#[tokio::test(start_paused = true)]
async fn every_message_arrives_once_and_both_sides_end() {
    let seeds = std::env::var("SEEDS").map_or(100, |seeds| seeds.parse().unwrap());
    let mut faulty = 0;
    for seed in 0..seeds {
        faulty += u64::from(run(seed).await);
    }
    assert!(faulty > seeds / 4 && faulty < seeds, "{faulty}");
}

/// Clients that end at any moment: before the request, within it, while a message is sent, while
/// they close.
#[tokio::test]
async fn ten_thousand_clients_come_and_go() {
    const CLIENTS: usize = 10_000;
    let served = Arc::new(AtomicUsize::new(0));
    let mut random = StdRng::seed_from_u64(1);
    let start = Instant::now();
    for _ in 0..CLIENTS / 100 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (near, mut far) = duplex(64);
            let served = Arc::clone(&served);
            tasks.spawn(async move {
                if let Ok(mut ws) = Acceptor::new().deflate().accept(near).await {
                    while let Some(Ok(message)) = ws.recv_message().await {
                        if ws.send(message).await.is_err() {
                            break;
                        }
                    }
                }
                served.fetch_add(1, SeqCst);
            });
            let (end, polls) = (random.random_range(0..4), random.random_range(1..60_u64));
            tasks.spawn(async move {
                if end == 0 {
                    _ = far.write_all(b"GET / HTTP/1.1\r\nHost: ").await;
                    return;
                }
                let all = async {
                    let connector = Connector::new().deflate();
                    let mut ws = connector.connect_over(far, "ws://localhost/").await?;
                    ws.send("x".repeat(1000)).await?;
                    ws.recv().await;
                    ws.close(CloseCode::NORMAL, "").await
                };
                // The future is dropped wherever it is.
                tokio::select! {
                    biased;
                    () = async { for _ in 0..polls { tokio::task::yield_now().await } } => {}
                    _ = all => {}
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
    }
    assert_eq!(served.load(SeqCst), CLIENTS);
    println!("{:?}", start.elapsed());
}
