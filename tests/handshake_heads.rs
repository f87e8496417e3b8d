//! Heads as bytes: every cut, every limit, every fault, and the writers' output.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "common/heads.rs"]
mod heads;

use std::collections::BTreeMap;

use barews::handshake::client::{Answer, Handshake};
use barews::handshake::deflate::{DeflateConfig, DeflateOffer, WindowBits};
use barews::handshake::server::{Incoming, Origins, Reader, respond};
use barews::handshake::{BuildError, Error, Limits, Status};
use proptest::prelude::*;

const REQUEST: &[u8] =
    b"GET /chat?x HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: null\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const TAIL: &[u8] = b"\x81\x02hi\r\n\r\n";
const OFFERS: [DeflateOffer; 1] = [DeflateOffer::new()];

fn client() -> Handshake<'static> {
    Handshake::new(*b"the sample nonce", "example.com", "/").protocols(&["a", "b"]).deflate(&OFFERS)
}

/// What a reader says, in a form that can be compared.
type Outcome = Result<Status<String>, Error>;

fn described<T: core::fmt::Debug>(status: Result<Status<T>, Error>) -> Outcome {
    status.map(|status| match status {
        Status::NeedMore(more) => Status::NeedMore(more),
        Status::Complete(outcome) => Status::Complete(format!("{outcome:?}")),
    })
}

fn read(reader: &mut Reader, bytes: &[u8]) -> Outcome {
    described(reader.read(bytes))
}

fn response(handshake: &mut Handshake<'_>, bytes: &[u8]) -> Outcome {
    described(handshake.response(bytes))
}

/// Shows `bytes` cut at `cuts` to a machine and returns the last outcome; `NeedMore` must have been
/// true throughout.
fn pieces(
    mut machine: impl FnMut(&[u8]) -> Outcome,
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> Outcome {
    let mut least = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        let outcome = machine(&bytes[..cut]);
        match outcome {
            Ok(Status::NeedMore(more)) => {
                assert!(cut + more.get() >= least, "what was asked for was too much");
                least = cut + more.get();
            }
            Ok(Status::Complete(_)) => {
                assert!(cut >= least, "complete with {cut} of {least} bytes");
            }
            Err(_) => {}
        }
        if !matches!(outcome, Ok(Status::NeedMore(_))) && cut < bytes.len() {
            // Final: more bytes do not change it.
            assert_eq!(machine(bytes), outcome);
            return outcome;
        }
        if cut == bytes.len() {
            return outcome;
        }
    }
    panic!("no outcome")
}

/// One piece, every cut in two, and byte by byte give the same.
fn every_cut(machine: impl Fn() -> Box<dyn FnMut(&[u8]) -> Outcome>, bytes: &[u8]) -> Outcome {
    let whole = pieces(machine(), bytes, []);
    for cut in 0..=bytes.len() {
        assert_eq!(pieces(machine(), bytes, [cut]), whole, "cut at {cut}");
    }
    assert_eq!(pieces(machine(), bytes, 0..bytes.len()), whole);
    whole
}

fn server_cuts(bytes: &[u8]) -> Outcome {
    every_cut(
        || {
            let mut reader = Reader::new();
            Box::new(move |bytes| read(&mut reader, bytes))
        },
        bytes,
    )
}

fn client_cuts(bytes: &[u8]) -> Outcome {
    every_cut(
        || {
            let mut handshake = client();
            Box::new(move |bytes| response(&mut handshake, bytes))
        },
        bytes,
    )
}

#[test]
fn p01_any_split_gives_the_same_outcome() {
    let bytes = [REQUEST, TAIL].concat();
    let outcome = server_cuts(&bytes).unwrap();
    assert!(
        matches!(outcome, Status::Complete(text) if text.contains("Upgrade") && text.contains(&format!("head_len: {}", REQUEST.len())))
    );
    let bytes = [ANSWER, TAIL].concat();
    let outcome = client_cuts(&bytes).unwrap();
    assert!(
        matches!(outcome, Status::Complete(text) if text.contains("Established") && text.contains(&format!("head_len: {}", ANSWER.len())))
    );
    for bytes in
        [&b"HTTP/1.1 404 \r\nX: y\r\n\r\nbody"[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"]
    {
        let _ = (client_cuts(bytes), server_cuts(bytes));
    }
}

#[test]
fn need_more_counts_down_to_the_end() {
    let mut reader = Reader::new();
    let more = |outcome: Outcome| match outcome.unwrap() {
        Status::NeedMore(more) => more.get(),
        Status::Complete(_) => 0,
    };
    let last: Vec<_> =
        (0..=4).map(|left| more(read(&mut reader, &REQUEST[..REQUEST.len() - 4 + left]))).collect();
    assert_eq!(last, [4, 3, 2, 1, 0]);
    assert_eq!(more(read(&mut Reader::new(), b"")), b"G / HTTP/1.1\r\n\r\n".len());
    assert_eq!(more(response(&mut client(), b"")), b"HTTP/1.1 101\r\n\r\n".len());
    // The least that is asked for is reached: these are the shortest heads.
    assert_eq!(more(read(&mut Reader::new(), b"G / HTTP/1.0\r\n\r\n")), 0);
    assert_eq!(more(response(&mut client(), b"HTTP/1.1 200\r\n\r\n")), 0);
    // Behind each of these, what is asked for is the end of the shortest head that begins so.
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
        assert_eq!(more(read(&mut Reader::new(), start.as_bytes())), end.len(), "{start:?}");
    }
    for (start, end) in [
        ("HTTP/1", ".1 101\r\n\r\n"),
        ("HTTP/1.1", " 101\r\n\r\n"),
        ("HTTP/1.1 1", "01\r\n\r\n"),
        ("HTTP/1.1 101 Swi", "\r\n\r\n"),
    ] {
        assert_eq!(more(response(&mut client(), start.as_bytes())), end.len(), "{start:?}");
    }
    // Bytes that were taken back are asked for again.
    let mut reader = Reader::new();
    read(&mut reader, &REQUEST[..40]).unwrap();
    assert!(more(read(&mut reader, &REQUEST[..30])) >= 10);
    assert!(more(read(&mut reader, b"")) >= 40);
    assert_eq!(more(read(&mut reader, REQUEST)), 0);
    assert_eq!(more(read(&mut reader, b"")), REQUEST.len());
}

/// A byte that was looked at is not looked at again: if it is changed afterwards, nothing is
/// noticed.
#[test]
fn p05_a_byte_is_looked_at_once() {
    let mut reader = Reader::new();
    let mut bytes = Vec::new();
    for (at, byte) in REQUEST[..REQUEST.len() - 1].iter().enumerate() {
        bytes.push(*byte);
        assert!(matches!(reader.read(&bytes), Ok(Status::NeedMore(_))), "{at}");
        bytes[at] = 0;
    }
    assert!(matches!(Reader::new().read(&bytes), Err(Error::InvalidStartLine)));
}

/// Each ends with the first byte at which no valid head is possible any more.
#[test]
fn malformed_requests_are_refused_at_their_first_fault() {
    let corpus: [(&[u8], Error, u16); 44] = [
        (b"\r", Error::InvalidStartLine, 400),
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
        (b"GET / HTTP/1.2", Error::HttpVersion, 505),
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
fn malformed_answers_are_refused_at_their_first_fault() {
    let corpus: [(&[u8], Error); 18] = [
        (b" ", Error::InvalidStartLine),
        (b"h", Error::InvalidStartLine),
        (b"\n", Error::BareLineFeed),
        (b"HTTP/2", Error::HttpVersion),
        (b"HTTP/1.2", Error::HttpVersion),
        (b"HTTP/1.1\r", Error::InvalidStartLine),
        (b"HTTP/1.1  ", Error::InvalidStartLine),
        (b"HTTP/1.1 0", Error::InvalidStartLine),
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
fn every_byte_at_a_place_in_a_value_and_a_name() {
    for byte in 0..=255_u8 {
        for (value, edge) in
            [([byte, b'x', b'y'], true), ([b'x', byte, b'y'], false), ([b'x', b'y', byte], true)]
        {
            let bytes = [&REQUEST[..REQUEST.len() - 2], b"X-V:", &value, b"\r\n\r\n"].concat();
            let outcome = Reader::new().read(&bytes);
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
        assert_eq!(Reader::new().read(&bytes).is_ok(), good, "{byte}");
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let len = REQUEST.len();
    let limited = |limits: Limits, bytes: &[u8]| read(&mut Reader::with_limits(limits), bytes);
    assert!(limited(Limits::new().max_head_len(len), REQUEST).is_ok());
    assert_eq!(limited(Limits::new().max_head_len(len - 1), REQUEST), Err(Error::HeadTooLong));
    assert!(limited(Limits::new().max_fields(8), REQUEST).is_ok());
    assert_eq!(limited(Limits::new().max_fields(7), REQUEST), Err(Error::TooManyFields));
    assert_eq!(limited(Limits::new().max_head_len(0), b"G"), Err(Error::TargetTooLong));

    // As soon as what is left of a head no longer fits.
    let long = [b"GET /", &[b'a'; 9000][..]].concat();
    let mut reader = Reader::new();
    let first = (0..long.len()).find(|len| reader.read(&long[..*len]).is_err()).unwrap();
    assert_eq!(first, 8192 - b" HTTP/1.1\r\n\r\n".len() + 1);
    assert_eq!(read(&mut reader, &long), Err(Error::TargetTooLong));
    assert_eq!(Error::TargetTooLong.status(), 414);
    let long = [b"GET / HTTP/1.1\r\nA: ", &[b'a'; 9000][..]].concat();
    let mut reader = Reader::new();
    let first = (0..long.len()).find(|len| reader.read(&long[..*len]).is_err()).unwrap();
    assert_eq!(first, 8192 - b"\r\n\r\n".len() + 1);
    assert_eq!(
        (read(&mut reader, &long), Error::HeadTooLong.status()),
        (Err(Error::HeadTooLong), 431)
    );

    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\n{}Host: a\r\n\r\n", "A: b\r\n".repeat(count - 1));
    assert!(read(&mut Reader::new(), fields(64).as_bytes()).is_ok());
    assert_eq!(read(&mut Reader::new(), fields(65).as_bytes()), Err(Error::TooManyFields));
    assert_eq!(Error::TooManyFields.status(), 431);
    let long = [b"HTTP/1.1 200 ", &[b'a'; 9000][..]].concat();
    assert_eq!(response(&mut client(), &long), Err(Error::HeadTooLong));
}

/// Whatever the limits, whole lines and single bytes are refused alike, and nothing that fits is.
#[test]
fn p13_every_limit_holds_at_every_cut() {
    let tabs = b"GET / HTTP/1.1\r\nHost: a\r\nA:\tb\tc\r\nD: e\r\n\r\n";
    for head in [REQUEST, &tabs[..]] {
        for len in 0..=head.len() {
            for fields in 0..=9 {
                let limits = Limits::new().max_head_len(len).max_fields(fields);
                let mut reader = Reader::with_limits(limits);
                let whole = pieces(|bytes| read(&mut reader, bytes), head, []);
                let mut reader = Reader::with_limits(limits);
                let bytewise = pieces(|bytes| read(&mut reader, bytes), head, 0..head.len());
                assert_eq!(whole, bytewise, "{len} {fields}");
                let count = head.split(|byte| *byte == b'\n').count() - 3;
                assert_eq!(whole.is_ok(), len == head.len() && fields >= count, "{len} {fields}");
            }
        }
    }
    for len in 0..=ANSWER.len() {
        let limited = || client().limits(Limits::new().max_head_len(len));
        let mut handshake = limited();
        let whole = pieces(|bytes| response(&mut handshake, bytes), ANSWER, []);
        let mut handshake = limited();
        let bytewise = pieces(|bytes| response(&mut handshake, bytes), ANSWER, 0..ANSWER.len());
        assert_eq!((whole.is_ok(), &whole), (len == ANSWER.len(), &bytewise), "{len}");
    }
}

#[test]
fn p09_a_fault_is_final() {
    for tail in [&b""[..], b"\0", b"\n", b"\r\n\r\n", REQUEST] {
        let mut reader = Reader::with_limits(Limits::new().max_head_len(20));
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

#[test]
fn both_sides_understand_each_other() {
    let offers =
        [DeflateOffer::new().client_max_window_bits(WindowBits::new(10)), DeflateOffer::new()];
    let mut client = Handshake::new([7; 16], "::1", "/a?b")
        .port(8080)
        .secure(true)
        .origin("https://example.com")
        .protocols(&["x", "y"])
        .deflate(&offers)
        .headers(&[("Cookie", "a=b")]);
    let (mut sent, mut replied) = ([0; 1024], [0; 1024]);
    let len = client.request(&mut sent).unwrap();
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = Reader::new().read(&sent[..len]) else {
        panic!()
    };
    let request = upgrade.request();
    assert_eq!((request.head_len(), request.path(), request.query()), (len, "/a", Some("b")));
    assert_eq!(
        (request.host(), upgrade.origin()),
        (Some("[::1]:8080"), Some(&b"https://example.com"[..]))
    );
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(request.header("cookie").collect::<Vec<_>>(), [b"a=b"]);
    let answer =
        upgrade.negotiate_deflate(&DeflateConfig::new().client_no_context_takeover(true)).unwrap();
    let accept = upgrade.accept(Origins::List(&["https://example.com"])).unwrap();
    let headers = [("Set-Cookie", "c=d")];
    let len = accept.protocol("y").deflate(answer).headers(&headers).write(&mut replied).unwrap();
    let Ok(Status::Complete(Answer::Established(established))) = client.response(&replied[..len])
    else {
        panic!()
    };
    assert_eq!((established.head_len(), established.protocol()), (len, Some("y")));
    assert_eq!(established.deflate(), Some(answer.params()));
    assert_eq!(established.header("set-cookie").collect::<Vec<_>>(), [b"c=d"]);

    let faults = [Error::OriginRefused, Error::UnsupportedVersion, Error::MethodNotAllowed];
    for fault in faults {
        let len = fault.respond(&mut replied).unwrap();
        let outcome =
            Handshake::new([7; 16], "a", "/").response(&replied[..len]).map(
                |status| match status {
                    Status::Complete(Answer::Rejected(rejected)) => {
                        (rejected.status(), rejected.head_len())
                    }
                    other => panic!("{other:?}"),
                },
            );
        assert_eq!(outcome, Ok((fault.status(), len)));
    }
}

/// Lines are ended by CR LF and by nothing else, and each of the handshake's fields is there once.
fn is_clean(head: &[u8], once: &[&str]) {
    let text = str::from_utf8(head).unwrap();
    assert!(text.ends_with("\r\n\r\n"));
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    assert!(!lines.next().unwrap().is_empty());
    let mut names = BTreeMap::new();
    for line in lines {
        assert!(
            !line.is_empty()
                && !line.contains(|byte: char| byte.is_ascii_control() && byte != '\t'),
            "{line:?}"
        );
        *names.entry(line.split_once(':').unwrap().0.to_ascii_lowercase()).or_insert(0) += 1;
    }
    for name in once {
        assert_eq!(names.get(*name), Some(&1), "{name}");
    }
    for (name, count) in names {
        assert!(count == 1 || !name.starts_with("sec-websocket-"));
    }
}

/// Text in which the dangerous characters are frequent.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => "[a-zA-Z0-9./:-]{0,8}",
        1 => "[\r\n\0 \t,;=\"#]{0,2}",
        1 => prop::sample::select(vec!["\r\nX: y", "\u{e9}", "Host", "upgrade", "Sec-WebSocket-Key"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(pieces, 0..3).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p19_nothing_can_be_injected_into_a_request(
        host in prop_oneof![Just("a.example".to_owned()), hostile()],
        path in prop_oneof![Just("/".to_owned()), hostile().prop_map(|path| format!("/{path}"))],
        protocol in prop_oneof![Just("chat".to_owned()), hostile()],
        origin in prop::option::of(hostile()),
        name in prop_oneof![Just("X-Y".to_owned()), hostile()],
        value in hostile(),
    ) {
        let (protocols, headers) = ([protocol.as_str()], [(name.as_str(), value.as_str())]);
        let mut handshake = Handshake::new([1; 16], &host, &path).protocols(&protocols).headers(&headers);
        if let Some(origin) = &origin {
            handshake = handshake.origin(origin);
        }
        let mut out = [0xAA; 1024];
        match handshake.request(&mut out) {
            Ok(len) => {
                is_clean(&out[..len], &["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"]);
                prop_assert!(out[len..].iter().all(|byte| *byte == 0xAA));
                let upgrade = matches!(Reader::new().read(&out[..len]), Ok(Status::Complete(Incoming::Upgrade(_))));
                prop_assert!(upgrade);
            }
            Err(error) => {
                let too_small = matches!(error, BuildError::BufferTooSmall { .. });
                prop_assert!(!too_small && out == [0xAA; 1024]);
            }
        }
    }

    #[test]
    fn p19_nothing_can_be_injected_into_an_answer(
        name in prop_oneof![Just("X-Y".to_owned()), hostile()],
        value in hostile(),
        status in 100..700_u16,
        size in 0..400_usize,
    ) {
        let headers = [("X", "y"), (name.as_str(), value.as_str())];
        let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = Reader::new().read(REQUEST) else { panic!() };
        let accept = upgrade.accept(Origins::Any).unwrap().protocol("a").headers(&headers);
        let mut out = vec![0xAA; size];
        match accept.write(&mut out) {
            Ok(len) => is_clean(&out[..len], &["upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"]),
            Err(BuildError::BufferTooSmall { needed }) => {
                prop_assert!(needed > size);
                prop_assert_eq!(accept.write(&mut vec![0; needed]), Ok(needed));
            }
            Err(_) => prop_assert!(out.iter().all(|byte| *byte == 0xAA)),
        }
        let mut out = vec![0xAA; 512];
        if let Ok(len) = respond(status, &headers, b"", &mut out) {
            is_clean(&out[..len], &["connection"]);
        }
    }

    #[test]
    fn cuts_make_no_difference_to_a_head_with_faults(
        edits in prop::collection::vec((0..REQUEST.len(), prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), any::<u8>()], 0..3_u8), 0..4),
        cut in 0..REQUEST.len(),
    ) {
        let bytes = heads::edited(&[REQUEST, TAIL].concat(), &edits);
        let whole = read(&mut Reader::new(), &bytes);
        let mut reader = Reader::new();
        prop_assert_eq!(pieces(|bytes| read(&mut reader, bytes), &bytes, [cut.min(bytes.len())]), whole.clone());
        let mut reader = Reader::new();
        prop_assert_eq!(pieces(|bytes| read(&mut reader, bytes), &bytes, 0..bytes.len()), whole);
    }

    #[test]
    fn p07_any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), kept in 0..REQUEST.len()) {
        let bytes = [&REQUEST[..kept], &bytes].concat();
        let _ = (read(&mut Reader::new(), &bytes), response(&mut client(), &bytes));
        let mut reader = Reader::new();
        let _ = read(&mut reader, REQUEST);
        let _ = read(&mut reader, &bytes);
        let _ = barews::handshake::extension::parse(&bytes).flatten().flat_map(|extension| extension.params()).count();
    }
}

#[test]
fn the_defaults_are_those_of_new() {
    assert_eq!(Limits::default(), Limits::new());
    let mut reader = Reader::default();
    assert_eq!(read(&mut reader, REQUEST), read(&mut Reader::new(), REQUEST));
    let long = [&REQUEST[..REQUEST.len() - 2], b"X: ", &[b'x'; 8192]].concat();
    assert_eq!(read(&mut Reader::default(), &long), Err(Error::HeadTooLong));
}
