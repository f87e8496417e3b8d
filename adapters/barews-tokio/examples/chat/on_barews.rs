//! A chat room on `barews-tokio`, with compression. A client that does not answer, or does not read,
//! is given up.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use barews_tokio::{Message, WebSocket, WebSocketUpgrade};
use bytestring::ByteString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::{self, Sender};

pub fn room() -> Router {
    Router::new().route("/", any(enter)).with_state(broadcast::channel(64).0)
}

async fn enter(ws: WebSocketUpgrade, State(room): State<Sender<ByteString>>) -> Response {
    ws.deflate().max_message_size(64 << 10).on_upgrade(|ws| talk(ws, room))
}

async fn talk<T>(mut ws: WebSocket<T>, room: Sender<ByteString>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
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
