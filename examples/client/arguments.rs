//! The command line.

use std::error::Error;
use std::time::Duration;

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
    pub(crate) fn parse() -> Result<Self, Box<dyn Error>> {
        use lexopt::{Arg, ValueExt};
        let mut arguments = Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(30),
            ..Self::default()
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(url) => {
                    let url: http::Uri = url.string()?.parse()?;
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
                    let (base, cap) = times.split_once(',').ok_or("--backoff BASE_MS,CAP_MS")?;
                    arguments.base = Duration::from_millis(base.parse()?);
                    arguments.cap = Duration::from_millis(cap.parse()?);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if arguments.host.is_empty() {
            return Err("usage: client ws://HOST[:PORT]/PATH [--protocol P]... [--origin O] \
                    [--header 'N: V']... [--send TEXT]... [--deflate] [--reconnect] \
                    [--resume] [--until N] [--backoff BASE_MS,CAP_MS]"
                .into());
        }
        Ok(arguments)
    }
}
