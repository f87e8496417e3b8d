//! The example `echo_server` over real sockets with raw bytes, covering known faults of other
//! servers.

use crate::example::{Client, Server, request};
use crate::support::frame::{
    BINARY, CLOSE, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header,
};

const ECHO: &str = "/";

/// A server with a read buffer of only 4 KiB.
fn small() -> Server {
    Server::start(&["--threads", "1", "--read-len", "4096", "--stats", "--feed-every", "100"])
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some(KEY), payload)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect()
}

#[test]
fn loopback_messages_up_to_64_mib_through_a_4_kib_buffer() {
    let mut server = small();
    let mut client = server.open(ECHO);
    let mut grown = 0;
    let lens = [0, 1, 125, 126, 4085, 4090, 4096, 5000, 65000, 66000, 1 << 20, 16 << 20, 64 << 20];
    for (len, count) in lens.into_iter().zip(0..) {
        let payload = bytes(len);
        client.send(FIN | BINARY, &payload);
        client.expect(&[(FIN | BINARY, &payload)]);
        // Statistics may predate the frame or its echo. In the end all memory returns to the pool.
        let stats = server.stats_when("the buffers to go back to the pool", |stats| {
            stats("messages") > count && stats("buffers") == 0
        });
        // Each step follows what has arrived, and doubles the memory.
        let steps = stats("grown") - grown;
        assert!(steps == 0 || 1024 << steps <= len, "{len}: {steps} steps");
        grown = stats("grown");
    }
}

#[test]
fn loopback_long_text_is_echoed_as_text() {
    let server = small();
    let mut client = server.open(ECHO);
    let text = "aé世👋".repeat(20_000);
    client.send(FIN | TEXT, text.as_bytes());
    client.expect(&[(FIN | TEXT, text.as_bytes())]);
}

fn write_in_two(client: &mut Client, frame: &[u8], at: usize) {
    client.write(&frame[..at]);
    client.write_later(&frame[at..]);
}

#[test]
fn loopback_a_frame_in_two_segments() {
    let server = small();
    let mut client = server.open(ECHO);
    let payload = bytes(100);
    let frame = masked(FIN | BINARY, &payload);
    for at in [1, 2, 3, 5, 6, 7, 50, frame.len() - 1] {
        write_in_two(&mut client, &frame, at);
        client.expect(&[(FIN | BINARY, &payload)]);
    }
    let long = bytes(300);
    let frame = masked(FIN | BINARY, &long);
    for at in 1..9 {
        write_in_two(&mut client, &frame, at);
        client.expect(&[(FIN | BINARY, &long)]);
    }
}

#[test]
fn loopback_many_frames_in_one_write() {
    let server = small();
    let mut client = server.open(ECHO);
    let frames: Vec<u8> = (0..200).flat_map(|i| masked(FIN | BINARY, &bytes(i))).collect();
    client.write(&frames);
    for i in 0..200 {
        client.expect(&[(FIN | BINARY, &bytes(i))]);
    }
}

#[test]
fn loopback_a_ping_alone_before_after_and_between_frames() {
    let server = small();
    let mut client = server.open(ECHO);
    client.send(PING, b"alone");
    client.expect(&[(PONG, b"alone")]);

    let data = masked(FIN | TEXT, b"data");
    let ping = masked(PING, b"ping");
    client.write(&[&ping[..], &data].concat());
    client.expect(&[(PONG, b"ping"), (FIN | TEXT, b"data")]);
    // After data in the same segment, a Ping is answered before the echo.
    client.write(&[&data[..], &ping].concat());
    client.expect(&[(PONG, b"ping"), (FIN | TEXT, b"data")]);

    let fragments = [
        masked(TEXT, "Gr\u{fc}".as_bytes()),
        masked(PING, b"between"),
        masked(FIN | CONTINUATION, "\u{df}e".as_bytes()),
    ];
    // The message is echoed whole.
    let echoes: [(u8, &[u8]); 2] = [(PONG, b"between"), (FIN | TEXT, "Gr\u{fc}\u{df}e".as_bytes())];
    client.write(&fragments.concat());
    client.expect(&echoes);
    for fragment in &fragments {
        client.write_later(fragment);
    }
    client.expect(&echoes);
}

/// The Pong is not delayed until the message ends.
#[test]
fn loopback_a_ping_inside_an_incomplete_message() {
    let server = small();
    let mut client = server.open(ECHO);
    client.send(TEXT, b"one");
    client.write_later(&masked(PING, b"now"));
    client.expect(&[(PONG, b"now")]);
    client.send(FIN | CONTINUATION, b"two");
    client.expect(&[(FIN | TEXT, b"onetwo")]);
}

#[test]
fn loopback_a_frame_in_the_segment_of_the_handshake() {
    let server = small();
    let mut client = server.connect();
    client
        .write(&[&request(ECHO)[..], &masked(FIN | TEXT, b"early"), &masked(PING, b"p")].concat());
    client.read_head();
    client.expect(&[(PONG, b"p"), (FIN | TEXT, b"early")]);
}

#[test]
fn loopback_a_request_byte_by_byte() {
    let server = small();
    let mut client = server.connect();
    for byte in request(ECHO) {
        client.write(&[byte]);
    }
    client.read_head();
    client.send(FIN | TEXT, b"there");
    client.expect(&[(FIN | TEXT, b"there")]);
}

#[test]
fn loopback_every_protocol_error_gets_a_close_with_its_code() {
    let server = small();
    let cases: [(&str, u16, Vec<u8>); 12] = [
        ("2^40 bytes announced", 1009, header(FIN | BINARY, Some(KEY), 1 << 40)),
        ("2^63 bytes announced", 1002, header(FIN | BINARY, Some(KEY), 1 << 63)),
        ("one byte too many", 1009, header(FIN | BINARY, Some(KEY), (64 << 20) + 1)),
        ("not masked", 1002, frame(FIN | TEXT, None, b"Hello")),
        ("invalid UTF-8", 1007, masked(FIN | TEXT, b"\xC3\x28")),
        ("a text that ends inside a character", 1007, masked(FIN | TEXT, b"\xE4\xB8")),
        ("a reserved bit", 1002, masked(FIN | 0x40 | TEXT, b"x")),
        ("a reserved opcode", 1002, masked(FIN | 0x3, b"x")),
        ("a continuation without a message", 1002, masked(FIN | CONTINUATION, b"x")),
        ("a Ping of 126 bytes", 1002, masked(PING, &[0; 126])),
        ("a length that is not minimal", 1002, vec![FIN | TEXT, 0xFE, 0, 5]),
        ("a Close with code 1005", 1002, masked(CLOSE, &1005_u16.to_be_bytes())),
    ];
    for (name, code, bytes) in cases {
        println!("{name}");
        let mut client = server.open(ECHO);
        client.send(FIN | TEXT, b"first");
        client.expect(&[(FIN | TEXT, b"first")]);
        client.write(&bytes);
        client.expect_close(code);
    }
}

#[test]
fn loopback_a_close_is_echoed_with_its_code() {
    let server = small();
    for (body, code) in [(&1000_u16.to_be_bytes()[..], 1000), (b"\x0F\xA0bye", 4000)] {
        let mut client = server.open(ECHO);
        client.send(CLOSE, body);
        client.expect_close(code);
    }
    let mut client = server.open(ECHO);
    client.send(CLOSE, b"");
    assert_eq!(client.frame(), Some((CLOSE, vec![])));
    assert_eq!(client.frame(), None);
}

#[test]
fn loopback_a_half_closed_client_gets_its_echoes() {
    let server = small();
    let mut client = server.open(ECHO);
    let payload = bytes(300_000);
    client.send(FIN | BINARY, &payload);
    client.half_close();
    client.expect(&[(FIN | BINARY, &payload)]);
    assert_eq!(client.frame(), None);
}

#[test]
fn loopback_plain_and_invalid_requests_get_a_response() {
    use std::io::Read;
    let server = small();
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "405"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "4"),
    ] {
        let mut client = server.connect();
        client.write(request.as_bytes());
        let mut answer = Vec::new();
        client.stream.read_to_end(&mut answer).unwrap();
        let head = format!("HTTP/1.1 {status}");
        assert!(
            answer.starts_with(head.as_bytes()),
            "{request}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
}
