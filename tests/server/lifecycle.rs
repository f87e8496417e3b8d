//! The example `echo_server` beyond single frames: deadlines, slow readers, broadcast, the feed,
//! shutdown.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::example::{Client, Server, example, output, request};
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header};

/// Checks that a deadline did not expire early.
fn not_before(milliseconds: u64, start: Instant) {
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(milliseconds), "{elapsed:?}");
}

#[test]
fn loopback_a_client_that_does_not_finish_the_handshake_is_dropped() {
    let mut server =
        Server::start(&["--timeout", "handshake=300", "--stats", "--feed-every", "100"]);
    let start = Instant::now();
    let mut slow = server.connect();
    slow.write(&request("/")[..40]);
    let mut silent = server.connect();
    assert_eq!(slow.frame_or_rest(), None);
    assert_eq!(silent.frame_or_rest(), None);
    not_before(250, start);
    let _ = server.stats_when("both to be dropped", |stats| stats("reaped") == 2);
}

#[test]
fn loopback_a_silent_client_is_pinged_and_then_dropped() {
    let server = Server::start(&["--timeout", "ping=200", "--timeout", "pong=300"]);
    let start = Instant::now();
    let mut client = server.open("/");
    client.expect(&[(PING, b"")]);
    not_before(150, start);
    // A Pong keeps the connection.
    let answered = Instant::now();
    client.send(PONG, b"");
    client.expect(&[(PING, b"")]);
    assert_eq!(client.frame(), None);
    not_before(400, answered);
}

#[test]
fn loopback_idle_clients_are_closed_though_they_answer_pings() {
    let server = Server::start(&["--timeout", "ping=100", "--timeout", "idle=600"]);
    let start = Instant::now();
    let mut client = server.open("/");
    loop {
        match client.frame().expect("a Close") {
            (PING, _) => client.send(PONG, b""),
            (first, body) => {
                assert_eq!((first, &body[..]), (0x88, &1001_u16.to_be_bytes()[..]));
                break;
            }
        }
    }
    not_before(500, start);
}

/// Slowloris: an occasional byte keeps the connection alive, but the message times out.
#[test]
fn loopback_a_message_that_arrives_too_slowly_is_dropped() {
    let server = Server::start(&["--timeout", "message=500", "--timeout", "ping=100000"]);
    let mut client = server.open("/");
    let start = Instant::now();
    // Too many bytes to arrive one by one before the test times out.
    let frame = frame(FIN | BINARY, Some(KEY), &[7; 9000]);
    let mut bytes = frame.iter();
    let given_up = bytes.any(|byte| {
        std::thread::sleep(Duration::from_millis(20));
        client.stream.write_all(&[*byte]).is_err()
    });
    assert!(given_up, "the whole message was received");
    not_before(450, start);
    let mut other = server.open("/");
    other.send(FIN | TEXT, b"here");
    other.expect(&[(FIN | TEXT, b"here")]);
}

/// Writes for a client that does not read until no byte is accepted for a second; returns the
/// number of bytes written.
fn flood(stalled: &mut Client) -> usize {
    stalled.stream.set_nonblocking(true).unwrap();
    let flood = frame(FIN | BINARY, Some(KEY), &[1; 60_000]).repeat(20);
    let (mut sent, mut progress) = (0, Instant::now());
    while progress.elapsed() < Duration::from_secs(1) {
        match stalled.stream.write(&flood[sent % flood.len()..]) {
            Ok(n) => {
                sent += n;
                progress = Instant::now();
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    sent
}

const SMALL_BUFFERS: [&str; 6] =
    ["--threads", "1", "--stats", "--feed-every", "100", "--high-water=100000"];

/// The output stops at the high-water mark, the server stops reading from the client, and others
/// are not affected: a server that waited for it would run into the timeout of the test.
#[test]
fn loopback_a_client_that_never_reads_takes_bounded_memory() {
    let mut server = Server::start(&[&SMALL_BUFFERS[..], &["--timeout", "write=1000000"]].concat());
    let mut stalled = server.open("/");
    let full = flood(&mut stalled);
    let mut other = server.open("/");
    for _ in 0..100 {
        other.send(FIN | TEXT, b"still there?");
        other.expect(&[(FIN | TEXT, b"still there?")]);
    }
    assert!(full < 64 << 20, "{full}");
    let bytes = (0..5).map(|_| server.stats()).last().unwrap();
    assert!(bytes("bytes") < full as u64 + 100_000);
    assert_eq!(bytes("dropped"), 0);
    let rss = rss(&server);
    assert!(rss < 32 << 20, "{rss}");
}

#[test]
fn loopback_a_client_that_never_reads_is_dropped() {
    let mut server = Server::start(&[&SMALL_BUFFERS[..], &["--timeout", "write=1500"]].concat());
    let mut stalled = server.open("/");
    flood(&mut stalled);
    let _ = server.stats_when("its deadline", |stats| stats("dropped") == 1);
    let rss = rss(&server);
    assert!(rss < 32 << 20, "{rss}");
}

/// The memory of the server in bytes.
pub(crate) fn rss(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// The CPU time of the server.
pub(crate) fn cpu(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.process.id())).unwrap();
    // After the name: the state is field 3, the ticks (100 per second) are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Below the low-water mark the server continues: a slow reader loses nothing.
#[test]
fn loopback_a_slow_reader_gets_everything() {
    let server = Server::start(&["--high-water", "20000", "--low-water", "5000"]);
    let client = server.open("/");
    let mut writer = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for i in 0..3000_u32 {
            let payload = [&i.to_be_bytes()[..], &[b'x'; 4000]].concat();
            writer.write_all(&frame(FIN | BINARY, Some(KEY), &payload)).unwrap();
        }
    });
    let mut client = client;
    for i in 0..3000_u32 {
        if i % 300 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (first, payload) = client.frame().unwrap();
        assert_eq!(
            (first, payload.len(), &payload[..4]),
            (FIN | BINARY, 4004, &i.to_be_bytes()[..])
        );
    }
    sending.join().unwrap();
}

/// Many clients do not read until they have sent the whole message.
#[test]
fn loopback_a_fragmented_message_longer_than_the_high_water_mark() {
    let server = Server::start(&["--high-water", "20000"]);
    let mut client = server.open("/");
    client.send(BINARY, &[0; 100_000]);
    for i in 1..100 {
        client.send(CONTINUATION, &[i; 100_000]);
    }
    client.send(FIN | CONTINUATION, b"end");
    let mut whole: Vec<u8> = (0..100).flat_map(|i| [i; 100_000]).collect();
    whole.extend(b"end");
    client.expect(&[(FIN | BINARY, &whole)]);
}

#[test]
fn loopback_a_broadcast_reaches_the_clients_of_all_threads() {
    let server = Server::start(&["--broadcast", "--threads", "4"]);
    let mut clients: Vec<Client> = (0..12).map(|_| server.open("/")).collect();
    // After a Pong, the thread of the client has registered it.
    for client in &mut clients {
        client.send(PING, b"?");
        client.expect(&[(PONG, b"?")]);
    }
    clients[3].send(TEXT, "Grü".as_bytes());
    clients[3].send(FIN | CONTINUATION, "ße".as_bytes());
    for client in &mut clients {
        client.expect(&[(FIN | TEXT, "Grüße".as_bytes())]);
    }
    let long = vec![9; 100_000];
    clients[7].send(FIN | BINARY, &long);
    for client in &mut clients {
        client.expect(&[(FIN | BINARY, &long)]);
    }
}

#[test]
fn loopback_a_broadcast_assembles_fragments() {
    let server = Server::start(&["--broadcast", "--threads", "1", "--timeout", "close=200"]);
    let mut client = server.open("/");
    // A frame that is received in several reads, inside a message.
    let long: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    client.send(BINARY, b"<");
    let middle = frame(CONTINUATION, Some(KEY), &long);
    for piece in middle.chunks(70_000) {
        client.write_later(piece);
    }
    client.send(FIN | CONTINUATION, b">");
    client.expect(&[(FIN | BINARY, &[b"<", &long[..], b">"].concat())]);
    // 65,000 fragments of one byte: the buffered bytes must not be moved for each.
    let before = cpu(&server);
    let mut fragments = frame(BINARY, Some(KEY), b"x");
    fragments.extend(frame(CONTINUATION, Some(KEY), b"x").repeat(65_000));
    fragments.extend(frame(FIN | CONTINUATION, Some(KEY), b"x"));
    client.write(&fragments);
    client.expect(&[(FIN | BINARY, &[b'x'; 65_002][..])]);
    let took = cpu(&server).saturating_sub(before);
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Too long by one byte, and too long according to the header.
    let mut other = server.open("/");
    other.send(BINARY, &vec![0; 1 << 20]);
    other.send(FIN | CONTINUATION, b"!");
    other.expect_close(1009);
    client.send(BINARY, b"<");
    client.write(&header(FIN | CONTINUATION, Some(KEY), 1 << 20));
    client.write(b"!");
    client.expect_close(1009);
}

/// A client that does not read is dropped; meanwhile the others receive everything.
#[test]
fn loopback_a_slow_reader_does_not_slow_a_broadcast() {
    // A broadcast that waited for the client would run into the timeout of the test.
    let arguments = ["--broadcast", "--threads=1", "--high-water=50000", "--timeout=write=1000000"];
    let server = Server::start(&arguments);
    let mut stalled = server.open("/");
    let mut quick = server.open("/");
    for client in [&mut stalled, &mut quick] {
        client.send(PING, b"?");
        client.expect(&[(PONG, b"?")]);
    }
    let payload = vec![5; 50_000];
    for _ in 0..400 {
        quick.send(FIN | BINARY, &payload);
        quick.expect(&[(FIN | BINARY, &payload)]);
    }
    // Some frames are in the kernel's buffers; then the connection ends.
    let mut got = 0;
    while stalled.frame_or_rest().is_some() {
        got += 1;
    }
    assert!(got < 400, "{got}");
}

pub(crate) fn number(client: &mut Client) -> u64 {
    let (first, text) = client.frame().expect("the feed continues");
    assert_eq!(first, FIN | TEXT);
    let text = String::from_utf8(text).unwrap();
    let digits = text.trim_start_matches(r#"{"seq":"#).trim_end_matches('}');
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn loopback_the_feed_resumes_after_the_last_number() {
    let server = Server::start(&["--feed-every", "5", "--threads", "3"]);
    let mut client = server.open("/feed");
    let mut seen = number(&mut client);
    for i in 0..60 {
        for _ in 0..i % 4 {
            assert_eq!(number(&mut client), seen + 1);
            seen += 1;
        }
        drop(client);
        client = server.open(&format!("/feed?after={seen}"));
    }
    assert_eq!(number(&mut client), seen + 1);
    // A number that this server never sent: it reports a gap and sends its history.
    let mut lost = server.open("/feed?after=900000");
    let (_, gap) = lost.frame().unwrap();
    let first = number(&mut lost);
    assert_eq!(gap, format!(r#"{{"gap":{first}}}"#).as_bytes());
}

#[test]
fn loopback_a_feed_that_is_no_stream_is_refused() {
    let words = if cfg!(feature = "redis") {
        "--feed must be redis://HOST:PORT/STREAM"
    } else {
        "--feed: this server was built without --features redis"
    };
    for feed in ["redis://localhost:6379", "redis://localhost:6379/", "redis:///feed", "feed"] {
        let mut server = Command::new(example("echo_server"));
        server.args(["--listen", "127.0.0.1:0", "--feed", feed]);
        let ended = output(server);
        assert_eq!(ended.status.code(), Some(2), "{feed}");
        let text = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(text.lines().next(), Some(words), "{feed}");
    }
}

#[test]
fn loopback_a_signal_closes_all_connections_and_ends_the_server() {
    for signal in ["INT", "TERM"] {
        let mut server = Server::start(&["--threads", "2", "--timeout", "close=1000"]);
        let mut polite = server.open("/");
        let stalled = server.open("/");
        let _asking = server.connect();
        polite.send(FIN | TEXT, b"x");
        polite.expect(&[(FIN | TEXT, b"x")]);
        server.signal(signal);
        let (first, body) = polite.frame().unwrap();
        assert_eq!((first, &body[..]), (0x88, &1001_u16.to_be_bytes()[..]));
        polite.send(0x88, &1001_u16.to_be_bytes());
        assert_eq!(polite.frame(), None);
        // The other client does not answer; after its deadline the server exits successfully.
        assert!(server.wait().success());
        drop(stalled);
    }
}

/// The server does not allocate for an announced length before the bytes arrive.
#[test]
fn loopback_announced_lengths_take_bounded_memory() {
    let server = Server::start(&["--threads", "1"]);
    let mut clients: Vec<Client> = (0..50).map(|_| server.open("/")).collect();
    for client in &mut clients {
        client.write(&header(FIN | BINARY, Some(KEY), 64 << 20));
    }
    let mut other = server.open("/");
    other.send(FIN | TEXT, b"x");
    other.expect(&[(FIN | TEXT, b"x")]);
    let rss = rss(&server);
    assert!(rss < 64 << 20, "{rss}");
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [&["--window-bits", "7"][..], &["--no-such-option"], &["--timeout"]] {
        let mut server = Command::new(example("echo_server"));
        let output = server.args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(arguments[0]) && error.contains("usage: echo_server"), "{error}");
    }
}
