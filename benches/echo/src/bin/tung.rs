//! tokio-tungstenite as it is mostly used: receives a message, then sends it with `send`, which
//! flushes.

use std::io;

use barews_echo::serve;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_io(), echo)
}

async fn echo(stream: TcpStream) {
    let Ok(mut ws) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = ws.next().await {
        if (message.is_text() || message.is_binary()) && ws.send(message).await.is_err() {
            return;
        }
    }
}
