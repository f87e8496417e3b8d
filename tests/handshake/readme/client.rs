use barews::{CloseCode, Config, Connection, Event, State, handshake::{Status, client}};

pub fn ask(mut stream: impl Read + Write) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut rx, mut out, mut reply) = (RecvBuffer::new([0; 8192]), [0; 512], vec![]);
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let mut handshake = client::Handshake::new(nonce, "127.0.0.1", "/").port(9001);
    let mut n = handshake.write_request(&mut out)?;
    stream.write_all(&out[..n])?;
    while let Status::NeedMore(_) = handshake.read_response(rx.unread())? {
        fill(&mut stream, &mut rx)?;
    }
    match handshake.read_response(rx.unread())? {
        Status::Complete(client::Response::Accepted(head)) => rx.consume(head.head_len()),
        _ => return Err("the server rejects the handshake".into()),
    }
    let mut ws = Connection::client(Config::new(), || getrandom::u32().unwrap().to_ne_bytes());
    n = ws.send_text("Hello", &mut out)?;
    n += ws.send_close(CloseCode::NORMAL, "", &mut out[n..])?; // the peer may finish its message
    while ws.state() != State::Closed {
        stream.write_all(&out[..n])?;
        let event = ws.receive(&mut rx.input());
        n = ws.transmit(&mut out)?; // a Pong or a Close, if one is queued
        match event? {
            Event::Data(data) => reply.extend_from_slice(data.payload),
            Event::NeedMore(_) => fill(&mut stream, &mut rx)?,
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
    Ok(reply)
}
