//! Debian's redis-server as a process.

use std::fs::{create_dir_all, remove_dir_all};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::example::PATIENCE;

/// A free port of an address that is no one's own: a connection that is opened while a server restarts
/// cannot take its port.
pub(crate) fn free_address(host: u8) -> SocketAddr {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap().local_addr().unwrap()
}

pub(crate) struct Redis {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
    is_durable: bool,
}

impl Redis {
    /// Starts an empty server. A durable one has all on disk before it replies.
    pub(crate) fn start(is_durable: bool) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("redis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        create_dir_all(&folder).unwrap();
        let address = free_address(9);
        let process = Self::spawn(address, &folder, is_durable);
        let redis = Self { process, address, folder, is_durable };
        redis.wait();
        redis
    }

    fn spawn(address: SocketAddr, folder: &PathBuf, is_durable: bool) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendfsync", "always"]);
        command.args(["--appendonly", if is_durable { "yes" } else { "no" }, "--dir"]).arg(folder);
        command.stdout(Stdio::null()).spawn().expect("redis-server is installed")
    }

    /// Waits until it answers.
    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        while self.command(&["PING"]) != "PONG" {
            assert!(Instant::now() < end, "waited {PATIENCE:?} for redis-server");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The argument of `--feed` for a stream.
    pub(crate) fn feed(&self) -> String {
        format!("redis://{}/feed", self.address)
    }

    /// Runs a command, and returns the lines of its reply.
    pub(crate) fn command(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", &self.address.ip().to_string(), "-p", &self.address.port().to_string()]);
        let output = cli.args(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Appends an entry, and returns its number.
    pub(crate) fn publish(&self) -> u64 {
        let id = self.command(&["XADD", "feed", "0-*", "node", "test"]);
        id.strip_prefix("0-").and_then(|number| number.parse().ok()).expect(&id)
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Ends it by a signal.
    pub(crate) fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.process.wait().unwrap();
    }

    /// Starts it again, with what is on its disk.
    pub(crate) fn start_again(&mut self) {
        self.process = Self::spawn(self.address, &self.folder, self.is_durable);
        self.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = remove_dir_all(&self.folder);
    }
}
