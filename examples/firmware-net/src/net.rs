//! The network stack, with a fixed address: that of QEMU's user network.

use core::time::Duration;

use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::{Instant, Timer};
use futures_lite::future;
use static_cell::StaticCell;

use crate::board::Lan9118;

pub(crate) const HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const DEVICE: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);

/// How long the peer may take to acknowledge the end of a connection.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// `SOCKETS` is the number of TCP sockets.
pub(crate) fn start<const SOCKETS: usize>(
    spawner: Spawner,
    lan: Lan9118,
    resources: &'static StaticCell<StackResources<SOCKETS>>,
    seed: u64,
) -> Option<Stack<'static>> {
    let config =
        StaticConfigV4 { address: DEVICE, gateway: Some(HOST), dns_servers: heapless::Vec::new() };
    let resources = resources.init(StackResources::new());
    let (stack, runner) = embassy_net::new(lan, Config::ipv4_static(config), resources, seed);
    spawner.spawn(run(runner).ok()?);
    Some(stack)
}

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, Lan9118>) -> ! {
    runner.run().await
}

/// Ends a connection, so that the socket can be used for another.
///
/// What the session has written may still be in the socket, and `abort` would discard it.
pub(crate) async fn end(socket: &mut TcpSocket<'_>) {
    socket.close();
    let late = sleep(FLUSH_WITHIN);
    future::or(async { _ = socket.flush().await }, late).await;
    socket.abort();
    _ = socket.flush().await;
}

pub(crate) fn now() -> Duration {
    Duration::from_millis(Instant::now().as_millis())
}

pub(crate) async fn sleep(time: Duration) {
    // `Timer` panics for a time beyond its range.
    let millis = time.as_millis().min(1 << 40);
    Timer::after_millis(u64::try_from(millis).unwrap_or_default()).await;
}
