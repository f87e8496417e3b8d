//! The network stack with the same sockets, which echo bytes: what the others cost beyond it.

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
use embassy_net::tcp::TcpSocket;
use embassy_net::{Stack, StackResources};
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
    let mut buffer = [0; 1024];
    loop {
        if socket.accept(80).await.is_ok() {
            while let Ok(n @ 1..) = socket.read(&mut buffer).await {
                let mut rest = buffer.get(..n).unwrap_or_default();
                while let Ok(n @ 1..) = socket.write(rest).await {
                    rest = rest.get(n..).unwrap_or_default();
                }
            }
        }
        net::end(&mut socket).await;
    }
}
