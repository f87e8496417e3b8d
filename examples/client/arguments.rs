//! The command line.

use std::error::Error;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
A client for the command line: connects, sends, prints every event, closes; or stays, and comes back.

usage: client ws://HOST[:PORT]/PATH [OPTION]...

  --send TEXT            send a text; may be repeated
  --protocol NAME        offer a subprotocol; may be repeated
  --origin ORIGIN        name a page as the origin
  --header 'NAME: VALUE' another field of the request; may be repeated
  --deflate              offer compression, and compress the texts if the server agrees
  --reconnect            stay, and connect again after every loss
  --resume               continue the feed after the last number received
  --until N              end with this number of the feed
  --backoff BASE,CAP     the shortest and longest delay before another attempt in ms (100,30000)
  -h, --help             print this text

Exit status: 0 after a clean close, 1 when the handshake is refused or not valid, 2 when the server
breaks the protocol, the connection ends without a closing handshake, or an argument is wrong.
";

const BACKOFF: &str = "--backoff is two numbers of milliseconds, BASE,CAP";

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
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
}

impl Arguments {
    /// `None` if help was asked for.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::{Arg, ValueExt};
        let mut arguments = Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(30),
            ..Self::default()
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(url) => {
                    let url = url.string()?;
                    let url: http::Uri =
                        url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
                    if url.scheme_str() != Some("ws") {
                        return Err("the URL must start with ws://".into());
                    }
                    arguments.host = url.host().ok_or("the URL has no host")?.into();
                    arguments.port = url.port_u16().unwrap_or(80);
                    arguments.path = url.path_and_query().map_or("/", |path| path.as_str()).into();
                }
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
                Arg::Long("until") => arguments.until = parser.value()?.parse()?,
                Arg::Long("backoff") => {
                    let times = parser.value()?.string()?;
                    let (base, cap) = times.split_once(',').ok_or(BACKOFF)?;
                    arguments.base = Duration::from_millis(base.parse().map_err(|_| BACKOFF)?);
                    arguments.cap = Duration::from_millis(cap.parse().map_err(|_| BACKOFF)?);
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if arguments.host.is_empty() {
            return Err("the URL is missing".into());
        }
        Ok(Some(arguments))
    }
}
