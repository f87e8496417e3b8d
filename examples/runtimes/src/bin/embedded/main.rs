//! A session for a device, on `embedded-io-async` and fixed arrays, run on a PC.
//!
//! `serve` is the code for the device: it needs no `std` and allocates nothing. With embassy, `io` is
//! a `TcpSocket`, `now` is `Instant::now`, `sleep` is `Timer::after`, and `half_close` is
//! `TcpSocket::close`. Here each connection has a thread that blocks on its future.
//!
//! `cargo run -p barews-runtimes --bin embedded -- 127.0.0.1:9001`

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{Config, RecvBuffer, SendBuffer, TransportAction};
use embedded_io_adapters::futures_03::FromFutures;
use embedded_io_async::{Read, Write};
use futures_lite::future;

const USAGE: &str =
    "An echo server: embedded [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    let listener = Async::<TcpListener>::bind(address)?;
    println!("listening on {}", listener.get_ref().local_addr()?);
    loop {
        let spawned = future::block_on(listener.accept()).and_then(|(stream, _)| {
            thread::Builder::new().spawn(|| future::block_on(connection(stream)))
        });
        if spawned.is_err() {
            // No descriptor or no thread is left. Wait until another client ends.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn connection(stream: Async<TcpStream>) {
    _ = stream.get_ref().set_nodelay(true);
    let start = Instant::now();
    let half_close = || _ = stream.get_ref().shutdown(Shutdown::Write);
    let (now, sleep) = (|| start.elapsed(), async |time| _ = Timer::after(time).await);
    let served = serve(FromFutures::new(&stream), now, sleep, half_close).await;
    served.unwrap_or_else(|failure| eprintln!("{failure}"));
}

/// Serves one connection.
///
/// A message of any length passes in chunks: each is sent before the next is received. An error of
/// `io` counts as the end of the transport: the session knows whether anything is missing.
pub(crate) async fn serve(
    mut io: impl Read + Write,
    now: impl Fn() -> Duration,
    sleep: impl AsyncFn(Duration),
    half_close: impl Fn(),
) -> Result<(), Failure> {
    let mut ws = Session::server(Config::new(), Timeouts::new(), now());
    // It holds the head of the request, or the client gets a 431.
    let (mut rx, mut outcome) = (RecvBuffer::new([0; 1024]), Ok(()));
    // It holds the echo of all that was received, with a longer header, and a control frame.
    let mut tx = SendBuffer::with_marks([0; 1024 + 4 + 127], 0, 0);
    loop {
        while let Some(event) = ws.receive(&mut rx, &mut tx, now()) {
            match event {
                SessionEvent::Upgrade(it) => _ = ws.answer(it.accept(Origins::Any), &mut tx, now()),
                SessionEvent::Data(it) => {
                    ws.send_fragment(it.kind, it.fin, it.payload, &mut tx)
                        .map_err(Failure::Send)?;
                }
                SessionEvent::Failed(failure) => outcome = Err(failure),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => half_close(),
            TransportAction::Drop => return outcome,
        }
        let wait = ws.timeout(now()).unwrap_or(Duration::MAX);
        let turn = async {
            if tx.is_empty() {
                let n = io.read(rx.spare_mut()).await;
                rx.advance(n.unwrap_or(0));
            } else {
                let n = io.write(tx.unsent()).await;
                tx.sent(n.unwrap_or(usize::MAX));
                _ = io.flush().await;
            }
        };
        future::or(turn, sleep(wait)).await;
    }
}
