//! compcol in its mode for firmware. It has no flush, so each message is a separate stream with a
//! final block (RFC 7692 §7.2.3.4).
#![no_std]
#![no_main]

use barews_embedded::codecs::{Codec, Input, Meter, ROOM, given, measure};
use compcol::deflate::BlockEncoder;
use compcol::{Encoder, Status};

/// Uses about as much memory as ours with `Effort::TINY` and a window of 512 bytes.
type Compressor = BlockEncoder<512, 256>;

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&Codec {
        input: Input::Messages,
        state: size_of::<Compressor>(),
        new: Compressor::new,
        message,
    })
}

#[inline(never)]
fn message(codec: &mut Compressor, mut message: &[u8], meter: &mut Meter) {
    let mut room = [0; ROOM];
    meter.measure(&mut || {
        while let Ok((progress, status)) = codec.encode(message, &mut room) {
            given(room.get(..progress.written).unwrap_or_default());
            message = message.get(progress.consumed..).unwrap_or_default();
            if status != Status::OutputFull {
                break;
            }
        }
        while let Ok((progress, status)) = codec.finish(&mut room) {
            given(room.get(..progress.written).unwrap_or_default());
            if status != Status::OutputFull {
                break;
            }
        }
        given(&[0x00]);
        codec.reset();
    });
}
