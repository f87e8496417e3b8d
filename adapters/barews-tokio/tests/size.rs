//! The sizes of what a task holds while it waits.

use barews_tokio::{Acceptor, Connector, WebSocket};
use tokio::io::DuplexStream;

/// A future that holds an event of the opening handshake across an `await` is longer.
#[test]
fn the_futures_of_a_task_are_short() {
    let (io, other) = tokio::io::duplex(16);
    let (acceptor, connector) = (Acceptor::new(), Connector::new());
    let accept = size_of_val(&acceptor.accept(io));
    let connect = size_of_val(&connector.connect_over(other, "ws://localhost/"));
    assert!(accept <= 192, "{accept}");
    assert!(connect <= 256, "{connect}");
    assert!(size_of::<WebSocket<DuplexStream>>() <= 16);
}
