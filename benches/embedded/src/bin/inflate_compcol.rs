//! compcol in its mode for firmware, with a window of 512 bytes.
#![no_std]
#![no_main]

use barews_embedded::codecs::{Codec, Input, Meter, ROOM, TAIL, given, measure};
use compcol::deflate::WindowedDecoder;
use compcol::{Decoder, Status};

type Windowed = WindowedDecoder<512>;

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec {
        input: Input::Payloads,
        state: size_of::<Windowed>(),
        new: Windowed::new,
        message,
    })
}

#[inline(never)]
fn message(codec: &mut Windowed, payload: &[u8], meter: &mut Meter) {
    let mut room = [0; ROOM];
    meter.measure(&mut || {
        for mut input in [payload, TAIL] {
            while let Ok((progress, status)) = codec.decode(input, &mut room) {
                given(room.get(..progress.written).unwrap_or_default());
                input = input.get(progress.consumed..).unwrap_or_default();
                if status != Status::OutputFull {
                    break;
                }
            }
        }
    });
}
