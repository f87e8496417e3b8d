//! The example `client` against servers that fall silent, drop it late, or have lost messages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};

use crate::example::{Lines, PATIENCE, example, output};
use crate::support::frame::{FIN, PING, TEXT, frame};

/// A server that the test plays.
struct Peer(TcpListener);

impl Peer {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn accept(&self) -> TcpStream {
        // A client that never comes must end the test.
        let end = Instant::now() + PATIENCE;
        self.0.set_nonblocking(true).unwrap();
        loop {
            if let Ok((stream, _)) = self.0.accept() {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            assert!(Instant::now() < end, "waited {PATIENCE:?} for the client to connect");
            sleep(Duration::from_millis(1));
        }
    }

    /// Accepts a client and its handshake; also returns the request.
    fn open(&self) -> (TcpStream, String) {
        let mut stream = self.accept();
        let head = head(&mut stream);
        let mut out = [0; 256];
        let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = RequestReader::new().read(&head)
        else {
            panic!("{}", head.escape_ascii())
        };
        let len = upgrade.accept(Origins::Any).unwrap().write(&mut out).unwrap();
        stream.write_all(&out[..len]).unwrap();
        (stream, String::from_utf8(head).unwrap())
    }
}

fn head(stream: &mut TcpStream) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head
}

/// The client, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> (Running, Lines) {
    let mut command = Command::new(example("client"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let lines = Lines::of(process.stdout.take().unwrap());
    (Running(process), lines)
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(example("client"));
    command.args(arguments);
    output(command)
}

#[test]
fn loopback_a_server_that_is_silent_during_the_opening_is_given_up() {
    let peer = Peer::new();
    let url = format!("ws://{}/", peer.address());
    let _client = start(&[&url, "--reconnect", "--timeout", "handshake=100", "--backoff", "1,10"]);
    let mut open = Vec::new();
    for part in ["", "HTTP/1.1 101 Switching", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut stream = peer.accept();
        assert!(head(&mut stream).starts_with(b"GET / HTTP/1.1\r\n"));
        stream.write_all(part.as_bytes()).unwrap();
        open.push(stream);
    }
    drop(peer.accept());
    // Without --reconnect, the reason is the last word.
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| run(&[&url, "--timeout", "handshake=100"]));
        let stream = peer.accept();
        let ended = ended.join().unwrap();
        drop(stream);
        ended
    });
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("handshake"), "{ended:?}");
}

#[test]
fn loopback_a_server_that_falls_silent_is_pinged_and_given_up() {
    let peer = Peer::new();
    let url = format!("ws://{}/feed", peer.address());
    let times = ["--timeout", "ping=100", "--timeout", "pong=100", "--backoff", "1,10"];
    let (_client, _lines) = start(&[&[&*url, "--reconnect", "--resume"][..], &times].concat());
    let mut open = Vec::new();
    // After nothing, after a message, and inside of one.
    for sent in [Vec::new(), frame(FIN | TEXT, None, b"{\"seq\":1}"), frame(TEXT, None, b"a")] {
        let (mut stream, _) = peer.open();
        stream.write_all(&sent).unwrap();
        let mut ping = [0; 6];
        stream.read_exact(&mut ping).unwrap();
        assert_eq!(ping[..2], [PING, 0x80]);
        open.push(stream);
    }
    drop(peer.open());
}

/// The default times are finite: the client of this test would otherwise never end.
#[test]
fn loopback_the_client_gives_up_a_silent_server_by_default() {
    let peer = Peer::new();
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| run(&[&format!("ws://{}/", peer.address())]));
        let stream = peer.accept();
        let ended = ended.join().unwrap();
        drop(stream);
        ended
    });
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

/// The time of an attempt is not that of a connection: a server that holds each attempt longer than
/// the longest delay is still asked more and more rarely.
#[test]
fn loopback_an_attempt_that_fails_late_does_not_reset_the_delays() {
    let peer = Peer::new();
    let url = format!("ws://{}/", peer.address());
    let _client = start(&[&url, "--reconnect", "--backoff", "4,120"]);
    let (mut delays, mut dropped) = (Vec::new(), None::<Instant>);
    for attempt in 0..16 {
        let mut stream = peer.accept();
        delays.extend(dropped.map(|at| at.elapsed()));
        head(&mut stream);
        sleep(Duration::from_millis(150));
        if attempt % 2 == 1 {
            stream
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        }
        dropped = Some(Instant::now());
    }
    // The last eight are up to 120 ms each, on average half of it; without growth, up to 4 ms.
    let last: Duration = delays[delays.len() - 8..].iter().sum();
    assert!(last > Duration::from_millis(8 * 15), "{delays:?}");
}

#[test]
fn loopback_the_client_says_what_the_feed_has_lost() {
    let peer = Peer::new();
    let url = format!("ws://{}/feed?room=1", peer.address());
    let (_client, lines) = start(&[&url, "--reconnect", "--resume", "--backoff", "1,10"]);
    let send = |stream: &mut TcpStream, texts: &[&str]| {
        for text in texts {
            stream.write_all(&frame(FIN | TEXT, None, text.as_bytes())).unwrap();
        }
    };
    let (mut stream, request) = peer.open();
    assert!(request.starts_with("GET /feed?room=1 HTTP/1.1\r\n"), "{request}");
    send(&mut stream, &["{\"seq\":4}", "{\"seq\":5}"]);
    lines.until("{\"seq\":5}");
    drop(stream);
    // The server announces the loss ...
    let (mut stream, request) = peer.open();
    assert!(request.starts_with("GET /feed?room=1&after=5 HTTP/1.1\r\n"), "{request}");
    send(&mut stream, &["{\"gap\":9}", "{\"seq\":9}", "{\"seq\":10}"]);
    assert_eq!(lines.until("lost"), "lost: the feed continues with 9, after 5");
    assert_eq!(lines.next("9").unwrap(), "text {\"seq\":9}");
    assert_eq!(lines.next("10").unwrap(), "text {\"seq\":10}");
    drop(stream);
    // ... or does not know of it, or begins anew.
    let (mut stream, request) = peer.open();
    assert!(request.starts_with("GET /feed?room=1&after=10 HTTP/1.1\r\n"), "{request}");
    send(&mut stream, &["{\"seq\":12}", "{\"seq\":13}", "{\"seq\":1}", "{\"seq\":2}"]);
    assert_eq!(lines.until("lost"), "lost: the feed continues with 12, after 10");
    assert_eq!(lines.until("lost"), "lost: the feed continues with 1, after 13");
    assert_eq!(lines.next("2").unwrap(), "text {\"seq\":2}");
}

#[test]
fn loopback_the_client_resumes_at_the_next_url() {
    let peers = [Peer::new(), Peer::new()];
    let urls = peers.each_ref().map(|peer| format!("ws://{}/feed", peer.address()));
    let (_client, lines) =
        start(&[&urls[0], &urls[1], "--reconnect", "--resume", "--backoff", "1,10"]);
    for (turn, peer) in peers.iter().cycle().take(5).enumerate() {
        let (mut stream, request) = peer.open();
        let after = if turn == 0 { String::new() } else { format!("?after={turn}") };
        assert!(request.starts_with(&format!("GET /feed{after} HTTP/1.1\r\n")), "{request}");
        let text = format!("{{\"seq\":{}}}", turn + 1);
        stream.write_all(&frame(FIN | TEXT, None, text.as_bytes())).unwrap();
        lines.until(&text);
    }
}

#[test]
fn loopback_the_request_is_that_of_the_url() {
    let peer = Peer::new();
    let port = peer.address().port();
    for (url, target) in [
        (format!("ws://127.0.0.1:{port}"), "/"),
        (format!("WS://127.0.0.1:{port}?a=b"), "/?a=b"),
        (format!("ws://127.0.0.1:{port}/?"), "/"),
        (format!("ws://127.0.0.1:{port}/%20/../c?d=%23"), "/%20/../c?d=%23"),
    ] {
        let _client = start(&[&url]);
        let (_, request) = peer.open();
        let wanted = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
        assert!(request.starts_with(&wanted), "{url}: {request}");
    }
}

#[test]
fn loopback_the_client_explains_itself() {
    let help = run(&["--help"]);
    assert!(help.status.success() && help.stderr.is_empty());
    let usage = String::from_utf8(help.stdout).unwrap();
    for option in ["usage:", "--reconnect", "--resume", "--backoff", "--timeout", "Exit status"] {
        assert!(usage.contains(option), "{option}");
    }
    for (arguments, words) in [
        (&[][..], "the URL is missing"),
        (&["http://a/"], "does not begin with ws://"),
        (&["localhost:9001"], "does not begin with ws://"),
        (&["wss://a/"], "no TLS"),
        (&["ws://user:secret@a/"], "user name"),
        (&["ws://a/#b"], "fragment"),
        (&["ws://a:65536/"], "port"),
        (&["ws://[::1/"], "host"),
        (&["ws://a/ b"], "percent-encoded"),
        (&["ws://a/", "ws://b/"], "ws://b/"),
        (&["ws://a/", "wss://b/", "--reconnect"], "wss://b/"),
        (&["ws://a/", "--backoff", "5"], "BASE,CAP"),
        (&["ws://a/", "--timeout", "ping"], "--timeout is"),
        (&["ws://a/", "--timeout", "idle=5"], "--timeout is"),
        (&["ws://a/", "--timeout", "ping=soon"], "--timeout is"),
        (&["ws://a/", "--until", "soon"], "--until is"),
        (&["ws://a/", "--header", "x"], "--header must be"),
        (&["ws://a/", "--unknown"], "--unknown"),
    ] {
        let ended = run(arguments);
        let text = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {text}");
        let first = text.lines().next().unwrap();
        assert!(first.contains(words) && text.contains("usage: client"), "{arguments:?}: {text}");
    }
    let nobody = Peer::new().address();
    let ended = run(&[&format!("ws://{nobody}/")]);
    let text = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(text.contains(&nobody.to_string()) && text.contains("refused"), "{text}");
}
