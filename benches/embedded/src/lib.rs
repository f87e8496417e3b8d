//! Shared code of the firmwares for the size table: the work, and the instruments that measure it
//! on a Cortex-M4 in QEMU. Each program in `bin` is one row. `scripts/measure/size-table` builds and runs
//! them.
#![no_std]

pub mod codecs;
mod frames;
mod host;
mod instruments;

use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

pub use frames::KEY;
use frames::{Bytes, FOUR, FOUR_LEN, MASKED, PAYLOAD, SCRATCH};
pub use instruments::uncounted;

/// One row of the table.
pub struct Column {
    /// The size of the state that lives from frame to frame.
    pub state: usize,
    /// Decodes all masked frames in the first slice as a server, and calls [`delivered`] with each
    /// payload except that of a Close. The second slice is scratch memory for crates that copy.
    pub decode: fn(&mut [u8], &mut [u8]),
    /// Encodes a binary frame into the second slice and returns its length. A client masks it, with
    /// [`KEY`] if the crate allows that.
    pub encode: fn(&[u8], &mut [u8], client: bool) -> usize,
}

static DELIVERED: AtomicU32 = AtomicU32::new(0);
static SUMMING: AtomicBool = AtomicBool::new(false);

/// Takes a decoded payload. Costs almost nothing while instructions are counted.
#[inline(never)]
pub fn delivered(payload: &[u8]) {
    let sum = if SUMMING.load(Relaxed) { frames::sum(payload) } else { 1 };
    DELIVERED.store(DELIVERED.load(Relaxed).wrapping_add(sum), Relaxed);
}

/// Defines a `main` that measures the column.
#[macro_export]
macro_rules! firmware {
    ($column:expr) => {
        #[cortex_m_rt::entry]
        fn main() -> ! {
            $crate::measure(core::hint::black_box(&$column))
        }
    };
}

/// Does the work, checks the result, and prints the figures.
#[inline(never)]
pub fn measure(column: &Column) -> ! {
    let mut instruments = instruments::Instruments::new();
    let mut bytes = Bytes([0; FOUR_LEN]);
    let mut out = Bytes([0; SCRATCH]);

    bytes.0 = *black_box(&FOUR);
    SUMMING.store(true, Relaxed);
    (column.decode)(black_box(&mut bytes.0), black_box(&mut out.0));
    host::tell("correct_decode", (DELIVERED.load(Relaxed) == frames::SUM).into());
    SUMMING.store(false, Relaxed);
    let n = (column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), false);
    host::tell("correct_server", frames::is_frame(&out.0, n, false).into());
    let n = (column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), true);
    host::tell("correct_client", frames::is_frame(&out.0, n, true).into());
    host::tell("state", u32::try_from(column.state).unwrap_or(u32::MAX));

    let mut one = Bytes(*black_box(&MASKED));
    let count = instruments.instructions(|| {
        (column.decode)(black_box(&mut one.0), black_box(&mut out.0));
    });
    host::tell("decode", count);
    let count = instruments.instructions(|| {
        black_box((column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), false));
    });
    host::tell("encode_server", count);
    let count = instruments.instructions(|| {
        black_box((column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), true));
    });
    host::tell("encode_client", count);

    bytes.0 = *black_box(&FOUR);
    let stack = instruments::stack(|| {
        (column.decode)(black_box(&mut bytes.0), black_box(&mut out.0));
    });
    host::tell("stack_decode", stack);
    let stack = instruments::stack(|| {
        black_box((column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), false));
        black_box((column.encode)(black_box(&PAYLOAD.0), black_box(&mut out.0), true));
    });
    host::tell("stack_encode", stack);
    host::exit()
}
