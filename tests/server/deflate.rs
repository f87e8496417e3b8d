//! The example `echo_server` with compression (RFC 7692) over raw sockets. The input is compressed by
//! the crate or hand-made; a strict decoder, which rejects anything not negotiated, reads the output.

use std::io::Write;
use std::time::Duration;

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, WindowBits};

use crate::example::{Client, Server, request};
use crate::support::bits::{BitWriter, codes};
use crate::support::frame::{BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame};
use crate::support::strict_inflate::StrictInflate;

pub(crate) const RSV1: u8 = 0x40;
pub(crate) const OFFER: &str = "permessage-deflate; client_max_window_bits";
/// RFC 7692 §7.2.3.2: "Hello", and the same again by reference.
pub(crate) const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
pub(crate) const HELLO_AGAIN: &[u8] = b"\xF2\x00\x11\x00\x00";

fn server(arguments: &[&str]) -> Server {
    Server::start(&[&["--deflate", "--threads", "1"], arguments].concat())
}

/// Opens a client with this offer; also returns the server's answer.
pub(crate) fn open(server: &Server, offer: &str) -> (Client, Option<String>) {
    let mut client = server.connect();
    let mut bytes = request("/");
    bytes.truncate(bytes.len() - 2);
    bytes.extend(format!("Sec-WebSocket-Extensions: {offer}\r\n\r\n").bytes());
    client.write(&bytes);
    let head = client.read_head();
    let answer = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    (client, answer.map(str::to_owned))
}

fn bytes(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7692);
    std::iter::repeat_with(|| random.u8(..)).take(len).collect()
}

/// A compressor for one connection.
struct Compressor(Deflate<Vec<u8>>);

impl Compressor {
    fn new() -> Self {
        Self::with_window(15)
    }

    fn with_window(bits: u8) -> Self {
        let context =
            CompressionContext { window_bits: WindowBits::new(bits).unwrap(), takeover: true };
        let storage = vec![0; Deflate::memory(context, Effort::BEST)];
        Self(Deflate::new(context, Effort::BEST, storage).unwrap())
    }

    fn message(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; Deflate::max_len(bytes.len())];
        let deflated = self.0.push(bytes, Flush::Finish, &mut out);
        assert!(deflated.done);
        out.truncate(deflated.written);
        out
    }
}

/// Reads a compressed message; returns its payload and the number of its frames.
pub(crate) fn message(client: &mut Client, opcode: u8) -> (Vec<u8>, usize) {
    let (first, mut payload) = client.frame().expect("a message");
    assert_eq!(first & !FIN, RSV1 | opcode);
    let (mut fin, mut frames) = (first & FIN, 1);
    while fin == 0 {
        let (first, more) = client.frame().expect("the rest of the message");
        assert_eq!(first & !FIN, CONTINUATION);
        payload.extend(more);
        (fin, frames) = (first & FIN, frames + 1);
    }
    (payload, frames)
}

#[test]
fn loopback_every_offer_gets_its_answer() {
    let any = server(&[]);
    let small = server(&["--window-bits", "9"]);
    let cases = [
        (&any, "permessage-deflate", Some("permessage-deflate")),
        (&any, OFFER, Some("permessage-deflate")),
        (
            &any,
            "permessage-deflate; server_no_context_takeover",
            Some("permessage-deflate; server_no_context_takeover"),
        ),
        (
            &any,
            "permessage-deflate; server_max_window_bits=10",
            Some("permessage-deflate; server_max_window_bits=10"),
        ),
        (&any, "permessage-deflate; unknown, permessage-deflate", Some("permessage-deflate")),
        (&any, "permessage-deflate; unknown", None),
        (&any, "x-webkit-deflate-frame", None),
        (
            &small,
            OFFER,
            Some("permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"),
        ),
        (
            &small,
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=12",
            Some("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9"),
        ),
        // Nothing would limit the window of such a client.
        (&small, "permessage-deflate", None),
    ];
    for (server, offer, answer) in cases {
        assert_eq!(open(server, offer).1.as_deref(), answer, "{offer}");
    }
}

#[test]
fn loopback_compressed_messages_are_echoed_compressed_and_plain_ones_plain() {
    let server = server(&[]);
    let (mut client, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, true);
    client.send(FIN | RSV1 | TEXT, HELLO);
    let (first, _) = message(&mut client, TEXT);
    assert_eq!(inflate.message(&first).unwrap(), b"Hello");
    client.send(FIN | TEXT, b"Hello");
    client.expect(&[(FIN | TEXT, b"Hello")]);
    // A plain message changes neither window.
    client.send(FIN | RSV1 | BINARY, HELLO_AGAIN);
    let (second, _) = message(&mut client, BINARY);
    assert_eq!(inflate.message(&second).unwrap(), b"Hello");
    assert!(second.len() < first.len(), "the second message refers to the first");
    client.send(FIN | TEXT, b"");
    client.expect(&[(FIN | TEXT, b"")]);
    client.send(FIN | RSV1 | TEXT, b"\x00");
    assert_eq!(inflate.message(&message(&mut client, TEXT).0).unwrap(), b"");
    client.send(0x88, &1000_u16.to_be_bytes());
    client.expect_close(1000);
}

#[test]
fn loopback_messages_of_any_length_with_and_without_takeover() {
    let server = server(&["--read-len", "4096"]);
    for (offer, takeover) in
        [(OFFER, true), ("permessage-deflate; server_no_context_takeover", false)]
    {
        let (mut client, _) = open(&server, offer);
        let (mut compressor, mut inflate) = (Compressor::new(), StrictInflate::new(15, takeover));
        for len in [0, 1, 100, 4095, 4096, 4097, 65_535, 65_536, 300_000, 17] {
            for payload in [bytes(len), vec![b'x'; len], b"as stated above;".repeat(len / 16)] {
                client.send(FIN | RSV1 | BINARY, &compressor.message(&payload));
                let (echo, frames) = message(&mut client, BINARY);
                assert!(inflate.message(&echo).unwrap() == payload, "{len} bytes");
                assert_eq!(frames, 1, "{len} bytes");
            }
        }
    }
}

#[test]
fn loopback_windows_of_512_bytes_on_both_sides() {
    let server = server(&["--window-bits", "9"]);
    let (mut client, _) = open(&server, OFFER);
    let mut compressor = Compressor::with_window(9);
    let mut inflate = StrictInflate::new(9, true);
    for _ in 0..50 {
        let payload = bytes(700).repeat(2);
        client.send(FIN | RSV1 | BINARY, &compressor.message(&payload));
        assert!(inflate.message(&message(&mut client, BINARY).0).unwrap() == payload);
    }
    // Distances over the negotiated window.
    let far = Compressor::new().message(&bytes(700).repeat(2));
    client.send(FIN | RSV1 | BINARY, &far);
    client.expect_close(1007);
}

#[test]
fn loopback_fragments_and_control_frames_between_them() {
    let server = server(&[]);
    let (mut client, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, true);
    client.send(RSV1 | TEXT, &HELLO[..3]);
    client.send(PING, b"between");
    client.expect(&[(PONG, b"between")]);
    client.send(CONTINUATION, b"");
    for byte in &HELLO[3..6] {
        client.send(CONTINUATION, &[*byte]);
    }
    client.send(FIN | CONTINUATION, &HELLO[6..]);
    let (echo, _) = message(&mut client, TEXT);
    assert_eq!(inflate.message(&echo).unwrap(), b"Hello");
    // A plain message is assembled as well.
    client.send(TEXT, "Gr\u{fc}".as_bytes());
    client.send(FIN | CONTINUATION, "\u{df}e".as_bytes());
    client.expect(&[(FIN | TEXT, "Gr\u{fc}\u{df}e".as_bytes())]);
}

#[test]
fn loopback_compressed_and_plain_messages_with_random_cuts() {
    let server = server(&["--read-len", "4096"]);
    let (mut client, _) = open(&server, OFFER);
    let mut inflate = StrictInflate::new(15, true);
    let mut compressor = Compressor::new();
    let mut random = fastrand::Rng::with_seed(5);
    let messages: Vec<Vec<u8>> = (0..300).map(|i| bytes(i * 13).repeat(i % 4)).collect();
    let wire = messages.iter().enumerate().flat_map(|(i, message)| {
        // Every third message is plain.
        let (first, payload) = match i % 3 {
            0 => (FIN | BINARY, message.clone()),
            _ => (FIN | RSV1 | BINARY, compressor.message(message)),
        };
        frame(first, Some(KEY), &payload)
    });
    let wire: Vec<u8> = wire.collect();
    let mut writer = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let mut rest = &wire[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(random.usize(1..20_000).min(rest.len()));
            writer.write_all(now).unwrap();
            rest = later;
        }
    });
    for (i, wanted) in messages.iter().enumerate() {
        if i % 3 == 0 {
            client.expect(&[(FIN | BINARY, wanted)]);
        } else {
            let echo = inflate.message(&message(&mut client, BINARY).0).unwrap();
            assert!(echo == *wanted, "message {i}");
        }
    }
    sending.join().unwrap();
}

#[test]
fn loopback_every_compression_error_gets_a_close_with_its_code() {
    let server = server(&["--max-message-len", "100000"]);
    let plain = vec![0; 100_001];
    let too_long = Compressor::new().message(&plain);
    let cases: [(&str, u16, u8, &[u8]); 7] = [
        ("a block of the reserved type", 1007, FIN | RSV1 | BINARY, b"\x06"),
        ("a distance before the start", 1007, FIN | RSV1 | BINARY, HELLO_AGAIN),
        ("invalid UTF-8", 1007, FIN | RSV1 | TEXT, b"\x00\x02\x00\xFD\xFF\xC3\x28\x00"),
        (
            "a text that ends inside a character",
            1007,
            FIN | RSV1 | TEXT,
            b"\x00\x01\x00\xFE\xFF\xC3\x00",
        ),
        ("one byte too many", 1009, FIN | RSV1 | BINARY, &too_long),
        ("a plain message that is too long", 1009, FIN | BINARY, &plain),
        ("a compressed Ping", 1002, PING | RSV1, HELLO),
    ];
    for (name, code, first, payload) in cases {
        println!("{name}");
        let (mut client, _) = open(&server, OFFER);
        client.send(FIN | TEXT, b"first");
        client.expect(&[(FIN | TEXT, b"first")]);
        client.send(first, payload);
        client.expect_close(code);
    }
    println!("RSV1 on a continuation");
    let (mut client, _) = open(&server, OFFER);
    client.send(RSV1 | BINARY, HELLO);
    client.send(FIN | RSV1 | CONTINUATION, b"");
    client.expect_close(1002);
    println!("no extension was negotiated");
    let mut client = server.open("/");
    client.send(FIN | RSV1 | TEXT, HELLO);
    client.expect_close(1002);
    println!("messages of the greatest length");
    let (mut client, _) = open(&server, OFFER);
    for payload in [bytes(100_000), vec![0; 100_000]] {
        client.send(FIN | RSV1 | BINARY, &Compressor::new().message(&payload));
        message(&mut client, BINARY);
    }
}

/// 256 MiB of zeros: matches of 258 bytes, with codes of one bit for the length and the distance.
fn bomb() -> Vec<u8> {
    let (mut literals, distances) = ([0; 286], [1, 1]);
    (literals[0], literals[256], literals[285]) = (2, 2, 1);
    let (literal, distance) = (codes(&literals), codes(&distances));
    let mut bits = BitWriter::new();
    bits.dynamic(false, &literals, &distances).code(literal[0]);
    for _ in 0..(256 << 20) / 258 {
        bits.code(literal[285]).code(distance[0]);
    }
    bits.code(literal[256]).message()
}

/// The peak memory of the server in bytes.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

#[test]
fn loopback_a_decompression_bomb_costs_no_more_than_the_limit() {
    let server = server(&["--max-message-len", "1000000"]);
    let before = peak(&server);
    let bomb = bomb();
    assert!(bomb.len() < 300_000, "{}", bomb.len());
    for _ in 0..5 {
        let (mut client, _) = open(&server, OFFER);
        client.send(FIN | RSV1 | BINARY, &bomb);
        client.expect_close(1009);
    }
    let grown = peak(&server) - before;
    assert!(grown < 6 << 20, "{grown}");
}

/// Short messages with echoes of 30,000 bytes: the high-water mark bounds the memory while the
/// client does not read, and a late client gets everything.
#[test]
fn loopback_echoes_longer_than_their_messages_wait_for_the_reader() {
    let server = server(&["--high-water", "100000", "--low-water", "50000"]);
    let before = peak(&server);
    let (mut client, _) = open(&server, "permessage-deflate; server_no_context_takeover");
    let payload = bytes(30_000);
    let first = BitWriter::new().stored(false, &payload).message();
    let mut again = BitWriter::new();
    again.fixed(false);
    for at in (0..30_000).step_by(250) {
        again.repeat(250.min(30_000 - at), 30_000);
    }
    let again = again.end().message();
    assert!(again.len() < 500, "{}", again.len());
    let wire = [vec![first], vec![again; 3999]].concat();
    let wire: Vec<u8> =
        wire.iter().flat_map(|message| frame(FIN | RSV1 | BINARY, Some(KEY), message)).collect();
    let mut writer = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || writer.write_all(&wire).unwrap());
    std::thread::sleep(Duration::from_secs(1));
    let grown = peak(&server) - before;
    assert!(grown < 4 << 20, "{grown}");
    let mut inflate = StrictInflate::new(15, false);
    for i in 0..4000 {
        let (echo, _) = message(&mut client, BINARY);
        // Inflating every echo would dominate the time of the test.
        assert!(i % 200 != 0 || inflate.message(&echo).unwrap() == payload);
    }
    sending.join().unwrap();
    let grown = peak(&server) - before;
    assert!(grown < 4 << 20, "{grown}");
}

#[test]
fn loopback_a_broadcast_is_one_frame_per_encoding() {
    let server = server(&["--broadcast"]);
    let (mut first, answer) = open(&server, OFFER);
    assert_eq!(answer.as_deref(), Some("permessage-deflate; server_no_context_takeover"));
    let (mut second, _) = open(&server, "permessage-deflate; server_no_context_takeover");
    let mut plain = server.open("/");
    // A client with a smaller window could not read the broadcast frames.
    let (mut small, answer) = open(&server, "permessage-deflate; server_max_window_bits=10");
    assert_eq!(answer, None);
    let mut inflate = StrictInflate::new(15, false);
    let mut compressor = Compressor::new();
    let long = bytes(200_000);
    for payload in [&b"the same frame, the same frame, the same frame"[..], b"", &long] {
        first.send(FIN | RSV1 | BINARY, &compressor.message(payload));
        let (received, frames) = message(&mut first, BINARY);
        assert!(inflate.message(&received).unwrap() == payload);
        assert_eq!(message(&mut second, BINARY), (received, frames));
        plain.expect(&[(FIN | BINARY, payload)]);
        small.expect(&[(FIN | BINARY, payload)]);
    }
    for client in 0..3 {
        let text = format!("from client {client}");
        [&mut first, &mut plain, &mut small][client].send(FIN | TEXT, text.as_bytes());
        for client in [&mut first, &mut second] {
            assert_eq!(inflate.message(&message(client, TEXT).0).unwrap(), text.as_bytes());
        }
        plain.expect(&[(FIN | TEXT, text.as_bytes())]);
        small.expect(&[(FIN | TEXT, text.as_bytes())]);
    }
    first.send(FIN | RSV1 | BINARY, &compressor.message(&vec![0; (1 << 20) + 1]));
    first.expect_close(1009);
}

#[test]
fn loopback_the_feed_is_not_compressed() {
    let server = server(&["--feed-every", "50"]);
    let mut client = server.connect();
    let mut bytes = request("/feed");
    bytes.truncate(bytes.len() - 2);
    bytes.extend(format!("Sec-WebSocket-Extensions: {OFFER}\r\n\r\n").bytes());
    client.write(&bytes);
    assert!(!client.read_head().contains("permessage-deflate"));
    assert_eq!(client.frame().expect("the feed").0, FIN | TEXT);
}

#[test]
fn loopback_the_example_client_uses_compression() {
    let server = server(&[]);
    let url = format!("ws://{}/", server.address);
    let text = "Hello, hello, hello! ".repeat(2000);
    let mut client = std::process::Command::new(crate::example::example("client"));
    client.args([&url, "--deflate", "--send", &text, "--send", &text]);
    let output = crate::example::output(client);
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let echo = format!("text {text}");
    let wanted = ["open protocol=- extensions=permessage-deflate", &echo, &echo, "close 1000 "];
    assert_eq!(lines.lines().collect::<Vec<_>>(), wanted);
}
