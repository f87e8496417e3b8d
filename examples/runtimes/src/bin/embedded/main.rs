//! A session for a device, on `embedded-io-async` and fixed arrays, run on a PC.
//!
//! `session` is the code for the device: it needs no `std` and allocates nothing. `examples/firmware-net`
//! runs it on a microcontroller. Here each connection has a thread that blocks on its future.
//!
//! `cargo run -p barews-runtimes --bin embedded -- 127.0.0.1:9001`

pub(crate) mod session;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use embedded_io_adapters::futures_03::FromFutures;
use futures_lite::future;

use session::{Means, Page};

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
    let means = Means {
        now: || start.elapsed(),
        sleep: async |time| _ = Timer::after(time).await,
        half_close: |_: &mut _| _ = stream.get_ref().shutdown(Shutdown::Write),
    };
    let served = session::serve(&mut FromFutures::new(&stream), &means, no_page).await;
    served.unwrap_or_else(|failure| eprintln!("{failure}"));
}

fn no_page(_: &str) -> Option<Page<&'static str>> {
    None
}
