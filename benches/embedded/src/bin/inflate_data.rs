//! The firmware of `Inflate` without it, to subtract: a connection that delivers the pieces.
#![no_std]
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use barews_embedded::codecs::{Codec, Input, Meter, given, measure};
use pieces::Pieces;

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec { input: Input::Payloads, state: 0, new: Pieces::new, message })
}

#[inline(never)]
fn message(pieces: &mut Pieces, payload: &[u8], meter: &mut Meter) {
    if let Some(data) = pieces.piece(payload) {
        meter.measure(&mut || given(data.payload));
    }
}
