//! yawc, upgraded by hyper. With `--deflate` it agrees on compression, with its own defaults.

use std::io;

use barews_echo::serve;
use futures_util::SinkExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use yawc::{OpCode, Options, UpgradeFut, WebSocket};

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_all(), connection)
}

async fn connection(stream: TcpStream) {
    let service = service_fn(async |mut request: Request<Incoming>| {
        let options = if std::env::args().any(|it| it == "--deflate") {
            Options::default().with_balanced_compression()
        } else {
            Options::default().without_compression()
        };
        // A message of 1 MiB, its default, would be one byte too long.
        let options = options.with_limits(2 << 20, 4 << 20);
        let (response, upgraded) = WebSocket::upgrade_with_options(&mut request, options)?;
        tokio::spawn(echo(upgraded));
        Ok::<_, yawc::WebSocketError>(response)
    });
    // Errors are ignored.
    let _ =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn echo(upgraded: UpgradeFut) {
    let Ok(mut ws) = upgraded.await else { return };
    while let Ok(frame) = ws.next_frame().await {
        if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) && ws.send(frame).await.is_err()
        {
            return;
        }
    }
}
