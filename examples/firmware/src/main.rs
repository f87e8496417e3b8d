//! A WebSocket server on a microcontroller. What comes over the serial line goes back over it, piece by piece while it
//! comes, so a message of any length streams through a buffer of 512 bytes.
//!
//! `scripts/firmware` runs it on emulated boards, with a client of another library at the other end of the line.

#![no_std]
#![no_main]

mod board;
mod fault;

use barews::handshake::server::{Incoming, Origins, Reader};
use barews::handshake::{Error as HandshakeError, Limits, Status};
use barews::{Advice, Config, Connection, Event, MIN_BUFFER_LEN, RecvBuffer, Server};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use panic_semihosting as _;

use board::Uart;
use fault::Fault;

/// The request's head has to fit in, frames have not.
const BUFFER_LEN: usize = 512;

type Received = RecvBuffer<[u8; BUFFER_LEN]>;

/// What went through.
#[derive(Default)]
struct Seen {
    messages: usize,
    bytes: usize,
    pings: usize,
}

#[entry]
fn main() -> ! {
    let mut uart = Uart::open();
    // A product would go on with the next client; this one tells the emulator how it went.
    let status = match serve(&mut uart) {
        Ok(()) => debug::EXIT_SUCCESS,
        Err(fault) => {
            hprintln!("fault: {}", fault);
            debug::EXIT_FAILURE
        }
    };
    loop {
        debug::exit(status);
    }
}

/// One client, from its request to its Close.
fn serve(uart: &mut Uart) -> Result<(), Fault> {
    let mut rx = Received::new([0; BUFFER_LEN]);
    accept(uart, &mut rx)?;
    let Seen { messages, bytes, pings } = echo(uart, &mut rx)?;
    hprintln!("echoed {} messages of {} bytes and {} Pings", messages, bytes, pings);
    let connection_len = size_of::<Connection<Server>>();
    hprintln!("in a buffer of {} and a connection of {} bytes", BUFFER_LEN, connection_len);
    Ok(())
}

/// The opening handshake; what came behind the request stays in `rx`.
fn accept(uart: &mut Uart, rx: &mut Received) -> Result<(), Fault> {
    let mut reader = Reader::with_limits(Limits::new().max_head_len(BUFFER_LEN));
    let mut out = [0; 256];
    loop {
        let n = uart.read(rx.spare_mut());
        rx.advance(n);
        let accepted = match reader.read(rx.unread()) {
            Ok(Status::NeedMore(_)) => continue,
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                // An echo tells nobody's secrets, so pages of any origin may use it (10.2).
                upgrade.accept(Origins::Any).map(|accept| (upgrade.request().head_len(), accept))
            }
            Ok(Status::Complete(Incoming::Plain(_))) => Err(HandshakeError::UpgradeRequired),
            Err(error) => Err(error),
        };
        match accepted {
            Ok((head_len, accept)) => {
                let n = accept.write(&mut out)?;
                uart.write(&out[..n]);
                rx.consume(head_len);
                hprintln!("accepted a request of {} bytes", head_len);
                return Ok(());
            }
            Err(error) => {
                let n = error.respond(&mut out)?;
                uart.write(&out[..n]);
                return Err(Fault::Handshake(error));
            }
        }
    }
}

/// Sends everything back until the client closes.
fn echo(uart: &mut Uart, rx: &mut Received) -> Result<Seen, Fault> {
    let mut ws = Connection::server(Config::new());
    let mut seen = Seen::default();
    let mut out = [0; MIN_BUFFER_LEN];
    while ws.advice() == Advice::Keep {
        let event = ws.receive(&mut rx.input());
        // The Pong or Close that the event made due goes out before any later data.
        let n = ws.transmit(&mut out)?;
        uart.write(&out[..n]);
        match event? {
            Event::Data(data) => {
                // As a fragment where it lies: what is sent needs no buffer.
                let header = ws.send_in_place(data.kind, data.fin, data.payload)?;
                uart.write(&header);
                uart.write(data.payload);
                seen.bytes += data.payload.len();
                seen.messages += usize::from(data.fin);
            }
            Event::Ping(payload) => {
                hprintln!("answered a Ping of {} bytes", payload.len());
                seen.pings += 1;
            }
            Event::Pong(_) => {}
            Event::Close(Some(close)) => hprintln!("closed by the client: {}", close.code),
            Event::Close(None) => hprintln!("closed by the client without a code"),
            Event::NeedMore(_) => {
                let n = uart.read(rx.spare_mut());
                rx.advance(n);
            }
        }
    }
    Ok(seen)
}
