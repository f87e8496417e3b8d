//! Echo servers with one fault each, which `load` must detect.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::{Config, Connection, Event, Kind, RecvBuffer, Server, TransportAction};

/// The fault of a server. Faults in one message affect message `CHOSEN` of each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Flips a bit in the last byte of one message.
    FlipsABit,
    /// Flips a bit in the last byte of every message over 4 KiB.
    CorruptsLongMessages,
    /// Sends one message after the next one.
    SwapsMessages,
    /// Sends one text as binary.
    TextAsBinary,
    /// Drops one message.
    DropsAMessage,
    /// Sends one message twice.
    RepeatsAMessage,
    /// Sends one message without its last byte.
    TruncatesAMessage,
    /// Does not answer Pings.
    IgnoresPings,
    /// Ends the transport without ever sending a Close.
    EndsWithoutClose,
}

const CHOSEN: u64 = 100;

/// Serves until the test process ends.
pub fn serve(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Ignores the error when a client disconnects.
            thread::spawn(move || drop(serve_client(stream, fault)));
        }
    });
    address
}

fn serve_client(mut stream: TcpStream, fault: Fault) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    let mut rx = RecvBuffer::new(vec![0; 64 << 10]);
    let mut reader = RequestReader::new();
    let mut out = vec![0; 1024];
    let head_len = loop {
        if !receive(&mut stream, &mut rx)? {
            return Ok(());
        }
        match reader.read(rx.unread()) {
            Ok(Status::NeedMore(_)) => {}
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                let n = upgrade.accept(Origins::Any)?.write(&mut out)?;
                stream.write_all(&out[..n])?;
                break upgrade.request().head_len();
            }
            Ok(Status::Complete(_)) => return Ok(()),
            Err(error) => {
                let n = error.respond(&mut out)?;
                return Ok(stream.write_all(&out[..n])?);
            }
        }
    };
    rx.consume(head_len);
    let config = Config::new().auto_pong(fault != Fault::IgnoresPings);
    let mut echo = Echo { ws: Connection::server(config), fault, number: 0, held: Vec::new() };
    let mut message = Vec::new();
    loop {
        let mut input = rx.input();
        loop {
            let event = echo.ws.receive(&mut input);
            if fault == Fault::EndsWithoutClose && matches!(event, Err(_) | Ok(Event::Close(_))) {
                return Ok(());
            }
            let n = echo.ws.transmit(&mut out)?;
            stream.write_all(&out[..n])?;
            match event {
                Ok(Event::Data(data)) => {
                    message.extend_from_slice(data.payload);
                    if data.fin {
                        echo.send(&mut stream, data.kind, std::mem::take(&mut message))?;
                    }
                }
                Ok(Event::NeedMore(_)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        if echo.ws.transport_action() != TransportAction::Keep {
            stream.shutdown(std::net::Shutdown::Write)?;
            while stream.read(&mut out)? > 0 {}
            return Ok(());
        }
        if !receive(&mut stream, &mut rx)? {
            return Ok(());
        }
    }
}

fn receive(stream: &mut TcpStream, rx: &mut RecvBuffer<Vec<u8>>) -> std::io::Result<bool> {
    let n = stream.read(rx.spare_mut())?;
    rx.advance(n);
    Ok(n > 0)
}

struct Echo {
    ws: Connection<Server>,
    fault: Fault,
    /// The number of the next message.
    number: u64,
    /// Frames to send after the next message.
    held: Vec<u8>,
}

impl Echo {
    fn send(
        &mut self,
        stream: &mut TcpStream,
        mut kind: Kind,
        mut payload: Vec<u8>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let chosen = self.number == CHOSEN;
        self.number += 1;
        let mut times = 1;
        match self.fault {
            Fault::FlipsABit if chosen => *payload.last_mut().unwrap() ^= 1,
            Fault::CorruptsLongMessages if payload.len() > 4096 => {
                *payload.last_mut().unwrap() ^= 1;
            }
            Fault::TextAsBinary if chosen => kind = Kind::Binary,
            Fault::TruncatesAMessage if chosen => drop(payload.pop()),
            Fault::DropsAMessage if chosen => times = 0,
            Fault::RepeatsAMessage if chosen => times = 2,
            _ => {}
        }
        let mut frames = Vec::new();
        let mut out = vec![0; payload.len() + 256];
        for _ in 0..times {
            let n = self.ws.send_fragment(kind, true, &payload, &mut out)?;
            frames.extend_from_slice(&out[..n]);
        }
        if self.fault == Fault::SwapsMessages && chosen {
            self.held = frames;
        } else {
            frames.append(&mut self.held);
            stream.write_all(&frames)?;
        }
        Ok(())
    }
}
