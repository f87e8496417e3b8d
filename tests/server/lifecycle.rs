//! The example `echo_server` around the frames: deadlines, clients that do not read, everybody at once, the feed, the end.
#![allow(clippy::large_stack_arrays, reason = "frames that are long")]

use std::io::Write;
use std::time::{Duration, Instant};

use crate::example::{Client, Server, request};
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header};

/// A deadline is not over before its time, counted from what came before it began.
fn not_before(milliseconds: u64, start: Instant) {
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(milliseconds), "{elapsed:?}");
}

#[test]
fn loopback_who_does_not_finish_the_handshake_is_dropped() {
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
fn loopback_a_silent_client_is_asked_and_then_dropped() {
    let server = Server::start(&["--timeout", "ping=200", "--timeout", "pong=300"]);
    let start = Instant::now();
    let mut client = server.open("/");
    client.expect(&[(PING, b"")]);
    not_before(150, start);
    // An answer keeps it.
    let answered = Instant::now();
    client.send(PONG, b"");
    client.expect(&[(PING, b"")]);
    assert_eq!(client.frame(), None);
    not_before(400, answered);
}

#[test]
fn loopback_idle_clients_are_told_goodbye_though_they_answer_pings() {
    let server = Server::start(&["--timeout", "ping=100", "--timeout", "idle=600"]);
    let start = Instant::now();
    let mut client = server.open("/");
    loop {
        match client.frame().expect("a Close at the end") {
            (PING, _) => client.send(PONG, b""),
            (first, body) => {
                assert_eq!((first, &body[..]), (0x88, &1001_u16.to_be_bytes()[..]));
                break;
            }
        }
    }
    not_before(500, start);
}

/// Slow-loris: a byte now and then keeps the connection, but not the message.
#[test]
fn loopback_a_message_that_trickles_in_is_given_up() {
    let server = Server::start(&["--timeout", "message=500", "--timeout", "ping=100000"]);
    let mut client = server.open("/");
    let start = Instant::now();
    // More bytes than can trickle in while the test has patience.
    let frame = frame(FIN | BINARY, Some(KEY), &[7; 9000]);
    let mut bytes = frame.iter();
    let given_up = bytes.any(|byte| {
        std::thread::sleep(Duration::from_millis(20));
        client.stream.write_all(&[*byte]).is_err()
    });
    assert!(given_up, "all of the message came in");
    not_before(450, start);
    let mut other = server.open("/");
    other.send(FIN | TEXT, b"here");
    other.expect(&[(FIN | TEXT, b"here")]);
}

/// Fills the buffers of the kernel on both sides for a client that does not read, until nothing moves for a second; how
/// many bytes that took.
fn flood(deaf: &mut Client) -> usize {
    deaf.stream.set_nonblocking(true).unwrap();
    let flood = frame(FIN | BINARY, Some(KEY), &[1; 60_000]).repeat(20);
    let (mut sent, mut progress) = (0, Instant::now());
    while progress.elapsed() < Duration::from_secs(1) {
        match deaf.stream.write(&flood[sent % flood.len()..]) {
            Ok(n) => {
                sent += n;
                progress = Instant::now();
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    sent
}

const LITTLE: [&str; 6] =
    ["--threads", "1", "--stats", "--feed-every", "100", "--high-water=100000"];

/// Its output stops at the mark, nothing more is read from it, and nobody else feels it: a server that waited for it would
/// wait for longer than the test does.
#[test]
fn loopback_a_client_that_never_reads_costs_a_bounded_amount() {
    let mut server = Server::start(&[&LITTLE[..], &["--timeout", "write=1000000"]].concat());
    let mut deaf = server.open("/");
    let full = flood(&mut deaf);
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

/// In the end it goes.
#[test]
fn loopback_a_client_that_never_reads_is_dropped() {
    let mut server = Server::start(&[&LITTLE[..], &["--timeout", "write=1500"]].concat());
    let mut deaf = server.open("/");
    flood(&mut deaf);
    let _ = server.stats_when("its deadline", |stats| stats("dropped") == 1);
    let rss = rss(&server);
    assert!(rss < 32 << 20, "{rss}");
}

/// Memory of the server in bytes.
fn rss(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// Time of the processor that the server took.
fn cpu(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.process.id())).unwrap();
    // Behind the name: the state is the third field, the ticks are the 14th and 15th, of which a second has 100.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Below the low mark it goes on: nothing is lost, however slowly it reads.
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

/// Many clients do not read before they have sent the whole message.
#[test]
fn loopback_a_message_in_fragments_longer_than_the_mark() {
    let server = Server::start(&["--high-water", "20000"]);
    let mut client = server.open("/");
    client.send(BINARY, &[0; 100_000]);
    for i in 1..100 {
        client.send(CONTINUATION, &[i; 100_000]);
    }
    client.send(FIN | CONTINUATION, b"end");
    client.expect(&[(BINARY, &[0; 100_000])]);
    for i in 1..100 {
        client.expect(&[(CONTINUATION, &[i; 100_000])]);
    }
    client.expect(&[(FIN | CONTINUATION, b"end")]);
}

#[test]
fn loopback_what_one_says_everybody_gets_in_all_threads() {
    let server = Server::start(&["--broadcast", "--threads", "4"]);
    let mut clients: Vec<Client> = (0..12).map(|_| server.open("/")).collect();
    // All are known to their threads once they got an answer.
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
fn loopback_what_is_said_in_pieces_is_heard_whole() {
    let server = Server::start(&["--broadcast", "--threads", "1", "--timeout", "close=200"]);
    let mut client = server.open("/");
    // A frame that reads cut, in the middle of a message.
    let long: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    client.send(BINARY, b"<");
    let middle = frame(CONTINUATION, Some(KEY), &long);
    for piece in middle.chunks(70_000) {
        client.write_later(piece);
    }
    client.send(FIN | CONTINUATION, b">");
    client.expect(&[(FIN | BINARY, &[b"<", &long[..], b">"].concat())]);
    // 65,000 fragments of a byte: what is held may not be moved for each of them.
    let before = cpu(&server);
    let mut fragments = frame(BINARY, Some(KEY), b"x");
    fragments.extend(frame(CONTINUATION, Some(KEY), b"x").repeat(65_000));
    fragments.extend(frame(FIN | CONTINUATION, Some(KEY), b"x"));
    client.write(&fragments);
    client.expect(&[(FIN | BINARY, &[b'x'; 65_002][..])]);
    let took = cpu(&server).saturating_sub(before);
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Longer than what may be said, by one byte, and by its header alone.
    let mut other = server.open("/");
    other.send(BINARY, &vec![0; 1 << 20]);
    other.send(FIN | CONTINUATION, b"!");
    other.expect_close(1009);
    client.send(BINARY, b"<");
    client.write(&header(FIN | CONTINUATION, Some(KEY), 1 << 20));
    client.write(b"!");
    client.expect_close(1009);
}

/// Who does not read is dropped, and the others get all in the meantime.
#[test]
fn loopback_a_slow_reader_does_not_slow_a_broadcast() {
    // A broadcast that waited for it would wait for longer than the test does.
    let arguments = ["--broadcast", "--threads=1", "--high-water=50000", "--timeout=write=1000000"];
    let server = Server::start(&arguments);
    let mut deaf = server.open("/");
    let mut quick = server.open("/");
    for client in [&mut deaf, &mut quick] {
        client.send(PING, b"?");
        client.expect(&[(PONG, b"?")]);
    }
    let payload = vec![5; 50_000];
    for _ in 0..400 {
        quick.send(FIN | BINARY, &payload);
        quick.expect(&[(FIN | BINARY, &payload)]);
    }
    // Some of it lies in the kernel's buffers; then the connection ends.
    let mut got = 0;
    while deaf.frame_or_rest().is_some() {
        got += 1;
    }
    assert!(got < 400, "{got}");
}

fn number(client: &mut Client) -> u64 {
    let (first, text) = client.frame().expect("the feed goes on");
    assert_eq!(first, FIN | TEXT);
    let text = String::from_utf8(text).unwrap();
    let digits = text.trim_start_matches(r#"{"seq":"#).trim_end_matches('}');
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn loopback_the_feed_goes_on_behind_the_last_number_seen() {
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
    // A number of another life: it is told, and the window follows.
    let mut lost = server.open("/feed?after=900000");
    assert_eq!(lost.frame(), Some((FIN | TEXT, br#"{"gap":1}"#.to_vec())));
    assert_eq!(number(&mut lost), 1);
}

#[test]
fn loopback_a_signal_closes_all_and_the_server_ends() {
    for signal in ["INT", "TERM"] {
        let mut server = Server::start(&["--threads", "2", "--timeout", "close=1000"]);
        let mut polite = server.open("/");
        let deaf = server.open("/");
        let _asking = server.connect();
        polite.send(FIN | TEXT, b"x");
        polite.expect(&[(FIN | TEXT, b"x")]);
        server.signal(signal);
        let (first, body) = polite.frame().unwrap();
        assert_eq!((first, &body[..]), (0x88, &1001_u16.to_be_bytes()[..]));
        polite.send(0x88, &1001_u16.to_be_bytes());
        assert_eq!(polite.frame(), None);
        // The other does not answer: it has a second, and the server ends well.
        assert!(server.wait().success());
        drop(deaf);
    }
}

/// An announced length is no reason to take memory before the bytes come.
#[test]
fn loopback_announced_bytes_cost_a_bounded_amount() {
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
#[cfg(not(feature = "deflate"))]
fn compression_is_refused_by_a_build_without_it() {
    for arguments in [&["--deflate"][..], &["--window-bits", "9"]] {
        let mut server = std::process::Command::new(crate::example::example("echo_server"));
        server.args(["--listen", "127.0.0.1:0"]).args(arguments);
        let output = crate::example::output(server);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(arguments[0]) && error.contains("--features deflate"), "{error}");
    }
}
