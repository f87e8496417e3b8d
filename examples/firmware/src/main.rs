//! A WebSocket echo server on a microcontroller, over its serial line. Messages are echoed piece by
//! piece while they arrive, so a message of any length streams through a buffer of 512 bytes. If
//! the client offers compression, messages are compressed in both directions. All of it, including
//! the codecs, their windows, the buffers and the stack, takes less than 16 KiB of RAM.
//!
//! `scripts/check/firmware` runs it on emulated boards, against a client of another library.

#![no_std]
#![no_main]

#[expect(dead_code, reason = "the client uses the rest")]
mod board;
mod codecs;
mod fault;

use barews::deflate::DeflateParams;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::handshake::{Error as HandshakeError, Limits, Status};
use barews::{TransportAction, Config, Connection, Event, MIN_BUFFER_LEN, RecvBuffer, Server};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use panic_semihosting as _;

use board::Uart;
use codecs::{Codecs, Echoed};
use fault::Fault;

/// Must hold the request head. Frames may be longer.
const BUFFER_LEN: usize = 512;

type Received = RecvBuffer<[u8; BUFFER_LEN]>;

/// Counts of what was echoed.
#[derive(Default)]
struct Seen {
    messages: usize,
    bytes: usize,
    pings: usize,
}

#[entry]
fn main() -> ! {
    let mut uart = Uart::open();
    // A product would serve the next client. This example exits the emulator with a status.
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

/// Serves one client, from its request to its Close.
fn serve(uart: &mut Uart) -> Result<(), Fault> {
    let mut rx = Received::new([0; BUFFER_LEN]);
    let agreed = accept(uart, &mut rx)?;
    // Borrowed where they are created: moving them would take their memory twice.
    match &mut Codecs::new(agreed) {
        Ok(codecs) => {
            let seen = echo(uart, &mut rx, codecs.as_mut())?;
            print_summary(&seen, codecs.as_ref());
            Ok(())
        }
        Err(full) => Err(Fault::Memory(*full)),
    }
}

fn print_summary(seen: &Seen, codecs: Option<&Codecs>) {
    let Seen { messages, bytes, pings } = seen;
    hprintln!("echoed {} messages of {} bytes and {} Pings", messages, bytes, pings);
    let connection_len = size_of::<Connection<Server>>();
    hprintln!("buffer: {} bytes, connection: {} bytes", BUFFER_LEN, connection_len);
    if let Some(codecs) = codecs {
        let (inflate, deflate) = (Codecs::INFLATE, Codecs::DEFLATE);
        hprintln!("Inflate: {} bytes, its window: {} bytes", inflate.own, inflate.memory);
        hprintln!("Deflate: {} bytes, its memory: {} bytes", deflate.own, deflate.memory);
        hprintln!("compressed bytes received: {}, sent: {}", codecs.received, codecs.sent);
    }
    let (statics, stack) = board::ram_used();
    hprintln!("used {} bytes of RAM: {} statics, {} stack", statics + stack, statics, stack);
}

/// Does the opening handshake, and returns the negotiated compression. Bytes after the request stay
/// in `rx`. Not inlined, so that its stack frame is freed before messages are processed.
#[inline(never)]
fn accept(uart: &mut Uart, rx: &mut Received) -> Result<Option<DeflateParams>, Fault> {
    let mut reader = RequestReader::with_limits(Limits::new().max_head_len(BUFFER_LEN));
    let mut out = [0; 256];
    loop {
        let n = uart.read(rx.spare_mut());
        rx.advance(n);
        let accepted = match reader.read(rx.unread()) {
            Ok(Status::NeedMore(_)) => continue,
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                let agreed = upgrade.negotiate_deflate(&codecs::WILLING);
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                upgrade
                    .accept(Origins::Any)
                    .map(|accept| (upgrade.request().head_len(), accept, agreed))
            }
            Ok(Status::Complete(Incoming::Plain(_))) => Err(HandshakeError::UpgradeRequired),
            Err(error) => Err(error),
        };
        match accepted {
            Ok((head_len, mut accept, agreed)) => {
                if let Some(answer) = agreed {
                    accept = accept.deflate(answer);
                }
                let n = accept.write(&mut out)?;
                uart.write(&out[..n]);
                rx.consume(head_len);
                hprintln!("accepted a request of {} bytes", head_len);
                return Ok(agreed.map(|answer| answer.params()));
            }
            Err(error) => {
                let n = error.respond(&mut out)?;
                uart.write(&out[..n]);
                return Err(Fault::Handshake(error));
            }
        }
    }
}

/// Echoes everything until the connection is closed.
fn echo(
    uart: &mut Uart,
    rx: &mut Received,
    mut codecs: Option<&mut Codecs>,
) -> Result<Seen, Fault> {
    let mut ws = Connection::server(Config::new().deflate(codecs.is_some()));
    let mut seen = Seen::default();
    let mut out = [0; MIN_BUFFER_LEN];
    while ws.transport_action() == TransportAction::Keep {
        let event = ws.receive(&mut rx.input());
        // A Pong or Close caused by the event is sent before any later data.
        let n = ws.transmit(&mut out)?;
        uart.write(&out[..n]);
        match event? {
            Event::Data(data) => match &mut codecs {
                Some(codecs) if data.compressed => {
                    let Echoed { bytes, fin } = codecs.echo(data, &mut ws, uart)?;
                    seen.bytes += bytes;
                    seen.messages += usize::from(fin);
                }
                _ => {
                    // Masked in place and sent as a fragment: no send buffer is needed.
                    let header = ws.send_in_place(data.kind, data.fin, data.payload)?;
                    uart.write(&header);
                    uart.write(data.payload);
                    seen.bytes += data.payload.len();
                    seen.messages += usize::from(data.fin);
                }
            },
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
