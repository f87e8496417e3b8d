//! `WebSocket` over a pipe, one of its own on each side.

use barews::keepalive::Reason;
use barews::session::Failure;
use barews_tokio::{
    Acceptor, CloseCode, CloseFrame, Connector, Error, Kind, Message, Options, WebSocket,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const URL: &str = "ws://localhost/";

async fn pair(acceptor: Acceptor, connector: Connector) -> [WebSocket<DuplexStream>; 2] {
    let (near, far) = duplex(4096);
    let accepting = tokio::spawn(async move { acceptor.accept(near).await.unwrap() });
    let client = connector.connect_over(far, URL).await.unwrap();
    [accepting.await.unwrap(), client]
}

async fn both(is_compressed: bool) -> [WebSocket<DuplexStream>; 2] {
    if is_compressed {
        pair(Acceptor::new().deflate(), Connector::new().deflate()).await
    } else {
        pair(Acceptor::new(), Connector::new()).await
    }
}

fn messages() -> Vec<Message> {
    let long = |len: u32| -> Message {
        (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>().into()
    };
    vec![
        "hello".into(),
        "".into(),
        Message::binary(Bytes::new()),
        "größer ".repeat(10_000).into(),
        long(300_000),
        // A short one in the memory of a long one.
        long(1_500_000),
        long(70_000),
        long(1_100_000),
        Message::Ping(Bytes::from_static(b"?")),
        "the last one".into(),
    ]
}

/// Returns what it receives until the end.
async fn echo(mut ws: WebSocket<DuplexStream>) -> Result<(), Error> {
    while let Some(message) = ws.recv_message().await {
        ws.feed(message?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn messages_of_all_lengths_come_back() {
    for is_compressed in [false, true] {
        let [server, mut client] = both(is_compressed).await;
        let echoing = tokio::spawn(echo(server));
        for message in messages() {
            client.send(message.clone()).await.unwrap();
            let expected = match message {
                Message::Ping(payload) => Message::Pong(payload),
                message => message,
            };
            assert_eq!(client.recv().await.unwrap().unwrap(), expected);
        }
        client.close(CloseCode::NORMAL, "done").await.unwrap();
        assert!(client.recv().await.is_none());
        echoing.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_close_is_received_and_answered() {
    let [mut server, mut client] = both(false).await;
    let close = CloseFrame { code: CloseCode::GOING_AWAY, reason: "bye".into() };
    server.send(Message::Close(Some(close.clone()))).await.unwrap();
    assert!(matches!(server.send("late").await, Err(Error::Closed)));
    let ending = tokio::spawn(async move {
        assert!(matches!(server.recv().await, Some(Ok(Message::Close(Some(_))))));
        assert!(server.recv().await.is_none());
    });
    assert_eq!(client.recv().await.unwrap().unwrap(), Message::Close(Some(close)));
    assert!(client.recv().await.is_none());
    assert!(matches!(client.send("late").await, Err(Error::Closed)));
    ending.await.unwrap();
}

#[tokio::test]
async fn the_sink_and_the_stream_forward() {
    let [server, client] = both(true).await;
    let echoing = tokio::spawn(async move {
        let (to, from) = server.split();
        let data = from.filter(|message| {
            let is_data = matches!(message, Ok(Message::Text(_) | Message::Binary(_)));
            std::future::ready(is_data)
        });
        data.forward(to).await
    });
    let (mut to, mut from) = client.split();
    let sending = tokio::spawn(async move {
        for n in 0..1000 {
            to.feed(Message::text(format!("message {n}"))).await.unwrap();
        }
        to.flush().await.unwrap();
        to
    });
    for n in 0..1000 {
        let message = from.next().await.unwrap().unwrap();
        assert_eq!(message.as_text(), Some(&*format!("message {n}")));
    }
    sending.await.unwrap().close().await.unwrap();
    assert!(matches!(from.next().await, Some(Ok(Message::Close(_)))));
    assert!(from.next().await.is_none());
    echoing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_message_in_chunks_arrives_while_it_is_sent() {
    for is_compressed in [false, true] {
        let [mut server, mut client] = both(is_compressed).await;
        client.send_text_chunk("part one, ", false).await.unwrap();
        let chunk = server.recv_chunk().await.unwrap().unwrap();
        assert_eq!(
            (&*chunk.payload, chunk.kind, chunk.fin),
            (&b"part one, "[..], Kind::Text, false)
        );
        assert!(client.send_binary_chunk(b"other", false).await.is_err());
        assert!(client.send("other").await.is_err());
        client.send_text_chunk("part two", true).await.unwrap();
        client.send("whole").await.unwrap();
        let mut rest = Vec::new();
        while let Some(chunk) = server.recv_chunk().await {
            let chunk = chunk.unwrap();
            rest.extend_from_slice(&chunk.payload);
            if chunk.fin {
                break;
            }
        }
        assert_eq!(rest, b"part two");
        assert_eq!(server.recv().await.unwrap().unwrap().as_text(), Some("whole"));
    }
}

/// What was refused inside of a message in chunks leaves nothing in the compressor that the
/// connections share.
#[tokio::test]
async fn connections_share_no_history() {
    let secret = "a text that only the first peer may see, ".repeat(20);
    let [mut first, mut one] = both(true).await;
    let [mut second, mut two] = both(true).await;
    one.send_text_chunk(&secret, false).await.unwrap();
    assert!(matches!(one.send("whole").await, Err(Error::Send(_))));
    two.send(&*secret).await.unwrap();
    assert_eq!(second.recv().await.unwrap().unwrap().as_text(), Some(&*secret));
    one.send_text_chunk(&secret, true).await.unwrap();
    let (mut all, mut fin) = (Vec::new(), false);
    while !fin {
        let chunk = first.recv_chunk().await.unwrap().unwrap();
        all.extend_from_slice(&chunk.payload);
        fin = chunk.fin;
    }
    assert_eq!(all, secret.repeat(2).into_bytes());
}

#[tokio::test]
async fn chunks_that_cannot_be_compressed_arrive() {
    let [mut server, mut client] = both(true).await;
    let noise: Vec<u8> =
        (0..400_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for len in 1..noise.len() {
        client.send_binary_chunk(&noise[..len], false).await.unwrap();
        client.send_binary_chunk(&noise[len..], true).await.unwrap();
        let received = server.recv().await.unwrap().unwrap();
        assert_eq!(received.as_bytes(), noise, "{len}");
    }
}

/// A `recv` that was dropped inside of a message has assembled its start.
#[tokio::test]
async fn chunks_after_a_dropped_recv_miss_nothing() {
    for is_compressed in [false, true] {
        let [mut server, mut client] = both(is_compressed).await;
        client.send_text_chunk("one, ", false).await.unwrap();
        tokio::select! {
            biased;
            received = server.recv() => panic!("{received:?}"),
            () = tokio::task::yield_now() => {}
        }
        client.send(Message::Ping("?".into())).await.unwrap();
        client.send_text_chunk("two", true).await.unwrap();
        client.send_text_chunk("three", false).await.unwrap();
        let chunk = server.recv_chunk().await.unwrap().unwrap();
        assert_eq!((&*chunk.payload, chunk.fin), (&b"one, two"[..], true));
        let chunk = server.recv_chunk().await.unwrap().unwrap();
        assert_eq!((&*chunk.payload, chunk.fin), (&b"three"[..], false));
    }
}

#[tokio::test]
async fn after_an_error_the_peer_learns_the_code_and_nothing_is_sent() {
    let options = Options::new().max_message_len(10);
    let [mut server, mut client] = pair(Acceptor::new().options(options), Connector::new()).await;
    client.send("more than ten bytes").await.unwrap();
    assert!(matches!(server.recv().await, Some(Err(Error::Failed(_)))));
    assert!(matches!(server.send("late").await, Err(Error::Closed)));
    assert!(matches!(server.send_text_chunk("late", true).await, Err(Error::Closed)));
    // Its Close has left, so the socket may be dropped.
    drop(server);
    let Some(Ok(Message::Close(Some(close)))) = client.recv().await else { panic!() };
    assert_eq!(close.code, CloseCode::TOO_BIG);
    assert!(matches!(client.send("late").await, Err(Error::Closed)));
    assert!(client.recv().await.is_none());
    client.close(CloseCode::NORMAL, "").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_sent_changes_nothing() {
    let [mut server, mut client] = both(true).await;
    let no_status = CloseFrame { code: CloseCode::NO_STATUS, reason: "why".into() };
    let long = CloseFrame { code: CloseCode::NORMAL, reason: "x".repeat(124).into() };
    for message in [
        Message::Ping(Bytes::from_static(&[7; 126])),
        Message::Pong(Bytes::from_static(&[7; 126])),
        Message::Close(Some(no_status)),
        Message::Close(Some(long)),
    ] {
        assert!(matches!(client.send(message).await, Err(Error::Send(_))));
    }
    client.send("still open").await.unwrap();
    assert_eq!(server.recv().await.unwrap().unwrap().as_text(), Some("still open"));
}

#[tokio::test]
async fn a_whole_message_after_a_chunk_skips_the_rest() {
    let [mut server, mut client] = both(true).await;
    client.send_text_chunk("one", false).await.unwrap();
    server.recv_chunk().await.unwrap().unwrap();
    client.send_text_chunk("two", true).await.unwrap();
    client.send("three").await.unwrap();
    assert_eq!(server.recv().await.unwrap().unwrap().as_text(), Some("three"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let (near, mut far) = duplex(4096);
    let accepting = tokio::spawn(async move { Acceptor::new().accept(near).await });
    far.write_all(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await
    .unwrap();
    let mut head = [0; 129];
    far.read_exact(&mut head).await.unwrap();
    let mut server = accepting.await.unwrap().unwrap();
    let error = server.recv().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Failed(Failure::Expired(Reason::Pong))), "{error}");
    let mut ping = [0; 2];
    far.read_exact(&mut ping).await.unwrap();
    assert_eq!(&ping, b"\x89\x00");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let (near, _far) = duplex(4096);
    let error = Connector::new().connect_over(near, URL).await.unwrap_err();
    assert!(matches!(error, Error::Failed(Failure::Expired(Reason::Handshake))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_blocks_and_is_given_up() {
    let [mut server, _client] = both(false).await;
    let mut queued = 0;
    let error = loop {
        match server.send(vec![7; 10_000]).await {
            Ok(()) => queued += 10_000,
            Err(error) => break error,
        }
    };
    assert!(queued <= 20_000, "{queued}");
    assert!(matches!(error, Error::Failed(Failure::Expired(Reason::Write))), "{error}");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    let options = Options::new().max_message_len(1000);
    for is_compressed in [false, true] {
        let (mut acceptor, mut connector) = (Acceptor::new().options(options), Connector::new());
        if is_compressed {
            (acceptor, connector) = (acceptor.deflate(), connector.deflate());
        }
        let [mut server, mut client] = pair(acceptor, connector).await;
        client.send("x".repeat(1000)).await.unwrap();
        assert!(server.recv().await.unwrap().is_ok());
        client.send("x".repeat(1001)).await.unwrap();
        let error = server.recv().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Failed(Failure::Protocol(_))), "{error}");
        let Some(Ok(Message::Close(Some(close)))) = client.recv().await else { panic!() };
        assert_eq!(close.code, CloseCode::TOO_BIG);
    }
}

#[tokio::test]
async fn the_request_is_judged() {
    let acceptor = Acceptor::new().protocols(["b", "a"]).origins(["https://ours.example"]);
    let ours = || Connector::new().origin("https://ours.example");
    let [server, client] = pair(acceptor.clone(), ours().protocols(["a", "b", "c"])).await;
    assert_eq!((server.protocol(), client.protocol()), (Some("a"), Some("a")));

    let (near, far) = duplex(4096);
    let refusing = tokio::spawn(async move { acceptor.accept(near).await });
    let theirs = Connector::new().origin("https://theirs.example");
    assert!(matches!(theirs.connect_over(far, URL).await, Err(Error::Rejected(403))));
    assert!(matches!(refusing.await.unwrap(), Err(Error::Refused(403))));

    let (near, far) = duplex(4096);
    let refusing = tokio::spawn(async move {
        Acceptor::new().accept_if(near, |it| if it.path() == "/" { Ok(()) } else { Err(404) }).await
    });
    let error = Connector::new().connect_over(far, "ws://localhost/other").await.unwrap_err();
    assert!(matches!(error, Error::Rejected(404)));
    assert!(matches!(refusing.await.unwrap(), Err(Error::Refused(404))));
}

#[tokio::test]
async fn urls_are_judged() {
    let connect = async |url: &str| Connector::new().connect_over(duplex(1).0, url).await;
    for url in ["http://a/", "ws:///", "a", "ws://a/#b", "ws://user:secret@a/", "ws://a:99999/", ""]
    {
        assert!(matches!(connect(url).await, Err(Error::Uri(_))), "{url}");
    }
    for (url, head) in [
        ("ws://a", "GET / HTTP/1.1\r\nHost: a\r\n"),
        ("WS://a:80?x=1", "GET /?x=1 HTTP/1.1\r\nHost: a\r\n"),
        ("wss://[::1]:8443/b", "GET /b HTTP/1.1\r\nHost: [::1]:8443\r\n"),
    ] {
        let (near, mut far) = duplex(4096);
        let connecting =
            tokio::spawn(async move { Connector::new().connect_over(near, url).await });
        let mut seen = vec![0; head.len()];
        far.read_exact(&mut seen).await.unwrap();
        assert_eq!(str::from_utf8(&seen).unwrap(), head);
        drop(far);
        assert!(connecting.await.unwrap().is_err());
    }
}

#[test]
fn the_examples_of_the_readme_have_at_most_15_lines() {
    let readme = include_str!("../README.md");
    let examples: Vec<_> = readme.split("```rust").skip(1).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let (code, _) = example.split_once("```").unwrap();
        assert!(code.lines().skip(1).count() <= 15, "{code}");
    }
}
