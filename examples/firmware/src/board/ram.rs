//! How much of the RAM is in use: the linker knows the statics, and `cortex-m-rt` paints the stack before `main`.

use core::ptr;

/// What is painted (feature `paint-stack` of `cortex-m-rt`).
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    static __sdata: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The bytes of statics, and of the stack at its deepest until now.
pub(crate) fn used() -> (usize, usize) {
    let first = (&raw const __sdata).addr();
    let end = &raw const _stack_end;
    let start = &raw const _stack_start;
    let mut deepest = end;
    // SAFETY: from its end to its start the stack is memory, and a word of it is read as one.
    while deepest < start && unsafe { ptr::read_volatile(deepest) } == PAINT {
        deepest = deepest.wrapping_add(1);
    }
    (end.addr() - first, start.addr() - deepest.addr())
}
