//! A chat room on axum's own WebSocket.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use tokio::sync::broadcast::{self, Sender};

pub fn room() -> Router {
    Router::new().route("/", any(enter)).with_state(broadcast::channel(64).0)
}

async fn enter(ws: WebSocketUpgrade, State(room): State<Sender<Utf8Bytes>>) -> Response {
    ws.max_message_size(64 << 10).on_upgrade(|ws| talk(ws, room))
}

async fn talk(mut ws: WebSocket, room: Sender<Utf8Bytes>) {
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            said = ws.recv() => match said {
                Some(Ok(Message::Text(text))) => drop(room.send(text)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            Ok(text) = heard.recv() => if ws.send(Message::Text(text)).await.is_err() {
                return;
            },
        }
    }
}
