//! Requests that are not valid opening handshakes get an HTTP response, and the connection is
//! closed.

#[expect(dead_code, unused_imports, unused_macros, reason = "used by the other tests")]
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::Server;

#[test]
fn other_requests_get_their_status() {
    let programs = [
        env!("CARGO_BIN_EXE_blocking"),
        env!("CARGO_BIN_EXE_embedded"),
        env!("CARGO_BIN_EXE_io_uring"),
        env!("CARGO_BIN_EXE_tokio"),
    ];
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let requests = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 "),
        ("GET / HTTP/1.1\r\nHost: a\n\n", "HTTP/1.1 400 "),
        (&long, "HTTP/1.1 431 "),
    ];
    for program in programs {
        // If the kernel refuses io_uring, there is no server; `tests/io_uring.rs` tests the
        // message.
        let (Some(server), _) = Server::start(program) else { continue };
        for (request, status) in requests {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(status), "{program}: {answer}");
        }
    }
}
