//! An echo server on mio with buffers from a pool: an idle client holds none.
//!
//! `cargo run -p barews-programs --bin epoll -- 127.0.0.1:9001`
//!
//! Frames are received whole, in a block that is replaced by one of twice the length once it is more than half full: not
//! earlier, however long a frame its header announces. In its turn, a client writes once and reads once, so that none
//! starves the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Config, Delivery, RecvBuffer, SendBuffer, Server, TransportAction};
use mio::{Events, Interest, Poll, Token, net};

type Failure = Box<dyn std::error::Error>;
type Block = Box<[u8]>;
/// The blocks that no client holds, by their lengths: 0, 4 KiB, 8 KiB, ...
type Pool = BTreeMap<usize, Vec<Block>>;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Replaces a buffer's block by one of at least `len` bytes.
fn replace(pool: &mut Pool, len: usize, grow: impl FnOnce(Block) -> Result<Block, Block>) {
    let len = if len == 0 { 0 } else { len.max(4096).next_power_of_two() };
    let block = pool.entry(len).or_default().pop();
    let (Ok(old) | Err(old)) = grow(block.unwrap_or_else(|| vec![0; len].into()));
    pool.entry(old.len()).or_default().push(old);
}

/// `None` if the socket is not ready.
fn ready(result: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

struct Client {
    stream: net::TcpStream,
    ws: Session<Server>,
    rx: RecvBuffer<Block>,
    tx: SendBuffer<Block>,
}

impl Client {
    fn new(stream: net::TcpStream, now: Duration) -> Self {
        let config = Config::new().delivery(Delivery::Frames).max_message_len(2 << 20);
        let ws = Session::server(config, Timeouts::new(), now);
        let tx = SendBuffer::with_marks(Block::default(), 32 << 10, 64 << 10);
        Self { stream, ws, rx: RecvBuffer::new(Block::default()), tx }
    }

    /// Returns whether there may be more to do, or an error at the end.
    fn turn(&mut self, blocks: &mut Pool, now: Duration) -> Result<bool, Failure> {
        let Self { stream, ws, rx, tx } = self;
        // The echoes are shorter than what was received, and other answers are short.
        if let Err(full) = tx.spare_mut(rx.len() + 512) {
            replace(blocks, full.needed, |block| tx.grow(block));
        }
        while let Some(event) = ws.receive(rx, tx, now) {
            match event {
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), tx, now)?,
                SessionEvent::Data(it) => ws.send_fragment(it.kind, it.fin, it.payload, tx)?,
                SessionEvent::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
        let written = ready(tx.write_with(|bytes| stream.write(bytes)))?;
        match ws.transport_action(tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => stream.shutdown(std::net::Shutdown::Write)?,
            TransportAction::Drop => return Err("the end".into()),
        }
        if let Err(full) = rx.reserve(rx.need_more().min(rx.len().max(1))) {
            replace(blocks, full.needed, |block| rx.grow(block));
        }
        let mut read = None;
        if ws.wants_read() {
            read = ready(rx.read_with(|space| stream.read(space)))?;
        }
        if read.is_none() && rx.is_empty() && tx.is_empty() {
            replace(blocks, 0, |block| rx.grow(block));
            replace(blocks, 0, |block| tx.grow(block));
        }
        Ok(read.is_some() || written > Some(0))
    }
}

fn main() -> Result<(), Failure> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let mut listener = net::TcpListener::bind(address.parse()?)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut poll, mut events, start) = (Poll::new()?, Events::with_capacity(256), Instant::now());
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut blocks, mut clients) = (Pool::new(), BTreeMap::<usize, Client>::new());
    // The tokens of those who have a turn, and of the newest client.
    let (mut turns, mut newest) = (BTreeSet::new(), 0);
    loop {
        let next = clients.values().filter_map(|it| it.ws.deadline()).min();
        let wait = next.map(|at| at.saturating_sub(start.elapsed()));
        // A signal may interrupt it, which changes nothing.
        _ = poll.poll(&mut events, if turns.is_empty() { wait } else { Some(Duration::ZERO) });
        let now = start.elapsed();
        turns.extend(events.iter().map(|event| event.token().0));
        turns.extend(clients.iter().filter(|it| it.1.ws.deadline() <= Some(now)).map(|it| *it.0));
        for id in std::mem::take(&mut turns) {
            match clients.get_mut(&id).map(|client| client.turn(&mut blocks, now)) {
                Some(Ok(more)) => turns.extend(more.then_some(id)),
                Some(Err(_)) => turns.extend(clients.remove(&id).map(|_| 0)),
                None => {
                    // After another error, the next attempt is when a client has left.
                    let Ok((mut stream, _)) = listener.accept() else { continue };
                    newest += 1;
                    // If that fails, the client expires.
                    _ = poll.registry().register(&mut stream, Token(newest), BOTH);
                    clients.insert(newest, Client::new(stream, now));
                    turns.insert(0);
                }
            }
        }
    }
}
