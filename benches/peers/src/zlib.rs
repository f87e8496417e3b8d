//! C zlib for whole messages of permessage-deflate (RFC 7692): compresses what the columns receive,
//! and verifies what they send. Not by `flate2`, whose backend depends on the other crates in the
//! build.

use std::ffi::{c_int, c_uint};
use std::mem::MaybeUninit;

use libz_sys as z;

/// Negative window bits select raw deflate, here with a window of 32 KiB.
const RAW: c_int = -15;
/// The default memory level of zlib.
const MEM_LEVEL: c_int = 8;
/// RFC 7692 §7.2.1: the sender removes this.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The state of zlib. It is boxed because it points to itself. Zeros in the fields for the
/// allocation functions select the default ones.
type Stream = Box<MaybeUninit<z::z_stream>>;

fn stream() -> Stream {
    Box::new(MaybeUninit::zeroed())
}

/// Compresses messages with context takeover.
#[derive(Debug)]
pub struct Compressor {
    stream: Stream,
}

impl Compressor {
    pub fn new(level: c_int) -> Self {
        let mut stream = stream();
        let (version, size) = (version(), size_of::<z::z_stream>() as c_int);
        // SAFETY: zeros are a valid initial state (zlib.h: Z_NULL for the allocation functions).
        let code = unsafe {
            z::deflateInit2_(
                stream.as_mut_ptr(),
                level,
                z::Z_DEFLATED,
                RAW,
                MEM_LEVEL,
                z::Z_DEFAULT_STRATEGY,
                version,
                size,
            )
        };
        assert_eq!(code, z::Z_OK, "deflateInit2");
        Self { stream }
    }

    /// Forgets earlier messages.
    pub fn reset(&mut self) {
        // SAFETY: the stream was initialized by `new`.
        let code = unsafe { z::deflateReset(self.stream.as_mut_ptr()) };
        assert_eq!(code, z::Z_OK, "deflateReset");
    }

    /// Appends the payload of a message to `out`.
    pub fn message(&mut self, message: &[u8], out: &mut Vec<u8>) {
        // SAFETY: the stream was initialized by `new`, and its pointers are into live slices.
        let code = unsafe { drive(&mut self.stream, message, out, z::deflate) };
        assert!(matches!(code, z::Z_OK | z::Z_BUF_ERROR), "deflate: {code}");
        assert!(out.ends_with(&TAIL), "a flush ends with an empty block");
        out.truncate(out.len() - TAIL.len());
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: the stream was initialized by `new`, and is not used afterwards.
        unsafe { z::deflateEnd(self.stream.as_mut_ptr()) };
    }
}

/// Inflates messages with context takeover.
#[derive(Debug)]
pub struct Inflater {
    stream: Stream,
}

impl Inflater {
    pub fn new() -> Self {
        let mut stream = stream();
        let (version, size) = (version(), size_of::<z::z_stream>() as c_int);
        // SAFETY: as for the compressor.
        let code = unsafe { z::inflateInit2_(stream.as_mut_ptr(), RAW, version, size) };
        assert_eq!(code, z::Z_OK, "inflateInit2");
        Self { stream }
    }

    /// Creates an inflater whose window contains the end of `text`.
    pub fn with_window(text: &[u8]) -> Self {
        let mut inflater = Self::new();
        let window = &text[text.len().saturating_sub(1 << 15)..];
        // SAFETY: the stream was initialized by `new`; a raw stream accepts a dictionary at any
        // time.
        let code = unsafe {
            z::inflateSetDictionary(
                inflater.stream.as_mut_ptr(),
                window.as_ptr(),
                window.len() as c_uint,
            )
        };
        assert_eq!(code, z::Z_OK, "inflateSetDictionary");
        inflater
    }

    /// Forgets earlier messages.
    pub fn reset(&mut self) {
        // SAFETY: the stream was initialized by `new`.
        let code = unsafe { z::inflateReset(self.stream.as_mut_ptr()) };
        assert_eq!(code, z::Z_OK, "inflateReset");
    }

    /// Appends the message of a payload to `out`.
    pub fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let payload = [payload, &TAIL].concat();
        // SAFETY: the stream was initialized by `new`, and its pointers are into live slices.
        let code = unsafe { drive(&mut self.stream, &payload, out, z::inflate) };
        match code {
            z::Z_OK | z::Z_BUF_ERROR => Ok(()),
            code => Err(format!("C zlib cannot inflate it: {code}")),
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: the stream was initialized by `new`, and is not used afterwards.
        unsafe { z::inflateEnd(self.stream.as_mut_ptr()) };
    }
}

/// Passes all of `input` to `step`, which is `deflate` or `inflate`, and appends the output.
///
/// # Safety
///
/// The stream must be initialized for `step`.
unsafe fn drive(
    stream: &mut Stream,
    input: &[u8],
    out: &mut Vec<u8>,
    step: unsafe extern "C" fn(z::z_streamp, c_int) -> c_int,
) -> c_int {
    let stream = stream.as_mut_ptr();
    // SAFETY: zlib only reads from `input` and writes to the end of `out`, within the given
    // lengths.
    unsafe {
        (*stream).next_in = input.as_ptr().cast_mut();
        (*stream).avail_in = input.len() as c_uint;
        loop {
            let len = out.len();
            out.resize(len + input.len() + 256, 0);
            let room = &mut out[len..];
            (*stream).next_out = room.as_mut_ptr();
            (*stream).avail_out = room.len() as c_uint;
            let code = step(stream, z::Z_SYNC_FLUSH);
            let left = (*stream).avail_out as usize;
            out.truncate(out.len() - left);
            // If there is room left, all output was written.
            if left > 0 || !matches!(code, z::Z_OK | z::Z_BUF_ERROR) {
                return code;
            }
        }
    }
}

fn version() -> *const std::ffi::c_char {
    // SAFETY: returns a constant.
    unsafe { z::zlibVersion() }
}
