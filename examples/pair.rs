//! A client and a server connected by two buffers: no socket, no thread, no allocation.
//!
//! `cargo run --example pair`

use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{
    CloseCode, Config, Kind, OsKeys, RecvBuffer, SendBuffer, State, Storage, TransportAction,
};

/// Nothing here takes any time.
const NOW: Duration = Duration::ZERO;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let request = Handshake::new(OsKeys::nonce()?, "example.com", "/chat");
    let (mut up, mut client_rx) = (SendBuffer::new([0; 1024]), RecvBuffer::new([0; 512]));
    let (mut down, mut server_rx) = (SendBuffer::new([0; 1024]), RecvBuffer::new([0; 512]));
    let timeouts = Timeouts::new();
    let mut client = Session::client(Config::new(), timeouts, OsKeys, &request, &mut up, NOW)?;
    let mut server = Session::server(Config::new(), timeouts, NOW);

    while client.state() != State::Closed || server.state() != State::Closed {
        println!("client sends {} bytes", deliver(&mut up, &mut server_rx));
        // The Ping is the first event after the handshake although data precedes it.
        while let Some(event) = server.receive(&mut server_rx, &mut down, NOW) {
            println!("server receives {event:?}");
            match event {
                SessionEvent::Upgrade(upgrade) => {
                    server.answer(upgrade.accept(Origins::Any), &mut down, NOW)?;
                }
                SessionEvent::Data(data) => {
                    server.send_fragment(data.kind, data.fin, data.payload, &mut down)?;
                }
                _ => {}
            }
        }
        println!("server sends {} bytes", deliver(&mut down, &mut client_rx));
        while let Some(event) = client.receive(&mut client_rx, &mut up, NOW) {
            println!("client receives {event:?}");
            if let SessionEvent::Opened(_) = event {
                // A text message in two fragments with a Ping between them, and a Close.
                client.send_fragment(Kind::Text, false, b"Hello, ", &mut up)?;
                client.send_ping(b"still there?", &mut up)?;
                client.send_fragment(Kind::Text, true, b"world!", &mut up)?;
                client.close(CloseCode::NORMAL, "that was all", &mut up, NOW)?;
            }
        }
    }

    // RFC 6455 §7.1.1: the server closes first.
    assert_eq!(server.transport_action(&down), TransportAction::HalfClose);
    assert_eq!(client.transport_action(&up), TransportAction::AwaitEnd);
    println!("both sides are closed");
    Ok(())
}

/// What one side has sent arrives at the other.
fn deliver<T: Storage, S: Storage>(tx: &mut SendBuffer<T>, rx: &mut RecvBuffer<S>) -> usize {
    let n = tx.len().min(rx.spare_mut().len());
    rx.spare_mut()[..n].copy_from_slice(&tx.unsent()[..n]);
    tx.sent(n);
    rx.advance(n);
    n
}
