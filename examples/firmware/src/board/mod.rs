//! The board: its serial line, and the hard fault handler.
//!
//! All `unsafe` code of the firmware is in this module.
#![expect(unsafe_code, reason = "memory-mapped registers are accessed by address")]

#[cfg(feature = "microbit")]
#[path = "microbit.rs"]
mod line;
#[cfg(not(feature = "microbit"))]
#[path = "mps2.rs"]
mod line;

mod ram;

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::{debug, hprintln};

use line::Line;
pub(crate) use ram::used as ram_used;

/// After this many polls without a byte, the line counts as idle. The value is for an emulator,
/// whose bytes arrive whenever the host is scheduled; on a real line the time of two or three bytes
/// is enough.
const IDLE_LOOKS: usize = 100_000;

/// The serial line, polled. A product would use DMA and the idle interrupt.
pub(crate) struct Uart {
    line: Line,
}

impl Uart {
    /// Call this once: two of them would steal each other's bytes.
    pub(crate) fn open() -> Self {
        Self { line: Line::open() }
    }

    /// Waits for a byte, then reads until `to` is full or the line is idle. Returns the number of
    /// bytes read.
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

    /// Reads what has arrived, which may be nothing.
    pub(crate) fn read_now(&mut self, to: &mut [u8]) -> usize {
        let mut n = 0;
        for to in to {
            let Some(byte) = self.line.receive() else { break };
            *to = byte;
            n += 1;
        }
        n
    }

    /// Blocks until the UART has accepted all `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line.transmit(*byte);
        }
    }
}

/// Milliseconds, counted by the interrupt of the system timer.
pub(crate) struct Clock(());

static MILLIS: AtomicU32 = AtomicU32::new(0);

impl Clock {
    /// Without the timer, for instance because it was taken before, the time stands still.
    pub(crate) fn start(timer: Option<SYST>) -> Self {
        if let Some(mut timer) = timer {
            timer.set_clock_source(SystClkSource::Core);
            // 25 MHz.
            timer.set_reload(25_000 - 1);
            timer.clear_current();
            timer.enable_counter();
            timer.enable_interrupt();
        }
        Self(())
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_millis(MILLIS.load(Ordering::Relaxed).into())
    }
}

#[exception]
fn SysTick() {
    // Not `fetch_add`, which a Cortex-M0 does not have. Only this interrupt writes.
    MILLIS.store(MILLIS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// A 32-bit register of the UART.
struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: only `Line` creates registers. They are those of the board's UART: always mapped,
        // aligned, and not part of any Rust object.
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
