//! `Inflate` of barews, with a window of 512 bytes.
#![no_std]
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use barews::deflate::{CompressionContext, Inflate, WindowBits};
use barews_embedded::codecs::{Codec, Input, Meter, ROOM, given, measure};
use pieces::Pieces;

const WINDOW: usize = 512;

type Windowed = Inflate<[u8; WINDOW]>;

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec { input: Input::Payloads, state: size_of::<Windowed>(), new, message })
}

fn new() -> Option<(Pieces, Windowed)> {
    let context = CompressionContext { window_bits: WindowBits::new(9)?, takeover: true };
    Some((Pieces::new(), Inflate::new(context, [0; WINDOW]).ok()?))
}

#[inline(never)]
fn message(codec: &mut Option<(Pieces, Windowed)>, payload: &[u8], meter: &mut Meter) {
    let Some((pieces, inflate)) = codec else { return };
    let Some(mut data) = pieces.piece(payload) else { return };
    let mut room = [0; ROOM];
    meter.measure(&mut || {
        while let Ok(Some(piece)) = inflate.push(&mut data, &mut room) {
            given(piece.payload);
        }
    });
}
