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
            let serve = || eprintln!("{:?}", future::block_on(connection(stream)));
            thread::Builder::new().spawn(serve)
        });
        if spawned.is_err() {
            // No descriptor or no thread is left. Wait until another client ends.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn connection(stream: Async<TcpStream>) -> io::Result<Option<Failure>> {
    stream.get_ref().set_nodelay(true)?;
    let start = Instant::now();
    let half_close = || _ = stream.get_ref().shutdown(Shutdown::Write);
    let (now, sleep) = (|| start.elapsed(), async |time| _ = Timer::after(time).await);
    let (io, mut rx, mut tx) = (FromFutures::new(&stream), [0; 1024], [0; 1024 + MORE]);
    serve(io, &mut rx, &mut tx, now, sleep, half_close).await
}

/// How much longer than `rx` `tx` must be, for the header of a frame and a control frame.
pub(crate) const MORE: usize = 4 + 127;

/// Serves one connection, and returns why the session failed if it did.
///
/// A message of any length passes in chunks: each is sent before the next is received. `rx` must
/// hold the head of the request, or the client gets a 431.
pub(crate) async fn serve<T: Read + Write>(
    mut io: T,
    rx: &mut [u8],
    tx: &mut [u8],
    now: impl Fn() -> Duration,
    sleep: impl AsyncFn(Duration),
    half_close: impl Fn(),
) -> Result<Option<Failure>, T::Error> {
    let mut ws = Session::server(Config::new(), Timeouts::new(), now());
    let (mut rx, mut tx) = (RecvBuffer::new(rx), SendBuffer::with_marks(tx, 0, 0));
    let mut outcome = None;
    loop {
        let time = now();
        while let Some(event) = ws.receive(&mut rx, &mut tx, time) {
            match event {
                SessionEvent::Upgrade(it) => _ = ws.answer(it.accept(Origins::Any), &mut tx, time),
                SessionEvent::Data(it) => {
                    if let Err(error) = ws.send_fragment(it.kind, it.fin, it.payload, &mut tx) {
                        return Ok(Some(Failure::Send(error)));
                    }
                }
                SessionEvent::Failed(failure) => outcome = Some(failure),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => half_close(),
            TransportAction::Drop => return Ok(outcome),
        }
        let timer = async {
            sleep(ws.timeout(now()).unwrap_or(Duration::from_secs(3600))).await;
            Ok(())
        };
        let turn = async {
            if tx.is_empty() {
                io.read(rx.spare_mut()).await.map(|n| rx.advance(n))
            } else {
                io.write(tx.unsent()).await.map(|n| tx.sent(n))?;
                io.flush().await
            }
        };
        future::or(turn, timer).await?;
    }
}
