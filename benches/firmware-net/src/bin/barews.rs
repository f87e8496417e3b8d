//! barews without compression and pages: what the other crates do, and all that RFC 6455 requires.

#![no_std]
#![no_main]

#[path = "../../../../examples/firmware-net/src/board/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the example uses the rest")]
mod board;
#[path = "../../../../examples/firmware-net/src/net.rs"]
mod net;

use core::time::Duration;

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Config, RecvBuffer, SendBuffer, TransportAction};
use cortex_m_semihosting::hprintln;
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Stack, StackResources};
use futures_lite::future;
use panic_semihosting as _;
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

#[embassy_executor::task(pool_size = SOCKETS)]
async fn connections(stack: Stack<'static>) -> ! {
    let (mut rx, mut tx) = ([0; 1024], [0; 1536]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    loop {
        if socket.accept(80).await.is_ok() {
            serve(&mut socket).await;
        }
        net::end(&mut socket).await;
    }
}

async fn serve(socket: &mut TcpSocket<'_>) {
    let mut ws = Session::server(Config::new(), Timeouts::new(), net::now());
    let mut rx = RecvBuffer::new([0; 1024]);
    let mut tx = SendBuffer::with_marks([0; 1024 + 4 + 127], 0, 0);
    loop {
        while let Some(event) = ws.receive(&mut rx, &mut tx, net::now()) {
            match event {
                SessionEvent::Upgrade(it) => {
                    _ = ws.answer(it.accept(Origins::Any), &mut tx, net::now());
                }
                SessionEvent::Data(it) => {
                    _ = ws.send_fragment(it.kind, it.fin, it.payload, &mut tx);
                }
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => socket.close(),
            TransportAction::Drop => return,
        }
        let wait = ws.timeout(net::now()).unwrap_or(Duration::MAX);
        let turn = async {
            if tx.is_empty() {
                let n = socket.read(rx.spare_mut()).await;
                rx.advance(n.unwrap_or(0));
            } else {
                let n = socket.write(tx.unsent()).await;
                tx.sent(n.unwrap_or(usize::MAX));
            }
        };
        future::or(turn, net::sleep(wait)).await;
    }
}
