use barews::handshake::{Error::UpgradeRequired, Status, server::{Incoming, Origins, RequestReader}};
use barews::{Config, Connection, Event, TransportAction};

pub fn serve(mut stream: impl Read + Write) -> Result<(), Box<dyn std::error::Error>> {
    let (mut rx, mut http, mut out) = (RecvBuffer::new([0; 8192]), RequestReader::new(), [0; 8400]);
    while let Ok(Status::NeedMore(_)) = http.read(rx.unread()) {
        fill(&mut stream, &mut rx)?;
    }
    let (n, head_len) = match http.read(rx.unread()) {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
            (upgrade.accept(Origins::Any)?.write(&mut out)?, upgrade.request().head_len())
        }
        other => (other.err().unwrap_or(UpgradeRequired).respond(&mut out)?, 0), // no upgrade
    };
    stream.write_all(&out[..n])?;
    rx.consume(head_len);
    let mut ws = Connection::server(Config::new());
    while head_len > 0 && ws.transport_action() == TransportAction::Keep {
        let event = ws.receive(&mut rx.input());
        let n = match &event {
            Ok(Event::Data(data)) => ws.send_fragment(data.kind, data.fin, data.payload, &mut out)?,
            _ => ws.transmit(&mut out)?, // a Pong or a Close, if one is queued
        };
        stream.write_all(&out[..n])?;
        if let Event::NeedMore(_) = event? {
            fill(&mut stream, &mut rx)?;
        }
    }
    Ok(())
}
