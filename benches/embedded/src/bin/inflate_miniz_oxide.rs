//! The core of miniz_oxide, with a ring buffer of 512 bytes.
#![no_std]
#![no_main]

use barews_embedded::codecs::{Codec, Input, Meter, TAIL, given, measure};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

const WINDOW: usize = 512;

struct Windowed {
    core: DecompressorOxide,
    ring: [u8; WINDOW],
    at: usize,
}

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec { input: Input::Payloads, state: size_of::<Windowed>(), new, message })
}

fn new() -> Windowed {
    Windowed { core: DecompressorOxide::new(), ring: [0; WINDOW], at: 0 }
}

#[inline(never)]
fn message(codec: &mut Windowed, payload: &[u8], meter: &mut Meter) {
    meter.measure(&mut || {
        push(codec, payload);
        push(codec, TAIL);
    });
}

fn push(codec: &mut Windowed, mut input: &[u8]) {
    loop {
        let Windowed { core, ring, at } = codec;
        let (status, read, written) = decompress(core, input, ring, *at, TINFL_FLAG_HAS_MORE_INPUT);
        given(ring.get(*at..*at + written).unwrap_or_default());
        *at = (*at + written) % WINDOW;
        input = input.get(read..).unwrap_or_default();
        if status != TINFLStatus::HasMoreOutput {
            return;
        }
    }
}
