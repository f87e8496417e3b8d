//! The opening handshake of a client, with a blocking socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use barews::handshake::Status;
use barews::handshake::client::{Answer, Handshake};

use crate::fault::Fault;

const PATIENCE: Duration = Duration::from_secs(60);

/// A handshake with a server that has no name of its own, and its request.
pub(crate) fn handshake(address: SocketAddr) -> (Handshake<'static>, Vec<u8>) {
    let mut nonce = [0; 16];
    fastrand::fill(&mut nonce);
    let handshake = Handshake::new(nonce, "localhost", "/").port(address.port());
    let mut request = vec![0; 512];
    let n = handshake.request(&mut request).expect("nothing in it is the user's");
    request.truncate(n);
    (handshake, request)
}

/// Connects; returns the bytes behind the answer's head, too, which are frames.
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
        match handshake.response(&bytes)? {
            Status::NeedMore(_) => {}
            Status::Complete(Answer::Rejected(rejected)) => {
                return Err(Fault::Refused(rejected.status()));
            }
            Status::Complete(Answer::Established(established)) => {
                let head_len = established.head_len();
                bytes.drain(..head_len);
                return Ok((stream, bytes));
            }
        }
    }
}
