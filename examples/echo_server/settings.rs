//! The command line.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use barews::Config;
use barews::deflate::{Deflate, WindowBits};
use barews::keepalive::Timeouts;

use crate::redis_stream::Source;

/// The longest message to broadcast. It is reassembled in memory first.
const MAX_BROADCAST_LEN: usize = 1 << 20;

pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) threads: usize,
    pub(crate) config: Config,
    pub(crate) max_message_len: usize,
    /// How much memory all clients may use for messages together, in bytes.
    pub(crate) memory: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) protocols: Vec<String>,
    /// The length of a thread's read buffer. Of 16 to 256 KiB, 64 KiB was best: one read takes 32
    /// messages of 1 KiB in flight (2.7 million messages per CPU second; 1.7 with 32 KiB, 0.6 with
    /// 16 KiB), and larger buffers make long messages slower.
    pub(crate) read_len: usize,
    /// With more pending output than this, nothing is read from a client until it falls to
    /// [`low`](Self::low).
    pub(crate) high: usize,
    pub(crate) low: usize,
    pub(crate) broadcast: bool,
    /// Accept compression, with windows of at most this size.
    pub(crate) deflate: Option<WindowBits>,
    /// Where the feed comes from; `None` is this server alone.
    pub(crate) feed: Option<Source>,
    pub(crate) feed_every: Duration,
    pub(crate) stats: bool,
    pub(crate) handover: Option<PathBuf>,
}

pub(crate) const USAGE: &str = "\
An echo server for browsers and other clients.

usage: echo_server [OPTION]...

  --listen ADDR:PORT    where to listen (127.0.0.1:9001); port 0 is any
  --threads N           event loops (one per core)
  --protocol NAME       a subprotocol that the server speaks; may be repeated
  --max-message-len N   the longest message in bytes (67108864)
  --memory N            the memory for messages of all clients together in bytes
                        (268435456); beyond it, the newest long message is refused
                        with the close code 1009
  --deflate             compress for clients that offer permessage-deflate
  --window-bits N       the same with windows of at most 2^N bytes, 8 to 15 (15)
  --broadcast           send each message to every client instead of echoing it
  --feed URL            redis://HOST:PORT/STREAM: the messages at /feed are those of a Redis
                        Stream, which several servers share (needs Redis 7 and a build with
                        --features redis); without it, each server has a feed of its own
  --feed-every MS       the interval at which this server publishes to the feed (1000)
  --timeout NAME=MS     a deadline: handshake, ping, pong, idle, message, write or close;
                        0 is none; may be repeated
  --read-len N          the length of a thread's read buffer in bytes (65536)
  --high-water N        stop reading from a client with more pending output in bytes (262144)
  --low-water N         until it has no more than this (65536)
  --stats               print a line of statistics every second
  --handover PATH       take over the clients of the server with the same arguments,
                        which then ends, and listen on a Unix socket at PATH for a
                        successor; the number of threads stays
  -h, --help            print this text
";

impl Settings {
    /// `None` if help was asked for.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::{Arg, ValueExt};
        let mut settings = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 9001)),
            threads: available_parallelism().map_or(1, usize::from),
            config: Config::new(),
            max_message_len: 64 << 20,
            memory: 256 << 20,
            timeouts: Timeouts::new(),
            protocols: Vec::new(),
            read_len: 64 << 10,
            high: 256 << 10,
            low: 64 << 10,
            broadcast: false,
            deflate: None,
            feed: None,
            feed_every: Duration::from_secs(1),
            stats: false,
            handover: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("listen") => settings.address = parser.value()?.parse()?,
                Arg::Long("threads") => settings.threads = parser.value()?.parse::<usize>()?.max(1),
                Arg::Long("protocol") => settings.protocols.push(parser.value()?.string()?),
                Arg::Long("max-message-len") => {
                    settings.max_message_len = parser.value()?.parse()?;
                }
                Arg::Long("memory") => settings.memory = parser.value()?.parse()?,
                Arg::Long("read-len") => {
                    settings.read_len = parser.value()?.parse::<usize>()?.max(4 << 10);
                }
                Arg::Long("high-water") => settings.high = parser.value()?.parse()?,
                Arg::Long("low-water") => settings.low = parser.value()?.parse()?,
                Arg::Long("timeout") => {
                    settings.timeouts = timeout(settings.timeouts, &parser.value()?.string()?)?;
                }
                Arg::Long("broadcast") => settings.broadcast = true,
                Arg::Long("deflate") => {
                    settings.deflate.get_or_insert(WindowBits::MAX);
                }
                Arg::Long("window-bits") => {
                    let bits = WindowBits::new(parser.value()?.parse()?);
                    settings.deflate = Some(bits.ok_or("--window-bits must be 8 to 15")?);
                }
                Arg::Long("feed") => {
                    settings.feed = Some(Source::parse(&parser.value()?.string()?)?);
                }
                Arg::Long("feed-every") => {
                    settings.feed_every = Duration::from_millis(parser.value()?.parse()?);
                }
                Arg::Long("stats") => settings.stats = true,
                Arg::Long("handover") => settings.handover = Some(parser.value()?.into()),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if settings.broadcast {
            settings.max_message_len = settings.max_message_len.min(MAX_BROADCAST_LEN);
        }
        // These limits count compressed bytes, and incompressible data grows a little.
        let longest = match settings.deflate {
            Some(_) => Deflate::max_len(settings.max_message_len),
            None => settings.max_message_len,
        };
        settings.config = Config::new()
            .max_frame_len(longest as u64)
            .max_message_len(longest as u64)
            .max_fragments(1 << 20)
            // It was checked when it was received.
            .validate_sent_text(false);
        Ok(Some(settings))
    }
}

/// Parses `NAME=MILLISECONDS`; 0 disables the timeout.
fn timeout(timeouts: Timeouts, text: &str) -> Result<Timeouts, Box<dyn Error>> {
    let (name, millis) = text.split_once('=').ok_or("--timeout must be NAME=MILLISECONDS")?;
    let millis: u64 = millis.parse()?;
    let time = (millis > 0).then(|| Duration::from_millis(millis));
    Ok(match name {
        "handshake" => timeouts.handshake_within(time),
        "ping" => timeouts.ping_after(time),
        "pong" => timeouts.pong_within(time),
        "idle" => timeouts.idle_within(time),
        "message" => timeouts.message_within(time),
        "write" => timeouts.write_within(time),
        "close" => timeouts.close_within(time),
        _ => {
            return Err(
                "--timeout: NAME must be handshake, ping, pong, idle, message, write or close"
                    .into(),
            );
        }
    })
}
