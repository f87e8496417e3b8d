//! edge-http for the handshake, edge-ws for the frames.

#![no_std]
#![no_main]

#[path = "../../../../examples/firmware-net/src/board/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the example uses the rest")]
mod board;
#[path = "../../../../examples/firmware-net/src/net.rs"]
#[expect(dead_code, reason = "the example uses the rest")]
mod net;

use cortex_m_semihosting::hprintln;
use edge_http::io::server::Connection;
use edge_http::ws::MAX_BASE64_KEY_RESPONSE_LEN;
use edge_ws::{FrameHeader, FrameType};
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

/// A message must fit: edge-ws has no way to receive a part of a frame.
const LEN: usize = 1024;

#[embassy_executor::task(pool_size = SOCKETS)]
async fn connections(stack: Stack<'static>) -> ! {
    let (mut rx, mut tx) = ([0; 1024], [0; 1536]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    loop {
        if socket.accept(80).await.is_ok() {
            _ = serve(&mut socket).await;
        }
        net::end(&mut socket).await;
    }
}

async fn serve(socket: &mut TcpSocket<'_>) -> Option<()> {
    let mut buffer = [0; LEN];
    let mut request = Connection::<_, 16>::new(&mut buffer, &mut *socket).await.ok()?;
    let mut space = [0; MAX_BASE64_KEY_RESPONSE_LEN];
    request.initiate_ws_upgrade_response(&mut space).await.ok()?;
    request.complete().await.ok()?;
    drop(request);
    let mut buffer = [0; LEN];
    loop {
        let header = FrameHeader::recv(&mut *socket).await.ok()?;
        let payload = header.recv_payload(&mut *socket, &mut buffer).await.ok()?;
        let frame_type = match header.frame_type {
            FrameType::Ping => FrameType::Pong,
            FrameType::Pong => continue,
            it => it,
        };
        let answer = FrameHeader { frame_type, payload_len: header.payload_len, mask_key: None };
        answer.send(&mut *socket).await.ok()?;
        answer.send_payload(&mut *socket, payload).await.ok()?;
        if frame_type == FrameType::Close {
            return Some(());
        }
    }
}
