//! The command line.

use std::error::Error;
use std::time::Duration;

use barews::handshake::client::Uri;
use barews::keepalive::Timeouts;

pub(crate) const USAGE: &str = "\
A client for the command line: connects, sends, prints every event, closes; or stays, and comes back.

usage: client ws://HOST[:PORT][/PATH][?QUERY]... [OPTION]...

With several URLs, which need --reconnect, each attempt to connect takes the next one: of servers
with the same feed, another one takes over.

  --send TEXT            send a text; may be repeated
  --protocol NAME        offer a subprotocol; may be repeated
  --origin ORIGIN        name a page as the origin
  --header 'NAME: VALUE' another field of the request; may be repeated
  --deflate              offer compression, and compress the texts if the server agrees
  --reconnect            stay, and connect again after every loss
  --resume               continue the feed after the last number received, and say what was lost
  --until N              end with this number of the feed
  --backoff BASE,CAP     the shortest and longest delay before another attempt in ms (100,30000)
  --timeout NAME=MS      how long to wait: connect (10000), handshake (10000), ping (30000: without
                         input until a Ping is sent), pong (20000), message (60000), write (30000),
                         close (10000); 0 is for ever; may be repeated
  -h, --help             print this text

Exit status: 0 after a clean close, 1 when the handshake is refused or not valid, 2 when the server
breaks the protocol, the connection ends without a closing handshake, or an argument is wrong.
";

const BACKOFF: &str = "--backoff is two numbers of milliseconds, BASE,CAP";
const TIMEOUT: &str = "--timeout is a name and a number of milliseconds: connect=, handshake=, ping=, \
    pong=, message=, write= or close=";
const UNTIL: &str = "--until is a number of the feed";

#[derive(Default)]
pub(crate) struct Arguments {
    /// At least one.
    pub(crate) urls: Vec<String>,
    pub(crate) protocols: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) texts: Vec<String>,
    /// Offer compression.
    pub(crate) deflate: bool,
    /// Stay connected, and reconnect whenever the connection ends.
    pub(crate) reconnect: bool,
    /// Reconnect to the feed after the last number seen.
    pub(crate) resume: bool,
    /// End with this number of the feed; 0 means never.
    pub(crate) until: u64,
    /// The shortest and the longest delay before reconnecting.
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    /// How long a TCP connection may take.
    pub(crate) connect: Option<Duration>,
    pub(crate) timeouts: Timeouts,
}

impl Arguments {
    /// The parts of the URL for an attempt to connect.
    pub(crate) fn uri(&self, attempt: usize) -> Result<Uri<'_>, Box<dyn Error>> {
        parse(&self.urls[attempt % self.urls.len()])
    }

    /// `None` if help was asked for.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::{Arg, ValueExt};
        let mut arguments = Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(30),
            connect: Some(Duration::from_secs(10)),
            ..Self::default()
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(url) => arguments.urls.push(url.string()?),
                Arg::Long("protocol") => arguments.protocols.push(parser.value()?.string()?),
                Arg::Long("origin") => arguments.origin = Some(parser.value()?.string()?),
                Arg::Long("header") => {
                    let header = parser.value()?.string()?;
                    let (name, value) =
                        header.split_once(':').ok_or("--header must be 'Name: value'")?;
                    arguments.headers.push((name.to_owned(), value.trim().to_owned()));
                }
                Arg::Long("send") => arguments.texts.push(parser.value()?.string()?),
                Arg::Long("deflate") => arguments.deflate = true,
                Arg::Long("reconnect") => arguments.reconnect = true,
                Arg::Long("resume") => arguments.resume = true,
                Arg::Long("until") => {
                    arguments.until = parser.value()?.parse().map_err(|_| UNTIL)?;
                }
                Arg::Long("backoff") => {
                    let times = parser.value()?.string()?;
                    let (base, cap) = times.split_once(',').ok_or(BACKOFF)?;
                    arguments.base = Duration::from_millis(base.parse().map_err(|_| BACKOFF)?);
                    arguments.cap = Duration::from_millis(cap.parse().map_err(|_| BACKOFF)?);
                }
                Arg::Long("timeout") => arguments.timeout(&parser.value()?.string()?)?,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if arguments.urls.is_empty() {
            return Err("the URL is missing".into());
        }
        for url in &arguments.urls {
            parse(url)?;
        }
        if let [_, second, ..] = &arguments.urls[..]
            && !arguments.reconnect
        {
            return Err(format!("{second}: a second URL needs --reconnect").into());
        }
        Ok(Some(arguments))
    }

    /// Sets the time of `NAME=MS`.
    fn timeout(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        let (name, millis) = text.split_once('=').ok_or(TIMEOUT)?;
        let millis: u64 = millis.parse().map_err(|_| TIMEOUT)?;
        let time = (millis > 0).then(|| Duration::from_millis(millis));
        self.timeouts = match name {
            "connect" => {
                self.connect = time;
                self.timeouts
            }
            "handshake" => self.timeouts.handshake_within(time),
            "ping" => self.timeouts.ping_after(time),
            "pong" => self.timeouts.pong_within(time),
            "message" => self.timeouts.message_within(time),
            "write" => self.timeouts.write_within(time),
            "close" => self.timeouts.close_within(time),
            _ => return Err(TIMEOUT.into()),
        };
        Ok(())
    }
}

fn parse(url: &str) -> Result<Uri<'_>, Box<dyn Error>> {
    let uri = Uri::parse(url).map_err(|error| format!("{url}: {error}"))?;
    if uri.is_secure() {
        return Err(format!("{url}: this example has no TLS").into());
    }
    Ok(uri)
}
