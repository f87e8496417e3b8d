//! How long the answer to a frame takes, in ticks of the processor's clock: with `-icount`, QEMU derives them
//! from the number of instructions.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_semihosting::hprintln;

use super::clock::ticks;

/// Longer than a frame with an acknowledgement alone.
const ECHO_LEN: usize = 56;

static START: AtomicU32 = AtomicU32::new(0);

pub(super) fn on_interrupt() {
    START.store(ticks(), Ordering::Relaxed);
}

/// A frame of this length is sent.
pub(super) fn on_sent(len: usize) {
    let end = ticks();
    if len >= ECHO_LEN {
        hprintln!("{} bytes after {} ticks", len, end.wrapping_sub(START.load(Ordering::Relaxed)));
    }
}
