//! TLS by rustls: the same loop, because a connection does not care what its bytes went through.
//!
//! The certificate is made at the start and printed, for clients to trust it.
//!
//! `cargo run -p barews-runtimes --bin tls -- 127.0.0.1:9001`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use barews::handshake::server::Reader;
use barews::{Advice, Assembler, Config, Connection, Event, RecvBuffer};
use barews_runtimes::{Failure, answer, append, echo, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

/// Who keeps us waiting for longer is dropped.
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

/// One connection from its first byte to its last.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream) -> Result<(), Failure> {
    let mut rx = RecvBuffer::new(vec![0; 16 << 10]);
    let both = async {
        let mut stream = acceptor.accept(stream).await?;
        let accepted = open(&mut stream, &mut rx).await?;
        Ok::<_, Failure>((stream, accepted))
    };
    let (mut stream, accepted) = timeout(PATIENCE, both).await??;
    if accepted {
        converse(&mut stream, rx).await?;
    }
    // Sends TLS's own end, and closes our half of TCP behind it. What the peer still sends is thrown
    // away: a full close could reset the connection, and take the Close frame with it.
    stream.shutdown().await?;
    match timeout(PATIENCE, copy(&mut stream.take(1 << 20), &mut sink())).await? {
        // Many clients close TCP without the end of TLS. Behind a WebSocket's Close nothing can be cut off.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(()),
    }
}

/// The opening handshake; whether frames follow. Those that came with it stay in `rx`.
async fn open(
    stream: &mut TlsStream<TcpStream>,
    rx: &mut RecvBuffer<Vec<u8>>,
) -> Result<bool, Failure> {
    let (mut reader, mut out) = (Reader::new(), [0; 160]);
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

/// Until the closing handshake is done, or the peer was told of its fault.
async fn converse(
    stream: &mut TlsStream<TcpStream>,
    mut rx: RecvBuffer<Vec<u8>>,
) -> Result<(), Failure> {
    let mut ws = Connection::server(Config::new());
    let mut messages = Assembler::new(Vec::new());
    let mut out = Vec::new();
    while ws.advice() == Advice::Keep {
        let event = ws.receive(&mut rx.input());
        // The Pong, or the Close for a Close or a fault, leaves before any message behind it.
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
