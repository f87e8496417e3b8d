//! A load generator and a hostile client for WebSocket echo servers, on mio.
//!
//! `cargo run --release --example load` sends as fast as the echoes come, compares every byte of them, and measures. With
//! `-- --torment` it is hostile instead: see [`torment`]. `-- --help` lists the options. Exit status 0 only if no echo was
//! wrong.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]
#![allow(clippy::cast_possible_truncation, reason = "all of it fits into this machine's memory")]

mod client;
#[path = "../command_line.rs"]
mod command_line;
mod fault;
mod open;
mod process;
mod report;
mod run;
mod script;
mod torment;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use barews::Kind;

use run::Load;
use script::Shape;
use torment::Torment;

/// The longest message.
const MOST: usize = 64 << 20;

const USAGE: &str = "\
Load and torment for WebSocket echo servers. Exit status 0 only if no echo was wrong.

usage: load [OPTION]...
       load --torment [OPTION]...

  --connect ADDR:PORT   the server (127.0.0.1:9001)
  --connections N       how many are open at the same time (50; with --torment 100)
  --seconds S           how long it takes (2; with --torment 30)
  --pid PID             the server's process, whose CPU time and memory are read from /proc
  --json                print JSON
  --torment             be hostile: slow lorises, floods, resets
  --rounds N            with --torment: rounds of it (10)
  --pipeline N          messages in flight per connection (1)
  --size BYTES          the length of a message (125)
  --text                send texts instead of binary messages
  --ping-every N        a Ping after every N messages (none)
  --fragment BYTES      the length of a fragment (messages are not fragmented)
  -h, --help            print this text
";

fn main() -> ExitCode {
    command_line::main(USAGE, Arguments::parse, |arguments| run(&arguments))
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let right = if arguments.torment {
        let report = torment::run(&arguments.torment())?;
        report.print(arguments.json)?;
        report.is_right()
    } else {
        let report = run::run(&arguments.load())?;
        report.print(arguments.json)?;
        report.is_right()
    };
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Arguments {
    address: SocketAddr,
    torment: bool,
    connections: Option<usize>,
    rounds: u32,
    pipeline: u64,
    size: usize,
    text: bool,
    ping_every: u64,
    fragment: usize,
    time: Option<Duration>,
    patience: Option<Duration>,
    pid: Option<u32>,
    json: bool,
}

impl Arguments {
    /// `None` if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::{Arg, ValueExt};
        let mut all = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 9001)),
            torment: false,
            connections: None,
            rounds: 10,
            pipeline: 1,
            size: 125,
            text: false,
            ping_every: 0,
            fragment: 0,
            time: None,
            patience: None,
            pid: None,
            json: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("connect") => all.address = parser.value()?.parse()?,
                Arg::Long("torment") => all.torment = true,
                Arg::Long("connections") => all.connections = Some(parser.value()?.parse()?),
                Arg::Long("rounds") => all.rounds = parser.value()?.parse()?,
                Arg::Long("pipeline") => all.pipeline = parser.value()?.parse()?,
                Arg::Long("size") => all.size = parser.value()?.parse()?,
                Arg::Long("text") => all.text = true,
                Arg::Long("ping-every") => all.ping_every = parser.value()?.parse()?,
                Arg::Long("fragment") => all.fragment = parser.value()?.parse()?,
                Arg::Long("seconds") => {
                    all.time = Some(Duration::try_from_secs_f64(parser.value()?.parse()?)?);
                }
                Arg::Long("patience") => {
                    all.patience = Some(Duration::try_from_secs_f64(parser.value()?.parse()?)?);
                }
                Arg::Long("pid") => all.pid = Some(parser.value()?.parse()?),
                Arg::Long("json") => all.json = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if all.size > MOST {
            return Err(format!("--size must be at most {MOST}").into());
        }
        if all.connections == Some(0) || all.pipeline == 0 || all.rounds == 0 {
            return Err("--connections, --pipeline and --rounds must be at least 1".into());
        }
        Ok(Some(all))
    }

    fn load(&self) -> Load {
        Load {
            address: self.address,
            connections: self.connections.unwrap_or(50),
            pipeline: self.pipeline,
            shape: Shape {
                kind: if self.text { Kind::Text } else { Kind::Binary },
                len: self.size,
                fragment_len: self.fragment,
                ping_every: self.ping_every,
            },
            time: self.time.unwrap_or(Duration::from_secs(2)),
            patience: self.patience.unwrap_or(Duration::from_secs(10)),
            server: self.pid,
        }
    }

    fn torment(&self) -> Torment {
        Torment {
            address: self.address,
            connections: self.connections.unwrap_or(100),
            rounds: self.rounds,
            time: self.time.unwrap_or(Duration::from_secs(30)),
            patience: self.patience.unwrap_or_default(),
            server: self.pid,
        }
    }
}
