//! A session for a device, on `embedded-io-async` and fixed arrays, run on a PC.
//!
//! On a device, `session::serve` takes embassy-net's `TcpSocket` instead of the adapter and runs on
//! embassy's executor. Here each connection has a thread that blocks on its future.
//!
//! `cargo run -p barews-runtimes --bin embedded -- 127.0.0.1:9001`

mod session;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use async_io::{Async, Timer};
use barews::TransportAction;
use barews_runtimes::start;
use embedded_io_adapters::futures_03::FromFutures;
use futures_lite::io::{AsyncReadExt, copy, sink};
use futures_lite::{FutureExt, future};

/// How long the peer may take to close its half after ours is closed.
const LINGER: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    start("embedded", listen)
}

fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(|| {
            future::block_on(connection(stream)).unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
    Ok(())
}

async fn connection(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = Async::new(stream)?;
    let (mut rx, mut tx) = ([0; 1024], [0; 160]);
    let served = session::serve(FromFutures::new(&stream), &mut rx, &mut tx).await;
    let advice = served.map_err(|error| io::Error::other(format!("{error:?}")))?;
    if advice == TransportAction::HalfClose {
        // With embassy-net: `socket.close()`, then read until 0, and `abort()` on a timeout.
        stream.get_ref().shutdown(Shutdown::Write)?;
        let rest = async { copy((&stream).take(1 << 20), &mut sink()).await };
        let late =
            async { Err(Timer::after(LINGER).await).map_err(|_| io::ErrorKind::TimedOut.into()) };
        rest.or(late).await?;
    }
    Ok(())
}
