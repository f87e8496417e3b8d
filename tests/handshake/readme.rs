//! The examples of README.md, as they stand there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

mod server {
    include!("readme/server.rs");
}

#[cfg(feature = "getrandom")]
mod client {
    include!("readme/client.rs");
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn readme_has_these_examples() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<_> =
        readme.split("```rust\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let files = [include_str!("readme/server.rs"), include_str!("readme/client.rs")];
    assert_eq!(blocks, files);
}

/// Serves these bytes; returns what was written, and whether that ended without an error.
fn serve(bytes: &[u8]) -> (Vec<u8>, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let server = std::thread::spawn(move || server::serve(stream).is_ok());
    client.write_all(bytes).unwrap();
    let mut written = Vec::new();
    client.shutdown(Shutdown::Write).unwrap();
    client.read_to_end(&mut written).unwrap();
    (written, server.join().unwrap())
}

#[test]
fn the_server_of_the_readme_echoes_until_the_close() {
    // A Ping, "Hello" and a Close, masked.
    let frames = b"\x89\x80\x00\x00\x00\x00\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\
        \x88\x82\x00\x00\x00\x00\x03\xe8";
    let (sent, is_ok) = serve(&[REQUEST.as_bytes(), frames].concat());
    assert!(is_ok && sent.starts_with(b"HTTP/1.1 101 "));
    assert!(
        sent.ends_with(
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x8A\x00\x81\x05Hello\x88\x02\x03\xe8"
        )
    );
}

#[test]
fn the_server_of_the_readme_rejects_what_is_no_upgrade() {
    let (sent, is_ok) = serve(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(is_ok && sent.starts_with(b"HTTP/1.1 426 "));
    let (sent, is_ok) = serve(&[b'a'; 8192]);
    assert!(is_ok && sent.starts_with(b"HTTP/1.1 4"));
}

/// A browser with many cookies: it is told, at every length and in every number of pieces.
#[test]
fn the_server_of_the_readme_answers_a_head_that_is_too_long() {
    for len in [8_000, 8_191, 8_192, 8_193, 10_000, 100_000] {
        let start = REQUEST.strip_suffix("\r\n").unwrap();
        let cookie = "x".repeat(len - start.len() - "Cookie: \r\n\r\n".len());
        let (sent, is_ok) = serve(format!("{start}Cookie: {cookie}\r\n\r\n").as_bytes());
        let expected = if len > 8_192 { "HTTP/1.1 431 " } else { "HTTP/1.1 101 " };
        assert!(is_ok && sent.starts_with(expected.as_bytes()), "{len}: {}", sent.escape_ascii());
    }
}

#[test]
fn the_server_of_the_readme_closes_after_a_protocol_error() {
    let (sent, is_ok) = serve(&[REQUEST.as_bytes(), b"\xFF"].concat());
    assert!(is_ok && sent.ends_with(b"\x88\x02\x03\xea"));
}

/// The default time of an opening handshake is 10 s. Without it, this test would never end.
#[cfg(feature = "getrandom")]
#[test]
fn the_client_of_the_readme_gives_up_a_silent_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _silent = listener.accept().unwrap();
    assert!(client::ask(stream).unwrap_err().to_string().contains("Handshake"));
}

#[cfg(feature = "getrandom")]
#[test]
fn the_client_of_the_readme_sends_and_receives_until_the_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || server::serve(listener.accept().unwrap().0).is_ok());
    let reply = client::ask(TcpStream::connect(address).unwrap()).unwrap();
    assert_eq!((&reply[..], server.join().unwrap()), (&b"Hello"[..], true));
}
