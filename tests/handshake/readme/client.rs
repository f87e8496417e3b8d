use barews::session::{Session, SessionEvent};
use barews::{CloseCode, Config, OsKeys, RecvBuffer, SendBuffer, State, handshake::client::Handshake, keepalive::Timeouts};
use std::{io::{Read, Write}, time::Instant};

pub fn ask(mut stream: impl Read + Write) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut rx, mut tx, mut reply) = (RecvBuffer::new([0; 4096]), SendBuffer::new([0; 4096]), vec![]);
    let (start, request) = (Instant::now(), Handshake::new(OsKeys::nonce()?, "127.0.0.1", "/").port(9001));
    let mut ws = Session::client(Config::new(), Timeouts::new(), OsKeys, &request, &mut tx, start.elapsed())?;
    while ws.state() != State::Closed {
        stream.write_all(tx.unsent())?;
        tx.sent(tx.len());
        rx.read_with(|space| stream.read(space))?;
        let now = start.elapsed();
        while let Some(event) = ws.receive(&mut rx, &mut tx, now) {
            match event {
                SessionEvent::Opened(_) => ws.send_text("Hello", &mut tx).and_then(|()| {
                    ws.close(CloseCode::NORMAL, "", &mut tx, now) // the peer may finish its message
                })?,
                SessionEvent::Data(data) => reply.extend_from_slice(data.payload),
                event @ (SessionEvent::Rejected(_) | SessionEvent::Failed(_)) => return Err(format!("{event:?}").into()),
                _ => {} // what else must be answered is in `tx`
            }
        }
    }
    Ok(reply)
}
