//! A WebSocket echo server on a microcontroller with Ethernet, on `embassy-net`: no operating system, no
//! allocator. It serves the page of `examples/echo_server` from its flash, and compresses with windows
//! of 512 bytes. The session is that of `examples/runtimes`, the same file.
//!
//! `scripts/check/firmware-net` runs it on an emulated board.

#![no_std]
#![no_main]

mod board;
mod net;
#[path = "../../runtimes/src/bin/embedded/session.rs"]
mod session;

use core::cell::Cell;
use core::fmt::Write as _;

use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use critical_section::Mutex;
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Stack, StackResources};
use panic_semihosting as _;
use static_cell::StaticCell;

use session::{Means, Page, serve};

/// How many clients are served at the same time. Each socket listens while it has none: there is no
/// queue for clients beyond that number.
const SOCKETS: usize = if cfg!(feature = "many-sockets") { 32 } else { 8 };

/// The buffers of a TCP socket, in bytes. The one to send holds the longest frame of the session: what
/// does not fit waits until the peer has acknowledged the rest.
const TCP_RX_LEN: usize = 1024;
const TCP_TX_LEN: usize = 1536;

const PAGE: &str = concat!(
    include_str!("../../echo_server/page/head.html"),
    "<style>\n",
    include_str!("../../echo_server/page/style.css"),
    "</style>\n",
    include_str!("../../echo_server/page/body.html"),
    "<script>\n",
    include_str!("../../echo_server/page/script.js"),
    "</script>\n</html>\n",
);

/// How many connections there were.
static SERVED: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

#[entry]
fn main() -> ! {
    let lan = board::open();
    board::run(|spawner| {
        if lan.and_then(|lan| start(spawner, lan)).is_none() {
            hprintln!("no network");
        }
    })
}

fn start(spawner: Spawner, lan: board::Lan9118) -> Option<()> {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    // Not for a product: the seed chooses the sequence numbers of TCP, which must be unpredictable.
    let stack = net::start(spawner, lan, &RESOURCES, 0x1234_5678)?;
    for _ in 0..SOCKETS {
        spawner.spawn(connections(stack).ok()?);
    }
    hprintln!("listening on port 80");
    Some(())
}

/// Serves one client after the other.
#[embassy_executor::task(pool_size = SOCKETS)]
async fn connections(stack: Stack<'static>) -> ! {
    let (mut rx, mut tx) = ([0; TCP_RX_LEN], [0; TCP_TX_LEN]);
    let means = Means { now: net::now, sleep: net::sleep, half_close: TcpSocket::close };
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    loop {
        if socket.accept(80).await.is_ok() {
            critical_section::with(|token| {
                let served = SERVED.borrow(token);
                served.set(served.get().wrapping_add(1));
            });
            _ = serve(&mut socket, &means, page).await;
        }
        net::end(&mut socket).await;
    }
}

fn page(path: &str) -> Option<Page<Body>> {
    match path {
        "/" => Some(Page { content_type: "text/html; charset=utf-8", body: Body::Flash(PAGE) }),
        "/stats" => {
            let (statics, stack) = board::ram_used();
            let served = critical_section::with(|token| SERVED.borrow(token).get());
            let mut text = heapless::String::new();
            // It fits.
            _ = writeln!(text, "up for {} s", net::now().as_secs());
            _ = writeln!(text, "{served} connections");
            _ = writeln!(text, "RAM: {statics} bytes of statics, {stack} of stack");
            Some(Page { content_type: "text/plain", body: Body::Text(text) })
        }
        _ => None,
    }
}

enum Body {
    Flash(&'static str),
    Text(heapless::String<128>),
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Flash(text) => text.as_bytes(),
            Self::Text(text) => text.as_bytes(),
        }
    }
}
