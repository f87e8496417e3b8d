//! The board: Arm MPS2 with a Cortex-M3 (AN385), its clock and its Ethernet.
//!
//! All `unsafe` code of the firmware is in this module.
#![expect(unsafe_code, reason = "registers, interrupts and the executor's entry need it")]

mod clock;
#[cfg(feature = "count")]
mod count;
mod lan9118;
#[path = "../../../firmware/src/board/ram.rs"]
mod ram;
mod sleep;

use cortex_m::peripheral::{NVIC, Peripherals};
use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::{debug, hprintln};

pub(crate) use lan9118::Lan9118;
pub(crate) use ram::used as ram_used;
pub(crate) use sleep::run;

/// The interrupt of the Ethernet controller (Arm DAI 0385, table 4-2).
const ETHERNET: i16 = 13;

/// Starts the clock and the Ethernet controller. `None` the second time, or if the controller does
/// not answer.
pub(crate) fn open() -> Option<Lan9118> {
    let mut peripherals = Peripherals::take()?;
    clock::start(&mut peripherals.SYST);
    let lan = Lan9118::open()?;
    // SAFETY: no critical section relies on the interrupt being masked.
    unsafe { NVIC::unmask(lan9118::Line) };
    Some(lan)
}

// Without a crate for the board, all its interrupts arrive here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    if number == ETHERNET {
        lan9118::on_interrupt();
    } else {
        hprintln!("unexpected interrupt {}", number);
        exit();
    }
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    hprintln!("hard fault at {:#010x}", frame.pc());
    exit();
}

/// Ends the emulator with a failure.
fn exit() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
