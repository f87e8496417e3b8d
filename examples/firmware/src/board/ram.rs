//! How much RAM is in use. The linker knows the statics, and `cortex-m-rt` paints the stack before
//! `main`.

use core::ptr;

/// The value with which `cortex-m-rt` fills the stack (feature `paint-stack`).
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    static __sdata: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The size of the statics, and the maximum stack depth so far, in bytes.
pub(crate) fn used() -> (usize, usize) {
    let first = (&raw const __sdata).addr();
    let end = &raw const _stack_end;
    let start = &raw const _stack_start;
    let mut deepest = end;
    // SAFETY: all words from the end of the stack to its start are readable memory.
    while deepest < start && unsafe { ptr::read_volatile(deepest) } == PAINT {
        deepest = deepest.wrapping_add(1);
    }
    (end.addr() - first, start.addr() - deepest.addr())
}
