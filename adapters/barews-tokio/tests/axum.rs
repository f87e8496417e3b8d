//! The extractor in axum, and the two chat rooms.

#[path = "../examples/chat/on_axum.rs"]
mod on_axum;
#[path = "../examples/chat/on_barews.rs"]
mod on_barews;

use axum::Router;
use axum::routing::any;
use barews_tokio::{CloseCode, Connector, Error, Message, WebSocket, WebSocketUpgrade};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn enter(address: &str, path: &str) -> WebSocket<TcpStream> {
    Connector::new().deflate().connect(&format!("ws://{address}{path}")).await.unwrap()
}

async fn hear(ws: &mut WebSocket<TcpStream>) -> String {
    ws.recv_message().await.unwrap().unwrap().as_text().unwrap().to_owned()
}

/// The same test for both: each hears what all say, in the same order.
async fn talk(path: &str, app: Router) {
    let address = serve(Router::new().nest(path, app)).await;
    let mut clients = Vec::new();
    for n in 0..3 {
        let mut client = enter(&address, path).await;
        // It is in the room once it hears itself.
        client.send(format!("{n} is here")).await.unwrap();
        while hear(&mut client).await != format!("{n} is here") {}
        clients.push(client);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(format!("{n} says {}", "something ".repeat(500))).await.unwrap();
    }
    let mut heard = Vec::new();
    for client in &mut clients {
        let mut all = Vec::new();
        while all.len() < 3 {
            let text = hear(client).await;
            if text.contains("says") {
                all.push(text);
            }
        }
        heard.push(all);
    }
    assert!(heard[0].iter().all(|text| text.ends_with(&"something ".repeat(500))));
    assert_eq!(heard[0], heard[1]);
    assert_eq!(heard[1], heard[2]);
    for mut client in clients {
        client.close(CloseCode::NORMAL, "").await.unwrap();
    }
}

#[tokio::test]
async fn both_chat_rooms_pass_the_same_test() {
    talk("/axum", on_axum::room()).await;
    talk("/barews", on_barews::room()).await;
}

fn echo() -> Router {
    let answer = |ws: WebSocketUpgrade| async move {
        ws.deflate().protocols(["b"]).origins(["https://ours.example"]).on_upgrade(
            |mut ws| async move {
                while let Some(Ok(message)) = ws.recv_message().await {
                    if ws.feed(message).await.is_err() {
                        return;
                    }
                }
            },
        )
    };
    Router::new().route("/ws", any(answer))
}

#[tokio::test]
async fn the_extractor_negotiates() {
    let address = serve(echo()).await;
    let url = format!("ws://{address}/ws");
    let ours = Connector::new().origin("https://ours.example").protocols(["a", "b"]).deflate();
    let mut ws = ours.connect(&url).await.unwrap();
    assert_eq!(ws.protocol(), Some("b"));
    for len in [0, 1, 1000, 100_000] {
        ws.send("x".repeat(len)).await.unwrap();
        assert_eq!(hear(&mut ws).await.len(), len);
    }
    ws.send(Message::Ping("?".into())).await.unwrap();
    assert_eq!(ws.recv().await.unwrap().unwrap(), Message::Pong("?".into()));
    ws.close(CloseCode::NORMAL, "").await.unwrap();

    let theirs = Connector::new().origin("https://theirs.example").connect(&url).await;
    assert!(matches!(theirs, Err(Error::Rejected(403))));
}

/// The first line of the answer to a request with these fields.
async fn status(address: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /ws HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[tokio::test]
async fn invalid_requests_are_refused_as_by_the_core() {
    let address = serve(echo()).await;
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    assert_eq!(status(&address, &[upgrade, key, version].concat()).await, "101");
    assert_eq!(status(&address, "").await, "426");
    assert_eq!(status(&address, &[upgrade, version].concat()).await, "400");
    assert_eq!(status(&address, &[upgrade, key].concat()).await, "400");
    let old = "Sec-WebSocket-Version: 8\r\n";
    assert_eq!(status(&address, &[upgrade, key, old].concat()).await, "426");
}

/// An extended CONNECT (RFC 8441) with these fields, and what the server answers.
async fn extended_connect(
    address: &str,
    protocol: &'static str,
    fields: &[(&str, &str)],
) -> (http::Response<h2::RecvStream>, h2::SendStream<Bytes>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    // RFC 8441 §3: not before the server's settings allow it.
    while !client.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut request = http::Request::builder().method("CONNECT").uri("http://localhost/ws");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.extension(h2::ext::Protocol::from_static(protocol)).body(()).unwrap();
    let (response, to) = client.send_request(request, false).unwrap();
    (response.await.unwrap(), to)
}

#[tokio::test]
async fn http_2_goes_through_the_same_checks() {
    let address = serve(echo()).await;
    let version = ("sec-websocket-version", "13");
    let fields = [version, ("sec-websocket-protocol", "a, b"), ("origin", "https://ours.example")];
    let (response, mut to) = extended_connect(&address, "websocket", &fields).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "b");
    for name in ["upgrade", "connection", "sec-websocket-accept"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    to.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0"), false).unwrap();
    let (mut body, mut received) = (response.into_body(), Vec::new());
    while let Some(piece) = body.data().await {
        received.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(received, b"\x81\x02hi\x88\x00");

    let theirs = [version, ("origin", "https://theirs.example")];
    assert_eq!(extended_connect(&address, "websocket", &theirs).await.0.status(), 403);
    assert_eq!(extended_connect(&address, "websocket", &[]).await.0.status(), 400);
    assert_eq!(extended_connect(&address, "connect-udp", &[version]).await.0.status(), 501);
}
