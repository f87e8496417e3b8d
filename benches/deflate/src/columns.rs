//! Compressors: ours at every effort, and those of others.

use barews::deflate::{Context, Deflate, Effort, WindowBits};
use flate2::{Compress, Compression, FlushCompress};
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::{DataFormat, MZFlush};
use zlib_rs::DeflateFlush;

/// Compresses a message into the vector, whose content counts no more.
pub type Run = Box<dyn FnMut(&[u8], &mut Vec<u8>)>;

#[derive(Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    start: fn(bool) -> Run,
}

pub const ALL: &[Column] = &[
    Column { name: "barews TINY", start: |takeover| ours(Effort::TINY, takeover) },
    Column { name: "barews SMALL", start: |takeover| ours(Effort::SMALL, takeover) },
    Column { name: "barews FAST", start: |takeover| ours(Effort::FAST, takeover) },
    Column { name: "barews BEST", start: |takeover| ours(Effort::BEST, takeover) },
    Column { name: "zlib 1", start: |takeover| zlib(1, 15, takeover) },
    Column { name: "zlib 6", start: |takeover| zlib(6, 15, takeover) },
    Column { name: "zlib 6, window 9", start: |takeover| zlib(6, 9, takeover) },
    Column { name: "zlib-rs 1", start: |takeover| zlib_rs(1, takeover) },
    Column { name: "zlib-rs 6", start: |takeover| zlib_rs(6, takeover) },
    Column { name: "miniz_oxide 1", start: |takeover| miniz_oxide(1, takeover) },
    Column { name: "miniz_oxide 6", start: |takeover| miniz_oxide(6, takeover) },
];

/// What a sync flush ends with, and a payload does not (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

impl Column {
    pub fn start(&self, takeover: bool) -> Run {
        (self.start)(takeover)
    }

    /// The bytes that a compressor takes when it has compressed something.
    pub fn memory(&self) -> u64 {
        let mut out = Vec::with_capacity(1 << 12);
        allocation_counter::measure(|| {
            let mut run = self.start(true);
            run(b"Hello", &mut out);
        })
        .bytes_max
    }
}

fn ours(effort: Effort, takeover: bool) -> Run {
    let context = Context { window_bits: WindowBits::MAX, takeover };
    let memory = vec![0; Deflate::memory(context, effort)];
    let mut deflate = Deflate::new(context, effort, memory).expect("as long as it said");
    Box::new(move |message, out| {
        out.resize(Deflate::max_len(message.len()), 0);
        let deflated = deflate.push(message, true, out);
        assert!(deflated.done);
        out.truncate(deflated.written);
    })
}

fn room(message: &[u8], out: &mut Vec<u8>) {
    out.resize(message.len() + message.len() / 8 + 64, 0);
}

fn cut(out: &mut Vec<u8>, written: usize) {
    out.truncate(written);
    assert!(out.ends_with(&TAIL));
    out.truncate(written - TAIL.len());
}

fn zlib(level: u32, window_bits: u8, takeover: bool) -> Run {
    let mut zlib = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
    Box::new(move |message, out| {
        room(message, out);
        let start = zlib.total_out();
        zlib.compress(message, out, FlushCompress::Sync).expect("compresses");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset();
        }
        cut(out, written as usize);
    })
}

fn zlib_rs(level: i32, takeover: bool) -> Run {
    let mut zlib = zlib_rs::Deflate::new(level, false, 15);
    Box::new(move |message, out| {
        room(message, out);
        let start = zlib.total_out();
        zlib.compress(message, out, DeflateFlush::SyncFlush).expect("compresses");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset();
        }
        cut(out, written as usize);
    })
}

fn miniz_oxide(level: u8, takeover: bool) -> Run {
    let mut miniz = Box::new(CompressorOxide::default());
    miniz.set_format_and_level(DataFormat::Raw, level);
    Box::new(move |message, out| {
        room(message, out);
        let result = miniz_oxide::deflate::stream::deflate(&mut miniz, message, out, MZFlush::Sync);
        result.status.expect("compresses");
        if !takeover {
            miniz.reset();
        }
        cut(out, result.bytes_written);
    })
}
