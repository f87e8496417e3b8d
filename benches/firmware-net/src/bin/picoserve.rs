//! picoserve, a whole HTTP server with WebSockets.

#![no_std]
#![no_main]

#[path = "../../../../examples/firmware-net/src/board/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the example uses the rest")]
mod board;
#[path = "../../../../examples/firmware-net/src/net.rs"]
#[expect(dead_code, reason = "the example uses the rest")]
mod net;

use cortex_m_semihosting::hprintln;
use embassy_executor::Spawner;
use embassy_net::{Stack, StackResources};
use panic_semihosting as _;
use picoserve::futures::Either;
use picoserve::io::{Read, Write};
use picoserve::response::ws::{Message, SocketRx, SocketTx, WebSocketCallback, WebSocketUpgrade};
use picoserve::routing::get;
use picoserve::{Config, Router, Server};
use static_cell::StaticCell;

const SOCKETS: usize = 8;

#[cortex_m_rt::entry]
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
    let stack = net::start(spawner, lan, &RESOURCES, 0x1234_5678)?;
    for _ in 0..SOCKETS {
        spawner.spawn(connections(stack).ok()?);
    }
    hprintln!("listening on port 80");
    Some(())
}

/// A message must fit.
const LEN: usize = 1024;

struct Echo;

impl WebSocketCallback for Echo {
    async fn run<R: Read, W: Write<Error = R::Error>>(
        self,
        mut rx: SocketRx<R>,
        mut tx: SocketTx<W>,
    ) -> Result<(), W::Error> {
        let mut buffer = [0; LEN];
        let reason = loop {
            match rx.next_message(&mut buffer, core::future::pending::<()>()).await? {
                Either::First(Ok(Message::Text(text))) => tx.send_text(text).await?,
                Either::First(Ok(Message::Binary(bytes))) => tx.send_binary(bytes).await?,
                Either::First(Ok(Message::Ping(bytes))) => tx.send_pong(bytes).await?,
                Either::First(Ok(Message::Pong(_))) => {}
                Either::First(Ok(Message::Close(reason))) => break reason,
                Either::First(Err(error)) => break Some((error.code(), "")),
                Either::Second(()) => break None,
            }
        };
        tx.close(reason).await
    }
}

#[embassy_executor::task(pool_size = SOCKETS)]
async fn connections(stack: Stack<'static>) -> ! {
    let (mut rx, mut tx, mut http) = ([0; 1024], [0; 1536], [0; 1024]);
    let app =
        Router::new().route("/", get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(Echo)));
    let config = Config::const_default();
    Server::new(&app, &config, &mut http)
        .listen_and_serve(0, stack, 80, &mut rx, &mut tx)
        .await
        .into_never()
}
