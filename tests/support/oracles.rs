//! Reference verdicts of C zlib and `miniz_oxide` on a compressed message: its bytes, and whether
//! it is complete.
//!
//! They differ from RFC 7692 in three ways, which this module compensates for: both stop at a block
//! with BFINAL (which may also end a message), both wait for more input if a message is truncated, and both allow distances up to
//! 32 KiB regardless of the negotiated window.
#![allow(dead_code, reason = "each test uses part of it")]

use barews::{Error, Kind};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// The bytes a receiver appends to each message (RFC 7692 §7.2.2).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The maximum distance of a match.
const WINDOW: usize = 1 << 15;

/// An empty block and then [`MARK`], in both ways to continue a stream: only after a complete
/// message do they inflate to [`MARK`]. An inflater alone does not report a truncated message; it
/// waits for more. The missing bits may begin with 0 or with 1, but not with both.
const MARKS: [&[u8]; 2] =
    [b"\x02\x00\x10\x00\xEF\xFFthe message ends", b"\x03\x00\x00\x10\x00\xEF\xFFthe message ends"];
const MARK: &[u8] = b"the message ends";

/// An inflater's verdict on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The bytes before the first fault.
    pub(crate) bytes: Vec<u8>,
    /// Whether the message is valid and complete.
    pub(crate) ok: bool,
}

impl Verdict {
    /// Whether this verdict of C zlib agrees with that of `miniz_oxide`.
    ///
    /// zlib refuses a block without an end-of-block code at its header; `miniz_oxide` reads on and
    /// refuses it later.
    pub(crate) fn is_that_of(&self, miniz: &Self) -> bool {
        self == miniz || !self.ok && !miniz.ok && miniz.bytes.starts_with(&self.bytes)
    }

    /// The expected result of an `Inflate` with this limit: the bytes before the fault, and the
    /// fault.
    pub(crate) fn of(&self, kind: Kind, limit: usize) -> (&[u8], Option<Error>) {
        let room = &self.bytes[..self.bytes.len().min(limit)];
        let text = if kind == Kind::Text { core::str::from_utf8(room).err() } else { None };
        if let Some((error, len)) = text.and_then(|error| Some((error, error.error_len()?))) {
            // Includes the valid start of an incomplete character, but not the byte that cannot
            // follow it.
            let at = error.valid_up_to();
            let start = if matches!(room[at], 0xC2..=0xF4) { len } else { 0 };
            return (&room[..at + start], Some(Error::InvalidUtf8));
        }
        let fault = if room.len() < self.bytes.len() {
            Some(Error::MessageTooLong)
        } else if !self.ok {
            Some(Error::InvalidDeflate)
        } else {
            text.map(|_| Error::InvalidUtf8)
        };
        (room, fault)
    }
}

/// What an inflater has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// An error, or more bytes than wanted.
    Invalid,
    /// It waits for more.
    Open,
    /// Nothing, or a block with BFINAL was the last.
    Ended,
}

impl Reading {
    /// The reading of one input after the other.
    fn of<'i>(inputs: &[&'i [u8]], mut read: impl FnMut(&'i [u8]) -> Self) -> Self {
        let mut last = Self::Ended;
        for input in inputs {
            last = read(input);
            if last == Self::Invalid {
                break;
            }
        }
        last
    }
}

/// The verdict of an inflater that reports whether its input is valid, checked with [`MARKS`]. More
/// than `most` bytes count as invalid.
fn verdict(
    message: &[u8],
    most: usize,
    mut inflate: impl FnMut(&mut Vec<u8>, &[&[u8]]) -> Reading,
) -> Verdict {
    let mut bytes = Vec::new();
    if inflate(&mut bytes, &[message]) == Reading::Ended && bytes.len() <= most {
        return Verdict { bytes, ok: true };
    }
    let message = [message, &TAIL].concat();
    let mut ok = inflate(&mut bytes, &[&message]) != Reading::Invalid;
    if bytes.len() > most {
        bytes.truncate(most + 1);
        return Verdict { bytes, ok: false };
    }
    for mark in MARKS {
        let mut marked = Vec::new();
        ok = ok
            && inflate(&mut marked, &[&message, mark]) != Reading::Invalid
            && marked[bytes.len()..] == *MARK;
    }
    Verdict { bytes, ok }
}

/// Inflates with C zlib, after messages that inflated to `history`.
///
/// zlib stops at a block with BFINAL, where RFC 7692 continues (§7.2.3.4): a new inflater takes
/// over with the same window.
pub(crate) fn zlib(history: &[u8], message: &[u8]) -> Verdict {
    zlib_to(usize::MAX, history, message)
}

/// The same, stopping soon after `most` bytes.
pub(crate) fn zlib_to(most: usize, history: &[u8], message: &[u8]) -> Verdict {
    let window = &history[history.len().saturating_sub(WINDOW)..];
    let most_here = most.saturating_add(MARK.len()).saturating_add(window.len());
    verdict(message, most, |to, inputs| {
        let mut bytes = window.to_vec();
        let mut inflater = zlib_behind(&bytes);
        let reading =
            Reading::of(inputs, |input| zlib_all(&mut inflater, input, &mut bytes, most_here));
        *to = bytes.split_off(window.len());
        reading
    })
}

fn zlib_behind(bytes: &[u8]) -> Decompress {
    let mut inflater = Decompress::new_with_window_bits(false, 15);
    let window = &bytes[bytes.len().saturating_sub(WINDOW)..];
    if !window.is_empty() {
        inflater.set_dictionary(window).unwrap();
    }
    inflater
}

/// Inflates all of `input`, or until there are more than `most` bytes.
fn zlib_all(
    inflater: &mut Decompress,
    mut input: &[u8],
    bytes: &mut Vec<u8>,
    most: usize,
) -> Reading {
    let mut reading = Reading::Ended;
    while bytes.len() <= most {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let mut out = [0; 4096];
        let status = inflater.decompress(input, &mut out, FlushDecompress::Sync);
        let len = usize::try_from(inflater.total_out() - written).unwrap();
        bytes.extend(&out[..len]);
        let Ok(status) = status else { return Reading::Invalid };
        let read = usize::try_from(inflater.total_in() - read).unwrap();
        input = &input[read..];
        if status == Status::StreamEnd {
            *inflater = zlib_behind(bytes);
            reading = Reading::Ended;
            continue;
        }
        if read > 0 || len > 0 {
            reading = Reading::Open;
        }
        if len < out.len() && input.is_empty() {
            return reading;
        }
    }
    Reading::Invalid
}

/// Inflates with `miniz_oxide` into one piece, after messages that inflated to `history`.
pub(crate) fn miniz(history: &[u8], message: &[u8]) -> Verdict {
    miniz_to(usize::MAX, history, message)
}

/// The same, stopping soon after `most` bytes.
pub(crate) fn miniz_to(most: usize, history: &[u8], message: &[u8]) -> Verdict {
    let window = &history[history.len().saturating_sub(WINDOW)..];
    let most_here = most.saturating_add(MARK.len()).saturating_add(window.len());
    verdict(message, most, |to, inputs| {
        let mut bytes = window.to_vec();
        let mut inflater = Box::new(DecompressorOxide::new());
        let reading =
            Reading::of(inputs, |input| miniz_all(&mut inflater, input, &mut bytes, most_here));
        *to = bytes.split_off(window.len());
        reading
    })
}

fn miniz_all(
    inflater: &mut DecompressorOxide,
    mut input: &[u8],
    bytes: &mut Vec<u8>,
    most: usize,
) -> Reading {
    let mut reading = Reading::Ended;
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
    while bytes.len() <= most {
        let len = bytes.len();
        bytes.resize(len + 4096, 0);
        let (status, read, written) = decompress(inflater, input, bytes, len, flags);
        bytes.truncate(len + written);
        input = &input[read..];
        if read > 0 || written > 0 {
            reading = Reading::Open;
        }
        match status {
            TINFLStatus::Done => {
                inflater.init();
                reading = Reading::Ended;
            }
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput if input.is_empty() => return reading,
            _ => return Reading::Invalid,
        }
    }
    Reading::Invalid
}

/// The compression parameters of zlib.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Level {
    /// 0 to 9.
    pub(crate) level: u32,
    /// 9 to 15: C zlib does not support raw streams with 8.
    pub(crate) window_bits: u8,
}

/// A peer that compresses with C zlib.
pub(crate) struct Zlib(Compress);

impl Zlib {
    pub(crate) fn new(Level { level, window_bits }: Level) -> Self {
        Self(Compress::new_with_window_bits(Compression::new(level), false, window_bits))
    }

    /// Back to the initial state.
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }

    /// Compresses the next bytes, followed by `flush`.
    pub(crate) fn add(&mut self, mut bytes: &[u8], flush: FlushCompress, to: &mut Vec<u8>) {
        loop {
            to.reserve(64 + bytes.len() / 2);
            let read = self.0.total_in();
            let status = self.0.compress_vec(bytes, to, flush).unwrap();
            bytes = &bytes[usize::try_from(self.0.total_in() - read).unwrap()..];
            let more = to.len() == to.capacity() && status != Status::StreamEnd;
            if bytes.is_empty() && !more {
                return;
            }
        }
    }

    /// A complete message (RFC 7692 §7.2.1), compressed in these pieces, each followed by its
    /// flush.
    pub(crate) fn message(&mut self, pieces: &[(&[u8], FlushCompress)]) -> Vec<u8> {
        let mut message = Vec::new();
        for &(bytes, flush) in pieces {
            self.add(bytes, flush, &mut message);
        }
        self.add(&[], FlushCompress::Sync, &mut message);
        if !message.ends_with(&TAIL) {
            // A flush right after a flush writes nothing.
            message.extend([0x00, 0x00, 0x00, 0xFF, 0xFF]);
        }
        message.truncate(message.len() - TAIL.len());
        message
    }

    /// The same with a new window, and with BFINAL on the last block (§7.2.3.4).
    pub(crate) fn last_message(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut message = self.finished(bytes);
        message.push(0);
        message
    }

    /// The same without the byte of an empty block: what zlib writes with `Z_FINISH`.
    pub(crate) fn finished(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        self.reset();
        self.add(bytes, FlushCompress::Finish, &mut message);
        self.reset();
        message
    }
}

/// A message compressed by `miniz_oxide`, which has all of zlib's strategies: 0 default, 1
/// filtered, 2 Huffman only, 3 run lengths, 4 fixed codes. (flate2 only has the default.)
pub(crate) fn miniz_message(level: i32, strategy: i32, bytes: &[u8]) -> Vec<u8> {
    let flags = create_comp_flags_from_zip_params(level, -15, strategy);
    let mut compressor = Box::new(CompressorOxide::new(flags));
    let mut message = Vec::new();
    let add = |piece: &[u8]| {
        message.extend(piece);
        true
    };
    let (status, read) = compress_to_output(&mut compressor, bytes, TDEFLFlush::Sync, add);
    assert_eq!((status, read), (TDEFLStatus::Okay, bytes.len()));
    assert!(message.ends_with(&TAIL));
    message.truncate(message.len() - TAIL.len());
    message
}
