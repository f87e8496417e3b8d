//! A WebSocket client on a microcontroller, over its serial line: `examples/device` on a board. It sends a text, and then
//! a message that is longer than all of its RAM, from its flash, and closes when both have come back.
//!
//! `scripts/check/firmware` runs it on an emulated board, against a server of another library.

#![no_std]
#![no_main]

#[path = "../board/mod.rs"]
#[expect(dead_code, reason = "the other firmware uses the rest")]
mod board;

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

use barews::handshake::client::Handshake;
use barews::session::{Failure, SessionEvent};
use barews::{CloseCode, Kind};
use barews_device::{Device, Pipe};
use cortex_m::peripheral::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use panic_semihosting as _;

use board::{Clock, Uart};

/// In flash.
static LONG: [u8; 70_000] = long();

const fn long() -> [u8; 70_000] {
    let mut bytes = [0; 70_000];
    let mut n = 0;
    while n < bytes.len() {
        bytes[n] = (n ^ (n >> 8)).to_le_bytes()[0];
        n += 1;
    }
    bytes
}

struct Line {
    uart: Uart,
    clock: Clock,
}

impl Pipe for Line {
    type Error = Infallible;

    fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.uart.read_now(to))
    }

    fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        self.uart.write(from);
        Ok(from.len())
    }

    fn now(&mut self) -> Duration {
        self.clock.now()
    }
}

/// What has come back.
#[derive(Default)]
struct Echo {
    bytes: usize,
    /// Bytes that are not those sent.
    wrong: usize,
    messages: usize,
    pieces: usize,
    failure: Option<Failure>,
    is_open: bool,
}

impl Echo {
    fn on_event(&mut self, event: SessionEvent<'_>) {
        match event {
            SessionEvent::Opened(_) => self.is_open = true,
            SessionEvent::Data(data) => {
                if data.kind == Kind::Binary {
                    let sent = LONG.iter().skip(self.bytes);
                    self.wrong += sent.zip(data.payload.iter()).filter(|(a, b)| a != b).count();
                    self.bytes += data.payload.len();
                }
                self.pieces += 1;
                self.messages += usize::from(data.fin);
            }
            SessionEvent::Failed(failure) => self.failure = Some(failure),
            _ => {}
        }
    }
}

#[entry]
fn main() -> ! {
    let clock = Clock::start(Peripherals::take().map(|it| it.SYST));
    let status = match run(Line { uart: Uart::open(), clock }) {
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

/// Not for a product: masking keys must be unpredictable (RFC 6455 §10.3), and the emulated board has no generator.
fn keys() -> impl FnMut() -> [u8; 4] {
    let mut state = 0x9E37_79B9_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()
    }
}

fn run(line: Line) -> Result<(), &'static dyn fmt::Display> {
    let handshake = Handshake::new(*b"the sample nonce", "device", "/");
    let mut device = Device::new(line, keys(), &handshake).map_err(|_| &"no request" as _)?;
    let mut echo = Echo::default();
    let (mut rest, mut is_closing): (&[u8], _) = (&[], false);
    while device.turn(|event| echo.on_event(event)).map_err(|_| &"no line" as _)? {
        if core::mem::take(&mut echo.is_open) {
            device.send_text("22.5 °C").map_err(|_| &"no text" as _)?;
            device.begin(Kind::Binary, LONG.len() as u64).map_err(|_| &"no message" as _)?;
            rest = &LONG;
        }
        if !rest.is_empty() {
            rest = &rest[device.push(rest).map_err(|_| &"no chunk" as _)?..];
        }
        if echo.messages == 2 && !is_closing {
            is_closing = true;
            device.close(CloseCode::NORMAL).map_err(|_| &"no close" as _)?;
        }
    }
    let Echo { bytes, wrong, messages, pieces, failure, .. } = echo;
    hprintln!("{} messages in {} pieces: {} bytes, {} wrong", messages, pieces, bytes, wrong);
    let (statics, stack) = board::ram_used();
    hprintln!("client: {} bytes, buffers in it: 1024", size_of_val(&device));
    hprintln!("used {} bytes of RAM: {} statics, {} stack", statics + stack, statics, stack);
    match failure {
        None if bytes == LONG.len() && wrong == 0 => Ok(()),
        None => Err(&"another echo"),
        Some(failure) => {
            hprintln!("{}", failure);
            Err(&"the session failed")
        }
    }
}
