//! What C zlib and `miniz_oxide` make of a compressed message: the bytes, and whether it is whole.
#![allow(dead_code, reason = "each test uses a part of it")]

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// RFC 7692, 7.2.2: what is put back behind a message.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The furthest that a message refers back.
const WINDOW: usize = 1 << 15;

/// Blocks that are no message's, an empty and a stored one: they come out behind a whole message only. An
/// inflater alone does not say that a message is cut; it waits for more. Behind one or two bits that are left
/// over the first byte is another block.
const MARK: &[u8] = b"\x02\x00\x10\x00\xEF\xFFthe message ends";

/// What an inflater says to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The bytes in front of the first fault.
    pub(crate) bytes: Vec<u8>,
    /// The message is sound and whole.
    pub(crate) ok: bool,
}

/// The end of a message's bytes in what came out of message, tail and mark.
fn verdict(mut bytes: Vec<u8>, before_mark: usize, sound: bool) -> Verdict {
    let text = &MARK[6..];
    let ok = sound && bytes.len() == before_mark + text.len() && bytes.ends_with(text);
    bytes.truncate(before_mark);
    Verdict { bytes, ok }
}

/// C zlib, behind messages that inflated to `history`.
///
/// It ends at a block with BFINAL, where RFC 7692 goes on (7.2.3.4): a new one goes on with the window of the
/// old one.
pub(crate) fn zlib(history: &[u8], message: &[u8]) -> Verdict {
    let mut bytes = history.to_vec();
    let mut inflater = zlib_behind(&bytes);
    let mut before_mark = history.len();
    let mut sound = true;
    for input in [&[message, &TAIL].concat(), MARK] {
        before_mark = bytes.len();
        sound = sound && zlib_all(&mut inflater, input, &mut bytes);
        if !sound {
            break;
        }
    }
    let before_mark = if sound { before_mark } else { bytes.len() };
    let bytes = bytes.split_off(history.len());
    verdict(bytes, before_mark - history.len(), sound)
}

fn zlib_behind(bytes: &[u8]) -> Decompress {
    let mut inflater = Decompress::new_with_window_bits(false, 15);
    let window = &bytes[bytes.len().saturating_sub(WINDOW)..];
    if !window.is_empty() {
        inflater.set_dictionary(window).unwrap();
    }
    inflater
}

/// Inflates all of `input`; whether it is sound.
fn zlib_all(inflater: &mut Decompress, mut input: &[u8], bytes: &mut Vec<u8>) -> bool {
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let mut out = [0; 4096];
        let status = inflater.decompress(input, &mut out, FlushDecompress::Sync);
        let len = usize::try_from(inflater.total_out() - written).unwrap();
        bytes.extend(&out[..len]);
        let Ok(status) = status else { return false };
        input = &input[usize::try_from(inflater.total_in() - read).unwrap()..];
        if status == Status::StreamEnd {
            *inflater = zlib_behind(bytes);
        } else if len < out.len() && input.is_empty() {
            return true;
        }
    }
}

/// `miniz_oxide` with all of the output in one piece, behind messages that inflated to `history`.
pub(crate) fn miniz(history: &[u8], message: &[u8]) -> Verdict {
    let start = history.len().min(WINDOW);
    let mut out = history[history.len() - start..].to_vec();
    let mut inflater = Box::new(DecompressorOxide::new());
    let (mut len, mut before_mark, mut sound) = (start, start, true);
    for input in [&[message, &TAIL].concat(), MARK] {
        before_mark = len;
        sound = sound && miniz_all(&mut inflater, input, &mut out, &mut len);
    }
    let before_mark = if sound { before_mark } else { len };
    verdict(out[start..len].to_vec(), before_mark - start, sound)
}

fn miniz_all(
    inflater: &mut DecompressorOxide,
    mut input: &[u8],
    out: &mut Vec<u8>,
    len: &mut usize,
) -> bool {
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
    loop {
        out.resize(*len + 4096, 0);
        let (status, read, written) = decompress(inflater, input, out, *len, flags);
        *len += written;
        input = &input[read..];
        match status {
            TINFLStatus::Done => inflater.init(),
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput if input.is_empty() => return true,
            _ => return false,
        }
    }
}

/// How zlib is to compress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// 0 to 9.
    pub(crate) level: u32,
    /// 9 to 15: C zlib has no raw stream with 8.
    pub(crate) window_bits: u8,
}

/// A peer that compresses with C zlib.
pub(crate) struct Zlib(Compress);

impl Zlib {
    pub(crate) fn new(Level { level, window_bits }: Level) -> Self {
        Self(Compress::new_with_window_bits(Compression::new(level), false, window_bits))
    }

    /// The next bytes, with what `flush` puts behind them.
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

    /// A whole message (RFC 7692, 7.2.1), compressed in these pieces with the flushes behind them.
    pub(crate) fn message(&mut self, pieces: &[(&[u8], FlushCompress)]) -> Vec<u8> {
        let mut message = Vec::new();
        for &(bytes, flush) in pieces {
            self.add(bytes, flush, &mut message);
        }
        self.add(&[], FlushCompress::Sync, &mut message);
        if !message.ends_with(&TAIL) {
            // A flush behind a flush writes nothing.
            message.extend([0x00, 0x00, 0x00, 0xFF, 0xFF]);
        }
        message.truncate(message.len() - TAIL.len());
        message
    }

    /// The same from a window of its own, and with BFINAL on the last block (7.2.3.4).
    pub(crate) fn last_message(level: Level, bytes: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        Self::new(level).add(bytes, FlushCompress::Finish, &mut message);
        message.push(0);
        message
    }
}
