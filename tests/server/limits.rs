//! What the clients of `echo_server` may take together: memory, the time of a thread, the queues
//! between threads, the port.

use std::collections::HashMap;
use std::fs::{read_dir, read_link, read_to_string};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, WindowBits};

use crate::example::{Client, PATIENCE, Server, example, output, request};
use crate::faults::is_alive;
use crate::lifecycle::{number, rss};
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PONG, TEXT, frame};

const MIB: usize = 1 << 20;

/// Waits until the server has this little memory.
fn memory_goes_back(server: &Server, most: u64) {
    let end = Instant::now() + PATIENCE;
    while rss(server) > most {
        assert!(Instant::now() < end, "{} bytes after {PATIENCE:?}", rss(server));
        thread::sleep(Duration::from_millis(50));
    }
}

/// Beyond the budget, the newest long message is refused; those under way and short ones are not.
#[test]
fn loopback_the_memory_of_all_clients_has_a_budget() {
    let server = Server::start(&["--threads", "2", "--memory", "8000000"]);
    let payload = vec![7; 5_000_000];
    let whole = frame(FIN | BINARY, Some(KEY), &payload);
    let mut first = server.open("/");
    let before = rss(&server);
    first.write(&whole[..4_000_000]);
    let start = Instant::now();
    while rss(&server) < before + 3_900_000 {
        assert!(start.elapsed() < PATIENCE, "the server does not read");
        thread::sleep(Duration::from_millis(5));
    }
    let mut last = server.open("/");
    // The server closes the transport before it has received everything.
    let _ = last.stream.write_all(&whole);
    let (opcode, code) = last.frame_or_rest().expect("a Close");
    assert_eq!((opcode, &code[..]), (0x88, &1009_u16.to_be_bytes()[..]));
    let mut short = server.open("/");
    short.send(FIN | TEXT, b"short");
    short.expect(&[(FIN | TEXT, b"short")]);
    first.write(&whole[4_000_000..]);
    first.expect(&[(FIN | BINARY, &payload)]);
    drop(first);
    // There is memory again.
    let mut next = server.open("/");
    next.write(&whole);
    next.expect(&[(FIN | BINARY, &payload)]);
}

/// Compressed messages count with their length after decompression.
#[test]
fn loopback_decompression_bombs_have_a_budget() {
    let server = Server::start(&["--deflate", "--threads", "1", "--memory", "40000000"]);
    let context = CompressionContext { window_bits: WindowBits::MAX, takeover: false };
    let storage = vec![0; Deflate::memory(context, Effort::FAST)];
    let mut deflate = Deflate::new(context, Effort::FAST, storage).unwrap();
    let long = vec![0; 60 * MIB];
    let mut bomb = vec![0; Deflate::max_len(long.len())];
    let deflated = deflate.push(&long, Flush::Finish, &mut bomb);
    bomb.truncate(deflated.written);
    let mut clients: Vec<Client> = (0..8).map(|_| deflating(&server)).collect();
    for client in &mut clients {
        client.write(&frame(FIN | 0x40 | BINARY, Some(KEY), &bomb));
    }
    for client in &mut clients {
        assert_eq!(client.frame(), Some((0x88, 1009_u16.to_be_bytes().to_vec())));
    }
    let rss = rss(&server);
    assert!(rss < 64 << 20, "{rss}");
    is_alive(&mut server.open("/"));
}

/// A client with compression.
fn deflating(server: &Server) -> Client {
    let mut client = server.connect();
    let mut bytes = request("/");
    bytes.truncate(bytes.len() - 2);
    bytes.extend(b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
    client.write(&bytes);
    client.read_head();
    client
}

/// The allocator has less than the budget: that ends clients, and not the process.
#[test]
fn loopback_an_allocation_that_fails_ends_one_client() {
    let arguments = ["--threads", "1", "--memory", "1000000000000"];
    let mut server = Server::start_limited("-v 300000", &arguments);
    let mut bystander = server.open("/");
    let mut refused = 0;
    let whole = frame(FIN | BINARY, Some(KEY), &vec![7; 60 * MIB]);
    let mut clients: Vec<Client> = (0..12).map(|_| server.open("/")).collect();
    for client in &mut clients {
        let is_taken = client.stream.write_all(&whole[..50 * MIB]).is_ok();
        refused += usize::from(!is_taken || has_close(client));
        is_alive(&mut bystander);
    }
    assert!((1..12).contains(&refused), "{refused}");
    assert!(server.process.try_wait().unwrap().is_none());
    drop(clients);
    let mut next = server.open("/");
    next.write(&whole);
    let (first, payload) = next.frame().expect("an echo");
    assert_eq!((first, payload.len()), (FIN | BINARY, 60 * MIB));
}

/// Whether the server has sent a Close, or ended the transport.
fn has_close(client: &mut Client) -> bool {
    client.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    match client.stream.peek(&mut [0]) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn loopback_memory_goes_back_after_long_messages() {
    let server = Server::start(&["--threads", "1"]);
    let mut client = server.open("/");
    for len in [64 * MIB, 16 * MIB, 5 * MIB] {
        let payload = vec![7; len];
        client.send(FIN | BINARY, &payload);
        client.expect(&[(FIN | BINARY, &payload)]);
    }
    // The client is still there.
    memory_goes_back(&server, 16 << 20);
    is_alive(&mut client);
}

/// The deadline of the closing handshake runs from the queued Close, also behind output that nobody
/// reads, and it is the only one here.
#[test]
fn loopback_a_signal_ends_the_server_though_clients_do_not_read() {
    let timeouts = ["write=0", "message=0", "ping=0", "close=500"].map(|it| ["--timeout", it]);
    let arguments: Vec<&str> = ["--threads", "1"].into_iter().chain(timeouts.concat()).collect();
    let mut server = Server::start(&arguments);
    let mut inside = server.open("/");
    let mut between = server.open("/");
    let mut fragments = frame(BINARY, Some(KEY), &[7; 60_000]);
    fragments.extend(frame(CONTINUATION, Some(KEY), &[7; 60_000]).repeat(400));
    let messages = frame(FIN | BINARY, Some(KEY), &[7; 60_000]).repeat(400);
    for (client, bytes) in [(&mut inside, &fragments), (&mut between, &messages)] {
        fill(client, bytes);
    }
    server.signal("TERM");
    assert!(server.wait().success());
}

/// Writes until nothing more is taken.
fn fill(client: &mut Client, bytes: &[u8]) {
    client.stream.set_nonblocking(true).unwrap();
    let (mut sent, mut progress) = (0, Instant::now());
    while sent < bytes.len() && progress.elapsed() < Duration::from_secs(1) {
        match client.stream.write(&bytes[sent..]) {
            Ok(n) => (sent, progress) = (sent + n, Instant::now()),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// A signal takes effect later on a busy machine.
fn wait_until_stopped(server: &Server) {
    let end = Instant::now() + PATIENCE;
    let is_stopped = |task: std::fs::DirEntry| {
        let stat = read_to_string(task.path().join("stat")).unwrap();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    };
    while !read_dir(format!("/proc/{}/task", server.process.id()))
        .unwrap()
        .flatten()
        .all(is_stopped)
    {
        assert!(Instant::now() < end, "waited {PATIENCE:?} for the server to stop");
        thread::sleep(Duration::from_millis(10));
    }
}

/// While the server stands still, one client fills its socket and another one writes a little. Both
/// are served in turn, whatever the first one has sent: a third one sees the order.
#[test]
fn loopback_a_flood_of_broadcasts_takes_turns_with_the_others() {
    let server = Server::start(&["--broadcast", "--threads", "1", "--high-water", "100000000"]);
    let mut listener = server.open("/");
    let mut flooder = server.open("/");
    let mut other = server.open("/");
    for client in [&mut listener, &mut flooder, &mut other] {
        is_alive(client);
    }
    server.signal("STOP");
    wait_until_stopped(&server);
    fill(&mut flooder, &frame(FIN | BINARY, Some(KEY), b"f").repeat(20_000));
    other.send(FIN | TEXT, b"here");
    server.signal("CONT");
    let before = std::iter::from_fn(|| listener.frame()).take_while(|it| it.1 == b"f").count();
    assert!(before < 2000, "{before} of a flood first");
}

/// The `epoll` instance that has the server's end of this connection: its thread.
fn thread_of(server: &Server, stream: &TcpStream) -> Option<String> {
    let (near, far) = (stream.local_addr().unwrap().port(), server.address.port());
    let port =
        |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap(), 16).unwrap();
    let table = read_to_string("/proc/net/tcp").unwrap();
    let inode = table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_it = port(fields[1]) == far && port(fields[2]) == near;
        is_it.then(|| format!("socket:[{}]", fields[9]))
    })?;
    let process = format!("/proc/{}", server.process.id());
    let files: HashMap<String, String> = read_dir(format!("{process}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|file| {
            let to = read_link(file.path()).ok()?.to_string_lossy().into_owned();
            Some((file.file_name().into_string().ok()?, to))
        })
        .collect();
    let (socket, _) = files.iter().find(|(_, to)| **to == inode)?;
    let mut polls = files.iter().filter(|(_, to)| to.contains("eventpoll"));
    polls.find_map(|(poll, _)| {
        let text = read_to_string(format!("{process}/fdinfo/{poll}")).ok()?;
        let mut targets = text.lines().filter_map(|line| line.strip_prefix("tfd:"));
        let is_it = targets.any(|it| it.split_whitespace().next() == Some(socket.as_str()));
        is_it.then(|| poll.clone())
    })
}

/// The clients of the other thread are many, so that it is slower than the one that receives.
#[test]
fn loopback_broadcasts_between_threads_take_bounded_memory() {
    // With short marks, the outputs of the clients that do not read are a small part of the memory.
    let marks = ["--high-water=65536", "--low-water=16384"];
    let arguments = ["--broadcast", "--threads", "2", "--timeout", "ping=0"];
    let server = Server::start(&[&arguments[..], &marks].concat());
    let mut speaker = server.open("/");
    is_alive(&mut speaker);
    let own = thread_of(&server, &speaker.stream);
    let mut others = Vec::new();
    let mut all = 0;
    while others.len() < 100 {
        let mut client = server.open("/");
        is_alive(&mut client);
        all += 1;
        assert!(all < 3000, "the threads share the connections");
        if thread_of(&server, &client.stream) != own {
            others.push(client);
        }
    }
    let mut ears = speaker.stream.try_clone().unwrap();
    thread::spawn(move || while ears.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
    speaker.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let words = frame(FIN | BINARY, Some(KEY), b"a").repeat(20_000);
    let (start, mut most) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(10) {
        let _ = speaker.stream.write(&words);
        most = most.max(rss(&server));
    }
    assert!(most < 32 << 20, "{most}");
    // A frame to all is in the way of its Pong.
    let mut last = server.open("/");
    last.send(0x89, b"?");
    while last.frame().expect("a Pong") != (PONG, b"?".to_vec()) {}
}

/// The first one keeps its port to itself, with any number of threads.
#[test]
fn loopback_a_second_server_on_the_same_port_is_refused() {
    for threads in ["1", "2"] {
        let mut server = Server::start(&["--threads", threads]);
        for threads in ["1", "2"] {
            let mut second = Command::new(example("echo_server"));
            second.args(["--listen", &server.address.to_string(), "--threads", threads]);
            // One that listens does not end.
            second.args(["--timeout", "close=100"]);
            let output = output(second);
            assert_eq!(output.status.code(), Some(1));
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains("cannot listen on"), "{error}");
        }
        is_alive(&mut server.open("/"));
        assert!(server.process.try_wait().unwrap().is_none());
    }
}

/// A number of another server is a gap, also if this one has sent as many messages since.
#[test]
fn loopback_the_feed_tells_a_gap_over_a_restart() {
    let old = Server::start(&["--threads", "1", "--feed-every", "20"]);
    let mut client = old.open("/feed");
    let seen = (0..5).map(|_| number(&mut client)).last().unwrap();
    drop(old);
    let new = Server::start(&["--threads", "1", "--feed-every", "20"]);
    let mut other = new.open("/feed");
    for _ in 0..20 {
        assert!(number(&mut other) > seen);
    }
    let mut client = new.open(&format!("/feed?after={seen}"));
    let (_, gap) = client.frame().unwrap();
    let first = number(&mut client);
    assert_eq!(gap, format!(r#"{{"gap":{first}}}"#).as_bytes());
    assert!(first > seen);
}

/// A client that reads nothing gets no Pongs, and its Pings wait in its socket.
#[test]
fn loopback_pings_of_a_client_that_never_reads_take_bounded_memory() {
    let server = Server::start(&["--threads", "1", "--timeout", "write=0"]);
    let mut client = server.open("/");
    fill(&mut client, &frame(0x89, Some(KEY), &[7; 125]).repeat(400_000));
    let rss = rss(&server);
    assert!(rss < 16 << 20, "{rss}");
    let mut other = server.open("/");
    other.write(&frame(0x89, Some(KEY), b""));
    other.expect(&[(PONG, b"")]);
}
