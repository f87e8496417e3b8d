//! The board: its serial line, and what happens at a fault of the processor.
//!
//! All `unsafe` of the firmware is here: registers are addresses.
#![expect(unsafe_code, reason = "registers of the machine are reached by their addresses only")]

#[cfg(feature = "microbit")]
#[path = "microbit.rs"]
mod line;
#[cfg(not(feature = "microbit"))]
#[path = "mps2.rs"]
mod line;

mod ram;

use core::ptr;

use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::{debug, hprintln};

use line::Line;
pub(crate) use ram::used as ram_used;

/// After so many looks without a byte the line counts as idle. This is for an emulator, whose bytes
/// come when the host finds the time; on a real line the time of two or three bytes is enough.
const IDLE_LOOKS: usize = 100_000;

/// The serial line, polled. A product would have DMA fill the buffer and wait for its idle interrupt.
pub(crate) struct Uart {
    line: Line,
}

impl Uart {
    /// Call it once: two would take each other's bytes.
    pub(crate) fn open() -> Self {
        Self { line: Line::open() }
    }

    /// Waits for a byte, then takes what comes until `to` is full or the line is idle; returns how
    /// many bytes that are.
    pub(crate) fn read(&mut self, to: &mut [u8]) -> usize {
        let mut n = 0;
        let mut looks = 0;
        while n < to.len() && looks < IDLE_LOOKS {
            if let Some(byte) = self.line.receive() {
                to[n] = byte;
                n += 1;
                looks = 0;
            } else if n > 0 {
                looks += 1;
            }
        }
        n
    }

    /// Waits until the line has taken all `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line.transmit(*byte);
        }
    }
}

/// A register of 32 bits that belongs to the serial line.
struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: only `Line` makes registers, those of the board's UART: always there, aligned, and no
        // memory of Rust's.
        unsafe { ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    fn write(&mut self, value: u32) {
        // SAFETY: as for `read`.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    hprintln!("hard fault at {:#010x}", frame.pc());
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
