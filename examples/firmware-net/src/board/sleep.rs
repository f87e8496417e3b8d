//! The main loop: it polls the tasks that were woken, and sleeps until an interrupt.
//!
//! That of `embassy-executor` sleeps with WFE, which QEMU does not do: it would keep a processor of the
//! host busy.

use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::{asm, interrupt};
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// Whether a task was woken since the last poll.
static WOKEN: AtomicBool = AtomicBool::new(false);

// SAFETY: `embassy-executor` declares this function, and no other crate defines it.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    WOKEN.store(true, Ordering::SeqCst);
}

/// Runs the tasks that `start` spawns. To be called once.
pub(crate) fn run(start: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init(raw::Executor::new(core::ptr::null_mut()));
    start(executor.spawner());
    loop {
        WOKEN.store(false, Ordering::SeqCst);
        // SAFETY: not called from within itself: this is the only call, and this function does not
        // return.
        unsafe { executor.poll() };
        // An interrupt that comes after the check ends the WFI, and runs after the critical section.
        interrupt::free(|_| {
            if !WOKEN.load(Ordering::SeqCst) {
                asm::wfi();
            }
        });
    }
}
