//! barews-tokio as in its own example: the replies to what one read has brought leave in one write.
//! With `--deflate` it agrees on compression, with its own defaults.

use std::io;

use barews_echo::serve;
use barews_tokio::Acceptor;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_all(), echo)
}

async fn echo(stream: TcpStream) {
    let mut acceptor = Acceptor::new();
    if std::env::args().any(|it| it == "--deflate") {
        acceptor = acceptor.deflate();
    }
    let Ok(mut ws) = acceptor.accept(stream).await else { return };
    while let Some(Ok(message)) = ws.recv_message().await {
        if ws.feed(message).await.is_err() {
            return;
        }
    }
}
