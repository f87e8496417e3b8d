//! A codec firmware without a codec, to subtract.
#![no_std]
#![no_main]

use barews_embedded::codecs::{Codec, Input, Meter, given, measure};

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec { input: Input::Payloads, state: 0, new: || (), message })
}

#[inline(never)]
fn message((): &mut (), input: &[u8], meter: &mut Meter) {
    meter.measure(&mut || given(input));
}
