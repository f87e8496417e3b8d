//! Counts instructions, and measures stack usage.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// With `-icount shift=10`, an instruction takes 1024 ns. SysTick of the machine mps2-an386 runs at
/// 25 MHz: 25.6 ticks per instruction, for up to 655,000 instructions.
const TICKS_OF_FIVE: u32 = 128;

pub(crate) struct Instruments {
    /// The result of an empty measurement.
    nothing: u32,
}

impl Instruments {
    pub(crate) fn new() -> Self {
        // SAFETY: nothing else in the firmware uses a peripheral.
        let mut timer = unsafe { Peripherals::steal() }.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(0xFF_FFFF);
        timer.clear_current();
        timer.enable_counter();
        let nothing = instructions(|| {});
        Self { nothing }
    }

    /// The number of instructions of `work`.
    pub(crate) fn instructions(&mut self, work: impl FnOnce()) -> u32 {
        instructions(work).saturating_sub(self.nothing)
    }
}

fn instructions(work: impl FnOnce()) -> u32 {
    UNCOUNTED.store(0, Relaxed);
    let ticks = ticks(work) - UNCOUNTED.load(Relaxed);
    (ticks * 5 + TICKS_OF_FIVE / 2) / TICKS_OF_FIVE
}

/// Does a part of the work without counting it.
pub fn uncounted(work: impl FnOnce()) {
    let ticks = ticks(work);
    UNCOUNTED.store(UNCOUNTED.load(Relaxed) + ticks, Relaxed);
}

static UNCOUNTED: AtomicU32 = AtomicU32::new(0);

fn ticks(work: impl FnOnce()) -> u32 {
    let before = SYST::get_current();
    work();
    before.wrapping_sub(SYST::get_current()) & 0xFF_FFFF
}

const PAINT: u32 = 0xA5A5_A5A5;
const PAINTED: u32 = 8 << 10;

/// The stack usage of `work` in bytes, including its callees.
///
/// Uses plain loops, because the frame of a call would be in the painted area.
#[inline(never)]
pub(crate) fn stack(work: impl FnOnce()) -> u32 {
    let top: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags)) };
    let mut at = top - PAINTED;
    while at < top {
        // SAFETY: nothing lives below the stack pointer, and the stack is longer than `PAINTED`.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
    work();
    at = top - PAINTED;
    // SAFETY: as above.
    while at < top && unsafe { (at as *const u32).read_volatile() } == PAINT {
        at += 4;
    }
    top - at
}
