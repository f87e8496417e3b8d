//! The example `echo_server` is replaced while its clients are inside a message.

use crate::deflate::{HELLO, HELLO_AGAIN, OFFER, RSV1, message, open};
use crate::example::{Client, Server};
use crate::handover::{Arguments, sync};
use crate::support::frame::{CONTINUATION, FIN, PING, PONG, TEXT, frame};
use crate::support::strict_inflate::StrictInflate;

/// Sends the bytes one by one, and after each of them replaces the server, which ends: no client stays
/// with it.
fn send_slowly(client: &mut Client, bytes: &[u8], arguments: &Arguments, server: &mut Server) {
    for byte in bytes {
        client.write(&[*byte]);
        arguments.replace(server);
    }
}

/// "Hello" in two fragments, cut inside a code, with a Ping between them.
fn hello(compressed: &[u8]) -> Vec<u8> {
    let (first, second) = compressed.split_at(2);
    [
        frame(RSV1 | TEXT, Some([1; 4]), first),
        frame(PING, Some([2; 4]), b"?"),
        frame(FIN | CONTINUATION, Some([3; 4]), second),
    ]
    .concat()
}

#[test]
fn loopback_a_compressed_message_goes_over() {
    let arguments = Arguments::new("compressed", &["--threads", "1", "--deflate"]);
    let mut server = arguments.start();
    let (mut client, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, true);
    for compressed in [HELLO, HELLO_AGAIN] {
        send_slowly(&mut client, &hello(compressed), &arguments, &mut server);
        client.expect(&[(PONG, b"?")]);
        assert_eq!(inflate.message(&message(&mut client, TEXT).0).unwrap(), b"Hello");
    }
}

/// A client that has negotiated compression, inside a message that is not compressed.
#[test]
fn loopback_a_message_that_is_not_compressed_goes_over() {
    let arguments = Arguments::new("plain", &["--threads", "1", "--deflate"]);
    let mut server = arguments.start();
    let (mut client, _) = open(&server, OFFER);
    client.send(TEXT, "Grü".as_bytes());
    sync(&mut client);
    arguments.replace(&mut server);
    client.send(CONTINUATION, &[]);
    sync(&mut client);
    arguments.replace(&mut server);
    client.send(FIN | CONTINUATION, "ße".as_bytes());
    client.expect(&[(FIN | TEXT, "Grüße".as_bytes())]);
}

#[test]
fn loopback_a_message_to_broadcast_goes_over() {
    let arguments = Arguments::new("messages", &["--threads", "2", "--broadcast", "--deflate"]);
    let mut server = arguments.start();
    let mut plain = server.open("/");
    let (mut compressed, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, false);
    plain.send(TEXT, b"Hel");
    compressed.send(RSV1 | TEXT, &HELLO[..3]);
    for client in [&mut plain, &mut compressed] {
        sync(client);
    }
    for _ in 0..3 {
        arguments.replace(&mut server);
    }
    plain.send(FIN | CONTINUATION, b"lo");
    plain.expect(&[(FIN | TEXT, b"Hello")]);
    assert_eq!(inflate.message(&message(&mut compressed, TEXT).0).unwrap(), b"Hello");
    compressed.send(FIN | CONTINUATION, &HELLO[3..]);
    plain.expect(&[(FIN | TEXT, b"Hello")]);
    assert_eq!(inflate.message(&message(&mut compressed, TEXT).0).unwrap(), b"Hello");
}

/// The successor knows that it is inside a compressed block: what is no code ends the connection.
#[test]
fn loopback_a_fault_after_a_take_over_is_found() {
    let arguments = Arguments::new("fault", &["--threads", "1", "--deflate"]);
    let mut server = arguments.start();
    let (mut client, _) = open(&server, OFFER);
    // A stored block of five bytes, cut after its length.
    client.send(RSV1 | TEXT, b"\x00\x05\x00");
    sync(&mut client);
    arguments.replace(&mut server);
    client.send(FIN | CONTINUATION, b"\xFB\xFF");
    client.expect_close(1007);
}
