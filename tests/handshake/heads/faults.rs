//! Malformed heads are refused permanently at the first wrong byte, and no bytes make a reader
//! panic.

use barews::handshake::server::{Incoming, RequestReader};
use barews::handshake::{Error, Limits, Status};
use proptest::prelude::*;

use super::{Outcome, REQUEST, cases, client, client_cuts, read, response, server_cuts};

/// Each ends with the byte that makes it malformed.
#[test]
fn malformed_requests_are_refused_at_their_first_fault() {
    let corpus: [(&[u8], Error, u16); 44] = [
        (b"\rG", Error::BareCarriageReturn, 400),
        (b"\r\n ", Error::InvalidStartLine, 400),
        (b"\n", Error::BareLineFeed, 400),
        (b" ", Error::InvalidStartLine, 400),
        (b"\x16", Error::InvalidStartLine, 400),
        (b"G\xC3", Error::InvalidStartLine, 400),
        (b"GET\r", Error::InvalidStartLine, 400),
        (b"GET\t", Error::InvalidStartLine, 400),
        (b"GET  ", Error::InvalidStartLine, 400),
        (b"GET \r", Error::InvalidStartLine, 400),
        (b"GET /\r", Error::InvalidStartLine, 400),
        (b"GET /\n", Error::BareLineFeed, 400),
        (b"GET /\xC3", Error::InvalidStartLine, 400),
        (b"GET /#", Error::InvalidStartLine, 400),
        (b"GET /\t", Error::InvalidStartLine, 400),
        (b"GET /\x7F", Error::InvalidStartLine, 400),
        (b"GET /  ", Error::InvalidStartLine, 400),
        (b"GET / h", Error::InvalidStartLine, 400),
        (b"GET / HTTP/x", Error::InvalidStartLine, 400),
        (b"GET / HTTP/11", Error::InvalidStartLine, 400),
        (b"GET / HTTP/1.x", Error::InvalidStartLine, 400),
        (b"GET / HTTP/1.11", Error::InvalidStartLine, 400),
        (b"GET / HTTP/1.1 ", Error::InvalidStartLine, 400),
        (b"GET / HTTP/1.1\n", Error::BareLineFeed, 400),
        (b"GET / HTTP/1.1\r\r", Error::BareCarriageReturn, 400),
        (b"GET / HTTP/2", Error::HttpVersion, 505),
        (b"GET / HTTP/0", Error::HttpVersion, 505),
        (b"PRI * HTTP/2", Error::HttpVersion, 505),
        (b"GET / HTTP/1.1\r\n ", Error::ObsoleteFold, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\t", Error::ObsoleteFold, 400),
        (b"GET / HTTP/1.1\r\nHost ", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\nHost\r", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\n:", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\nHo\0", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\nH\xC3", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\nSec-WebSocket{", Error::InvalidFieldName, 400),
        (b"GET / HTTP/1.1\r\nHost: a\0", Error::InvalidFieldValue, 400),
        (b"GET / HTTP/1.1\r\nHost: a\x1B", Error::InvalidFieldValue, 400),
        (b"GET / HTTP/1.1\r\nHost: a.example\x7F", Error::InvalidFieldValue, 400),
        (b"GET / HTTP/1.1\r\nHost: a\n", Error::BareLineFeed, 400),
        (b"GET / HTTP/1.1\r\nHost\n", Error::BareLineFeed, 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX", Error::BareCarriageReturn, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\rX", Error::BareCarriageReturn, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Error::BareLineFeed, 400),
    ];
    for (bytes, error, status) in corpus {
        refused_at_the_last_byte(server_cuts, bytes, error);
        assert_eq!(error.status(), status);
    }
}

#[test]
fn malformed_responses_are_refused_at_their_first_fault() {
    let corpus: [(&[u8], Error); 18] = [
        (b" ", Error::InvalidStartLine),
        (b"h", Error::InvalidStartLine),
        (b"\n", Error::BareLineFeed),
        (b"HTTP/2", Error::HttpVersion),
        (b"\r", Error::InvalidStartLine),
        (b"HTTP/1.1\r", Error::InvalidStartLine),
        (b"HTTP/1.1  ", Error::InvalidStartLine),
        (b"HTTP/1.1 x", Error::InvalidStartLine),
        (b"HTTP/1.1 10 ", Error::InvalidStartLine),
        (b"HTTP/1.1 1010", Error::InvalidStartLine),
        (b"HTTP/1.1 101\t", Error::InvalidStartLine),
        (b"HTTP/1.1 101 x\0", Error::InvalidStartLine),
        (b"HTTP/1.1 101 x\n", Error::BareLineFeed),
        (b"HTTP/1.1 101\rx", Error::BareCarriageReturn),
        (b"HTTP/1.1 101 \r\n ", Error::ObsoleteFold),
        (b"HTTP/1.1 101 \r\nX ", Error::InvalidFieldName),
        (b"HTTP/1.1 100 \r\n\r\nG", Error::InvalidStartLine),
        (b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 \r\nX: y\0", Error::InvalidFieldValue),
    ];
    for (bytes, error) in corpus {
        refused_at_the_last_byte(client_cuts, bytes, error);
    }
}

#[track_caller]
fn refused_at_the_last_byte(cuts: fn(&[u8]) -> Outcome, bytes: &[u8], error: Error) {
    let before = cuts(&bytes[..bytes.len() - 1]);
    assert!(matches!(before, Ok(Status::NeedMore(_))), "{}", bytes.escape_ascii());
    for tail in [&b""[..], b"\r\n\r\n", b"0\r\n\r\nSM\r\n\r\n"] {
        assert_eq!(cuts(&[bytes, tail].concat()), Err(error), "{}", bytes.escape_ascii());
    }
}

#[test]
fn every_byte_in_a_value_and_a_name() {
    for byte in 0..=255_u8 {
        for (value, edge) in
            [([byte, b'x', b'y'], true), ([b'x', byte, b'y'], false), ([b'x', b'y', byte], true)]
        {
            let bytes = [&REQUEST[..REQUEST.len() - 2], b"X-V:", &value, b"\r\n\r\n"].concat();
            let outcome = RequestReader::new().read(&bytes);
            if matches!(byte, b'\t' | b' '..=b'~' | 0x80..) {
                let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = outcome else {
                    panic!("{byte}")
                };
                let read = upgrade.request().header("x-v").next().unwrap();
                let cut = edge && matches!(byte, b' ' | b'\t');
                assert_eq!(read, if cut { b"xy" } else { &value[..] });
            } else {
                let expected = match byte {
                    b'\n' => Error::BareLineFeed,
                    b'\r' if value[2] == b'\r' => Error::BareCarriageReturn,
                    b'\r' => Error::BareCarriageReturn,
                    _ => Error::InvalidFieldValue,
                };
                assert_eq!(outcome.unwrap_err(), expected, "{byte}");
            }
        }
        let bytes = [&REQUEST[..REQUEST.len() - 2], b"X", &[byte], b"Y: z\r\n\r\n"].concat();
        let separator = b"()<>@,;:\\\"/[]?={} ".contains(&byte);
        let good = (byte.is_ascii_graphic() && !separator) || byte == b':';
        assert_eq!(RequestReader::new().read(&bytes).is_ok(), good, "{byte}");
    }
}

#[test]
fn p09_an_error_is_permanent() {
    for tail in [&b""[..], b"\0", b"\n", b"\r\n\r\n", REQUEST] {
        let mut reader = RequestReader::with_limits(Limits::new().max_head_len(20));
        let bytes = [&b"GET /aaa"[..], tail].concat();
        assert_eq!(read(&mut reader, &bytes[..8]), Err(Error::TargetTooLong));
        assert_eq!(read(&mut reader, &bytes), Err(Error::TargetTooLong));
        assert_eq!(read(&mut reader, REQUEST), Err(Error::TargetTooLong));
        let mut handshake = client().limits(Limits::new().max_head_len(20));
        let bytes = [&b"HTTP/1.1 200 aaaa"[..], tail].concat();
        assert_eq!(response(&mut handshake, &bytes[..17]), Err(Error::HeadTooLong));
        assert_eq!(response(&mut handshake, &bytes), Err(Error::HeadTooLong));
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p07_no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kept in 0..REQUEST.len()) {
        let bytes = [&REQUEST[..kept], &bytes].concat();
        let _ = (read(&mut RequestReader::new(), &bytes), response(&mut client(), &bytes));
        let mut reader = RequestReader::new();
        let _ = read(&mut reader, REQUEST);
        let _ = read(&mut reader, &bytes);
        let _ = barews::handshake::extension::parse(&bytes).flatten().flat_map(|extension| extension.params()).count();
    }
}
