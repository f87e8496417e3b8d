//! tokio: a task that reads and keeps the time, and one that writes.
//!
//! Between them is a short queue. While it is full nothing is read, so a peer that does not take its
//! echoes is not listened to any more (backpressure), and is given up in the end.
//!
//! `cargo run -p barews-runtimes --bin tokio -- 127.0.0.1:9001`

mod clock;
pub(crate) mod session;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use barews::RecvBuffer;
use barews::handshake::server::Reader;
use barews::keepalive::Timeouts;
use barews_runtimes::{Failure, answer, start};
use session::Session;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf, copy, sink, split};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many outputs wait for the writer at most.
const QUEUE_LEN: usize = 8;
/// How long the peer may take for its request, and for its end when ours was sent.
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

/// One connection from its first byte to its last.
pub(crate) async fn serve<S>(mut stream: S, timeouts: Timeouts) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut rx = RecvBuffer::new(vec![0; 8192]);
    let accepted = timeout(HANDSHAKE, open(&mut stream, &mut rx)).await??;
    let (mut from, to) = split(stream);
    let (queue, outputs) = mpsc::channel(QUEUE_LEN);
    let (written, progress) = watch::channel(0);
    // Dropped with this task, wherever that ends, and the writer with it.
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
    // The queue has no sender any more, so the writer empties it and closes our half. What the peer
    // still sends is thrown away: a full close could reset the connection and take the Close with it.
    let end = async {
        writer.join_next().await;
        copy(&mut from.take(1 << 20), &mut sink()).await
    };
    timeout(HANDSHAKE, end).await??;
    Ok(())
}

/// The opening handshake; whether frames follow. Those that came with it stay in `rx`.
async fn open<S>(stream: &mut S, rx: &mut RecvBuffer<Vec<u8>>) -> Result<bool, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut out) = (Reader::new(), [0; 160]);
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

/// Writes the outputs and counts them. With the last sender gone it closes our half.
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
