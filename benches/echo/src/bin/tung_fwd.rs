//! tokio-tungstenite as in its own example: `forward` flushes only when there is nothing more to
//! receive.

use std::future::ready;
use std::io;

use barews_echo::serve;
use futures_util::{StreamExt, TryStreamExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_io(), echo)
}

async fn echo(stream: TcpStream) {
    let Ok(ws) = tokio_tungstenite::accept_async(stream).await else { return };
    let (write, read) = ws.split();
    let messages = read.try_filter(|message| ready(message.is_text() || message.is_binary()));
    // Errors are ignored.
    let _ = messages.forward(write).await;
}
