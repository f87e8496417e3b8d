use barews::session::{Session, SessionEvent};
use barews::{Config, RecvBuffer, SendBuffer, TransportAction, handshake::server::Origins, keepalive::Timeouts};
use std::{io::{ErrorKind, Read, Write}, net::{Shutdown, TcpStream}, time::{Duration, Instant}};

pub fn serve(mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    let (start, mut ws) = (Instant::now(), Session::server(Config::new(), Timeouts::new(), Duration::ZERO));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 8192]), SendBuffer::new([0; 16384]));
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive(&mut rx, &mut tx, now) {
            match event {
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(it) => ws.send_fragment(it.kind, it.fin, it.payload, &mut tx)?,
                _ => {} // what else must be answered is in `tx`
            }
        }
        stream.write_all(tx.unsent())?;
        tx.sent(tx.len());
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => stream.shutdown(Shutdown::Write)?,
            TransportAction::Drop => return Ok(()),
        }
        stream.set_read_timeout(ws.timeout(start.elapsed()))?;
        match if ws.wants_read() { rx.read_with(|space| stream.read(space)) } else { continue } {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            read => drop(read?),
        }
    }
}
