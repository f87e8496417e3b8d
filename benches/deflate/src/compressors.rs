//! Compressors, from messages to payloads: ours at every effort, and other crates.

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, WindowBits};
use flate2::{Compress, Compression, FlushCompress};
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::{DataFormat, MZFlush};
use zlib_rs::DeflateFlush;

use crate::columns::{Column, Run, TAIL};

pub const ALL: &[Column] = &[
    Column {
        name: "barews TINY",
        input: <[u8]>::to_vec,
        start: |takeover| ours(Effort::TINY, takeover),
    },
    Column {
        name: "barews SMALL",
        input: <[u8]>::to_vec,
        start: |takeover| ours(Effort::SMALL, takeover),
    },
    Column {
        name: "barews FAST",
        input: <[u8]>::to_vec,
        start: |takeover| ours(Effort::FAST, takeover),
    },
    Column {
        name: "barews BEST",
        input: <[u8]>::to_vec,
        start: |takeover| ours(Effort::BEST, takeover),
    },
    Column { name: "zlib 1", input: <[u8]>::to_vec, start: |takeover| zlib(1, 15, takeover) },
    Column { name: "zlib 6", input: <[u8]>::to_vec, start: |takeover| zlib(6, 15, takeover) },
    Column {
        name: "zlib 6, window 9",
        input: <[u8]>::to_vec,
        start: |takeover| zlib(6, 9, takeover),
    },
    Column { name: "zlib-rs 1", input: <[u8]>::to_vec, start: |takeover| zlib_rs(1, takeover) },
    Column { name: "zlib-rs 6", input: <[u8]>::to_vec, start: |takeover| zlib_rs(6, takeover) },
    Column {
        name: "miniz_oxide 1",
        input: <[u8]>::to_vec,
        start: |takeover| miniz_oxide(1, takeover),
    },
    Column {
        name: "miniz_oxide 6",
        input: <[u8]>::to_vec,
        start: |takeover| miniz_oxide(6, takeover),
    },
];

fn ours(effort: Effort, takeover: bool) -> Run {
    let context = CompressionContext { window_bits: WindowBits::MAX, takeover };
    let memory = vec![0; Deflate::memory(context, effort)];
    let mut deflate =
        Deflate::new(context, effort, memory).expect("the memory has the required length");
    Box::new(move |message, out| {
        let deflated = deflate.push(message, Flush::Finish, out);
        assert!(deflated.done);
        deflated.written
    })
}

/// The length of the output without the tail of the sync flush.
fn payload(written: &[u8]) -> usize {
    written.strip_suffix(&TAIL).expect("the output ends with a sync flush").len()
}

fn zlib(level: u32, window_bits: u8, takeover: bool) -> Run {
    let mut zlib = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
    Box::new(move |message, out| {
        let start = zlib.total_out();
        zlib.compress(message, out, FlushCompress::Sync).expect("compression succeeds");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset();
        }
        payload(&out[..written as usize])
    })
}

fn zlib_rs(level: i32, takeover: bool) -> Run {
    let mut zlib = zlib_rs::Deflate::new(level, false, 15);
    Box::new(move |message, out| {
        let start = zlib.total_out();
        zlib.compress(message, out, DeflateFlush::SyncFlush).expect("compression succeeds");
        let written = zlib.total_out() - start;
        if !takeover {
            zlib.reset();
        }
        payload(&out[..written as usize])
    })
}

fn miniz_oxide(level: u8, takeover: bool) -> Run {
    let mut miniz = Box::new(CompressorOxide::default());
    miniz.set_format_and_level(DataFormat::Raw, level);
    Box::new(move |message, out| {
        let result = miniz_oxide::deflate::stream::deflate(&mut miniz, message, out, MZFlush::Sync);
        result.status.expect("compression succeeds");
        if !takeover {
            miniz.reset();
        }
        payload(&out[..result.bytes_written])
    })
}
