//! tokio-websockets as in its own example: not constrained by tokio's budget, no limits.

use std::io;

use barews_echo::serve;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::unconstrained;
use tokio_websockets::{Config, Limits, ServerBuilder};

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_io(), |stream| unconstrained(echo(stream)))
}

async fn echo(stream: TcpStream) {
    let server = ServerBuilder::new()
        .config(Config::default().frame_size(usize::MAX))
        .limits(Limits::unlimited());
    let Ok((_, mut ws)) = server.accept(stream).await else { return };
    while let Some(Ok(message)) = ws.next().await {
        if (message.is_text() || message.is_binary()) && ws.send(message).await.is_err() {
            return;
        }
    }
}
