//! An echo server on mio, written as for production, with a web page to try it.
//!
//! `cargo run --release --example echo_server`, then open the address that it prints. `-- --help` lists the options.
//!
//! - `main`: one thread per core, each with its own listener on the same port; signals.
//! - `worker`: the event loop of a thread. `timers`: its deadlines.
//! - `client`: a socket and its [`Session`](barews::session::Session), and what one turn does.
//! - `echo`: the echo of a message.
//! - `service`: what a client asked for: echo, compressed echo, broadcast, feed, or the page.
//! - `broadcast`: sends every message to all clients.
//! - `buffers`: those of the thread, lent to the client whose turn it is; an idle one has none.
//! - `memory`: what messages may take, per process.
//! - `end`: why the server ends.
//! - `feed`: numbered messages at `/feed?after=N`, with a window to catch up from.
//! - `redis_stream`: with `--feed`, its messages are those of a Redis Stream, which several servers share.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "no client can end a thread"
)]

mod broadcast;
mod buffers;
mod client;
#[path = "../command_line.rs"]
mod command_line;
mod echo;
mod end;
mod feed;
mod memory;
#[cfg_attr(not(feature = "redis"), path = "no_redis.rs")]
mod redis_stream;
mod service;
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
use buffers::Lender;
use end::Cause;
use feed::Feed;
use memory::{Memory, Pool};
use settings::{Settings, USAGE};
use stats::Stats;
use worker::{Inbox, Notice, Peer, Shared, Worker};

fn main() -> ExitCode {
    command_line::main(USAGE, Settings::parse, run)
}

fn run(settings: Settings) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Arc::new(settings);
    let stats = Arc::new(Stats::default());
    let feed = Arc::new(if settings.feed.is_some() { Feed::remote() } else { Feed::new() });
    memory::limit(settings.memory);
    let start = Instant::now();
    let (address, listeners) = listen(settings.address, settings.threads)
        .map_err(|error| format!("cannot listen on {}: {error}", settings.address))?;

    let mut polls = Vec::new();
    for listener in listeners {
        let poll = Poll::new()?;
        let (sender, notices) = channel();
        let own = Peer::new(sender, worker::waker(&poll)?);
        polls.push((poll, listener, Inbox { notices, own }));
    }
    let peers: Vec<Peer> = polls.iter().map(|(_, _, inbox)| inbox.own.clone()).collect();
    let (sender, causes) = channel();
    let mut threads = Vec::new();
    for (number, (poll, listener, inbox)) in polls.into_iter().enumerate() {
        let shared = Shared {
            settings: Arc::clone(&settings),
            stats: Arc::clone(&stats),
            feed: Arc::clone(&feed),
            pool: Pool::default(),
            lender: Lender::new(&settings),
            message: Memory::default(),
            messages: 0,
            encoder: Encoder::new(&settings)?,
            broadcasts: Vec::new(),
            now: start.elapsed(),
        };
        let others = peers.iter().enumerate().filter(|(n, _)| *n != number);
        let others = others.map(|(_, peer)| peer.clone()).collect();
        let worker = Worker::new(poll, listener, inbox, others, shared, start)?;
        threads.push(end::report(sender.clone(), move || worker.run()));
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if let Some(source) = &settings.feed {
        source.start(&feed, &peers, (address, settings.feed_every), &sender);
    }
    println!("listening on {address}");
    io::stdout().flush()?;

    let (done, ended) = channel::<()>();
    let ticker = {
        let (peers, settings, stats) = (peers.clone(), Arc::clone(&settings), Arc::clone(&stats));
        thread::spawn(move || tick(&ended, &peers, &settings, &stats, &feed))
    };
    thread::spawn(move || {
        for (count, _) in signals.forever().enumerate() {
            if count > 0 {
                // A second signal ends the process at once.
                std::process::exit(1);
            }
            let _ = sender.send(Cause::Signal);
        }
    });
    end::wait(&causes)?;
    for peer in &peers {
        peer.send(Notice::Shutdown);
    }
    drop(done);
    let _ = ticker.join();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(ExitCode::SUCCESS)
}

/// Publishes the feed if it is of this server alone, and prints statistics every second.
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
        if settings.feed.is_none() {
            feed.publish();
            peers.iter().for_each(Peer::feed);
        }
        if settings.stats && Instant::now() >= next {
            next += second;
            println!("{stats}");
        }
    }
}

/// Listeners on the same address, one per thread. Fails if another process listens there.
fn listen(address: SocketAddr, threads: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let first = socket(address)?;
    // Without the option, the port is not shared with another process.
    first.bind(&address.into())?;
    // Port 0 is any port, but the same for all threads.
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    for _ in 1..threads {
        sockets.push(socket(address)?);
    }
    let mut listeners = Vec::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        #[cfg(unix)]
        if threads > 1 {
            socket.set_reuse_port(true)?;
        }
        if number > 0 {
            socket.bind(&address.into())?;
        }
        socket.listen(1024)?;
        listeners.push(TcpListener::from_std(socket.into()));
    }
    Ok((address, listeners))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
