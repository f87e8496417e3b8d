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
//! - `handover`: replaces the process and keeps the connections.
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
mod handover;
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
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
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
use handover::gate::Candidate;
use handover::{Origin, gate, predecessor};
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
    memory::limit(settings.memory);
    let start = Instant::now();
    let Origin { address, seats, feed, gate, predecessor } = origin(&settings, start)?;
    let (feed, gate) = (Arc::new(feed), gate.map(Arc::new));
    let mut polls = Vec::new();
    for seat in seats {
        let poll = Poll::new()?;
        let (sender, notices) = channel();
        let own = Peer::new(sender, worker::waker(&poll)?);
        polls.push((poll, seat, Inbox { notices, own }));
    }
    let peers: Vec<Peer> = polls.iter().map(|(_, _, inbox)| inbox.own.clone()).collect();
    let mut workers = Vec::new();
    for (number, (poll, seat, inbox)) in polls.into_iter().enumerate() {
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
        workers.push(Worker::new(poll, seat, inbox, others, shared, start)?);
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    predecessor.map_or(Ok(()), |predecessor| predecessor.confirm())?;
    let (sender, causes) = channel();
    let run = |worker: Worker| end::report(sender.clone(), move || worker.run());
    let threads: Vec<_> = workers.into_iter().map(run).collect();
    if let Some(source) = &settings.feed {
        source.start(&feed, &peers, (address, settings.feed_every), &sender);
    }
    println!("listening on {address}");
    io::stdout().flush()?;
    if let Some(gate) = &gate {
        gate::watch(Arc::clone(gate), sender.clone());
    }

    let (done, ended) = channel::<()>();
    let ticker = {
        let (peers, settings, stats) = (peers.clone(), Arc::clone(&settings), Arc::clone(&stats));
        let feed = Arc::clone(&feed);
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
    let shut_down = |peers: &[Peer]| peers.iter().for_each(|peer| peer.send(Notice::Shutdown));
    if until_handed_over(&causes, gate.as_deref(), &peers, &feed)? {
        // The clients that stay are told to go when a signal comes.
        thread::spawn(move || {
            while !matches!(causes.recv(), Ok(Cause::Signal) | Err(_)) {}
            shut_down(&peers);
        });
    } else {
        settings.handover.as_deref().inspect(|path| gate::remove(path));
        shut_down(&peers);
    }
    drop(done);
    let _ = ticker.join();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the server at the same path hands over, or else new listeners.
fn origin(settings: &Settings, start: Instant) -> Result<Origin, Box<dyn Error>> {
    let path = settings.handover.as_deref();
    if let Some(path) = path {
        let taken = handover::take_over(path, settings, start)
            .map_err(|error| format!("cannot take over at {}: {error}", path.display()))?;
        if let Some(origin) = taken {
            return Ok(origin);
        }
    }
    let (address, listeners) = listen(settings.address, settings.threads)
        .map_err(|error| format!("cannot listen on {}: {error}", settings.address))?;
    let gate = path.map(gate::listen).transpose();
    let gate = gate.map_err(|error| format!("cannot listen for a successor: {error}"))?;
    Ok(Origin::new(settings, address, listeners, gate))
}

/// Waits until the server has to end. True if another process has taken over.
fn until_handed_over(
    causes: &Receiver<Cause>,
    gate: Option<&UnixListener>,
    peers: &[Peer],
    feed: &Feed,
) -> Result<bool, &'static str> {
    while let Some(Candidate { socket, goes_on }) = end::wait(causes)? {
        let Some(gate) = gate else { continue };
        match predecessor::hand_over(socket, gate, peers, feed) {
            Ok(()) => return Ok(true),
            Err(error) => eprintln!("no hand-over: {error}"),
        }
        let _ = goes_on.send(());
    }
    Ok(false)
}

/// Publishes the feed if it is of this server alone, and prints statistics every second.
fn tick(ended: &Receiver<()>, peers: &[Peer], settings: &Settings, stats: &Stats, feed: &Feed) {
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
