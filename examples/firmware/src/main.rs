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

use core::time::Duration;

use barews::deflate::DeflateParams;
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Config, RecvBuffer, SendBuffer, Server, TransportAction};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use panic_semihosting as _;

use board::Uart;
use codecs::{Codecs, Echoed};
use fault::Fault;

/// Must hold the request head. Frames may be longer.
const BUFFER_LEN: usize = 512;

type Received = RecvBuffer<[u8; BUFFER_LEN]>;
/// Holds the response to the request, a control frame, or the header of a frame. A payload is
/// written from where it is.
type Unsent = SendBuffer<[u8; 256]>;

/// The board of this example has no clock, and its line has no other client.
const TIMEOUTS: Timeouts = Timeouts::new()
    .handshake_within(None)
    .ping_after(None)
    .message_within(None)
    .write_within(None)
    .close_within(None);
const NOW: Duration = Duration::ZERO;

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
    let (mut rx, mut tx) = (Received::new([0; BUFFER_LEN]), Unsent::new([0; 256]));
    let mut ws = Session::server(Config::new(), TIMEOUTS, NOW);
    let agreed = accept(uart, &mut ws, &mut rx, &mut tx)?;
    // Borrowed where they are created: moving them would take their memory twice.
    match &mut Codecs::new(agreed) {
        Ok(codecs) => {
            let seen = echo(uart, &mut ws, &mut rx, &mut tx, codecs.as_mut())?;
            print_summary(&seen, codecs.as_ref());
            Ok(())
        }
        Err(full) => Err(Fault::Memory(*full)),
    }
}

fn print_summary(seen: &Seen, codecs: Option<&Codecs>) {
    let Seen { messages, bytes, pings } = seen;
    hprintln!("echoed {} messages of {} bytes and {} Pings", messages, bytes, pings);
    let session_len = size_of::<Session<Server>>();
    hprintln!("buffer: {} bytes, session: {} bytes", BUFFER_LEN, session_len);
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
fn accept(
    uart: &mut Uart,
    ws: &mut Session<Server>,
    rx: &mut Received,
    tx: &mut Unsent,
) -> Result<Option<DeflateParams>, Fault> {
    loop {
        match ws.receive(rx, tx, NOW) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                let agreed = upgrade.negotiate_deflate(&codecs::WILLING);
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                let accept = upgrade.accept(Origins::Any).map(|accept| match agreed {
                    Some(answer) => accept.deflate(answer),
                    None => accept,
                });
                ws.answer(accept, tx, NOW)?;
                if ws.is_open() {
                    write(uart, tx);
                    hprintln!("accepted a request of {} bytes", upgrade.request().head_len());
                    return Ok(agreed.map(|answer| answer.params()));
                }
            }
            Some(SessionEvent::Failed(failure)) => {
                write(uart, tx);
                return Err(Fault::Session(failure));
            }
            Some(_) => {}
            None => read(uart, rx),
        }
    }
}

/// Echoes everything until the connection is closed.
fn echo(
    uart: &mut Uart,
    ws: &mut Session<Server>,
    rx: &mut Received,
    tx: &mut Unsent,
    mut codecs: Option<&mut Codecs>,
) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    while ws.transport_action(tx) == TransportAction::Keep {
        let event = ws.receive(rx, tx, NOW);
        // A Pong or Close caused by the event is sent before any later data.
        write(uart, tx);
        match event {
            Some(SessionEvent::Data(data)) => match &mut codecs {
                Some(codecs) if data.compressed => {
                    let Echoed { bytes, fin } = codecs.echo(data, ws, tx, uart)?;
                    seen.bytes += bytes;
                    seen.messages += usize::from(fin);
                }
                _ => {
                    ws.send_in_place(data.kind, data.fin, data.payload, tx)?;
                    write(uart, tx);
                    uart.write(data.payload);
                    seen.bytes += data.payload.len();
                    seen.messages += usize::from(data.fin);
                }
            },
            Some(SessionEvent::Ping(payload)) => {
                hprintln!("answered a Ping of {} bytes", payload.len());
                seen.pings += 1;
            }
            Some(SessionEvent::Close(Some(close))) => {
                hprintln!("closed by the client: {}", close.code);
            }
            Some(SessionEvent::Close(None)) => hprintln!("closed by the client without a code"),
            Some(SessionEvent::Failed(failure)) => return Err(Fault::Session(failure)),
            Some(_) => {}
            None => read(uart, rx),
        }
    }
    Ok(seen)
}

fn read(uart: &mut Uart, rx: &mut Received) {
    let n = uart.read(rx.spare_mut());
    rx.advance(n);
}

/// Writes what is unsent.
pub(crate) fn write(uart: &mut Uart, tx: &mut Unsent) {
    uart.write(tx.unsent());
    tx.sent(tx.len());
}
