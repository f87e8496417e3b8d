//! The example `echo_server` against what has ended, starved, frozen or fattened servers: long
//! heads, a standstill, announced lengths, floods, and no more file descriptors.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::example::{Client, Lines, PATIENCE, Server, request};
use crate::lifecycle::{cpu, rss};
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header};

pub(crate) fn is_alive(client: &mut Client) {
    client.send(PING, b"?");
    client.expect(&[(PONG, b"?")]);
}

#[test]
fn loopback_a_head_that_is_too_long_gets_431() {
    let server = Server::start(&["--threads", "1"]);
    for len in [9000, 1 << 20] {
        let mut client = server.connect();
        let mut bytes = request("/");
        bytes.truncate(bytes.len() - 2);
        bytes.extend(format!("Cookie: {}\r\n\r\n", "x".repeat(len)).bytes());
        // The server may answer before it has read everything.
        let _ = client.stream.write_all(&bytes);
        let mut answer = [0; 12];
        client.stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
}

/// The limit of open files, less some for the process itself.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft = line.split_whitespace().next().unwrap();
    soft.parse::<usize>().unwrap_or(usize::MAX) - 100
}

/// The process stands still for longer than every deadline. Pongs and messages wait in its sockets,
/// more than it sees at once when it continues.
#[test]
fn loopback_a_standstill_gives_nobody_up() {
    let timeouts = ["--timeout=ping=500", "--timeout=pong=15000", "--timeout=idle=15000"];
    let server = Server::start(&[&["--threads", "1"], &timeouts[..]].concat());
    let mut clients: Vec<Client> = (0..files().min(3000)).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write(&request("/"));
    }
    for client in &mut clients {
        client.read_head();
        client.expect(&[(PING, b"")]);
    }
    server.signal("STOP");
    for client in &mut clients {
        client.send(PONG, b"");
        client.send(FIN | TEXT, b"here");
    }
    thread::sleep(Duration::from_secs(16));
    server.signal("CONT");
    let mut given_up = 0;
    for client in &mut clients {
        given_up += usize::from(loop {
            match client.frame() {
                Some((first, payload)) if first == FIN | TEXT => break payload != b"here",
                Some((PING, _)) => {}
                _ => break true,
            }
        });
    }
    assert_eq!(given_up, 0, "of {}", clients.len());
}

#[test]
fn loopback_a_fragmented_message_that_never_ends_is_dropped() {
    for arguments in [&["--threads", "1"][..], &["--deflate"], &["--broadcast"]] {
        let timeouts = ["--timeout", "message=500", "--timeout", "ping=0"];
        let server = Server::start(&[arguments, &timeouts].concat());
        let mut client = server.open("/");
        let start = Instant::now();
        client.send(TEXT, b"a");
        let mut writer = client.stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            while writer.write_all(&frame(CONTINUATION, Some(KEY), b"")).is_ok() {
                assert!(start.elapsed() < PATIENCE, "the message has no deadline");
                thread::sleep(Duration::from_millis(50));
            }
        });
        // Perhaps echoes, and then a Close.
        let close = loop {
            let (first, payload) = client.frame().expect("a Close");
            if first == 0x88 {
                break payload;
            }
        };
        assert_eq!(close, 1008_u16.to_be_bytes(), "{arguments:?}");
        assert!(start.elapsed() >= Duration::from_millis(450));
        drop(client);
        drop(server);
        sending.join().unwrap();
    }
}

/// The high-water mark holds inside a message as well.
#[test]
fn loopback_a_client_that_never_reads_one_long_message_takes_bounded_memory() {
    let server = Server::start(&["--threads", "1", "--timeout", "message=0"]);
    let mut client = server.open("/");
    client.stream.set_nonblocking(true).unwrap();
    let mut bytes = frame(BINARY, Some(KEY), &[7; 60_000]);
    bytes.extend(frame(CONTINUATION, Some(KEY), &[7; 60_000]).repeat(1000));
    // The storage grows beyond 8 MiB inside a frame.
    let inside = (8 << 20) + 5_000;
    let (mut sent, mut progress) = (0, Instant::now());
    while sent < bytes.len() && progress.elapsed() < Duration::from_secs(1) {
        let end = if sent < inside { inside } else { bytes.len() };
        match client.stream.write(&bytes[sent..end]) {
            Ok(n) => (sent, progress) = (sent + n, Instant::now()),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
        if sent == inside {
            thread::sleep(Duration::from_millis(100));
        }
    }
    assert!(sent < bytes.len(), "all was read");
    let rss = rss(&server);
    assert!(rss < 16 << 20, "{rss}");
    is_alive(&mut server.open("/"));
}

/// The address space of the server in bytes.
fn size(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// Under a limit of the address space, a reservation would abort the server.
#[test]
fn loopback_an_announced_length_reserves_nothing() {
    for arguments in [&["--threads", "1"][..], &["--threads", "1", "--deflate"]] {
        let server = Server::start(arguments);
        is_alive(&mut server.open("/"));
        let before = size(&server);
        let announced = [&header(FIN | BINARY, Some(KEY), 64 << 20)[..], b"x"].concat();
        assert_eq!(announced.len(), 15);
        let mut clients: Vec<Client> = (0..8).map(|_| server.open("/")).collect();
        for client in &mut clients {
            client.write_later(&announced);
        }
        is_alive(&mut server.open("/"));
        // Of 512 MiB; the allocator reserves 64 MiB with the first allocation of a thread.
        let grown = size(&server).saturating_sub(before);
        assert!(grown < 150 << 20, "{grown}");
    }
}

/// Each turn of a flooder is bounded, and it has one for one of every other client.
#[test]
fn loopback_a_flood_does_not_starve_the_other_clients_of_its_thread() {
    for flood in [frame(PONG, Some(KEY), b""), frame(FIN | BINARY, Some(KEY), b"x")] {
        let server = Server::start(&["--threads", "1", "--timeout", "ping=0"]);
        let mut victim = server.open("/");
        let flooder = server.open("/");
        let mut reader = flooder.stream.try_clone().unwrap();
        let mut writer = flooder.stream.try_clone().unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let bytes = flood.repeat(100_000);
                while !is_over.load(Ordering::Relaxed) {
                    let _ = writer.write_all(&bytes);
                }
            });
            scope.spawn(|| while reader.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(5) {
                is_alive(&mut victim);
            }
            // The time of the server, so that the load of the machine does not matter.
            let before = cpu(&server);
            for _ in 0..20 {
                is_alive(&mut victim);
            }
            let took = cpu(&server).saturating_sub(before);
            is_over.store(true, Ordering::Relaxed);
            flooder.stream.shutdown(std::net::Shutdown::Both).unwrap();
            assert!(took < Duration::from_secs(3), "{took:?}");
        });
    }
}

#[test]
fn loopback_the_server_survives_without_file_descriptors() {
    let mut server = Server::start_limited("-n 48", &["--threads", "1"]);
    let errors = Lines::of(server.process.stderr.take().unwrap());
    let start = Instant::now();
    let mut first = server.open("/");
    let waiting: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    is_alive(&mut first);
    assert!(server.process.try_wait().unwrap().is_none());
    errors.until("accept: ");
    errors.until("accept: ");
    drop(waiting);
    // There is room again.
    is_alive(&mut server.open("/"));
    is_alive(&mut first);
    // One line a second at most, however many connections wait.
    server.process.kill().unwrap();
    let seconds = start.elapsed().as_secs();
    let more = std::iter::from_fn(|| errors.next("the end of the errors")).count() as u64;
    assert!(more <= seconds, "{} lines in {seconds} seconds", more + 2);
}

/// A frame that is too long to broadcast: its rest ends nobody else, and is sent to nobody.
#[test]
fn loopback_the_rest_of_a_refused_frame_is_not_broadcast() {
    for rest in [10, 1 << 20] {
        let server = Server::start(&["--broadcast", "--threads", "1"]);
        let mut bystander = server.open("/");
        let mut client = server.open("/");
        client.write(&header(FIN | BINARY, Some(KEY), 1000 + (1 << 20)));
        client.write(&[b'A'; 1000]);
        let (first, payload) = client.frame().expect("a Close");
        assert_eq!((first, &payload[..]), (0x88, &1009_u16.to_be_bytes()[..]));
        // The server may have closed the transport.
        let _ = client.stream.write_all(&vec![b'B'; rest]);
        is_alive(&mut bystander);
        let mut other = server.open("/");
        other.send(FIN | TEXT, b"next");
        bystander.expect(&[(FIN | TEXT, b"next")]);
    }
}

/// What follows a message that is too long to broadcast ends nobody else, and is sent to nobody.
#[test]
fn loopback_a_refused_message_is_not_broadcast_in_part() {
    let server = Server::start(&["--broadcast", "--threads", "1"]);
    let mut bystander = server.open("/");
    let mut client = server.open("/");
    client.send(BINARY, &vec![b'a'; 1 << 20]);
    client.send(CONTINUATION, &[b'a'; 100]);
    let (first, payload) = client.frame().expect("a Close");
    assert_eq!((first, &payload[..]), (0x88, &1009_u16.to_be_bytes()[..]));
    let _ = client.stream.write_all(&frame(FIN | CONTINUATION, Some(KEY), b"the rest"));
    is_alive(&mut bystander);
    let mut other = server.open("/");
    is_alive(&mut other);
    other.send(FIN | TEXT, b"next");
    bystander.expect(&[(FIN | TEXT, b"next")]);
}
