//! Tests for `src/bin/io_uring.rs`. If the kernel refuses `io_uring`, only the message about that is
//! tested.

mod common;

use std::time::Duration;

use common::{Server, Target};
use futures_util::future::join_all;
use tokio::time::timeout;

/// `None` if the kernel refuses `io_uring`.
fn start() -> Option<Server> {
    let (server, output) = Server::start(env!("CARGO_BIN_EXE_io_uring"));
    let lines: Vec<_> = output.lines().collect();
    match (&server, &lines[..]) {
        (Some(_), []) => {}
        (None, [line]) if line.starts_with("io_uring is not available: ") => {}
        _ => panic!("{output:?}"),
    }
    server
}

common::echo_tests!(match start() {
    Some(server) => server,
    None => return,
});

/// Clients beyond the maximum wait until another one disconnects.
#[tokio::test]
async fn too_many_clients_wait() {
    let Some(server) = start() else { return };
    let mut clients = join_all((0..200).map(|_| server.connect())).await;
    let mut next = Box::pin(server.connect());
    assert!(timeout(Duration::from_millis(300), &mut next).await.is_err());
    drop(clients.pop());
    assert!(timeout(Duration::from_mins(1), next).await.is_ok());
}
