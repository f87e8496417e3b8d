use barews::RecvBuffer;
use std::io::{Error, ErrorKind, Read, Write};

/// Receives more bytes; an error if the stream has ended.
fn fill(stream: &mut impl Read, rx: &mut RecvBuffer<[u8; 8192]>) -> Result<(), Error> {
    match stream.read(rx.spare_mut())? {
        0 => return Err(ErrorKind::UnexpectedEof.into()),
        n => rx.advance(n),
    }
    Ok(())
}
