//! tokio: one task reads and handles timers, another one writes.
//!
//! A short queue connects them. Nothing is read while it is full (backpressure), so a peer that
//! does not read its echoes is blocked, and in the end dropped.
//!
//! `cargo run -p barews-runtimes --bin tokio -- 127.0.0.1:9001`

mod clock;
pub(crate) mod session;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use barews::RecvBuffer;
use barews::handshake::server::RequestReader;
use barews::keepalive::Timeouts;
use barews_runtimes::{Failure, answer, start};
use session::Session;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf, copy, sink, split};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The maximum number of outputs that wait for the writer.
const QUEUE_LEN: usize = 8;
/// How long the peer may take to send its request, and to close its half after ours is closed.
const HANDSHAKE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    start("tokio", listen)
}

#[tokio::main(flavor = "current_thread")]
async fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async {
            serve(stream, Timeouts::new()).await.unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
}

/// Serves one connection.
pub(crate) async fn serve<S>(mut stream: S, timeouts: Timeouts) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut rx = RecvBuffer::new(vec![0; 8192]);
    let accepted = timeout(HANDSHAKE, open(&mut stream, &mut rx)).await??;
    let (mut from, to) = split(stream);
    let (queue, outputs) = mpsc::channel(QUEUE_LEN);
    let (written, progress) = watch::channel(0);
    // If this task returns early, dropping the set aborts the writer.
    let mut writer = JoinSet::new();
    writer.spawn(write(to, outputs, written));
    if accepted {
        let mut session = Session::new(&mut from, rx, (queue, progress), timeouts)?;
        while !session.is_over() {
            session.step().await?;
        }
    } else {
        drop(queue);
    }
    // The queue has no sender left, so the writer drains it and closes our half. What the peer
    // still sends is read and discarded: dropping the socket could reset the connection before the
    // peer reads the Close frame.
    let end = async {
        writer.join_next().await;
        copy(&mut from.take(1 << 20), &mut sink()).await
    };
    timeout(HANDSHAKE, end).await??;
    Ok(())
}

/// Does the opening handshake. Returns whether frames follow; those already received stay in `rx`.
async fn open<S>(stream: &mut S, rx: &mut RecvBuffer<Vec<u8>>) -> Result<bool, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut out) = (RequestReader::new(), [0; 160]);
    loop {
        if let Some(answer) = answer(&mut reader, rx, &mut out)? {
            stream.write_all(&out[..answer.len]).await?;
            return Ok(answer.accepted);
        }
        match stream.read(rx.spare_mut()).await? {
            0 => return Ok(false),
            n => rx.advance(n),
        }
    }
}

/// Writes and counts the outputs. When the last sender is dropped, closes our half.
pub(crate) async fn write<S: AsyncRead + AsyncWrite>(
    mut to: WriteHalf<S>,
    mut outputs: mpsc::Receiver<Vec<u8>>,
    written: watch::Sender<u64>,
) -> io::Result<()> {
    while let Some(output) = outputs.recv().await {
        to.write_all(&output).await?;
        to.flush().await?;
        written.send_modify(|written| *written += 1);
    }
    to.shutdown().await
}
