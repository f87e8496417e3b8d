//! A decompressor and a compressor as bytes and back.

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
    assert_eq!(bytes.len(), Inflate::max_sealed_len(CONTEXT));
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
    assert_eq!(Inflate::max_sealed_len(context), 4);
    assert_eq!(push(&mut unsealed(&[1, 5, 0]).unwrap(), FIRST, 64), Ok(b"Hello".to_vec()));
}

#[test]
fn a_message_in_progress_is_not_sealed() {
    let mut out = [0; 300];
    // After each byte of the first fragment, which ends with a whole block.
    let fragment = b"\x0A\x00\x05\x00\xFA\xFFHello\x00\x00\x00\xFF\xFF";
    let block = &fragment[1..];
    for cut in 1..block.len() {
        let mut it = inflate(CONTEXT);
        let mut frames = vec![0x42, u8::try_from(cut).unwrap()];
        frames.extend(&block[..cut]);
        _ = push(&mut it, &frames, 64).unwrap();
        assert_eq!(it.seal(&mut out), Err(SealError::MessageInProgress), "{cut}");
    }
    // Of a message that is not compressed, too.
    let mut it = inflate(CONTEXT);
    assert_eq!(push(&mut it, b"\x02\x01a", 64), Ok(b"a".to_vec()));
    assert_eq!(it.seal(&mut out), Err(SealError::MessageInProgress));
    // A final fragment of which the output has not all been taken.
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut frames = FIRST.to_vec();
    let mut input = Input::new(&mut frames);
    let Ok(Event::Data(mut data)) = ws.receive(&mut input) else { panic!() };
    let mut it = inflate(CONTEXT);
    assert!(it.push(&mut data, &mut [0; 4]).unwrap().is_some_and(|chunk| !chunk.fin));
    assert_eq!(it.seal(&mut out), Err(SealError::MessageInProgress));
    assert!(it.push(&mut data, &mut [0; 4]).unwrap().is_some_and(|chunk| chunk.fin));
    assert_eq!(it.seal(&mut out), Ok(8));
}

/// The start of a message of which nothing has come out is none.
#[test]
fn an_empty_start_of_a_message_is_not_lost() {
    let mut it = inflate(CONTEXT);
    assert_eq!(push(&mut it, FIRST, 64), Ok(b"Hello".to_vec()));
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    // An empty stored block, as after a flush; then the block of "Hello" from the window.
    let mut frames = b"\x41\x05\x00\x00\x00\xFF\xFF\x80\x05\xF2\x00\x11\x00\x00".to_vec();
    let mut input = Input::new(&mut frames);
    let mut text = Vec::new();
    while let Ok(Event::Data(mut data)) = ws.receive(&mut input) {
        let mut out = [0; 64];
        while let Some(chunk) = it.push(&mut data, &mut out).unwrap() {
            text.extend_from_slice(chunk.payload);
        }
        it = unsealed(&sealed(&it, CONTEXT)).unwrap();
    }
    assert_eq!(text, b"Hello");
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

#[test]
fn any_bytes_are_judged() {
    for what in [5, 6] {
        for body in 0..=u16::MAX {
            let [a, b] = body.to_be_bytes();
            let bytes = [1, what, a, b];
            for bytes in [&bytes[..], &bytes[..3]] {
                let storage = vec![0; 32_768];
                if bytes[1] == 5 && a % 8 == 0 {
                    let Ok(it) = Inflate::unseal(bytes, storage) else { continue };
                    let mut out = [0; 4];
                    let n = it.seal(&mut out).unwrap();
                    assert_eq!(&out[..n], bytes);
                } else if b == 0
                    && let Ok(it) = Deflate::unseal(Effort::TINY, bytes, storage)
                {
                    let mut out = [0; 3];
                    it.seal(&mut out).unwrap();
                    assert_eq!(&out, bytes);
                }
            }
        }
    }
    let refused = [
        (&b"\x01\x05"[..], UnsealError::Invalid),
        (b"\x02\x05\x08", UnsealError::Version),
        (b"\x01\x06\x08", UnsealError::OtherType),
        (b"\x01\x05\x09", UnsealError::StorageFull { needed: 512 }),
        (b"\x01\x05\x00a", UnsealError::Invalid),
        (b"\x01\x05\x20", UnsealError::Invalid),
        (b"\x01\x05\x18", UnsealError::Invalid),
        (b"\x01\x05\x18\x00", UnsealError::Invalid),
        (b"\x01\x05\x18\x10a", UnsealError::Invalid),
    ];
    for (bytes, error) in refused {
        assert_eq!(unsealed(bytes).unwrap_err(), error, "{bytes:?}");
    }
    let mut long = b"\x01\x05\x08".to_vec();
    long.extend([b'a'; 257]);
    assert_eq!(unsealed(&long).unwrap_err(), UnsealError::Invalid);
    let refused = [
        (&b"\x01\x06"[..], UnsealError::Invalid),
        (b"\x01\x06\x10", UnsealError::Invalid),
        (b"\x01\x06\x08\x00", UnsealError::Invalid),
    ];
    for (bytes, error) in refused {
        assert_eq!(Deflate::unseal(Effort::TINY, bytes, vec![0; 512]).unwrap_err(), error);
    }
    let full = Deflate::unseal(Effort::TINY, &[1, 6, 8], vec![0; 9]).unwrap_err();
    assert!(matches!(full, UnsealError::StorageFull { needed: 512 }), "{full:?}");
}
