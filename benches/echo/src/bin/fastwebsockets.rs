//! fastwebsockets as in its own example: upgraded by hyper, with a fragment collector, not
//! constrained by tokio's budget.

use std::io;

use barews_echo::serve;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::unconstrained;

fn main() -> io::Result<()> {
    serve(Builder::new_current_thread().enable_io(), connection)
}

async fn connection(stream: TcpStream) {
    let service = service_fn(async |mut request: Request<Incoming>| {
        let (response, upgraded) = upgrade(&mut request)?;
        tokio::spawn(unconstrained(echo(upgraded)));
        Ok::<Response<Empty<Bytes>>, WebSocketError>(response)
    });
    // Errors are ignored.
    let _ =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn echo(upgraded: UpgradeFut) {
    let Ok(ws) = upgraded.await else { return };
    let mut ws = FragmentCollector::new(ws);
    while let Ok(frame) = ws.read_frame().await {
        let sent = match frame.opcode {
            OpCode::Close => return,
            OpCode::Text | OpCode::Binary => ws.write_frame(frame).await,
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
