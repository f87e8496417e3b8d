use barews::session::{Session, SessionEvent};
use barews::{CloseCode, Config, OsKeys, RecvBuffer, SendBuffer, State, handshake::client::Handshake, keepalive::Timeouts};
use std::{io::{ErrorKind, Read, Write}, net::TcpStream, time::Instant};

pub fn ask(mut stream: TcpStream) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut rx, mut tx, mut reply) = (RecvBuffer::new([0; 4096]), SendBuffer::new([0; 4096]), vec![]);
    let (start, request) = (Instant::now(), Handshake::new(OsKeys::nonce()?, "127.0.0.1", "/").port(9001));
    let mut ws = Session::client(Config::new(), Timeouts::new(), OsKeys, &request, &mut tx, start.elapsed())?;
    while ws.state() != State::Closed {
        tx.write_with(|bytes| stream.write_all(bytes).map(|()| bytes.len()))?;
        stream.set_read_timeout(ws.timeout(start.elapsed()))?;
        if let Err(error) = rx.read_with(|space| stream.read(space))
            && !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) { return Err(error.into()) }
        let now = start.elapsed();
        while let Some(event) = ws.receive(&mut rx, &mut tx, now) {
            match event {
                // The peer may finish its message after the Close.
                SessionEvent::Opened(_) => { ws.send_text("Hello", &mut tx)?; ws.close(CloseCode::NORMAL, "", &mut tx, now)? }
                SessionEvent::Data(data) => reply.extend_from_slice(data.payload),
                event @ (SessionEvent::Rejected(_) | SessionEvent::Failed(_)) => return Err(format!("{event:?}").into()),
                _ => {} // what else must be answered is in `tx`
            }
        }
    }
    Ok(reply)
}
