//! A client and a server connected by two arrays: no socket, no thread, no allocation.
//!
//! `cargo run --example pair`

use barews::{CloseCode, Config, Connection, Event, Input, Kind, State, TransportAction};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Connection::server(Config::new());
    // A real client gets its keys from the operating system, as examples/client does.
    let mut key = 0_u32;
    let mut client = Connection::client(Config::new(), || {
        key = key.wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15);
        key.to_le_bytes()
    });
    let (mut up, mut down) = ([0; 256], [0; 256]);

    // A text message in two fragments with a Ping between them, and a Close, all received at once.
    let mut n = client.send_fragment(Kind::Text, false, b"Hello, ", &mut up)?;
    n += client.send_ping(b"still there?", &mut up[n..])?;
    n += client.send_fragment(Kind::Text, true, b"world!", &mut up[n..])?;
    n += client.send_close(CloseCode::NORMAL, "that was all", &mut up[n..])?;
    println!("client sends {n} bytes");

    // The server replies to each event. The Ping is the first one although data precedes it.
    let mut input = Input::new(&mut up[..n]);
    let mut n = 0;
    loop {
        match server.receive(&mut input)? {
            Event::Data(data) => {
                println!("server receives {:?} (fin: {})", data.payload, data.fin);
                n += server.send_fragment(data.kind, data.fin, data.payload, &mut down[n..])?;
            }
            Event::Ping(payload) => println!("server receives Ping {:?}", &*payload),
            Event::Pong(payload) => println!("server receives Pong {:?}", &*payload),
            Event::Close(close) => println!("server receives {close:?}"),
            Event::NeedMore(_) => break,
        }
        // Pongs, and at the end the reply to the Close, are sent at once.
        n += server.transmit(&mut down[n..])?;
    }
    println!("server sends {n} bytes");

    let mut input = Input::new(&mut down[..n]);
    loop {
        match client.receive(&mut input)? {
            Event::NeedMore(_) => break,
            event => println!("client receives {event:?}"),
        }
    }

    assert_eq!((server.state(), client.state()), (State::Closed, State::Closed));
    assert_eq!(server.transport_action(), TransportAction::HalfClose); // RFC 6455 §7.1.1: the server closes first
    println!("both sides are closed");
    Ok(())
}
