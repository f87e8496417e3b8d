//! `io_uring`, by means of compio: one thread, no system call for a single read or write.
//!
//! The kernel owns the buffer of an operation until it completes, even if the future that waits for it
//! is dropped. compio's streams have these buffers, and the session has its own. So a future that loses
//! the `select!` loses no byte, but a written byte may still wait in the stream, as with TLS.
//!
//! `cargo run -p barews-runtimes --bin io_uring -- 127.0.0.1:9001`

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Config, RecvBuffer, SendBuffer, TransportAction};
use compio::io::compat::{AsyncReadStream, AsyncWriteStream};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{Runtime, spawn};
use compio::time::{sleep, timeout};
use futures_lite::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const USAGE: &str =
    "An echo server: io_uring [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";
/// More clients wait in the backlog.
const MAX_CLIENTS: usize = 200;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(listen(address)),
        // Containers often forbid it, and machines by `kernel.io_uring_disabled`.
        Err(error) => writeln!(io::stdout(), "io_uring is not available: {error}"),
    }
}

async fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let client = clients.clone().acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((stream, _)) => spawn(serve(stream, client)).detach(),
            // No descriptor is left. Wait until another client ends.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection.
async fn serve(stream: TcpStream, _client: OwnedSemaphorePermit) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut from = pin!(AsyncReadStream::new(stream.clone()));
    let (start, mut to) = (Instant::now(), pin!(AsyncWriteStream::new(stream)));
    let mut ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 8192]), SendBuffer::new(Vec::new()));
    let (mut messages, mut is_dirty) = (Assembler::new(Vec::new()), false);
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now) {
            match event {
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(message) => ws.send_message(message, &mut tx)?,
                SessionEvent::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => timeout(Duration::from_secs(10), to.close()).await??,
            TransportAction::Drop => return Ok(()),
        }
        tokio::select! {
            biased;
            n = write(&mut to, tx.unsent()), if is_dirty || !tx.is_empty() => {
                is_dirty = !tx.is_empty();
                tx.sent(n?);
            }
            n = async { from.read(rx.spare_mut()).await }, if ws.wants_read() => rx.advance(n?),
            () = sleep(ws.timeout(start.elapsed()).unwrap_or(Duration::from_hours(1))) => {}
        }
    }
}

/// Writes some of `bytes`, not so many that the stream needs a long buffer, or flushes if there are
/// none.
async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<usize> {
    let next = bytes.chunks(8192).next().unwrap_or_default();
    if next.is_empty() { to.flush().await.map(|()| 0) } else { to.write(next).await }
}
