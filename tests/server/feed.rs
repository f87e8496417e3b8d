//! The feed of `echo_server` as a Redis Stream: `echo_server --feed`.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use crate::example::{Client, Lines, PATIENCE, Server, example};
use crate::handover::Arguments;
use crate::lifecycle::number;
use crate::redis::{Redis, free_address};
use crate::support::frame::{FIN, KEY, PONG, TEXT, frame};

/// In milliseconds: never, in a test.
const NEVER: &str = "1000000000";

/// A server that only reads the stream.
fn reader(redis: &Redis) -> Server {
    Server::start(&["--threads", "2", "--feed", &redis.feed(), "--feed-every", NEVER])
}

/// Reads a gap, and returns the number at which the feed continues.
fn gap(client: &mut Client) -> u64 {
    let (first, text) = client.frame().expect("a gap");
    assert_eq!(first, FIN | TEXT);
    let text = String::from_utf8(text).unwrap();
    let digits = text.strip_prefix(r#"{"gap":"#).and_then(|rest| rest.strip_suffix('}'));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// Opens the feed after a number.
fn after(server: &Server, seen: u64) -> Client {
    server.open(&format!("/feed?after={seen}"))
}

#[test]
fn loopback_a_client_resumes_at_any_server_of_a_stream() {
    let redis = Redis::start(false);
    let first = redis.publish();
    let servers = [reader(&redis), reader(&redis), reader(&redis)];
    let mut clients = servers.each_ref().map(|server| after(server, first));
    let mut seen = first;
    for turn in 0..60 {
        redis.publish();
        // The server that comes next may not have read yet what the last one has sent.
        let client = &mut clients[turn % 3];
        while seen < first + 1 + turn as u64 {
            seen += 1;
            assert_eq!(number(client), seen);
        }
        clients[(turn + 1) % 3] = after(&servers[(turn + 1) % 3], seen);
    }
    // All the others get the same.
    for server in &servers {
        let mut client = after(server, first);
        for next in first + 1..=seen {
            assert_eq!(number(&mut client), next);
        }
    }
}

#[test]
fn loopback_every_server_publishes_to_the_stream() {
    let redis = Redis::start(false);
    let feed = redis.feed();
    let arguments = ["--feed", feed.as_str(), "--feed-every", "5"];
    let servers = [(); 3].map(|()| Server::start(&arguments));
    let mut client = servers[0].open("/feed");
    let mut seen = number(&mut client);
    let end = Instant::now() + PATIENCE;
    loop {
        for _ in 0..50 {
            seen += 1;
            assert_eq!(number(&mut client), seen);
        }
        let entries = redis.command(&["XRANGE", "feed", "-", "+"]);
        if servers.iter().all(|server| entries.contains(&server.address.to_string())) {
            break;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for entries of all servers");
    }
}

#[test]
fn loopback_a_stream_that_was_trimmed_is_a_gap() {
    let redis = Redis::start(false);
    let seen = redis.publish();
    let server = reader(&redis);
    let mut client = after(&server, seen);
    redis.publish();
    assert_eq!(number(&mut client), seen + 1);
    for _ in 0..8 {
        redis.publish();
    }
    assert_eq!(redis.command(&["XTRIM", "feed", "MAXLEN", "3"]), "7");
    let other = reader(&redis);
    let mut lost = after(&other, seen + 1);
    assert_eq!(gap(&mut lost), seen + 7);
    // The first server has what was trimmed.
    let mut next = after(&server, seen + 1);
    for number_of in seen + 2..=seen + 9 {
        assert_eq!(number(&mut client), number_of);
        assert_eq!(number(&mut next), number_of);
    }
    for number_of in seen + 7..=seen + 9 {
        assert_eq!(number(&mut lost), number_of);
    }
    // While a server does not read, the stream passes it.
    server.signal("STOP");
    for _ in 0..5 {
        redis.publish();
    }
    redis.command(&["XTRIM", "feed", "MAXLEN", "1"]);
    server.signal("CONT");
    // The read that waited may have got the first of them.
    assert_eq!(until_gap(&mut client, seen + 9), seen + 14);
    assert_eq!(number(&mut client), seen + 14);
}

#[test]
fn loopback_a_number_that_no_server_knows_is_a_gap() {
    let redis = Redis::start(false);
    let seen = redis.publish();
    let server = reader(&redis);
    let mut client = after(&server, seen + 1_000_000);
    assert_eq!(gap(&mut client), seen);
    assert_eq!(number(&mut client), seen);
    redis.publish();
    assert_eq!(number(&mut client), seen + 1);
}

#[test]
fn loopback_clients_stay_while_redis_is_away() {
    let mut redis = Redis::start(true);
    let seen = redis.publish();
    let arguments = ["--threads", "1", "--feed", &redis.feed(), "--feed-every", NEVER];
    let (server, errors) = Server::start_with_errors(&arguments);
    let mut client = after(&server, seen);
    redis.publish();
    assert_eq!(number(&mut client), seen + 1);
    let mut other = server.open("/");
    for (turn, signal) in ["KILL", "TERM"].into_iter().enumerate() {
        redis.end(signal);
        errors.until("feed: cannot read from Redis at ");
        client.write(&frame(0x89, Some(KEY), b"here"));
        client.expect(&[(PONG, b"here")]);
        let next = seen + 2 + 2 * turn as u64;
        let mut late = after(&server, next - 1);
        redis.start_again();
        for _ in 0..2 {
            redis.publish();
        }
        errors.until("feed: can read from Redis at ");
        for client in [&mut client, &mut late] {
            assert_eq!((number(client), number(client)), (next, next + 1));
        }
    }
    // Redis does not answer at all, which holds up nobody.
    redis.signal("STOP");
    for _ in 0..100 {
        other.send(FIN | TEXT, b"echo");
        other.expect(&[(FIN | TEXT, b"echo")]);
    }
    errors.until("feed: cannot read from Redis at ");
    redis.signal("CONT");
    errors.until("feed: can read from Redis at ");
    redis.publish();
    assert_eq!(number(&mut client), seen + 6);
}

/// Reads messages up to a gap, and returns the number at which the feed continues.
fn until_gap(client: &mut Client, mut seen: u64) -> u64 {
    loop {
        let (_, text) = client.frame().unwrap();
        let text = String::from_utf8(text).unwrap();
        if let Some(digits) = text.strip_prefix(r#"{"gap":"#) {
            let next = digits.trim_end_matches('}').parse().unwrap();
            assert!(next > seen);
            return next;
        }
        seen += 1;
        assert_eq!(text, format!(r#"{{"seq":{seen}}}"#));
    }
}

#[test]
fn loopback_a_stream_that_was_lost_continues_with_greater_numbers() {
    let mut redis = Redis::start(false);
    let feed = redis.feed();
    let server = Server::start(&["--feed", &feed, "--feed-every", "20"]);
    let mut client = server.open("/feed");
    let seen = number(&mut client);
    redis.end("KILL");
    redis.start_again();
    let next = until_gap(&mut client, seen);
    assert_eq!(number(&mut client), next);
    // Also one that has only lost its end.
    let lose = "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], ARGV[1], 'node', 'test')";
    redis.command(&["EVAL", lose, "1", "feed", &format!("0-{}", next - 1)]);
    let next = until_gap(&mut client, next);
    assert_eq!(number(&mut client), next);
    assert_eq!(number(&mut client), next + 1);
}

/// The places go to the successor, which reads the stream itself.
#[test]
fn loopback_a_successor_goes_on_with_the_stream() {
    let redis = Redis::start(false);
    let seen = redis.publish();
    let feed = redis.feed();
    let arguments = Arguments::new("stream", &["--feed", &feed, "--feed-every", NEVER]);
    let mut server = arguments.start();
    let mut clients = [after(&server, seen), after(&server, seen)];
    for turn in 0..5 {
        redis.publish();
        // The other one may not have got it before the hand-over, and gets it once.
        assert_eq!(number(&mut clients[0]), seen + 1 + turn);
        arguments.replace(&mut server);
    }
    redis.publish();
    for turn in 0..6 {
        assert_eq!(number(&mut clients[1]), seen + 1 + turn);
    }
    assert_eq!(number(&mut clients[0]), seen + 6);
}

#[test]
fn loopback_entries_with_other_ids_are_an_error() {
    let redis = Redis::start(false);
    let arguments = ["--feed", &redis.feed(), "--feed-every", NEVER];
    let (_server, errors) = Server::start_with_errors(&arguments);
    redis.command(&["XADD", "feed", "*", "node", "test"]);
    errors.until("an entry that was not published with XADD STREAM 0-*");
}

/// A client that resumes, and a thread that reads its output.
struct Follower {
    process: Child,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    newest: AtomicU64,
    messages: AtomicU64,
    opens: AtomicU64,
    is_done: AtomicBool,
}

impl Follower {
    fn start(urls: &[String], faults: &Arc<Mutex<Vec<String>>>) -> Self {
        let mut process = Command::new(example("client"))
            .args(urls)
            .args(["--reconnect", "--resume", "--backoff", "1,50"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (counts, faults) = (Arc::<Counts>::default(), Arc::clone(faults));
        let lines = Lines::of(process.stdout.take().unwrap());
        let count = Arc::clone(&counts);
        let thread = spawn(move || {
            while let Some(line) = lines.next("the feed to continue") {
                let newest = count.newest.load(SeqCst);
                if let Some(digits) = line.strip_prefix(r#"text {"seq":"#) {
                    let number = digits.trim_end_matches('}').parse().unwrap();
                    if newest != 0 && number != newest + 1 {
                        faults.lock().unwrap().push(format!("{number} after {newest}"));
                    }
                    count.newest.store(number, SeqCst);
                    count.messages.fetch_add(1, SeqCst);
                } else if line.starts_with("open ") {
                    count.opens.fetch_add(1, SeqCst);
                } else {
                    faults.lock().unwrap().push(format!("{line} after {newest}"));
                }
            }
            if !count.is_done.load(SeqCst) {
                faults.lock().unwrap().push("a client has ended".into());
            }
        });
        Self { process, counts, thread: Some(thread) }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.counts.is_done.store(true, SeqCst);
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `FEED_KILLS` is how often a server is killed; Redis ends after every 50th of them.
#[test]
#[ignore = "takes long: scripts/check/feed"]
fn loopback_no_gap_and_no_duplicate_across_kills_of_servers_and_redis() {
    let kills = std::env::var("FEED_KILLS").map_or(30, |kills| kills.parse().unwrap());
    let mut redis = Redis::start(true);
    let addresses = [11, 12, 13].map(free_address);
    let start = |address: std::net::SocketAddr| {
        let (address, feed) = (address.to_string(), redis.feed());
        let arguments = ["--listen", &address, "--threads", "1", "--feed", &feed];
        [&arguments[..], &["--feed-every", "50"]].concat().iter().map(ToString::to_string).collect()
    };
    let arguments: [Vec<String>; 3] = addresses.map(start);
    let start = |which: usize| {
        let arguments: Vec<_> = arguments[which].iter().map(String::as_str).collect();
        // What it says of Redis is kept, so that it can say it.
        Server::start_with_errors(&arguments)
    };
    let mut servers = [0, 1, 2].map(start);
    let faults = Arc::default();
    let mut urls = addresses.map(|address| format!("ws://{address}/feed")).to_vec();
    let followers: Vec<Follower> = (0..100)
        .map(|_| {
            urls.rotate_left(1);
            Follower::start(&urls, &faults)
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(19);
    let mut restarts = 0;
    for kill in 1..=kills {
        sleep(Duration::from_millis(random.u64(..100)));
        let which = random.usize(..3);
        // Ends with SIGKILL.
        servers[which].0.process.kill().unwrap();
        servers[which].0.process.wait().unwrap();
        servers[which] = start(which);
        if kill % 50 == 25 {
            redis.end(if kill % 100 == 25 { "KILL" } else { "TERM" });
            redis.start_again();
            restarts += 1;
        }
        let faults = faults.lock().unwrap();
        assert!(faults.is_empty(), "{kill} kills: {:?}", &faults[..faults.len().min(10)]);
    }
    let last = redis.publish();
    let end = Instant::now() + PATIENCE;
    for follower in &followers {
        while follower.counts.newest.load(SeqCst) < last {
            assert!(Instant::now() < end, "waited {PATIENCE:?} for a client to catch up");
            sleep(Duration::from_millis(10));
        }
    }
    let sum = |count: fn(&Counts) -> &AtomicU64| -> u64 {
        followers.iter().map(|follower| count(&follower.counts).load(SeqCst)).sum()
    };
    let (messages, opens) = (sum(|counts| &counts.messages), sum(|counts| &counts.opens));
    let resumed = opens - followers.len() as u64;
    drop(followers);
    assert_eq!(*faults.lock().unwrap(), Vec::<String>::new());
    assert!(resumed >= kills, "{resumed} connections resumed");
    println!(
        "{kills} kills of a server, {restarts} restarts of Redis: 100 clients resumed {resumed} times and got {messages} \
         messages, none missing or repeated"
    );
}
