//! `Driver`: a session on a transport, in fixed memory. `serve`: the accept loop.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{
    Client, CloseCode, Config, Connection, Kind, MaskKeys, RecvBuffer, SendBuffer, Server,
};
use barews_tokio::{Driver, Error, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const LEN: usize = 512;
type Fixed<R> = Driver<R, DuplexStream, [u8; LEN]>;

fn driver<R: SessionRole>(io: DuplexStream, ws: Session<R>) -> Fixed<R> {
    let tx = SendBuffer::with_marks([0; LEN], 0, usize::MAX);
    Driver::new(io, ws, RecvBuffer::new([0; LEN]), tx)
}

fn opened<R: SessionRole>(io: DuplexStream, connection: Connection<R>) -> Fixed<R> {
    driver(io, Session::opened(connection, Timeouts::new(), Duration::ZERO))
}

fn server(io: DuplexStream) -> Fixed<Server> {
    driver(io, Session::server(Config::new(), Timeouts::new(), Duration::ZERO))
}

fn client(io: DuplexStream, timeouts: Timeouts) -> Fixed<Client<impl MaskKeys>> {
    let mut tx = SendBuffer::new([0; LEN]);
    let handshake = Handshake::new([7; 16], "a", "/");
    let keys = || [1, 2, 3, 4];
    let ws = Session::client(Config::new(), timeouts, keys, &handshake, &mut tx, Duration::ZERO);
    Driver::new(io, ws.unwrap(), RecvBuffer::new([0; LEN]), tx)
}

/// Echoes each chunk when it arrives.
async fn echo(mut driver: Fixed<Server>) -> Result<(), Error> {
    while !driver.is_over() {
        let Driver { ws, rx, tx, clock, .. } = &mut driver;
        while let Some(event) = ws.receive(rx, tx, clock.now()) {
            match event {
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), tx, clock.now())?,
                SessionEvent::Data(it) => ws.send_fragment(it.kind, it.fin, it.payload, tx)?,
                _ => {}
            }
        }
        driver.exchange().await?;
    }
    assert_eq!(driver.exchange().await.unwrap_err().kind(), ErrorKind::NotConnected);
    Ok(())
}

#[tokio::test]
async fn a_session_runs_from_its_first_byte_to_its_last() {
    let (near, far) = duplex(64);
    let served = tokio::spawn(echo(server(far)));
    let mut client = client(near, Timeouts::new());
    assert!(format!("{client:?}").contains("is_over: false"));
    client.open(|response| assert!(matches!(response, Response::Accepted(_)))).await.unwrap();
    let mut echoed = Vec::new();
    client.ws.send_fragment(Kind::Binary, true, &[7; 300], &mut client.tx).unwrap();
    while !client.is_over() {
        while let Some(event) = client.receive() {
            if let SessionEvent::Data(data) = event {
                echoed.extend_from_slice(data.payload);
            }
        }
        if echoed.len() == 300 {
            let now = client.clock.now();
            client.ws.close(CloseCode::NORMAL, "", &mut client.tx, now).unwrap();
        }
        client.exchange().await.unwrap();
    }
    assert_eq!(echoed, [7; 300]);
    served.await.unwrap().unwrap();
}

/// Another session may wait for the space.
#[tokio::test]
async fn an_exchange_ends_when_all_is_written() {
    let (near, mut far) = duplex(8);
    let mut driver = opened(near, Connection::server(Config::new()));
    driver.ws.send_text("more than eight", &mut driver.tx).unwrap();
    let read = async {
        let mut read = [0; 17];
        far.read_exact(&mut read).await.unwrap();
        read
    };
    let write = async {
        // What has left, and what has not, may start a deadline.
        while !driver.tx.is_empty() {
            driver.exchange().await.unwrap();
            assert!(driver.receive().is_none());
        }
    };
    let ((), read) = tokio::join!(write, read);
    assert_eq!(&read, b"\x81\x0Fmore than eight");
    // Now there is nothing to do.
    assert!(timeout(Duration::from_millis(20), driver.exchange()).await.is_err());
}

#[tokio::test]
async fn what_has_arrived_is_received_after_a_failed_write() {
    let (near, mut far) = duplex(64);
    let mut driver = opened(near, Connection::server(Config::new()));
    far.write_all(b"\x82\x81\0\0\0\0x").await.unwrap();
    drop(far);
    driver.ws.send_text("unwritten", &mut driver.tx).unwrap();
    assert_eq!(driver.exchange().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut seen = Vec::new();
    while !driver.is_over() {
        match driver.receive() {
            Some(SessionEvent::Data(data)) => seen.push(format!("{:?}", data.payload)),
            Some(SessionEvent::Failed(failure)) => seen.push(failure.to_string()),
            Some(event) => panic!("{event:?}"),
            None => drop(driver.exchange().await),
        }
    }
    assert_eq!(seen, ["[120]", "the transport ended without a Close frame"]);
}

#[tokio::test]
async fn a_client_learns_how_the_server_answers() {
    for (response, status) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Ok(403)),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Err(())),
        ("", Err(())),
    ] {
        let (near, mut far) = duplex(LEN);
        let mut client = client(near, Timeouts::new());
        far.write_all(response.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let answered = client.open(|response| match response {
            Response::Accepted(it) => panic!("{it:?}"),
            Response::Rejected(it) => it.status(),
        });
        let answered = answered.await.map_err(|error| assert!(matches!(error, Error::Failed(_))));
        assert_eq!(answered, status, "{response}");
    }
    // Without a transport.
    let mut gone = client(duplex(LEN).0, Timeouts::new());
    assert!(matches!(gone.open(|_| ()).await, Err(Error::Io(_))));
    // Closed by this side.
    let (near, _far) = duplex(LEN);
    let mut closed = client(near, Timeouts::new());
    closed.ws.close(CloseCode::NORMAL, "", &mut closed.tx, Duration::ZERO).unwrap();
    assert!(matches!(closed.open(|_| ()).await, Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let (near, _far) = duplex(LEN);
    let start = Instant::now();
    let mut client = client(near, Timeouts::new().handshake_within(Some(Duration::from_secs(7))));
    let opened = client.open(|_| ()).await;
    assert!(matches!(opened, Err(Error::Failed(Failure::Expired(_)))), "{opened:?}");
    assert_eq!(start.elapsed().as_secs(), 7);
}

/// Both directions at once: a long frame from the client, and Pings from the server.
#[tokio::test]
async fn a_proxy_forwards_a_long_frame_in_short_buffers() {
    const LONG: usize = 100_000;
    let ((mut browser, near), (far, mut backend)) = (duplex(64), duplex(64));
    let proxy = Config::proxy();
    let front = Session::opened(Connection::server(proxy), Timeouts::new(), Duration::ZERO);
    let keys = || [0; 4];
    let back = Session::opened(Connection::client(proxy, keys), Timeouts::new(), Duration::ZERO);
    let rx = || RecvBuffer::new(vec![0; 300].into_boxed_slice());
    let tx = || SendBuffer::with_marks(vec![0; 460].into_boxed_slice(), 0, usize::MAX);
    let mut front = Driver::new(near, front, rx(), tx());
    let mut back = Driver::new(far, back, rx(), tx());
    let mut seen = 0;
    let relay = async {
        while !(front.is_over() && back.is_over()) {
            front.forward_to(&mut back, CloseCode::INTERNAL, |data| seen += data.payload.len());
            back.forward_to(&mut front, CloseCode::BAD_GATEWAY, |_| panic!("only Pings"));
            tokio::select! {
                _ = front.exchange(), if !front.is_over() => {}
                _ = back.exchange(), if !back.is_over() => {}
            }
        }
    };
    let client = async {
        let mut frame = b"\x82\xFF\0\0\0\0\0\x01\x86\xA0\0\0\0\0".to_vec();
        frame.resize(14 + LONG, 7);
        let (mut from, mut to) = tokio::io::split(&mut browser);
        let mut read = vec![0; 4 * 100];
        let (sent, received) = tokio::join!(to.write_all(&frame), from.read_exact(&mut read));
        sent.unwrap();
        received.unwrap();
        assert!(read.chunks(4).all(|ping| ping == b"\x89\x02hi"));
        drop(browser);
    };
    let server = async {
        let (mut from, mut to) = tokio::io::split(&mut backend);
        let mut read = vec![0; 14 + LONG + 8];
        let pings = b"\x89\x02hi".repeat(100);
        let (sent, received) = tokio::join!(to.write_all(&pings), from.read_exact(&mut read));
        sent.unwrap();
        received.unwrap();
        assert!(read[14..][..LONG].iter().all(|byte| *byte == 7));
        // The client is gone.
        assert_eq!(read[14 + LONG..], [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xF3]);
        drop(backend);
    };
    tokio::join!(relay, client, server);
    assert_eq!(seen, LONG);
}

#[tokio::test]
async fn a_server_accepts_at_most_so_many_at_a_time() {
    static SERVED: AtomicUsize = AtomicUsize::new(0);
    async fn count(mut stream: TcpStream) {
        assert!(stream.nodelay().unwrap());
        SERVED.fetch_add(1, Ordering::Relaxed);
        stream.write_all(b"!").await.unwrap();
        // Until the client is gone.
        _ = stream.read(&mut [0]).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { match serve(listener, 2, count).await {} });
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    for client in &mut clients[..2] {
        client.read_exact(&mut [0]).await.unwrap();
    }
    let third = clients.remove(2);
    assert!(timeout(Duration::from_millis(50), third.readable()).await.is_err());
    assert_eq!(SERVED.load(Ordering::Relaxed), 2);
    drop(clients);
    third.readable().await.unwrap();
}
