//! `Deflate` of barews, shared by the programs for each `Effort`.

use barews::deflate::{CompressionContext, Deflate, Deflated, Flush, WindowBits};
use barews_embedded::codecs::{Codec, Input, Meter, ROOM, given};

use crate::EFFORT;

const CONTEXT: CompressionContext = CompressionContext {
    window_bits: match WindowBits::new(9) {
        Some(bits) => bits,
        None => WindowBits::MIN,
    },
    takeover: true,
};

const MEMORY: usize = Deflate::memory(CONTEXT, EFFORT);

type Compressor = Deflate<[u8; MEMORY]>;

pub const CODEC: Codec<Option<Compressor>> =
    Codec { input: Input::Messages, state: size_of::<Compressor>(), new, message };

fn new() -> Option<Compressor> {
    Deflate::new(CONTEXT, EFFORT, [0; MEMORY]).ok()
}

#[inline(never)]
fn message(codec: &mut Option<Compressor>, message: &[u8], meter: &mut Meter) {
    let Some(codec) = codec else { return };
    let mut room = [0; ROOM];
    meter.measure(&mut || {
        let Deflated { written, .. } = codec.push(message, Flush::Finish, &mut room);
        given(room.get(..written).unwrap_or_default());
    });
}
