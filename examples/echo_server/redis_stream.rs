//! The feed as a Redis Stream, which several servers share.
//!
//! The entries are `0-N`, as `XADD STREAM 0-*` numbers them: without holes, whoever publishes. The
//! first N of a stream is the time, as in a server's own feed, so that a stream that was lost continues
//! with greater numbers.
//!
//! Redis has two threads of its own, one that reads and one that publishes, so no worker waits for it.
//! Without Redis the clients stay; the threads connect again, at intervals that grow.
//!
//! A Redis that forgets entries it has delivered, because its machine has failed before they were on
//! its disk, gives their numbers to others. `appendfsync always` prevents that.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use barews::backoff::Backoff;
use redis::{Client, Connection, ErrorKind, RedisError, RedisResult, cmd};

use crate::end::{self, Cause};
use crate::feed::{Feed, WINDOW, micros};
use crate::worker::Peer;

/// Publishes an entry. A stream that does not exist, or that ends before the newest entry that this
/// server knows, has lost what it had: it continues with the time.
const PUBLISH: &str = "
    local last = -1
    if redis.call('EXISTS', KEYS[1]) == 1 then
        local info = redis.call('XINFO', 'STREAM', KEYS[1])
        for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
                last = tonumber(string.match(info[i + 1], '^0%-(%d+)$')) or 2^53
            end
        end
    end
    local id = '0-*'
    if last < tonumber(ARGV[1]) then
        id = string.format('0-%.0f', math.max(tonumber(ARGV[1]) + 1, tonumber(ARGV[2])))
    end
    return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], id, 'node', ARGV[4])";

/// How long a read waits for the next entry, in milliseconds.
const BLOCK: u64 = 1000;
/// How long Redis may take beyond that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many entries one read takes.
const AT_ONCE: usize = 512;
/// The shortest and the longest interval between attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A stream of a Redis server.
#[derive(Clone)]
pub(crate) struct Source {
    client: Client,
    stream: String,
}

/// The entries of a stream: their ids, and fields that do not matter.
type Entries = Vec<(String, redis::Value)>;

impl Source {
    /// Parses `redis://[USER:PASSWORD@]HOST:PORT/STREAM`.
    pub(crate) fn parse(url: &str) -> Result<Self, Box<dyn Error>> {
        let parts = url.strip_prefix("redis://").and_then(|rest| rest.split_once('/'));
        let (server, stream) = parts
            .filter(|(server, stream)| !server.is_empty() && !stream.is_empty())
            .ok_or("--feed must be redis://HOST:PORT/STREAM")?;
        let client = Client::open(format!("redis://{server}"))?;
        Ok(Self { client, stream: stream.to_owned() })
    }

    /// Starts the threads: one reads the stream into `feed`, the other publishes as `node` at an
    /// interval.
    pub(crate) fn start(
        &self,
        feed: &Arc<Feed>,
        peers: &[Peer],
        (node, every): (SocketAddr, Duration),
        causes: &Sender<Cause>,
    ) {
        let (source, to, peers) = (self.clone(), Arc::clone(feed), peers.to_vec());
        end::report(causes.clone(), move || {
            source.keep("read from", |connection| {
                source.read(connection, &to)?;
                peers.iter().for_each(Peer::feed);
                Ok(())
            })
        });
        let (source, feed) = (self.clone(), Arc::clone(feed));
        end::report(causes.clone(), move || {
            thread::sleep(every);
            source.keep("publish to", |connection| {
                source.publish(connection, &feed, node)?;
                thread::sleep(every);
                Ok(())
            })
        });
    }

    /// Calls `act` with a connection, again and again, and connects again after an error. It says
    /// when it cannot, and when it can again.
    fn keep(&self, what: &str, act: impl Fn(&mut Connection) -> RedisResult<()>) -> Infallible {
        let redis = self.client.get_connection_info().addr();
        let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
        let mut fault = String::new();
        loop {
            let start = Instant::now();
            let Err(error) = self.connect().and_then::<Infallible, _>(|mut connection| {
                loop {
                    act(&mut connection)?;
                    if !std::mem::take(&mut fault).is_empty() {
                        eprintln!("feed: can {what} Redis at {redis} again");
                    }
                }
            });
            let error = error.to_string();
            if fault != error {
                eprintln!("feed: cannot {what} Redis at {redis}, and tries again: {error}");
                fault = error;
            }
            backoff.on_lost(start.elapsed());
            thread::sleep(backoff.next_delay(fastrand::u64(..)));
        }
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(Duration::from_millis(BLOCK) + PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// Reads the newest entries at first, then those after them, for which it waits.
    fn read(&self, connection: &mut Connection, feed: &Feed) -> RedisResult<()> {
        let Some(newest) = feed.newest() else {
            let mut newest = cmd("XREVRANGE");
            newest.arg(&self.stream).arg("+").arg("-").arg("COUNT").arg(WINDOW);
            let mut entries: Entries = newest.query(connection)?;
            entries.reverse();
            feed.extend(&numbers(&entries)?, true);
            return Ok(());
        };
        let mut next = cmd("XREAD");
        next.arg("COUNT").arg(AT_ONCE).arg("BLOCK").arg(BLOCK);
        next.arg("STREAMS").arg(&self.stream).arg(format!("0-{newest}"));
        let streams: Option<Vec<(String, Entries)>> = next.query(connection)?;
        let entries: Entries =
            streams.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
        feed.extend(&numbers(&entries)?, entries.len() < AT_ONCE);
        Ok(())
    }

    fn publish(
        &self,
        connection: &mut Connection,
        feed: &Feed,
        node: SocketAddr,
    ) -> RedisResult<()> {
        let newest = feed.newest().unwrap_or(0);
        let mut publish = cmd("EVAL");
        publish.arg(PUBLISH).arg(1).arg(&self.stream);
        publish.arg(newest).arg(micros()).arg(WINDOW).arg(node.to_string());
        publish.query(connection)
    }
}

/// The numbers of entries.
fn numbers(entries: &Entries) -> RedisResult<Vec<u64>> {
    entries.iter().map(|(id, _)| number(id)).collect()
}

fn number(id: &str) -> RedisResult<u64> {
    let number = id.strip_prefix("0-").and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        let text = "an entry that was not published with XADD STREAM 0-*";
        RedisError::from((ErrorKind::UnexpectedReturnType, text, id.to_owned()))
    })
}
