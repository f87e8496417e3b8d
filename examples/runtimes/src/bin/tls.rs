//! TLS with rustls on tokio. The session is the same as without TLS; only a written byte may still
//! wait inside of rustls, so a flush is something to wait for, too.
//!
//! A self-signed certificate is generated at startup and printed, for clients to trust.
//!
//! `cargo run -p barews-runtimes --bin tls -- 127.0.0.1:9001`

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Config, RecvBuffer, SendBuffer, TransportAction};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

const USAGE: &str = "An echo server: tls [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";
/// How long each TLS handshake may take, to begin and to end.
const PATIENCE: Duration = Duration::from_secs(10);
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key)?);
    let listener = TcpListener::bind(address).await?;
    print!("{}", made.cert.pem());
    println!("listening on {}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left. Wait until another client ends.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let served = serve(TlsAcceptor::from(config.clone()), stream);
        tokio::spawn(async { served.await.unwrap_or_else(|error| eprintln!("{error}")) });
    }
}

/// Serves one connection.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
    let (start, (mut from, mut to)) = (Instant::now(), split(stream));
    let mut ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 16 << 10]), SendBuffer::new(Vec::new()));
    let (mut messages, mut outcome) = (Assembler::new(Vec::new()), Ok(()));
    let mut is_dirty = false;
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now) {
            match event {
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(message) => ws.send_message(message, &mut tx)?,
                SessionEvent::Failed(failure) => outcome = Err(failure.into()),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => timeout(PATIENCE, to.shutdown()).await??,
            TransportAction::Drop => return outcome,
        }
        tokio::select! {
            biased;
            n = write(&mut to, tx.unsent()), if is_dirty || !tx.is_empty() => {
                is_dirty = !tx.is_empty();
                tx.sent(n?);
            }
            // Many clients end TCP without close_notify. The session knows whether an error truncates
            // anything: it expects a Close.
            n = async { from.read(rx.spare_mut()).await }, if ws.wants_read() => {
                rx.advance(n.unwrap_or(0));
            }
            () = sleep(ws.timeout(start.elapsed()).unwrap_or(Duration::MAX)) => {}
        }
    }
}

/// Writes some of `bytes`, or flushes if there are none.
async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() { to.flush().await.map(|()| 0) } else { to.write(bytes).await }
}
