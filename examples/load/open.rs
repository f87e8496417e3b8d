//! The opening handshake of a client on a blocking socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};

use crate::fault::Fault;

const PATIENCE: Duration = Duration::from_secs(60);

/// A handshake for the host `localhost`, and its request.
pub(crate) fn handshake(address: SocketAddr) -> (Handshake<'static>, Vec<u8>) {
    let mut nonce = [0; 16];
    fastrand::fill(&mut nonce);
    let handshake = Handshake::new(nonce, "localhost", "/").port(address.port());
    let mut request = vec![0; 512];
    let n = handshake.write_request(&mut request).expect("the request is valid and short");
    request.truncate(n);
    (handshake, request)
}

/// Connects. Also returns the bytes after the response head, which are frames.
pub(crate) fn open(address: SocketAddr) -> Result<(TcpStream, Vec<u8>), Fault> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut handshake, request) = handshake(address);
    stream.write_all(&request)?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        bytes.extend_from_slice(&buffer[..n]);
        match handshake.read_response(&bytes)? {
            Status::NeedMore(_) => {}
            Status::Complete(Response::Rejected(rejected)) => {
                return Err(Fault::Refused(rejected.status()));
            }
            Status::Complete(Response::Accepted(accepted)) => {
                let head_len = accepted.head_len();
                bytes.drain(..head_len);
                return Ok((stream, bytes));
            }
        }
    }
}
