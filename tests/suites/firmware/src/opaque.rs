//! Values that are opaque to the compiler.

use core::fmt;
use core::hint::black_box;

pub fn any<T>(value: T) -> T {
    black_box(value)
}

pub fn seen<T>(value: T) {
    black_box(value);
}

/// Bytes of any length.
pub fn bytes() -> &'static mut [u8] {
    any(&mut [])
}

/// A string of any length.
pub fn text() -> &'static str {
    any("")
}

pub fn number() -> usize {
    any(0)
}

pub fn long() -> u64 {
    any(0)
}

pub fn flag() -> bool {
    any(false)
}

/// A sink for formatted text.
pub struct Sink;

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        seen(text);
        if flag() { Ok(()) } else { Err(fmt::Error) }
    }
}
