//! sockudo-ws as in its own simple example.

use std::io;

use barews_echo::serve;
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::Message;
use sockudo_ws::{Config, WebSocketStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    // sockudo-ws panics without tokio's timer.
    serve(Builder::new_current_thread().enable_io().enable_time(), echo)
}

async fn echo(mut stream: TcpStream) {
    if !matches!(open(&mut stream).await, Ok(true)) {
        return;
    }
    let mut ws = WebSocketStream::server(stream, Config::default());
    while let Some(Ok(message)) = ws.next().await {
        let sent = match message {
            Message::Close(_) => return,
            Message::Text(_) | Message::Binary(_) => ws.send(message).await,
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Does the opening handshake. False if there is no valid request.
async fn open(stream: &mut TcpStream) -> io::Result<bool> {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(false);
        }
        match parse_request(&head) {
            Ok(Some((request, _))) => {
                let key = generate_accept_key(request.key);
                stream.write_all(&build_response(&key, None, None)).await?;
                return Ok(true);
            }
            Ok(None) => {}
            Err(_) => return Ok(false),
        }
    }
}
