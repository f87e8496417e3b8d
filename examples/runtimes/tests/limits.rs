//! What a hostile client, or a machine without resources, cannot do to a server.

#[expect(dead_code, unused_imports, unused_macros, reason = "used by the other tests")]
mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use common::Server;

const PROGRAMS: [&str; 6] = [
    env!("CARGO_BIN_EXE_blocking"),
    env!("CARGO_BIN_EXE_embedded"),
    env!("CARGO_BIN_EXE_http2"),
    env!("CARGO_BIN_EXE_io_uring"),
    env!("CARGO_BIN_EXE_tls"),
    env!("CARGO_BIN_EXE_tokio"),
];
/// Those without another protocol below the WebSocket. If the kernel refuses `io_uring`, there is no
/// server; `tests/io_uring.rs` tests the message.
const PLAIN: [&str; 4] = [PROGRAMS[0], PROGRAMS[1], PROGRAMS[3], PROGRAMS[5]];

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// A text message of 5 bytes, masked with zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
}

/// A client after the opening handshake.
fn open(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(REQUEST).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

fn expect_echo(mut stream: TcpStream) {
    stream.write_all(HELLO).unwrap();
    let mut echo = [0; 7];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"\x81\x05hello");
}

/// The clients wait at the same time, so that the test takes as long as one of them.
#[test]
fn a_silent_client_is_dropped() {
    let servers: Vec<_> = PROGRAMS.iter().filter_map(|it| Server::start(it).0).collect();
    let clients: Vec<_> = servers.iter().map(connect).collect();
    for (server, mut client) in servers.iter().zip(clients) {
        let mut rest = Vec::new();
        // HTTP/2 sends its settings, and a reset is an end, too.
        match client.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{rest:?}"),
        }
        TcpStream::connect(server.address).expect("the server goes on");
    }
}

/// The peak of the memory in use, in KiB.
#[cfg(target_os = "linux")]
fn peak(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A client sends messages and never reads the echoes: it is no longer read, it costs little, and
/// the others are served.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_never_reads_takes_bounded_memory() {
    let message = [&b"\x82\xFE\xC3\x50\0\0\0\0"[..], &vec![7; 50_000][..]].concat();
    for program in PLAIN {
        let (Some(server), _) = Server::start(program) else { continue };
        expect_echo(open(&server));
        let before = peak(&server);
        let mut stream = open(&server);
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        // More than the sockets of both sides hold.
        let flooded = (0..4000).all(|_| stream.write_all(&message).is_ok());
        assert!(!flooded, "{program} takes 200 MB");
        let more = peak(&server) - before;
        assert!(more < 2048, "{program} takes {more} KiB");
        expect_echo(open(&server));
    }
}

/// A server that has no descriptor left for a client serves the next one when it has.
#[cfg(target_os = "linux")]
#[test]
fn an_error_of_accept_does_not_end_a_server() {
    for program in PLAIN {
        let script = "ulimit -n 24 && exec \"$0\" \"$1\"";
        let (Some(server), _) = Server::run(Command::new("sh").args(["-c", script, program]))
        else {
            continue;
        };
        let clients: Vec<_> = (0..40).map(|_| connect(&server)).collect();
        std::thread::sleep(Duration::from_millis(100));
        drop(clients);
        expect_echo(open(&server));
    }
}

#[test]
fn the_command_line() {
    for program in PROGRAMS {
        let run = |arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().unwrap();
            let usage = "[ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)\n";
            assert!(output.stderr.ends_with(usage.as_bytes()), "{program}: {output:?}");
            output.status.code()
        };
        assert_eq!(run(&["--help"]), Some(0));
        assert_eq!(run(&["nonsense"]), Some(2));
        assert_eq!(run(&["127.0.0.1:0", "127.0.0.1:0"]), Some(2));
    }
}
