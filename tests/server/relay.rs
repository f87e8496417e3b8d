//! The example relay between a client and a server whose bytes are those of the test.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use barews::handshake::Status;
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::{Accept, Incoming, Origins, RequestReader};

use crate::example::{Frame, Lines, PATIENCE, example, request};
use crate::support::frame::{
    BINARY, CLOSE, CONTINUATION, FIN, KEY, PING, PONG, TEXT, frame, header, xor,
};

const RSV1: u8 = 0x40;

/// A relay, killed when dropped, and the server to which it connects.
struct Relay {
    process: Child,
    lines: Lines,
    address: SocketAddr,
    upstream: TcpListener,
}

impl Relay {
    fn start(arguments: &[&str]) -> Self {
        let upstream = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut process = Command::new(example("relay"))
            .args(["--listen", "127.0.0.1:0", "--upstream"])
            .arg(upstream.local_addr().unwrap().to_string())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::of(process.stdout.take().unwrap());
        let line = lines.next("the relay to listen").unwrap();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process, lines, address, upstream }
    }

    fn connect(&self, request: &[u8]) -> End {
        let mut client = End::new(TcpStream::connect(self.address).unwrap(), Some(KEY));
        client.write(request);
        client
    }

    /// The next connection to the server, and the head of its request.
    fn accept(&self) -> (End, String) {
        let mut server = End::new(self.upstream.accept().unwrap().0, None);
        let head = server.head();
        (server, head)
    }

    /// Opens both connections; `answer` is how the server accepts. Returns the two heads, too.
    fn open_with(
        &self,
        request: &[u8],
        answer: impl FnOnce(Accept<'_, '_>, Option<DeflateAnswer>) -> Vec<u8>,
    ) -> (End, End, [String; 2]) {
        let mut client = self.connect(request);
        let (mut server, asked) = self.accept();
        let Ok(Status::Complete(Incoming::Upgrade(upgrade))) =
            RequestReader::new().read(asked.as_bytes())
        else {
            panic!("{asked}")
        };
        let deflate = upgrade.negotiate_deflate(&DeflateConfig::new());
        server.write(&answer(upgrade.accept(Origins::Any).unwrap(), deflate));
        let answered = client.head();
        assert!(answered.starts_with("HTTP/1.1 101 "), "{answered}");
        (client, server, [asked, answered])
    }

    fn open(&self) -> (End, End) {
        let (client, server, _) = self.open_with(&request("/"), |accept, _| written(accept));
        (client, server)
    }

    /// The resident memory in bytes.
    #[cfg(target_os = "linux")]
    fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn written(accept: Accept<'_, '_>) -> Vec<u8> {
    let mut out = vec![0; 1024];
    let n = accept.write(&mut out).unwrap();
    out.truncate(n);
    out
}

/// A request with more header fields.
fn request_with(fields: &str) -> Vec<u8> {
    let mut request = request("/chat?room=1");
    request.truncate(request.len() - 2);
    [request, fields.as_bytes().to_vec(), b"\r\n".to_vec()].concat()
}

/// A peer of the relay.
struct End {
    stream: TcpStream,
    /// The masking key of what it sends.
    key: Option<[u8; 4]>,
    unread: Vec<u8>,
}

impl End {
    fn new(stream: TcpStream, key: Option<[u8; 4]>) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, key, unread: Vec::new() }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, self.key, payload));
    }

    /// Reads more; false at the end of the transport.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(n) => {
                self.unread.extend(&buffer[..n]);
                n > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("waited {PATIENCE:?} for bytes of the relay: {error}"),
        }
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        while self.unread.len() < n {
            assert!(self.fill(), "the transport has ended");
        }
        self.unread.drain(..n).collect()
    }

    fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|end| end == b"\r\n\r\n") {
                return String::from_utf8(self.take(at + 4)).unwrap();
            }
            assert!(self.fill(), "no head");
        }
    }

    /// The header of the next frame: the first byte, the length and the masking key.
    fn header(&mut self) -> (u8, u64, Option<[u8; 4]>) {
        let start = self.take(2);
        let len = match start[1] & 0x7F {
            126 => u16::from_be_bytes(self.take(2).try_into().unwrap()).into(),
            127 => u64::from_be_bytes(self.take(8).try_into().unwrap()),
            short => short.into(),
        };
        let key = (start[1] & 0x80 != 0).then(|| self.take(4).try_into().unwrap());
        assert_ne!(key.is_some(), self.key.is_some(), "only frames of clients are masked");
        (start[0], len, key)
    }

    fn frame(&mut self) -> Frame {
        let (first, len, key) = self.header();
        let mut payload = self.take(len.try_into().unwrap());
        xor(&mut payload, key.unwrap_or_default());
        (first, payload)
    }

    fn expect(&mut self, frames: &[(u8, &[u8])]) {
        for (first, payload) in frames {
            let (got, bytes) = self.frame();
            assert_eq!((got, bytes.len()), (*first, payload.len()));
            assert!(bytes == *payload);
        }
    }

    fn expect_close(&mut self, code: u16) {
        self.expect(&[(CLOSE, &code.to_be_bytes())]);
    }

    fn expect_end(&mut self) {
        while self.fill() {}
        assert_eq!(self.unread, b"");
    }
}

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
        Sec-WebSocket-Protocol: one, two\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9, permessage-deflate\r\n";
    let accept = |accept: Accept<'_, '_>, _| {
        let accept = accept.protocol("two").headers(&[("Set-Cookie", "d=e"), ("X-Secret", "f")]);
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
        "Sec-WebSocket-Protocol: one, two",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9, permessage-deflate",
    ] {
        assert!(asked.lines().any(|it| it == line), "{line} is not in {asked}");
    }
    for line in [
        "Set-Cookie: d=e",
        "Sec-WebSocket-Protocol: two",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
    ] {
        assert!(answered.lines().any(|it| it == line), "{line} is not in {answered}");
    }
    assert!(!asked.contains("X-Other") && !answered.contains("X-Secret"));
    client.send(FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00");
    server.expect(&[(FIN | RSV1 | TEXT, b"\xF2\x48\xCD\xC9\xC9\x07\x00")]);
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
