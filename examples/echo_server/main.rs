//! An echo server on mio, written as for production, with a web page to try it.
//!
//! `cargo run --release --example echo_server`, then open the address that it prints. `-- --help` lists the options.
//!
//! - `main`: one thread per core, each with its own listener on the same port; signals.
//! - `worker`: the event loop of a thread. `timers`: its deadlines.
//! - `client`: a socket. Reads go into a buffer that all clients of a thread share (`read`); all
//!   replies to a read are written at once (`write`).
//! - `session`: bytes in, replies out. Echoes are built in place in the read buffer.
//! - `broadcast`: sends every message to all clients, encoded once. `codec`: compression.
//! - `pool`, `output`: memory for incomplete frames and for unsent output.
//! - `feed`: numbered messages at `/feed?after=N`, with a window to catch up from.

mod broadcast;
mod client;
mod codec;
#[path = "../command_line.rs"]
mod command_line;
mod feed;
mod output;
mod pool;
mod session;
mod settings;
mod stats;
mod timers;
mod worker;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use mio::Poll;
use mio::net::TcpListener;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use socket2::{Domain, Protocol, Socket, Type};

use broadcast::Encoder;
use feed::Feed;
use pool::Pool;
use session::Replies;
use settings::{Settings, USAGE};
use stats::Stats;
use worker::{Notice, Peer, Shared, Worker};

fn main() -> ExitCode {
    command_line::main(USAGE, Settings::parse, run)
}

fn run(settings: Settings) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Arc::new(settings);
    let (stats, feed) = (Arc::new(Stats::default()), Arc::new(Feed::default()));
    let start = Instant::now();
    let first = listen(settings.address)
        .map_err(|error| format!("cannot listen on {}: {error}", settings.address))?;
    // Port 0 is any port, but the same for all threads.
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..settings.threads {
        listeners.push(listen(address)?);
    }

    let mut polls = Vec::new();
    let mut peers = Vec::new();
    for listener in listeners {
        let poll = Poll::new()?;
        let (sender, inbox) = channel();
        peers.push(Peer { sender, waker: worker::waker(&poll)? });
        polls.push((poll, listener, inbox));
    }
    let mut threads = Vec::new();
    for (number, (poll, listener, inbox)) in polls.into_iter().enumerate() {
        let shared = Shared {
            settings: Arc::clone(&settings),
            stats: Arc::clone(&stats),
            feed: Arc::clone(&feed),
            pool: Pool::default(),
            buffer: vec![0; settings.read_len],
            replies: Replies::new(Encoder::new(&settings)),
            now: start.elapsed(),
        };
        let others = peers.iter().enumerate().filter(|(n, _)| *n != number);
        let others = others.map(|(_, peer)| peer.clone()).collect();
        let worker = Worker::new(poll, listener, inbox, others, shared, start)?;
        threads.push(thread::spawn(move || worker.run()));
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    println!("listening on {address}");
    io::stdout().flush()?;

    let (done, ended) = channel::<()>();
    let ticker = {
        let (peers, settings, stats) = (peers.clone(), Arc::clone(&settings), Arc::clone(&stats));
        thread::spawn(move || tick(&ended, &peers, &settings, &stats, &feed))
    };
    signals.forever().next();
    for peer in &peers {
        peer.send(Notice::Shutdown);
    }
    thread::spawn(move || {
        // A second signal ends the process at once.
        signals.forever().next();
        std::process::exit(1);
    });
    drop(done);
    let _ = ticker.join();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(ExitCode::SUCCESS)
}

/// Publishes the feed, and prints statistics every second.
fn tick(
    ended: &std::sync::mpsc::Receiver<()>,
    peers: &[Peer],
    settings: &Settings,
    stats: &Stats,
    feed: &Feed,
) {
    let second = Duration::from_secs(1);
    let mut next = Instant::now() + second;
    while ended.recv_timeout(settings.feed_every) == Err(RecvTimeoutError::Timeout) {
        feed.publish();
        for peer in peers {
            peer.send(Notice::Feed);
        }
        if settings.stats && Instant::now() >= next {
            next += second;
            println!("{stats}");
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(TcpListener::from_std(socket.into()))
}
