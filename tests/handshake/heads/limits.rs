//! The limits on the length of a head and on its fields are exact at every cut.

use barews::handshake::server::RequestReader;
use barews::handshake::{Error, Limits};

use super::{REQUEST, RESPONSE, client, pieces, read, response};

#[test]
fn limits_are_exact() {
    let len = REQUEST.len();
    let limited =
        |limits: Limits, bytes: &[u8]| read(&mut RequestReader::with_limits(limits), bytes);
    assert!(limited(Limits::new().max_head_len(len), REQUEST).is_ok());
    assert_eq!(limited(Limits::new().max_head_len(len - 1), REQUEST), Err(Error::HeadTooLong));
    assert!(limited(Limits::new().max_fields(8), REQUEST).is_ok());
    assert_eq!(limited(Limits::new().max_fields(7), REQUEST), Err(Error::TooManyFields));
    assert_eq!(limited(Limits::new().max_head_len(0), b"G"), Err(Error::TargetTooLong));

    // Refused as soon as the shortest possible rest no longer fits.
    let long = [b"GET /", &[b'a'; 9000][..]].concat();
    let mut reader = RequestReader::new();
    let first = (0..long.len()).find(|len| reader.read(&long[..*len]).is_err()).unwrap();
    assert_eq!(first, 8192 - b" HTTP/1.1\r\n\r\n".len() + 1);
    assert_eq!(read(&mut reader, &long), Err(Error::TargetTooLong));
    assert_eq!(Error::TargetTooLong.status(), 414);
    let long = [b"GET / HTTP/1.1\r\nA: ", &[b'a'; 9000][..]].concat();
    let mut reader = RequestReader::new();
    let first = (0..long.len()).find(|len| reader.read(&long[..*len]).is_err()).unwrap();
    assert_eq!(first, 8192 - b"\r\n\r\n".len() + 1);
    assert_eq!(
        (read(&mut reader, &long), Error::HeadTooLong.status()),
        (Err(Error::HeadTooLong), 431)
    );

    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\n{}Host: a\r\n\r\n", "A: b\r\n".repeat(count - 1));
    assert!(read(&mut RequestReader::new(), fields(64).as_bytes()).is_ok());
    assert_eq!(read(&mut RequestReader::new(), fields(65).as_bytes()), Err(Error::TooManyFields));
    assert_eq!(Error::TooManyFields.status(), 431);
    let long = [b"HTTP/1.1 200 ", &[b'a'; 9000][..]].concat();
    assert_eq!(response(&mut client(), &long), Err(Error::HeadTooLong));
}

/// For all limits, a head is refused whole and byte by byte alike, and never if it fits.
#[test]
fn p13_every_limit_holds_at_every_cut() {
    let tabs = b"GET / HTTP/1.1\r\nHost: a\r\nA:\tb\tc\r\nD: e\r\n\r\n";
    for head in [REQUEST, &tabs[..]] {
        for len in 0..=head.len() {
            for fields in 0..=9 {
                let limits = Limits::new().max_head_len(len).max_fields(fields);
                let mut reader = RequestReader::with_limits(limits);
                let whole = pieces(|bytes| read(&mut reader, bytes), head, []);
                let mut reader = RequestReader::with_limits(limits);
                let bytewise = pieces(|bytes| read(&mut reader, bytes), head, 0..head.len());
                assert_eq!(whole, bytewise, "{len} {fields}");
                let count = head.split(|byte| *byte == b'\n').count() - 3;
                assert_eq!(whole.is_ok(), len == head.len() && fields >= count, "{len} {fields}");
            }
        }
    }
    for len in 0..=RESPONSE.len() {
        let limited = || client().limits(Limits::new().max_head_len(len));
        let mut handshake = limited();
        let whole = pieces(|bytes| response(&mut handshake, bytes), RESPONSE, []);
        let mut handshake = limited();
        let bytewise = pieces(|bytes| response(&mut handshake, bytes), RESPONSE, 0..RESPONSE.len());
        assert_eq!((whole.is_ok(), &whole), (len == RESPONSE.len(), &bytewise), "{len}");
    }
}

#[test]
fn default_is_the_same_as_new() {
    assert_eq!(Limits::default(), Limits::new());
    let mut reader = RequestReader::default();
    assert_eq!(read(&mut reader, REQUEST), read(&mut RequestReader::new(), REQUEST));
    let long = [&REQUEST[..REQUEST.len() - 2], b"X: ", &[b'x'; 8192]].concat();
    assert_eq!(read(&mut RequestReader::default(), &long), Err(Error::HeadTooLong));
}
