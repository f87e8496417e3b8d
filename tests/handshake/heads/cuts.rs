//! Cuts do not change the outcome of a head, and `NeedMore` never asks for too many bytes.

use barews::handshake::server::RequestReader;
use barews::handshake::{Error, Status};
use proptest::prelude::*;

use crate::support::heads;

use super::{
    Outcome, REQUEST, RESPONSE, TAIL, cases, client, client_cuts, pieces, read, response,
    server_cuts,
};

#[test]
fn p01_any_split_gives_the_same_outcome() {
    let bytes = [REQUEST, TAIL].concat();
    let outcome = server_cuts(&bytes).unwrap();
    assert!(
        matches!(outcome, Status::Complete(text) if text.contains("Upgrade") && text.contains(&format!("head_len: {}", REQUEST.len())))
    );
    let bytes = [RESPONSE, TAIL].concat();
    let outcome = client_cuts(&bytes).unwrap();
    assert!(
        matches!(outcome, Status::Complete(text) if text.contains("Accepted") && text.contains(&format!("head_len: {}", RESPONSE.len())))
    );
    for bytes in
        [&b"HTTP/1.1 404 \r\nX: y\r\n\r\nbody"[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"]
    {
        let _ = (client_cuts(bytes), server_cuts(bytes));
    }
}

#[test]
fn need_more_counts_down_to_the_end() {
    let mut reader = RequestReader::new();
    let more = |outcome: Outcome| match outcome.unwrap() {
        Status::NeedMore(more) => more.get(),
        Status::Complete(_) => 0,
    };
    let last: Vec<_> =
        (0..=4).map(|left| more(read(&mut reader, &REQUEST[..REQUEST.len() - 4 + left]))).collect();
    assert_eq!(last, [4, 3, 2, 1, 0]);
    assert_eq!(more(read(&mut RequestReader::new(), b"")), b"G / HTTP/1.1\r\n\r\n".len());
    assert_eq!(more(response(&mut client(), b"")), b"HTTP/1.1 101\r\n\r\n".len());
    // The minimum is exact: these are the shortest heads.
    assert_eq!(more(read(&mut RequestReader::new(), b"G / HTTP/1.0\r\n\r\n")), 0);
    assert_eq!(more(response(&mut client(), b"HTTP/1.1 200\r\n\r\n")), 0);
    // After each start, `NeedMore` is the length of the shortest possible rest.
    for (start, end) in [
        ("G", " / HTTP/1.1\r\n\r\n"),
        ("GET ", "/ HTTP/1.1\r\n\r\n"),
        ("GET /a", " HTTP/1.1\r\n\r\n"),
        ("GET / HTTP", "/1.1\r\n\r\n"),
        ("GET / HTTP/1.1", "\r\n\r\n"),
        ("GET / HTTP/1.1\r\n", "\r\n"),
        ("GET / HTTP/1.1\r\nHo", ":\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost:", "\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost: a\r", "\n\r\n"),
    ] {
        assert_eq!(more(read(&mut RequestReader::new(), start.as_bytes())), end.len(), "{start:?}");
    }
    for (start, end) in [
        ("HTTP/1", ".1 101\r\n\r\n"),
        ("HTTP/1.1", " 101\r\n\r\n"),
        ("HTTP/1.1 1", "01\r\n\r\n"),
        ("HTTP/1.1 101 Swi", "\r\n\r\n"),
    ] {
        assert_eq!(more(response(&mut client(), start.as_bytes())), end.len(), "{start:?}");
    }
    // If the caller passes fewer bytes than before, the missing ones are requested again.
    let mut reader = RequestReader::new();
    read(&mut reader, &REQUEST[..40]).unwrap();
    assert!(more(read(&mut reader, &REQUEST[..30])) >= 10);
    assert!(more(read(&mut reader, b"")) >= 40);
    assert_eq!(more(read(&mut reader, REQUEST)), 0);
    assert_eq!(more(read(&mut reader, b"")), REQUEST.len());
}

/// A byte is read once: a later change to it goes unnoticed.
#[test]
fn p05_each_byte_is_read_once() {
    let mut reader = RequestReader::new();
    let mut bytes = Vec::new();
    for (at, byte) in REQUEST[..REQUEST.len() - 1].iter().enumerate() {
        bytes.push(*byte);
        assert!(matches!(reader.read(&bytes), Ok(Status::NeedMore(_))), "{at}");
        bytes[at] = 0;
    }
    assert!(matches!(RequestReader::new().read(&bytes), Err(Error::InvalidStartLine)));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn cuts_do_not_change_the_outcome_of_a_corrupted_head(
        edits in prop::collection::vec((0..REQUEST.len(), prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), any::<u8>()], 0..3_u8), 0..4),
        cut in 0..REQUEST.len(),
    ) {
        let bytes = heads::edited(&[REQUEST, TAIL].concat(), &edits);
        let whole = read(&mut RequestReader::new(), &bytes);
        let mut reader = RequestReader::new();
        prop_assert_eq!(pieces(|bytes| read(&mut reader, bytes), &bytes, [cut.min(bytes.len())]), whole.clone());
        let mut reader = RequestReader::new();
        prop_assert_eq!(pieces(|bytes| read(&mut reader, bytes), &bytes, 0..bytes.len()), whole);
    }
}
