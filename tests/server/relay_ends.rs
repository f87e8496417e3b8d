//! A relay, and the two ends of what goes through it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use barews::handshake::Status;
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::{Accept, Incoming, Origins, RequestReader};

use crate::example::{Frame, Lines, PATIENCE, example, request};
use crate::support::frame::{CLOSE, KEY, frame, xor};

/// A relay, killed when dropped, and the server to which it connects.
pub(crate) struct Relay {
    pub(crate) process: Child,
    pub(crate) lines: Lines,
    pub(crate) address: SocketAddr,
    pub(crate) upstream: TcpListener,
}

impl Relay {
    pub(crate) fn start(arguments: &[&str]) -> Self {
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

    pub(crate) fn connect(&self, request: &[u8]) -> End {
        let mut client = End::new(TcpStream::connect(self.address).unwrap(), Some(KEY));
        client.write(request);
        client
    }

    /// The next connection to the server, and the head of its request.
    pub(crate) fn accept(&self) -> (End, String) {
        let mut server = End::new(self.upstream.accept().unwrap().0, None);
        let head = server.head();
        (server, head)
    }

    /// Opens both connections; `answer` is how the server accepts. Returns the two heads, too.
    pub(crate) fn open_with(
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

    pub(crate) fn open(&self) -> (End, End) {
        let (client, server, _) = self.open_with(&request("/"), |accept, _| written(accept));
        (client, server)
    }

    /// The resident memory in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> u64 {
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

pub(crate) fn written(accept: Accept<'_, '_>) -> Vec<u8> {
    let mut out = vec![0; 1024];
    let n = accept.write(&mut out).unwrap();
    out.truncate(n);
    out
}

/// A request with more header fields.
pub(crate) fn request_with(fields: &str) -> Vec<u8> {
    let mut request = request("/chat?room=1");
    request.truncate(request.len() - 2);
    [request, fields.as_bytes().to_vec(), b"\r\n".to_vec()].concat()
}

/// A peer of the relay.
pub(crate) struct End {
    pub(crate) stream: TcpStream,
    /// The masking key of what it sends.
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) unread: Vec<u8>,
}

impl End {
    pub(crate) fn new(stream: TcpStream, key: Option<[u8; 4]>) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, key, unread: Vec::new() }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, self.key, payload));
    }

    /// Reads more; false at the end of the transport.
    pub(crate) fn fill(&mut self) -> bool {
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

    pub(crate) fn take(&mut self, n: usize) -> Vec<u8> {
        while self.unread.len() < n {
            assert!(self.fill(), "the transport has ended");
        }
        self.unread.drain(..n).collect()
    }

    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|end| end == b"\r\n\r\n") {
                return String::from_utf8(self.take(at + 4)).unwrap();
            }
            assert!(self.fill(), "no head");
        }
    }

    /// The header of the next frame: the first byte, the length and the masking key.
    pub(crate) fn header(&mut self) -> (u8, u64, Option<[u8; 4]>) {
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

    pub(crate) fn frame(&mut self) -> Frame {
        let (first, len, key) = self.header();
        let mut payload = self.take(len.try_into().unwrap());
        xor(&mut payload, key.unwrap_or_default());
        (first, payload)
    }

    pub(crate) fn expect(&mut self, frames: &[(u8, &[u8])]) {
        for (first, payload) in frames {
            let (got, bytes) = self.frame();
            assert_eq!((got, bytes.len()), (*first, payload.len()));
            assert!(bytes == *payload);
        }
    }

    pub(crate) fn expect_close(&mut self, code: u16) {
        self.expect(&[(CLOSE, &code.to_be_bytes())]);
    }

    pub(crate) fn expect_end(&mut self) {
        while self.fill() {}
        assert_eq!(self.unread, b"");
    }
}
