//! Starts the built examples as processes.
#![allow(dead_code, reason = "not every test uses every item")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::frame::{KEY, frame};

/// How long a test waits for an event that is immediate on an idle machine. No test judges speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The path of an example of the package `barews-examples`, which is built if necessary.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    // `cargo test -p` does not build the examples. The packages are those of `cargo test`, so that
    // both builds use the same features and nothing is built twice.
    if !built.iter().any(|built| built == name) {
        let profile = if cfg!(debug_assertions) { "test" } else { "release" };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--profile", profile, "--example", name]);
        for package in ["barews", "barews-examples", "barews-server-tests"] {
            cargo.args(["--package", package]);
        }
        if cfg!(feature = "redis") {
            cargo.args(["--features", "barews-examples/redis,barews-server-tests/redis"]);
        }
        assert!(cargo.status().unwrap().success());
        built.push(name.to_owned());
    }
    path
}

/// The output lines of a process.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&self, what: &str) -> Option<String> {
        self.next_by(Instant::now() + PATIENCE, what)
    }

    /// The next line that contains `what`, within [`PATIENCE`] however many other lines come.
    pub(crate) fn until(&self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let line = self.next_by(end, what);
            let line = line.unwrap_or_else(|| panic!("the output ends before {what}"));
            if line.contains(what) {
                return line;
            }
        }
    }

    fn next_by(&self, end: Instant, what: &str) -> Option<String> {
        match self.0.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} for {what}"),
        }
    }
}

/// Runs a process to its end and returns its output.
pub(crate) fn output(mut command: Command) -> Output {
    let (sender, outputs) = channel();
    let what = format!("the end of {command:?}");
    thread::spawn(move || sender.send(command.output().unwrap()));
    outputs.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

/// A server process, killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    lines: Lines,
    pub(crate) address: SocketAddr,
}

/// The numbers of a line of statistics, by their names.
pub(crate) type Stats = Box<dyn Fn(&str) -> u64>;

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(example("echo_server"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::spawn(command)
    }

    /// Starts a server under a limit in the words of `ulimit`.
    #[cfg(unix)]
    pub(crate) fn start_limited(limit: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\""));
        command.arg(example("echo_server")).args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Like `start`; its errors are lines, too.
    pub(crate) fn start_with_errors(arguments: &[&str]) -> (Self, Lines) {
        let mut command = Command::new(example("echo_server"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::piped());
        let mut server = Self::spawn(command);
        let errors = Lines::of(server.process.stderr.take().unwrap());
        (server, errors)
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = Lines::of(process.stdout.take().unwrap());
        let line = lines.next("the server to listen").unwrap();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process, lines, address }
    }

    /// Opens a client and completes its handshake.
    pub(crate) fn open(&self, path: &str) -> Client {
        let mut client = self.connect();
        client.write(&request(path));
        client.read_head();
        client
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, unread: Vec::new() }
    }

    /// The numbers of the next line of statistics.
    pub(crate) fn stats(&mut self) -> Stats {
        let line = self.lines.next("a line of statistics").unwrap();
        Box::new(move |name| {
            let field = line
                .split_whitespace()
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            field.unwrap_or_else(|| panic!("no {name} in {line}")).parse().unwrap()
        })
    }

    /// Waits for statistics that satisfy `are_so`.
    pub(crate) fn stats_when(&mut self, what: &str, are_so: impl Fn(&Stats) -> bool) -> Stats {
        let end = Instant::now() + PATIENCE;
        loop {
            let stats = self.stats();
            if are_so(&stats) {
                return stats;
            }
            assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "waited {PATIENCE:?} for the server to end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An upgrade request.
pub(crate) fn request(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// A raw socket.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

/// The first byte and the payload of a frame.
pub(crate) type Frame = (u8, Vec<u8>);

impl Client {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes after a pause, so that the bytes arrive in a separate segment and read.
    pub(crate) fn write_later(&mut self, bytes: &[u8]) {
        thread::sleep(Duration::from_millis(30));
        self.write(bytes);
    }

    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, Some(KEY), payload));
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.unread.extend_from_slice(&buffer[..n]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("waited {PATIENCE:?} for bytes of the server: {error}"),
        }
    }

    /// Reads the response, which must be a 101.
    pub(crate) fn read_head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|end| end == b"\r\n\r\n") {
                assert!(self.unread.starts_with(b"HTTP/1.1 101 "));
                let head: Vec<u8> = self.unread.drain(..at + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.fill(), "the server did not respond");
        }
    }

    /// Reads the next frame; `None` at the end of the transport.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, len)) = parse(&self.unread) {
                self.unread.drain(..len);
                return Some(frame);
            }
            if !self.fill() {
                assert!(
                    self.unread.is_empty(),
                    "the transport ended inside a frame: {:?}",
                    self.unread
                );
                return None;
            }
        }
    }

    /// Like `frame`, but the transport may end inside a frame.
    pub(crate) fn frame_or_rest(&mut self) -> Option<Frame> {
        while parse(&self.unread).is_none() {
            if !self.fill() {
                return None;
            }
        }
        self.frame()
    }

    pub(crate) fn expect(&mut self, frames: &[(u8, &[u8])]) {
        for (first, payload) in frames {
            let (got, bytes) = self.frame().expect("a frame");
            assert_eq!(got, *first);
            assert!(bytes == *payload, "{first:#x}: {} bytes for {}", bytes.len(), payload.len());
        }
    }

    /// Reads a Close with this code, then the end of the transport.
    pub(crate) fn expect_close(&mut self, code: u16) {
        let (first, payload) = self.frame().expect("a Close");
        assert_eq!(first, 0x88, "{payload:?}");
        assert_eq!(payload.get(..2), Some(&code.to_be_bytes()[..]));
        assert_eq!(self.frame(), None);
    }

    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

/// Parses an unmasked frame at the start of `bytes`; returns it with its length.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    assert_eq!(second & 0x80, 0, "the server masked a frame");
    let (len, head) = match second {
        126 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        short => (short.into(), 2),
    };
    let end = head + usize::try_from(len).unwrap();
    Some(((first, bytes.get(head..end)?.to_vec()), end))
}
