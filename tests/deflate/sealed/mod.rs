//! A decompressor and a compressor as bytes and back.

mod assemblers;
mod in_message;
mod judged;

#[path = "../../support/hex.rs"]
mod digits;

use digits::to_hex;

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate, WindowBits,
};
use barews::{Config, Connection, Error, Event, Input, SealError, UnsealError};

const CONTEXT: CompressionContext =
    CompressionContext { window_bits: WindowBits::MIN, takeover: true };

fn inflate(context: CompressionContext) -> Inflate<Vec<u8>> {
    Inflate::new(context, vec![0; Inflate::memory(context)]).unwrap()
}

fn sealed(inflate: &Inflate<Vec<u8>>, context: CompressionContext) -> Vec<u8> {
    let mut out = vec![0; Inflate::max_sealed_len(context)];
    let n = inflate.seal(&mut out).unwrap();
    assert_eq!(inflate.seal(&mut out[..n - 1]), Err(SealError::BufferTooSmall { needed: n }));
    out.truncate(n);
    out
}

fn unsealed(bytes: &[u8]) -> Result<Inflate<Vec<u8>>, UnsealError> {
    Inflate::unseal(bytes, vec![0; 256])
}

/// Gives a client the bytes of frames, and returns what they inflate to, in chunks of `room` bytes.
fn push(inflate: &mut Inflate<Vec<u8>>, frames: &[u8], room: usize) -> Result<Vec<u8>, Error> {
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut frames = frames.to_vec();
    let mut input = Input::new(&mut frames);
    let (mut text, mut out) = (Vec::new(), vec![0; room]);
    while let Ok(Event::Data(mut data)) = ws.receive(&mut input) {
        while let Some(chunk) = inflate.push(&mut data, &mut out)? {
            text.extend_from_slice(chunk.payload);
        }
    }
    Ok(text)
}

/// All states whose bytes are not the expected ones.
#[derive(Default)]
struct Golden(Vec<String>);

impl Golden {
    fn check(&mut self, name: &str, bytes: &[u8], golden: &str) {
        if to_hex(bytes) != golden.replace(' ', "") {
            self.0.push(format!("{name}: {}, not {golden}", to_hex(bytes)));
        }
    }

    fn end(self) {
        assert!(self.0.is_empty(), "{:#?}", self.0);
    }
}

/// The most bytes of a state without its window.
const LONGEST: usize = 196;

/// RFC 7692 §7.2.3.2: "Hello" twice; the second message refers to the first.
const FIRST: &[u8] = b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00";
const SECOND: &[u8] = b"\xC1\x05\xF2\x00\x11\x00\x00";

#[test]
fn a_window_of_version_1() {
    let mut it = inflate(CONTEXT);
    assert_eq!(sealed(&it, CONTEXT), [1, 5, 0x08]);
    assert_eq!(push(&mut it, FIRST, 4), Ok(b"Hello".to_vec()));
    assert_eq!(sealed(&it, CONTEXT), b"\x01\x05\x08Hello");
    let mut again = unsealed(b"\x01\x05\x08Hello").unwrap();
    assert_eq!(sealed(&again, CONTEXT), b"\x01\x05\x08Hello");
    assert_eq!(push(&mut again, SECOND, 4), Ok(b"Hello".to_vec()));

    // A full window that has wrapped around, and a message that is not compressed.
    for _ in 0..52 {
        assert_eq!(push(&mut it, SECOND, 64), Ok(b"Hello".to_vec()));
        assert_eq!(push(&mut it, b"\x82\x02ab", 1), Ok(b"ab".to_vec()));
    }
    let bytes = sealed(&it, CONTEXT);
    assert_eq!(bytes.len(), 3 + 256);
    assert_eq!(bytes[3..], b"Hello".repeat(53)[9..]);
    let mut again = unsealed(&bytes).unwrap();
    assert_eq!(sealed(&again, CONTEXT), bytes);
    assert_eq!(push(&mut again, SECOND, 64), Ok(b"Hello".to_vec()));
}

#[test]
fn without_takeover_there_is_no_window() {
    let context = CompressionContext { takeover: false, ..CONTEXT };
    let mut it = inflate(context);
    assert_eq!(push(&mut it, FIRST, 64), Ok(b"Hello".to_vec()));
    assert_eq!(sealed(&it, context), [1, 5, 0]);
    assert_eq!(Inflate::max_sealed_len(context) - 256, LONGEST);
    assert_eq!(push(&mut unsealed(&[1, 5, 0]).unwrap(), FIRST, 64), Ok(b"Hello".to_vec()));
}

#[test]
fn an_error_stays() {
    let mut it = inflate(CONTEXT);
    assert_eq!(push(&mut it, b"\xC1\x01\x07", 64), Err(Error::InvalidDeflate));
    assert_eq!(sealed(&it, CONTEXT), [1, 5, 0x18, 16]);
    let mut again = unsealed(&[1, 5, 0x18, 16]).unwrap();
    assert_eq!(push(&mut again, FIRST, 64), Err(Error::InvalidDeflate));
    assert_eq!(sealed(&again, CONTEXT), [1, 5, 0x18, 16]);
}

#[test]
fn a_compressor_of_version_1() {
    let context = DeflateParams::DEFAULT.server();
    let storage = || vec![0; Deflate::memory(context, Effort::SMALL)];
    let mut deflate = Deflate::new(context, Effort::SMALL, storage()).unwrap();
    let mut sealed = [0; Deflate::SEALED_LEN];
    assert_eq!(deflate.seal(&mut sealed), Ok(3));
    assert_eq!(sealed, [1, 6, 0x0F]);
    let mut out = [0; 64];
    let hello = deflate.push(b"Hello", Flush::Finish, &mut out);
    let hello = out[..hello.written].to_vec();
    assert_eq!(deflate.seal(&mut sealed[..2]), Err(SealError::BufferTooSmall { needed: 3 }));

    let mut again = Deflate::unseal(Effort::SMALL, &sealed, storage()).unwrap();
    let first = again.push(b"Hello", Flush::Finish, &mut out);
    assert_eq!(out[..first.written], hello, "it refers to nothing before");

    for flush in [Flush::None, Flush::Sync] {
        assert!(deflate.push(b"Hello", flush, &mut out).done);
        let is_flushed = flush == Flush::Sync;
        assert_eq!(deflate.seal(&mut sealed).is_ok(), is_flushed);
    }
    assert!(!deflate.push(b"", Flush::Finish, &mut out[..0]).done);
    assert_eq!(deflate.seal(&mut sealed), Err(SealError::MessageInProgress));
    deflate.forget();
    assert_eq!(deflate.seal(&mut sealed), Ok(3));
}

/// A new compressor goes on with a message after a flush.
#[test]
fn a_flushed_message_goes_on() {
    for takeover in [true, false] {
        let context = CompressionContext { takeover, ..CONTEXT };
        let storage = || vec![0; Deflate::memory(context, Effort::TINY)];
        let mut deflate = Deflate::new(context, Effort::TINY, storage()).unwrap();
        let (mut out, mut sealed) = ([0; 64], [0; 3]);
        let n = deflate.push(b"HelloHello", Flush::Sync, &mut out).written;
        let mut frames = vec![0x42, u8::try_from(n).unwrap()];
        frames.extend(&out[..n]);
        deflate.seal(&mut sealed).unwrap();
        let mut deflate = Deflate::unseal(Effort::TINY, &sealed, storage()).unwrap();
        let n = deflate.push(b"Hello", Flush::Finish, &mut out).written;
        frames.extend([0x80, u8::try_from(n).unwrap()]);
        frames.extend(&out[..n]);
        assert_eq!(push(&mut inflate(context), &frames, 64), Ok(b"HelloHelloHello".to_vec()));
    }
}
