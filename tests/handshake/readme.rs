//! The examples of README.md, as they stand there.

use std::io::{Cursor, Read, Write};

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};

mod server {
    include!("readme/fill.rs");
    include!("readme/server.rs");
}

mod client {
    include!("readme/fill.rs");
    include!("readme/client.rs");
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// Bytes to read, and those that were written.
struct Wire<'a>(&'a [u8], Vec<u8>);

impl Read for Wire<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.1.write(from)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server in memory.
#[derive(Default)]
struct Peer {
    received: Vec<u8>,
    sent: Cursor<Vec<u8>>,
}

impl Read for Peer {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.sent.read(to)
    }
}

impl Write for Peer {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.received.extend_from_slice(from);
        if from.starts_with(b"GET ") {
            let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = RequestReader::new().read(from)
            else {
                panic!("no upgrade")
            };
            let mut head = [0; 160];
            let n = upgrade.accept(Origins::Any).unwrap().write(&mut head).unwrap();
            self.sent = Cursor::new([&head[..n], b"\x81\x03Bye\x88\x02\x03\xe8"].concat());
        }
        Ok(from.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn readme_has_these_examples() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<_> =
        readme.split("```rust\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let files = [
        include_str!("readme/fill.rs"),
        include_str!("readme/server.rs"),
        include_str!("readme/client.rs"),
    ];
    assert_eq!(blocks, files);
}

/// Serves these bytes; returns what was written, and whether that ended without an error.
fn serve(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut wire = Wire(bytes, Vec::new());
    let is_ok = server::serve(&mut wire).is_ok();
    (wire.1, is_ok)
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
    let (sent, is_ok) = serve(&[b'a'; 9000]);
    assert!(is_ok && sent.starts_with(b"HTTP/1.1 4"));
}

#[test]
fn the_server_of_the_readme_closes_after_a_protocol_error() {
    let (sent, is_ok) = serve(&[REQUEST.as_bytes(), b"\xFF"].concat());
    assert!(!is_ok && sent.ends_with(b"\x88\x02\x03\xea"));
}

#[test]
fn the_client_of_the_readme_sends_and_receives_until_the_close() {
    let mut peer = Peer::default();
    assert_eq!(client::ask(&mut peer).unwrap(), b"Bye");
    // A masked text of 5 bytes, and a masked Close.
    let frames = peer.received.len() - (6 + 5) - (6 + 2);
    assert_eq!((peer.received[frames], peer.received[frames + 11]), (0x81, 0x88));
}
