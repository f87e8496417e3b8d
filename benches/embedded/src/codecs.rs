//! The work of a codec: short messages with context takeover, then a long one.

use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::host;
use crate::instruments::{self, Instruments};

/// Messages, and their payloads as compressed by zlib for windows of 512 bytes.
static MESSAGES: &[(&[u8], &[u8])] = &include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Room for the longest message and its payload.
pub const ROOM: usize = 1536;

/// RFC 7692 §7.2.2: must be appended to a payload for decompressors that only know RFC 1951.
pub const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

/// One row of the table of codecs.
pub struct Codec<C> {
    pub input: Input,
    /// The size of the state that lives from message to message, including its memory.
    pub state: usize,
    pub new: fn() -> C,
    /// Inflates a payload or compresses a message, and calls [`given`] with the output. Only work
    /// inside [`Meter::measure`] is measured.
    pub message: fn(&mut C, &[u8], &mut Meter),
}

#[derive(Clone, Copy)]
pub enum Input {
    Messages,
    Payloads,
}

/// Measures the work inside [`measure`](Self::measure).
pub struct Meter {
    instruments: Instruments,
    what: What,
    figure: u32,
}

enum What {
    Nothing,
    Instructions,
    Stack,
}

impl Meter {
    pub fn measure(&mut self, work: &mut dyn FnMut()) {
        match self.what {
            What::Nothing => work(),
            What::Instructions => self.figure += self.instruments.instructions(work),
            What::Stack => self.figure = self.figure.max(instruments::stack(work)),
        }
    }
}

static TELLING: AtomicBool = AtomicBool::new(false);

/// Takes the output, piece by piece. Costs almost nothing during a measurement.
#[inline(never)]
pub fn given(piece: &[u8]) {
    if TELLING.load(Relaxed) {
        host::tell_bytes("piece", piece);
    }
    black_box(piece);
}

/// Does the work, and prints output and figures.
#[inline(never)]
pub fn measure<C>(codec: &Codec<C>) -> ! {
    let mut meter = Meter { instruments: Instruments::new(), what: What::Nothing, figure: 0 };
    host::tell("state", u32::try_from(codec.state).unwrap_or(u32::MAX));
    let mut state = (codec.new)();
    TELLING.store(true, Relaxed);
    for each in black_box(MESSAGES) {
        one(codec, &mut state, each, &mut meter);
        host::tell_bytes("end", &[]);
    }
    TELLING.store(false, Relaxed);

    meter.what = What::Instructions;
    state = (codec.new)();
    let Some((long, short)) = black_box(MESSAGES).split_last() else { host::exit() };
    for each in short {
        one(codec, &mut state, each, &mut meter);
    }
    host::tell("short", core::mem::take(&mut meter.figure));
    one(codec, &mut state, long, &mut meter);
    host::tell("long", core::mem::take(&mut meter.figure));

    meter.what = What::Stack;
    state = (codec.new)();
    for each in black_box(MESSAGES) {
        one(codec, &mut state, each, &mut meter);
    }
    host::tell("stack", meter.figure);
    host::exit()
}

#[inline(never)]
fn one<C>(codec: &Codec<C>, state: &mut C, (message, payload): &(&[u8], &[u8]), meter: &mut Meter) {
    let input = match codec.input {
        Input::Messages => message,
        Input::Payloads => payload,
    };
    (codec.message)(black_box(state), black_box(input), meter);
}
