//! An echo server on axum, with the playground page at `/` and its numbered feed at `/feed`.
//!
//! `cargo run -p barews-tokio --features axum --example axum_echo -- --listen 127.0.0.1:9001 --deflate`

mod common;
#[path = "../../../examples/echo_server/feed.rs"]
mod feed;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::{RequestExt, Router, routing::any};
use barews_tokio::{Error, WebSocket, WebSocketUpgrade};
use common::Arguments;
use feed::{Feed, Place};
use lexopt::ValueExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

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

/// What all requests share.
struct Shared {
    arguments: Arguments,
    feed: Feed,
    /// Changes with each message of the feed.
    news: watch::Sender<()>,
}

async fn answer(mut request: Request, shared: Arc<Shared>) -> Response {
    if !request.headers().contains_key("sec-websocket-version") {
        return Html(PAGE).into_response();
    }
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let seen = query.strip_prefix("after=").and_then(|number| number.parse().ok());
    let is_feed = path == "/feed";
    let Ok(ws) = request.extract_parts::<WebSocketUpgrade>().await;
    ws.acceptor(shared.arguments.acceptor.clone()).on_upgrade(move |ws| async move {
        // Errors are ignored.
        _ = if is_feed { follow(ws, &shared, seen).await } else { echo(ws).await };
    })
}

async fn echo<T>(mut ws: WebSocket<T>) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = ws.recv_message().await {
        ws.feed(message?).await?;
    }
    Ok(())
}

/// Sends the feed after the number that the client has seen.
async fn follow<T>(mut ws: WebSocket<T>, shared: &Shared, seen: Option<u64>) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (mut news, mut place) = (shared.news.subscribe(), Place::new(seen));
    loop {
        for message in shared.feed.after(&mut place) {
            ws.feed(&*message).await?;
        }
        ws.flush().await?;
        tokio::select! {
            _ = news.changed() => {}
            received = ws.recv() => match received {
                Some(received) => drop(received?),
                None => return Ok(()),
            },
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut feed_every = 1000;
    let arguments = Arguments::parse(|name, arguments| {
        if name == "feed-every" {
            feed_every = arguments.value()?.parse()?;
        }
        Ok(name == "feed-every")
    })?;
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let shared = Arc::new(Shared { arguments, feed: Feed::new(), news: watch::Sender::new(()) });
    tokio::spawn(publish(Arc::clone(&shared), Duration::from_millis(feed_every)));
    let app = Router::new().fallback(any(move |request| answer(request, Arc::clone(&shared))));
    Ok(axum::serve(listener, app).await?)
}

async fn publish(shared: Arc<Shared>, every: Duration) {
    let mut time = tokio::time::interval(every);
    loop {
        time.tick().await;
        shared.feed.publish();
        shared.news.send_replace(());
    }
}
