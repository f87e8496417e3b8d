//! The opening handshake on a blocking socket.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use barews::RecvBuffer;
use barews::deflate::DeflateParams;
use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::{BuildError, Status};

use crate::arguments::Arguments;

/// An open connection.
pub(crate) struct Opened {
    pub(crate) stream: TcpStream,
    /// The receive buffer. It may hold bytes that arrived after the handshake response.
    pub(crate) rx: RecvBuffer<Vec<u8>>,
    /// The compression in use.
    pub(crate) deflate: Option<DeflateParams>,
}

/// Connects, and does the opening handshake.
pub(crate) fn connect(arguments: &Arguments, path: &str) -> Result<Opened, Box<dyn Error>> {
    let Arguments { host, port, .. } = arguments;
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), *port))
        .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
    stream.set_nodelay(true)?;

    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let protocols: Vec<&str> = arguments.protocols.iter().map(String::as_str).collect();
    let headers: Vec<_> = arguments.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut handshake =
        Handshake::new(nonce, host, path).port(*port).protocols(&protocols).headers(&headers);
    // Lets the server limit our window.
    let offers = [DeflateOffer::new().client_max_window_bits(None)];
    if arguments.deflate {
        handshake = handshake.deflate(&offers);
    }
    if let Some(origin) = &arguments.origin {
        handshake = handshake.origin(origin);
    }
    let mut request = vec![0; 1024];
    let n = match handshake.write_request(&mut request) {
        Err(BuildError::BufferTooSmall { needed }) => {
            request.resize(needed, 0);
            handshake.write_request(&mut request)?
        }
        result => result?,
    };
    stream.write_all(&request[..n])?;

    let mut rx = RecvBuffer::new(vec![0; 16 << 10]);
    loop {
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Err("the server closed the connection during the handshake".into());
        }
        rx.advance(n);
        match handshake.read_response(rx.unread())? {
            Status::NeedMore(_) => {}
            Status::Complete(Response::Rejected(rejected)) => {
                return Err(format!("rejected with status {}", rejected.status()).into());
            }
            Status::Complete(Response::Accepted(accepted)) => {
                let protocol = accepted.protocol().unwrap_or("-");
                let extensions = accepted.header("Sec-WebSocket-Extensions").next();
                let extensions = extensions.map_or("-".into(), String::from_utf8_lossy);
                println!("open protocol={protocol} extensions={extensions}");
                let deflate = accepted.deflate();
                // The bytes after the head are the first frames.
                let head_len = accepted.head_len();
                rx.consume(head_len);
                return Ok(Opened { stream, rx, deflate });
            }
        }
    }
}
