//! A WebSocket server on a microcontroller. What comes over the serial line goes back over it, piece by piece while it
//! comes, so a message of any length streams through a buffer of 512 bytes. With a client that offers compression its
//! messages come and go compressed, and all takes less than 16 KiB of RAM: the codecs of both directions, their windows,
//! buffers and the stack.
//!
//! `scripts/check/firmware` runs it on emulated boards, with a client of another library at the other end of the line.

#![no_std]
#![no_main]

mod board;
mod codecs;
mod fault;

use barews::deflate::DeflateParams;
use barews::handshake::server::{Incoming, Origins, Reader};
use barews::handshake::{Error as HandshakeError, Limits, Status};
use barews::{Advice, Config, Connection, Event, MIN_BUFFER_LEN, RecvBuffer, Server};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use panic_semihosting as _;

use board::Uart;
use codecs::{Codecs, Echoed};
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
    let agreed = accept(uart, &mut rx)?;
    // They stay where they are made: to move them would take their memory twice.
    match &mut Codecs::new(agreed) {
        Ok(codecs) => {
            let seen = echo(uart, &mut rx, codecs.as_mut())?;
            tell(&seen, codecs.as_ref());
            Ok(())
        }
        Err(full) => Err(Fault::Memory(*full)),
    }
}

fn tell(seen: &Seen, codecs: Option<&Codecs>) {
    let Seen { messages, bytes, pings } = seen;
    hprintln!("echoed {} messages of {} bytes and {} Pings", messages, bytes, pings);
    let connection_len = size_of::<Connection<Server>>();
    hprintln!("in a buffer of {} and a connection of {} bytes", BUFFER_LEN, connection_len);
    if let Some(codecs) = codecs {
        let (inflate, deflate) = (Codecs::INFLATE, Codecs::DEFLATE);
        hprintln!("an Inflate of {} and its window of {}", inflate.own, inflate.memory);
        hprintln!("a Deflate of {} and its memory of {}", deflate.own, deflate.memory);
        hprintln!("received {} compressed bytes and sent {}", codecs.received, codecs.sent);
    }
    let (statics, stack) = board::ram_used();
    hprintln!("took {} bytes of RAM: {} of statics, {} of stack", statics + stack, statics, stack);
}

/// The opening handshake, and what was agreed on for compression; what came behind the request stays in `rx`.
/// What it takes on the stack is free again for the messages.
#[inline(never)]
fn accept(uart: &mut Uart, rx: &mut Received) -> Result<Option<DeflateParams>, Fault> {
    let mut reader = Reader::with_limits(Limits::new().max_head_len(BUFFER_LEN));
    let mut out = [0; 256];
    loop {
        let n = uart.read(rx.spare_mut());
        rx.advance(n);
        let accepted = match reader.read(rx.unread()) {
            Ok(Status::NeedMore(_)) => continue,
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                let agreed = upgrade.negotiate_deflate(&codecs::WILLING);
                // An echo tells nobody's secrets, so pages of any origin may use it (10.2).
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

/// Sends everything back until the client closes.
fn echo(
    uart: &mut Uart,
    rx: &mut Received,
    mut codecs: Option<&mut Codecs>,
) -> Result<Seen, Fault> {
    let mut ws = Connection::server(Config::new().deflate(codecs.is_some()));
    let mut seen = Seen::default();
    let mut out = [0; MIN_BUFFER_LEN];
    while ws.advice() == Advice::Keep {
        let event = ws.receive(&mut rx.input());
        // The Pong or Close that the event made due goes out before any later data.
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
                    // As a fragment where it lies: what is sent needs no buffer.
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
