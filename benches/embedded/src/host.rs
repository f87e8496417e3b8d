//! Semihosting: prints text on the host, and exits QEMU. Does not use `core::fmt`, whose code would
//! be in every firmware and hide how much of it a crate needs.

use core::arch::asm;
use core::panic::PanicInfo;

const WRITE0: u32 = 0x04;
const EXIT: u32 = 0x18;
const APPLICATION_EXIT: u32 = 0x2_0026;
const RUN_TIME_ERROR: u32 = 0x2_0023;

fn call(operation: u32, argument: u32) {
    // SAFETY: WRITE0 reads up to a NUL and EXIT reads nothing; neither modifies memory.
    unsafe {
        asm!("bkpt 0xAB", inlateout("r0") operation => _, in("r1") argument, options(nostack));
    }
}

/// Prints a figure as a line `name value`.
pub(crate) fn tell(name: &str, value: u32) {
    for byte in name.bytes() {
        put(byte);
    }
    put(b' ');
    let mut divisor = 1_000_000_000;
    while divisor > 0 {
        put(b'0' + (value / divisor % 10) as u8);
        divisor /= 10;
    }
    put(b'\n');
}

/// Prints bytes as a line `name hex`.
pub(crate) fn tell_bytes(name: &str, bytes: &[u8]) {
    for byte in name.bytes() {
        put(byte);
    }
    put(b' ');
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            put(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
    put(b'\n');
}

#[inline(never)]
fn put(byte: u8) {
    let text = [byte, 0];
    call(WRITE0, text.as_ptr() as u32);
}

pub(crate) fn exit() -> ! {
    loop {
        call(EXIT, APPLICATION_EXIT);
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {
        call(EXIT, RUN_TIME_ERROR);
    }
}
