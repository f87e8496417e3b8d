//! The example relay between a client and a server whose bytes are those of the test.

use std::io::{Read, Write};

use barews::handshake::server::Accept;

use crate::example::request;
use crate::support::frame::{
    BINARY, CLOSE, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header, xor,
};

const RSV1: u8 = 0x40;

use crate::relay_ends::{End, Relay, request_with, written};

const FRAMES: [(u8, &[u8]); 12] = [
    (FIN | TEXT, "Gr\u{FC}\u{DF}e".as_bytes()),
    (TEXT, b""),
    (CONTINUATION, b"\xE2\x82"),
    (PING, b"between"),
    (CONTINUATION, b"\xAC"),
    (FIN | CONTINUATION, b""),
    (PING, b""),
    (BINARY, &[0xF5; 130]),
    (PONG, b"unsolicited"),
    (FIN | CONTINUATION, &[7; 70_000]),
    (FIN | BINARY, b""),
    (FIN | TEXT, b"."),
];

#[test]
fn loopback_a_relay_passes_each_frame_on_as_it_is() {
    let relay = Relay::start(&[]);
    let (mut client, mut server) = relay.open();
    for _ in 0..3 {
        for (first, payload) in FRAMES {
            client.send(first, payload);
            server.send(first, payload);
        }
        server.expect(&FRAMES);
        client.expect(&FRAMES);
    }
}

/// An offer of compression, and the server's answer to it.
fn deflating(relay: &Relay) -> (End, End) {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let accept =
        |accept: Accept<'_, '_>, deflate: Option<_>| written(accept.deflate(deflate.unwrap()));
    let (client, server, _) = relay.open_with(&request_with(offer), accept);
    (client, server)
}

/// Also inside a frame, and when it is compressed: the sender has flushed. An inspector sees the
/// whole messages.
#[test]
fn loopback_a_relay_passes_the_first_part_on_while_the_second_is_missing() {
    let relay = Relay::start(&["--inspect"]);
    let (mut client, mut server) = deflating(&relay);
    // Each text in a stored block of DEFLATE.
    let deflated = [&b"\0\x08\0\xF7\xFFpart one"[..], b"\0\x08\0\xF7\xFFpart two\0"];
    let parts = [(0, [&b"part one"[..], b"part two"]), (RSV1, deflated)];
    for (rsv1, [one, two]) in [parts, parts].concat() {
        client.send(TEXT | rsv1, one);
        server.expect(&[(TEXT | rsv1, one)]);
        client.send(FIN | CONTINUATION, two);
        server.expect(&[(FIN | CONTINUATION, two)]);
        assert_eq!(relay.lines.until("client"), "client: Text(\"part onepart two\")");
        // Both in one frame.
        let whole = frame(FIN | BINARY | rsv1, None, &[one, two].concat());
        let (first, second) = whole.split_at(whole.len() - two.len());
        server.write(first);
        assert_eq!(client.take(first.len()), first);
        server.write(second);
        assert_eq!(client.take(second.len()), second);
        let seen = format!("server: Binary({:?})", b"part onepart two");
        assert_eq!(relay.lines.until("server"), seen);
    }
}

#[test]
fn loopback_a_relay_passes_on_what_the_handshakes_say() {
    let relay = Relay::start(&[]);
    let fields = "Origin: https://example.com\r\nCookie: a=b\r\nX-Other: c\r\n\
        Connection: X-Hop\r\nX-Hop: d\r\nTE: trailers\r\n\
        Sec-WebSocket-Protocol: one, two\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9, permessage-deflate\r\n";
    let accept = |accept: Accept<'_, '_>, _| {
        let accept = accept.protocol("two").headers(&[
            ("Set-Cookie", "d=e"),
            ("X-Any", "f"),
            ("Keep-Alive", "1"),
        ]);
        let head = String::from_utf8(written(accept)).unwrap();
        // The second offer.
        let extension = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
        head.replace("\r\n\r\n", &format!("\r\n{extension}\r\n\r\n")).into_bytes()
    };
    let (mut client, mut server, [asked, answered]) =
        relay.open_with(&request_with(fields), accept);
    assert!(asked.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{asked}");
    for line in [
        "Origin: https://example.com",
        "Cookie: a=b",
        "X-Other: c",
        "Sec-WebSocket-Protocol: one, two",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9, permessage-deflate",
    ] {
        assert!(asked.lines().any(|it| it == line), "{line} is not in {asked}");
    }
    for line in [
        "Set-Cookie: d=e",
        "X-Any: f",
        "Sec-WebSocket-Protocol: two",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
    ] {
        assert!(answered.lines().any(|it| it == line), "{line} is not in {answered}");
    }
    assert!(!asked.contains("X-Hop") && !asked.contains("TE:") && !answered.contains("Keep-Alive"));
    client.send(FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00");
    server.expect(&[(FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00")]);
}

/// Both sides have the same compression, or none: nothing has to be inflated on one side.
#[test]
fn loopback_a_relay_accepts_no_compression_that_its_server_refuses() {
    let relay = Relay::start(&["--inspect"]);
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let refuse = |accept: Accept<'_, '_>, _| written(accept);
    let (mut client, mut server, [asked, answered]) = relay.open_with(&request_with(offer), refuse);
    assert!(asked.contains(offer) && !answered.contains("Sec-WebSocket-Extensions"));
    client.send(FIN | TEXT, b"plain");
    server.expect(&[(FIN | TEXT, b"plain")]);
    assert_eq!(relay.lines.until("client"), "client: Text(\"plain\")");
    // A compressed message was not agreed on.
    client.send(FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00");
    server.expect_close(1011);
    server.send(CLOSE, b"");
    client.expect_close(1002);
}

#[test]
fn loopback_a_relay_passes_on_a_refusal_and_refuses_without_an_answer() {
    let relay = Relay::start(&[]);
    let mut client = relay.connect(&request("/"));
    let (mut server, _) = relay.accept();
    server.write(
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    );
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("WWW-Authenticate: Basic\r\n"));
    client.expect_end();
    // The server ends the transport.
    let mut client = relay.connect(&request("/"));
    drop(relay.accept());
    assert!(client.head().starts_with("HTTP/1.1 502 "));
    let mut client = relay.connect(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 426 "));
}

#[test]
fn loopback_a_relay_passes_each_close_on() {
    let relay = Relay::start(&[]);
    for (close, answer) in [
        (&b""[..], &b""[..]),
        (b"\x03\xE8", b"\x03\xE8"),
        (b"\x0F\xA0leaving", b"\x0F\xA1bye"),
        (b"\x03\xE9", b""),
        (b"\x03\xF2extension", b"\x03\xF2extension"),
    ] {
        for is_server in [false, true] {
            let (mut client, mut server) = relay.open();
            if is_server && !close.starts_with(b"\x03\xF2") {
                server.send(CLOSE, close);
                client.expect(&[(CLOSE, close)]);
                client.send(CLOSE, answer);
                server.expect(&[(CLOSE, answer)]);
            } else {
                client.send(CLOSE, close);
                server.expect(&[(CLOSE, close)]);
                server.send(FIN | TEXT, b"late");
                server.send(CLOSE, answer);
                client.expect(&[(FIN | TEXT, b"late"), (CLOSE, answer)]);
            }
            // The relay is a server for the client, and a client for the server.
            client.expect_end();
            drop(server.stream);
        }
    }
}

#[test]
fn loopback_when_one_side_fails_the_other_is_told() {
    let relay = Relay::start(&["--max-up", "1000", "--max-down", "2000"]);
    // The server is gone, between messages and inside a frame.
    let (mut client, server) = relay.open();
    drop(server);
    client.expect_close(1014);
    client.send(CLOSE, &1014_u16.to_be_bytes());
    client.expect_end();
    let (mut client, mut server) = relay.open();
    server.write(&frame(FIN | TEXT, None, b"half of it")[..6]);
    assert_eq!(client.take(6), b"\x81\x0Ahalf");
    drop(server);
    client.expect_end();
    // The client is gone.
    let (client, mut server) = relay.open();
    drop(client);
    server.expect_close(1011);
    // The client breaks the protocol, and gets the answer to its last message.
    let (mut client, mut server) = relay.open();
    client.send(FIN | TEXT, b"valid");
    client.send(0x83, b"");
    server.expect(&[(FIN | TEXT, b"valid")]);
    server.expect_close(1011);
    server.send(FIN | TEXT, b"valid");
    server.send(CLOSE, &1011_u16.to_be_bytes());
    client.expect(&[(FIN | TEXT, b"valid")]);
    client.expect_close(1002);
    client.expect_end();
    // The server breaks it.
    let (mut client, mut server) = relay.open();
    server.send(0x83, b"");
    client.expect_close(1014);
    client.send(CLOSE, b"");
    server.expect_close(1002);
    // Limits of each direction.
    let (mut client, mut server) = relay.open();
    client.send(FIN | BINARY, &[1; 1000]);
    server.expect(&[(FIN | BINARY, &[1; 1000])]);
    server.send(FIN | BINARY, &[2; 2000]);
    client.expect(&[(FIN | BINARY, &[2; 2000])]);
    client.send(FIN | BINARY, &[1; 1001]);
    server.expect_close(1011);
    server.send(CLOSE, b"");
    client.expect_close(1009);
}

/// One direction is blocked, and the other one is not. Nothing is lost.
#[test]
fn loopback_a_relay_waits_for_a_peer_that_does_not_read() {
    const LEN: usize = 32 << 20;
    let relay = Relay::start(&[]);
    let (client, mut server) = relay.open();
    let mut writer = client.stream.try_clone().unwrap();
    let mut reader = End { stream: client.stream, key: client.key, unread: client.unread };
    let sent = std::thread::spawn(move || {
        writer.write_all(&frame(FIN | BINARY, Some(KEY), &vec![7; LEN])).unwrap();
    });
    for _ in 0..2000 {
        server.send(FIN | TEXT, &[b'x'; 2000]);
        reader.expect(&[(FIN | TEXT, &[b'x'; 2000])]);
    }
    assert!(!sent.is_finished(), "32 MiB are on their way, and nobody reads");
    server.expect(&[(FIN | BINARY, &vec![7; LEN])]);
    sent.join().unwrap();
}

/// A frame in each direction whose length can be set: `BAREWS_RELAY_LEN=10737418240` for 10 GiB.
#[cfg(target_os = "linux")]
#[test]
fn loopback_a_relay_needs_no_memory_for_a_long_frame() {
    let len = std::env::var("BAREWS_RELAY_LEN").map_or(64 << 20, |len| len.parse().unwrap());
    let relay = Relay::start(&[]);
    let (mut client, mut server) = deflating(&relay);
    endless(&relay, FIN | BINARY, len, &mut client, &mut server);
    endless(&relay, FIN | BINARY, len, &mut server, &mut client);
    endless(&relay, FIN | BINARY | RSV1, len, &mut client, &mut server);
}

/// Passes a frame on, and asserts that the memory of the relay stays the same within 1 MiB.
#[cfg(target_os = "linux")]
fn endless(relay: &Relay, first: u8, len: u64, from: &mut End, to: &mut End) {
    const BLOCK: usize = 64 << 10;
    let mut writer = from.stream.try_clone().unwrap();
    let key = from.key;
    let sent = std::thread::spawn(move || {
        writer.write_all(&header(first, key, len)).unwrap();
        let mut block = vec![b'x'; BLOCK];
        xor(&mut block, key.unwrap_or_default());
        for _ in 0..len / BLOCK as u64 {
            writer.write_all(&block).unwrap();
        }
    });
    let (byte, announced, key) = to.header();
    assert_eq!((byte, announced), (first, len));
    let mut expected = vec![b'x'; 2 * BLOCK];
    xor(&mut expected, key.unwrap_or_default());
    let (mut received, mut before, mut block) = (0, 0, vec![0; BLOCK]);
    while received < len {
        let n = if to.unread.is_empty() {
            to.stream.read(&mut block).unwrap()
        } else {
            let n = to.unread.len();
            block[..n].copy_from_slice(&to.take(n));
            n
        };
        let at = usize::try_from(received % 4).unwrap();
        assert!(n > 0 && block[..n] == expected[at..][..n], "after {received} bytes");
        received += n as u64;
        if before == 0 && received > 1 << 20 {
            before = relay.resident();
        }
    }
    sent.join().unwrap();
    let after = relay.resident();
    println!("{len} bytes: resident {before} bytes after 1 MiB, {after} at the end");
    assert!(after.abs_diff(before) <= 1 << 20, "{before} bytes, then {after}");
}
