//! TLS with rustls. The loop is the same as without TLS.
//!
//! A self-signed certificate is generated at startup and printed, for clients to trust.
//!
//! `cargo run -p barews-runtimes --bin tls -- 127.0.0.1:9001`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use barews::handshake::server::RequestReader;
use barews::{Assembler, Config, Connection, Event, RecvBuffer, TransportAction};
use barews_runtimes::{Failure, answer, append, echo, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

/// A peer that is silent for longer than this is dropped.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    start("tls", listen)
}

#[tokio::main(flavor = "current_thread")]
async fn listen(address: SocketAddr) -> Result<(), Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind(address).await?;
    print!("{}", made.cert.pem());
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let acceptor = acceptor.clone();
        tokio::spawn(async {
            serve(acceptor, stream).await.unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
}

/// Serves one connection.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream) -> Result<(), Failure> {
    let mut rx = RecvBuffer::new(vec![0; 16 << 10]);
    let both = async {
        let mut stream = acceptor.accept(stream).await?;
        let accepted = open(&mut stream, &mut rx).await?;
        Ok::<_, Failure>((stream, accepted))
    };
    let (mut stream, accepted) = timeout(PATIENCE, both).await??;
    if accepted {
        serve_messages(&mut stream, rx).await?;
    }
    // Sends close_notify and closes our half of TCP. What the peer still sends is read and
    // discarded: dropping the socket could reset the connection before the peer reads the Close
    // frame.
    stream.shutdown().await?;
    match timeout(PATIENCE, copy(&mut stream.take(1 << 20), &mut sink())).await? {
        // Many clients close TCP without close_notify. After a Close frame, truncation is harmless.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(()),
    }
}

/// Does the opening handshake. Returns whether frames follow; those already received stay in `rx`.
async fn open(
    stream: &mut TlsStream<TcpStream>,
    rx: &mut RecvBuffer<Vec<u8>>,
) -> Result<bool, Failure> {
    let (mut reader, mut out) = (RequestReader::new(), [0; 160]);
    loop {
        if let Some(answer) = answer(&mut reader, rx, &mut out)? {
            stream.write_all(&out[..answer.len]).await?;
            stream.flush().await?;
            return Ok(answer.accepted);
        }
        match stream.read(rx.spare_mut()).await? {
            0 => return Ok(false),
            n => rx.advance(n),
        }
    }
}

/// Echoes messages until the closing handshake is done, or the peer was sent a Close for an error.
async fn serve_messages(
    stream: &mut TlsStream<TcpStream>,
    mut rx: RecvBuffer<Vec<u8>>,
) -> Result<(), Failure> {
    let mut ws = Connection::server(Config::new());
    let mut messages = Assembler::new(Vec::new());
    let mut out = Vec::new();
    while ws.transport_action() == TransportAction::Keep {
        let event = ws.receive(&mut rx.input());
        // A Pong, or a Close that answers a Close or an error, is sent before later messages.
        append(&mut out, |out| ws.transmit(out))?;
        if let Ok(Event::Data(data)) = &event {
            echo(&mut ws, &mut messages, data, &mut out)?;
        }
        if !out.is_empty() {
            timeout(PATIENCE, async {
                stream.write_all(&out).await?;
                stream.flush().await
            })
            .await??;
            out.clear();
        }
        if let Ok(Event::NeedMore(_)) = event {
            match timeout(PATIENCE, stream.read(rx.spare_mut())).await?? {
                0 => ws.receive_eof()?,
                n => rx.advance(n),
            }
        }
    }
    Ok(())
}
