//! A million connections in one process, with random traffic in random pieces.
//!
//! `cargo run --release --example million -- [--asleep]`
//!
//! Half of them are servers, half clients; the peer of each is a connection of the other role. As
//! in an event loop, all share one read buffer: a connection only keeps its unread bytes, in a
//! pooled buffer. Exit status 1 if anything is lost, or if a million idle connections need more
//! than 300 MB.
//!
//! With `--asleep`, a connection is sealed after it has read what has arrived, and unsealed for the
//! next bytes: a million idle ones need 24 MB at most.
#![allow(clippy::cast_precision_loss, reason = "rounded for display")]

#[path = "../command_line.rs"]
mod command_line;
mod table;

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use barews::{CloseCode, Config, Connection, Event, Input, Kind, MIN_BUFFER_LEN, Role, State};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::prelude::*;

use table::Table;

const CONFIG: Config = Config::new();
type Done<T> = Result<T, Box<dyn Error>>;

/// How many connections have traffic at the same time.
const WINDOW: usize = 1024;
const TEXT: &str = "plain words, then Žluťoučký kůň, façade and 春眠不覚暁、処処聞啼鳥。";

/// Counts of what was sent or received. `sum` is the sum of all payload bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    messages: u64,
    controls: u64,
    sum: u64,
}

impl Tally {
    fn piece(&mut self, payload: &[u8], fin: bool) {
        self.messages += u64::from(fin);
        self.sum += payload.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    }
}

/// Generates the stream of a peer. It ends after a complete message or a Close.
fn talk<R: Role>(mut peer: Connection<R>, random: &mut Rng, sent: &mut Tally) -> Done<Vec<u8>> {
    let (mut wire, mut out, mut noise) = (Vec::new(), [0; 2048], [0; 1024]);
    random.fill(&mut noise);
    for _ in 0..random.usize(1..6) {
        let text = TEXT.repeat(random.usize(..4));
        let binary = (Kind::Binary, &noise[..random.usize(..=1024)]);
        let (kind, mut rest) = if random.bool() { (Kind::Text, text.as_bytes()) } else { binary };
        let mut fin = false;
        while !fin {
            if random.u8(..8) == 0 {
                let n = peer.send_ping(b"still there?", &mut out)?;
                wire.extend(&out[..n]);
                sent.controls += 1;
            }
            fin = random.u8(..4) > 0;
            // A fragment may end inside a character.
            let now = if fin { rest.len() } else { random.usize(..=rest.len()) };
            let fragment = rest.split_off(..now).unwrap_or_default();
            let n = peer.send_fragment(kind, fin, fragment, &mut out)?;
            wire.extend(&out[..n]);
            sent.piece(fragment, fin);
        }
    }
    if random.u8(..32) == 0 {
        let n = peer.send_close(CloseCode::NORMAL, "enough", &mut out)?;
        wire.extend(&out[..n]);
        sent.controls += 1;
    }
    Ok(wire)
}

/// The state of the event loop apart from the connections.
#[derive(Default)]
struct Loop {
    read: Vec<u8>,
    /// The unread bytes of each connection that has any; most have none.
    unread: HashMap<usize, Vec<u8>>,
    pool: Vec<Vec<u8>>,
    received: Tally,
}

impl Loop {
    /// Processes received bytes. Returns whether the connection is closed.
    fn feed<R: Role>(&mut self, ws: &mut Connection<R>, index: usize, bytes: &[u8]) -> Done<bool> {
        self.read.clear();
        if let Some(mut unread) = self.unread.remove(&index) {
            self.read.append(&mut unread);
            self.pool.push(unread);
        }
        self.read.extend(bytes);
        let (mut input, mut out) = (Input::new(&mut self.read), [0; MIN_BUFFER_LEN]);
        loop {
            match ws.receive(&mut input)? {
                Event::Data(data) => self.received.piece(data.payload, data.fin),
                // Without a reply the event is not counted, and the totals differ.
                Event::Ping(_) | Event::Close(_) if ws.transmit(&mut out)? == 0 => {}
                Event::Ping(_) | Event::Close(_) => self.received.controls += 1,
                Event::Pong(_) => return Err("received a Pong that was not sent".into()),
                Event::NeedMore(_) => break,
            }
        }
        if !input.is_empty() {
            let unread = self.unread.entry(index).or_insert(self.pool.pop().unwrap_or_default());
            unread.extend_from_slice(input.unread());
        }
        Ok(ws.state() == State::Closed)
    }
}

/// The resident memory of this process in bytes, where the system reports it.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? << 10)
}

const USAGE: &str = "\
A million connections in one process, each with random traffic in random pieces, counted.

usage: million [OPTION]...

  --connections N  how many (1000000)
  --rounds N       how often each gets something to read (3)
  --asleep         seal each connection while nothing arrives for it
  -h, --help       print this text
";

fn main() -> ExitCode {
    command_line::main(USAGE, parse, run)
}

/// What the command line asks for.
struct Options {
    count: usize,
    rounds: usize,
    sleeps: bool,
}

/// `None` if help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Done<Option<Options>> {
    let (mut count, mut rounds, mut sleeps) = (1_000_000, 3, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("connections") => count = arguments.value()?.parse()?,
            Long("rounds") => rounds = arguments.value()?.parse()?,
            Long("asleep") => sleeps = true,
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(Options { count, rounds, sleeps }))
}

fn run(Options { count, rounds, sleeps }: Options) -> Done<ExitCode> {
    let before = resident();
    let mut connections = Table::new(count, sleeps);
    let grown = before.zip(resident()).map(|(before, after)| after.saturating_sub(before));
    let (size, most) = (connections.size(), connections.most_megabytes());
    let each = size.max(grown.unwrap_or_default() / count.max(100_000));
    let grown = grown.map_or("unknown".into(), |grown| format!("{} MB", grown / 1_000_000));
    println!("{count} idle connections of {size} bytes; memory growth: {grown}");
    let verdict = if each <= most { "at most" } else { "MORE THAN" };
    println!("a million need {each} MB, {verdict} {most}");

    let style = ProgressStyle::with_template("{wide_bar} {percent}% {eta}")?;
    let bar = ProgressBar::new((count * rounds) as u64).with_style(style);
    let mut random = Rng::with_seed(6455);
    let (mut sent, mut event_loop, mut time) = (Tally::default(), Loop::default(), Duration::ZERO);
    for start in (0..rounds).flat_map(|_| (0..count).step_by(WINDOW)) {
        let window = start..count.min(start + WINDOW);
        let mut wires = Vec::new();
        for index in window.clone() {
            let mut keys = random.fork();
            let client = Connection::client(CONFIG, || keys.u32(..).to_le_bytes());
            let wire = if Table::is_server(index) {
                talk(client, &mut random, &mut sent)
            } else {
                talk(Connection::server(CONFIG), &mut random, &mut sent)
            };
            wires.push((index, wire?, 0));
        }
        let clock = Instant::now();
        while !wires.is_empty() {
            let at = random.usize(..wires.len());
            let (index, wire, done) = &mut wires[at];
            let len = random.usize(1..=[8, 150, 1500][at % 3]);
            let piece = &wire[*done..wire.len().min(*done + len)];
            connections.feed(*index, piece, &mut event_loop)?;
            *done += piece.len();
            if *done == wire.len() {
                wires.swap_remove(at);
            }
        }
        time += clock.elapsed();
        bar.inc(window.len() as u64);
    }
    bar.finish_and_clear();

    let Loop { received, unread, pool, .. } = event_loop;
    let rate = received.messages as f64 / time.as_secs_f64() / 1e6;
    println!("received: {received:?}, {rate:.2} million messages per second");
    println!("{} pooled buffers held all unread bytes", pool.len());
    if sleeps {
        println!("{} of {count} connections are awake", connections.awake());
    }
    if sent != received || !unread.is_empty() || each > most {
        return Err(format!("sent: {sent:?}; {} have unread bytes", unread.len()).into());
    }
    Ok(ExitCode::SUCCESS)
}
