//! An echo server on axum, with the playground page at `/`.
//!
//! `cargo run -p barews-tokio --features axum --example axum_echo -- --listen 127.0.0.1:9001 --deflate`

mod common;

use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::{RequestExt, Router, routing::any};
use barews_tokio::WebSocketUpgrade;
use common::Arguments;

const PAGE: &str = concat!(
    include_str!("../../../examples/echo_server/page/head.html"),
    "<style>\n",
    include_str!("../../../examples/echo_server/page/style.css"),
    "</style>\n",
    include_str!("../../../examples/echo_server/page/body.html"),
    "<script>\n",
    include_str!("../../../examples/echo_server/page/script.js"),
    "</script>\n</html>\n",
);

async fn answer(mut request: Request, arguments: Arguments) -> Response {
    if !request.headers().contains_key("sec-websocket-version") {
        return Html(PAGE).into_response();
    }
    let Ok(ws) = request.extract_parts::<WebSocketUpgrade>().await;
    ws.acceptor(arguments.acceptor).on_upgrade(|mut ws| async move {
        while let Some(Ok(message)) = ws.recv_message().await {
            if ws.feed(message).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse()?;
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let app = Router::new().fallback(any(move |request| answer(request, arguments.clone())));
    Ok(axum::serve(listener, app).await?)
}
