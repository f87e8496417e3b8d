//! The example `echo_server` is replaced by a second process (`--handover`), which takes over its
//! connections.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::deflate::{HELLO, HELLO_AGAIN, OFFER, RSV1, message, open};
use crate::example::{Client, Lines, PATIENCE, Server, example, output, request};
use crate::lifecycle::number;
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame};
use crate::support::strict_inflate::StrictInflate;

/// The frames of `examples/echo_server/handover`.
const VERSION: u8 = 2;
const HELLO_FRAME: u8 = 0;
const REFUSED: u8 = 1;
const WELCOME: u8 = 2;
const CLIENT: u8 = 4;
const END: u8 = 6;

/// The arguments of a server and its successors.
pub(crate) struct Arguments {
    all: Vec<String>,
    path: PathBuf,
}

impl Arguments {
    /// `name` is that of the test.
    pub(crate) fn new(name: &str, arguments: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("barews-{}-{name}", std::process::id()));
        let mut all: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        all.extend(["--handover".to_owned(), path.to_str().unwrap().to_owned()]);
        Self { all, path }
    }

    pub(crate) fn start(&self) -> Server {
        Server::start(&self.all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a successor, and waits for the end of the server.
    pub(crate) fn replace(&self, server: &mut Server) {
        let mut old = std::mem::replace(server, self.start());
        assert_eq!(old.address, server.address);
        assert_eq!(old.wait().code(), Some(0));
    }

    /// Starts a process that fails; returns its words.
    fn fail(&self, more: &[&str]) -> String {
        let mut command = Command::new(example("echo_server"));
        command.args(["--listen", "127.0.0.1:0"]).args(&self.all).args(more);
        let output = output(command);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Arguments {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn works(client: &mut Client) {
    client.send(FIN | TEXT, "Grüße".as_bytes());
    client.expect(&[(FIN | TEXT, "Grüße".as_bytes())]);
}

/// Waits until the server has received all that was sent before.
pub(crate) fn sync(client: &mut Client) {
    client.send(PING, b"?");
    client.expect(&[(PONG, b"?")]);
}

#[test]
fn loopback_a_successor_takes_over_bytes_half_read_and_half_written() {
    let arguments = Arguments::new("halves", &["--threads", "2"]);
    let mut server = arguments.start();
    let mut idle: Vec<Client> = (0..10).map(|_| server.open("/")).collect();
    let long = frame(FIN | BINARY, Some(KEY), &[7; 300_000]);
    // The cuts are in a header, a short payload, and one that is assembled.
    let mut cut: Vec<(Client, usize)> =
        [1, 3, 9, 100, 200_000].map(|at| (server.open("/"), at)).into();
    for (client, at) in &mut cut {
        client.write(&long[..*at]);
    }
    let request = request("/");
    let mut opening = server.connect();
    opening.write(&request[..40]);
    let mut silent = server.connect();
    // It does not read, so that much is unsent.
    let mut lazy = server.open("/");
    let sent: Vec<Vec<u8>> = (0..100_u8).map(|i| vec![i; 60_000]).collect();
    lazy.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let bytes = sent
        .iter()
        .map(|payload| frame(FIN | BINARY, Some(KEY), payload))
        .collect::<Vec<_>>()
        .concat();
    let mut written = 0;
    while let Some(rest @ [_, ..]) = bytes.get(written..) {
        let Ok(n) = lazy.stream.write(rest) else { break };
        written += n;
    }
    for _ in 0..3 {
        arguments.replace(&mut server);
    }

    for (client, at) in &mut cut {
        client.write(&long[*at..]);
        client.expect(&[(FIN | BINARY, &[7; 300_000])]);
        works(client);
    }
    opening.write(&request[40..]);
    opening.read_head();
    works(&mut opening);
    silent.write(&request);
    silent.read_head();
    works(&mut silent);
    let mut writer = lazy.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(PATIENCE)).unwrap();
    let rest = bytes[written..].to_vec();
    let writing = std::thread::spawn(move || writer.write_all(&rest).unwrap());
    for payload in &sent {
        lazy.expect(&[(FIN | BINARY, payload)]);
    }
    writing.join().unwrap();
    idle.iter_mut().for_each(works);
    works(&mut server.open("/"));
}

#[test]
fn loopback_a_compressed_context_goes_over() {
    let arguments = Arguments::new("context", &["--threads", "1", "--deflate"]);
    let mut server = arguments.start();
    let (mut client, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, true);
    client.send(FIN | RSV1 | TEXT, HELLO);
    assert_eq!(inflate.message(&message(&mut client, TEXT).0).unwrap(), b"Hello");
    for _ in 0..3 {
        arguments.replace(&mut server);
        // It refers to the first one.
        client.send(FIN | RSV1 | TEXT, HELLO_AGAIN);
        assert_eq!(inflate.message(&message(&mut client, TEXT).0).unwrap(), b"Hello");
    }
}

#[test]
fn loopback_a_fragmented_message_goes_over() {
    let arguments = Arguments::new("fragments", &["--threads", "2"]);
    let mut server = arguments.start();
    let mut client = server.open("/");
    let parts = ["Gr".as_bytes(), &[0xC3], &[0xBC], b"\xC3", b"\x9Fe"];
    for (i, part) in parts.iter().enumerate() {
        let first = if i == 0 { TEXT } else { CONTINUATION };
        client.send(if i == 4 { FIN | first } else { first }, part);
        if i < 4 {
            sync(&mut client);
            arguments.replace(&mut server);
        }
    }
    client.expect(&[(FIN | TEXT, "Grüße".as_bytes())]);
    // The successor knows that a text is open: what is no UTF-8 ends it.
    client.send(TEXT, b"\xC3");
    sync(&mut client);
    arguments.replace(&mut server);
    client.send(CONTINUATION, b"\xC3");
    client.expect_close(1007);
}

#[test]
fn loopback_a_broadcast_reaches_clients_that_went_over() {
    let arguments = Arguments::new("broadcast", &["--threads", "2", "--broadcast", "--deflate"]);
    let mut server = arguments.start();
    let mut plain: Vec<Client> = (0..4).map(|_| server.open("/")).collect();
    plain.iter_mut().for_each(sync);
    let (mut compressed, _) = open(&server, OFFER);
    arguments.replace(&mut server);
    plain[0].send(FIN | TEXT, b"Hello");
    for client in &mut plain {
        client.expect(&[(FIN | TEXT, b"Hello")]);
    }
    let mut inflate = StrictInflate::new(15, false);
    assert_eq!(inflate.message(&message(&mut compressed, TEXT).0).unwrap(), b"Hello");
}

#[test]
fn loopback_the_feed_goes_on_without_a_gap() {
    let arguments = Arguments::new("feed", &["--threads", "2", "--feed-every", "10"]);
    let mut server = arguments.start();
    let mut client = server.open("/feed");
    let mut last = None;
    for round in 0..40 {
        if round % 10 == 9 {
            arguments.replace(&mut server);
        }
        let newest = number(&mut client);
        assert!(last.is_none_or(|last| newest == last + 1), "{newest} after {last:?}");
        last = Some(newest);
    }
    // A client that comes back resumes at any of the servers.
    let first = last.unwrap() - 35;
    let mut other = server.open(&format!("/feed?after={first}"));
    for expected in first + 1..first + 40 {
        assert_eq!(number(&mut other), expected);
    }
}

/// Each take-over comes before the deadline. If it began anew, it would never be reached.
#[test]
fn loopback_deadlines_go_over() {
    let deadlines = ["--timeout", "ping=1500", "--timeout", "handshake=1500"];
    let arguments = Arguments::new("deadlines", &deadlines);
    let mut server = arguments.start();
    let mut client = server.open("/");
    let mut opening = server.connect();
    opening.write(b"GET / HTTP/1.1\r\n");
    let pinged = std::thread::spawn(move || client.expect(&[(PING, b"")]));
    let dropped = std::thread::spawn(move || assert_eq!(opening.frame_or_rest(), None));
    let start = Instant::now();
    while !(pinged.is_finished() && dropped.is_finished()) {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for deadlines");
        arguments.replace(&mut server);
    }
    pinged.join().unwrap();
    dropped.join().unwrap();
}

/// The predecessor serves the clients that its successor cannot serve, and ends after them.
#[test]
fn loopback_a_visitor_of_the_page_stays() {
    let arguments = Arguments::new("page", &["--threads", "1"]);
    let mut server = arguments.start();
    let mut client = server.open("/");
    let mut visitor = server.connect();
    visitor.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    visitor.stream.read_exact(&mut [0; 100]).unwrap();
    let mut old = std::mem::replace(&mut server, arguments.start());
    works(&mut client);
    assert!(old.process.try_wait().unwrap().is_none());
    let mut page = String::new();
    visitor.stream.read_to_string(&mut page).unwrap();
    assert!(page.ends_with("</html>\n"));
    drop(visitor);
    assert_eq!(old.wait().code(), Some(0));
    works(&mut client);

    // A signal for the predecessor does not concern its successor.
    let mut visitor = server.connect();
    visitor.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    visitor.stream.read_exact(&mut [0; 100]).unwrap();
    let mut old = std::mem::replace(&mut server, arguments.start());
    works(&mut client);
    old.signal("TERM");
    visitor.half_close();
    assert_eq!(old.wait().code(), Some(0));
    works(&mut client);
}

/// Frames of the protocol, without file descriptors.
fn send(socket: &mut UnixStream, kind: u8, body: &[u8]) {
    let len = u64::try_from(body.len()).unwrap();
    socket.write_all(&[&[kind], &len.to_le_bytes()[..], body].concat()).unwrap();
}

fn receive(socket: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut header = [0; 9];
    socket.read_exact(&mut header).unwrap();
    let len = u64::from_le_bytes(*header.last_chunk().unwrap());
    let mut body = vec![0; len.try_into().unwrap()];
    socket.read_exact(&mut body).unwrap();
    (header[0], body)
}

#[test]
fn loopback_a_candidate_that_ends_in_the_middle_changes_nothing() {
    let arguments = Arguments::new("candidate", &["--threads", "2"]);
    let mut server = arguments.start();
    let mut clients: Vec<Client> = (0..10).map(|_| server.open("/")).collect();
    // After each of the frames until END: WELCOME, 2 listeners, 10 clients, the feed.
    for received in 0..=15 {
        let mut candidate = UnixStream::connect(&arguments.path).unwrap();
        candidate.set_read_timeout(Some(PATIENCE)).unwrap();
        send(&mut candidate, HELLO_FRAME, &[VERSION]);
        let frames: Vec<u8> = (0..received).map(|_| receive(&mut candidate).0).collect();
        assert_eq!(frames.first().copied().unwrap_or(WELCOME), WELCOME);
        assert_eq!(frames.get(14).copied().unwrap_or(END), END);
        drop(candidate);
        clients.iter_mut().for_each(works);
    }
    works(&mut server.open("/"));
    arguments.replace(&mut server);
    clients.iter_mut().for_each(works);
}

/// A successor that hangs is given up, and cannot take over afterwards.
#[test]
fn loopback_a_candidate_that_hangs_is_given_up() {
    let arguments = Arguments::new("hangs", &["--threads", "2"]);
    let mut server = arguments.start();
    let mut client = server.open("/");
    let mut candidate = UnixStream::connect(&arguments.path).unwrap();
    send(&mut candidate, HELLO_FRAME, &[VERSION]);
    while receive(&mut candidate).0 != END {}
    works(&mut client);
    let taken = candidate.write_all(&[7, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::BrokenPipe);
    works(&mut client);
    arguments.replace(&mut server);
    works(&mut client);
}

/// `kill -9` while the successor receives connections.
#[test]
fn loopback_a_successor_that_is_killed_in_the_middle_changes_nothing() {
    const LEN: usize = 2 << 20;
    let arguments = Arguments::new("killed", &["--threads", "1"]);
    for _ in 0..20 {
        let all: Vec<&str> = arguments.all.iter().map(String::as_str).collect();
        let mut server = Server::start_limited("-c 0", &all);
        let errors = Lines::of(server.process.stderr.take().unwrap());
        // Messages in assembly, so that it takes some time.
        let mut clients: Vec<Client> = (0..40).map(|_| server.open("/")).collect();
        for client in &mut clients {
            client.send(BINARY, &vec![1; LEN]);
            sync(client);
        }
        let mut command = Command::new(example("echo_server"));
        command.args(["--listen", "127.0.0.1:0"]).args(&arguments.all);
        let mut successor = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = Lines::of(successor.stdout.take().unwrap());
        while resident(successor.id()) < 24 << 20 && successor.try_wait().unwrap().is_none() {}
        successor.kill().unwrap();
        successor.wait().unwrap();
        if lines.next("the end of the successor").is_some() {
            // It was too quick.
            continue;
        }
        errors.until("no hand-over");
        for client in &mut clients {
            client.send(FIN | CONTINUATION, b"end");
            let (first, payload) = client.frame().unwrap();
            assert_eq!((first, payload.len()), (FIN | BINARY, LEN + 3));
        }
        arguments.replace(&mut server);
        return clients.iter_mut().for_each(works);
    }
    panic!("no successor was killed in the middle");
}

/// Resident memory in bytes.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn loopback_a_successor_of_another_version_is_refused() {
    let arguments = Arguments::new("older", &[]);
    let mut server = arguments.start();
    let mut client = server.open("/");
    let mut older = UnixStream::connect(&arguments.path).unwrap();
    send(&mut older, HELLO_FRAME, &[1]);
    let (kind, why) = receive(&mut older);
    assert_eq!((kind, String::from_utf8(why).unwrap().contains("version 1")), (REFUSED, true));
    for nonsense in
        [&b"\0\0\0\0\0\0\0\0\0"[..], b"\x07\x01\0\0\0\0\0\0\0\x01", b"GET / HTTP/1.1\r\n"]
    {
        let mut other = UnixStream::connect(&arguments.path).unwrap();
        other.write_all(nonsense).unwrap();
    }
    works(&mut client);
    arguments.replace(&mut server);
    works(&mut client);
}

/// A successor that does not understand ends with an error, and takes nothing.
#[test]
fn loopback_a_predecessor_of_another_version_is_refused() {
    let arguments = Arguments::new("newer", &[]);
    let listener = UnixListener::bind(&arguments.path).unwrap();
    // Without file descriptors, whose absence is found, too.
    let frames: [(u8, &[u8], &str); 5] = [
        (WELCOME, &[3], "version 3"),
        (REFUSED, b"not today", "not today"),
        (WELCOME, &[VERSION], "file descriptor"),
        (CLIENT, b"", "invalid"),
        (WELCOME, b"", "invalid"),
    ];
    for (kind, body, why) in frames {
        let listener = listener.try_clone().unwrap();
        let newer = std::thread::spawn(move || {
            let mut socket = listener.accept().unwrap().0;
            assert_eq!(receive(&mut socket), (HELLO_FRAME, vec![VERSION]));
            send(&mut socket, kind, body);
            // Until the other side has ended.
            let _ = socket.read(&mut [0]);
        });
        let error = arguments.fail(&[]);
        assert!(error.contains("cannot take over") && error.contains(why), "{error}");
        newer.join().unwrap();
    }
}

/// What the predecessor has agreed on with its clients, and what it has received, binds its successor.
#[test]
fn loopback_a_successor_with_other_arguments_is_refused() {
    let arguments = Arguments::new("arguments", &["--threads", "1"]);
    let mut server = arguments.start();
    let mut client = server.open("/");
    client.send(BINARY, &[1; 1000]);
    sync(&mut client);
    let error = arguments.fail(&["--listen", "127.0.0.1:1"]);
    assert!(error.contains(&format!("it listens on {}", server.address)), "{error}");
    let error = arguments.fail(&["--max-message-len", "999"]);
    assert!(error.contains("cannot take over"), "{error}");
    client.send(FIN | CONTINUATION, &[1]);
    client.expect(&[(FIN | BINARY, &[1; 1001])]);
    arguments.replace(&mut server);
    works(&mut client);
}

#[test]
fn loopback_the_last_server_leaves_no_socket() {
    let arguments = Arguments::new("last", &["--threads", "1"]);
    std::fs::write(&arguments.path, "a file").unwrap();
    assert!(arguments.fail(&[]).contains("cannot listen for a successor"));
    std::fs::remove_file(&arguments.path).unwrap();
    // What a killed server has left is no obstacle.
    let mut server = arguments.start();
    server.process.kill().unwrap();
    server.wait();
    assert!(arguments.path.exists());
    let mut server = arguments.start();
    let mut client = server.open("/");
    arguments.replace(&mut server);
    server.signal("TERM");
    client.expect_close(1001);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!arguments.path.exists());
}
