//! An echo server for browsers and other clients, on mio.
//!
//! `cargo run --release --example echo_server -- [--listen ADDR:PORT] [--protocol NAME]...
//! [--max-message-len N]`, then open the address that it prints.
//!
//! One thread, one read buffer for all clients. A client owns only what is left of an incomplete
//! frame, and what could not be written yet; while that is much, nothing is read from it.

mod client;
mod session;

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use barews::Config;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use client::{Client, Progress};
use session::Settings;

const LISTENER: Token = Token(usize::MAX);
const READ_LEN: usize = 64 << 10;
/// How often clients that should have gone are looked for.
const SWEEP: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let (address, settings) = arguments()?;
    let mut listener = TcpListener::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;

    let settings = Rc::new(settings);
    let mut clients: Slab<Client> = Slab::new();
    let mut buffer = vec![0; READ_LEN];
    let mut events = Events::with_capacity(1024);
    // Clients that have more to read but gave way to the others.
    let mut ready: VecDeque<Token> = VecDeque::new();
    let mut swept = Instant::now();
    loop {
        let timeout = if ready.is_empty() { SWEEP } else { Duration::ZERO };
        match poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut clients, &settings)?;
            } else if let Some(client) = clients.get_mut(event.token().0) {
                client.notify(event);
                ready.push_back(event.token());
            }
        }
        for _ in 0..ready.len() {
            let Some(token) = ready.pop_front() else { break };
            let Some(client) = clients.get_mut(token.0) else { continue };
            match client.proceed(&mut buffer) {
                Progress::Waiting => {}
                Progress::More => ready.push_back(token),
                Progress::Ended => drop(clients.remove(token.0)),
            }
        }
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            clients.retain(|_, client| !client.is_overdue(swept));
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    clients: &mut Slab<Client>,
    settings: &Rc<Settings>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // The client is gone again, or there are no descriptors left: the others go on.
            Err(error) => {
                eprintln!("accept: {error}");
                return Ok(());
            }
        };
        stream.set_nodelay(true)?;
        let entry = clients.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Client::new(stream, Rc::clone(settings)));
    }
}

fn arguments() -> Result<(SocketAddr, Settings), Box<dyn Error>> {
    use lexopt::{Arg, ValueExt};
    let mut address = SocketAddr::from(([127, 0, 0, 1], 9001));
    let mut protocols = Vec::new();
    let mut max_message_len = 64 << 20;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("listen") => address = parser.value()?.parse()?,
            Arg::Long("protocol") => protocols.push(parser.value()?.string()?),
            Arg::Long("max-message-len") => max_message_len = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let config = Config::new()
        .max_frame_len(max_message_len)
        .max_message_len(max_message_len)
        .max_fragments(1 << 20);
    Ok((address, Settings { config, protocols }))
}
