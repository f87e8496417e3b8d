//! tokio: one task per connection, which reads, writes and sleeps at once.
//!
//! The futures that lose the `select!` are dropped, which loses no byte: a read or write takes effect
//! in the poll that completes it, and everything else is in the session and its buffers. A disabled
//! branch is evaluated, too; the `async` block keeps it from counting as a read. A task that also sends
//! messages of its own gets them from a channel, as one more branch.
//!
//! `cargo run -p barews-runtimes --bin tokio -- 127.0.0.1:9001`

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Config, RecvBuffer, SendBuffer, TransportAction};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

const USAGE: &str = "An echo server: tokio [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left. Wait until another client ends.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(async move {
            _ = stream.set_nodelay(true);
            let served = serve(stream, Timeouts::new()).await;
            served.unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
}

/// Serves one connection.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    timeouts: Timeouts,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (start, (mut from, mut to)) = (Instant::now(), split(stream));
    let mut ws = Session::server(Config::new(), timeouts, Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 8192]), SendBuffer::new(Vec::new()));
    let (mut messages, mut outcome) = (Assembler::new(Vec::new()), Ok(()));
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now) {
            match event {
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(message) => ws.send_message(message, &mut tx)?,
                // A silent client keeps no memory of a long message.
                SessionEvent::Pong(_) => drop((messages.grow(Vec::new()), tx.grow(Vec::new()))),
                SessionEvent::Failed(failure) => outcome = Err(failure.into()),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => to.shutdown().await?,
            TransportAction::Drop => return outcome,
        }
        tokio::select! {
            biased;
            n = to.write(tx.unsent()), if !tx.is_empty() => tx.sent(n?),
            n = async { from.read(rx.spare_mut()).await }, if ws.wants_read() => rx.advance(n?),
            () = sleep(ws.timeout(start.elapsed()).unwrap_or(Duration::MAX)) => {}
        }
    }
}
