//! The parts of the opening handshake that other crates have as well, compared with them: `httparse`
//! for heads, `core::net` for IPv6 addresses. Keys are compared with base64 as RFC 4648 defines it.

use std::net::Ipv6Addr;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::key::Key;
use barews::handshake::server::{HttpVersion, Incoming, RequestReader};
use barews::handshake::{BuildError, Error, HeaderFields, Limits, Status};
use proptest::prelude::*;

use crate::support::{base64, heads};

const NONCE: [u8; 16] = *b"the sample nonce";

/// What a head says. An answer's status stands for the method, and its target is empty.
#[derive(Debug, PartialEq)]
struct Said {
    method: String,
    target: String,
    /// The minor version, which an answer does not tell.
    version: Option<u8>,
    len: usize,
    fields: Vec<(String, Vec<u8>)>,
}

fn fields(headers: HeaderFields<'_>) -> Vec<(String, Vec<u8>)> {
    headers.map(|header| (header.name.to_owned(), header.value.to_vec())).collect()
}

fn our_request(bytes: &[u8]) -> Option<Said> {
    let request = match RequestReader::with_limits(Limits::new().max_fields(usize::MAX)).read(bytes)
    {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => upgrade.request(),
        Ok(Status::Complete(Incoming::Plain(request))) => request,
        Ok(Status::NeedMore(_)) | Err(_) => return None,
    };
    Some(Said {
        method: request.method().to_owned(),
        target: request.target().to_owned(),
        version: Some(u8::from(request.version() == HttpVersion::Http11)),
        len: request.head_len(),
        fields: fields(request.headers()),
    })
}

fn their_request(bytes: &[u8]) -> Option<Said> {
    let mut space = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut space);
    let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else { return None };
    Some(Said {
        method: request.method?.to_owned(),
        target: request.path?.to_owned(),
        version: request.version,
        len,
        fields: their_fields(request.headers),
    })
}

fn their_fields(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect()
}

/// Of an answer without interim ones before it.
fn our_answer(bytes: &[u8]) -> Option<Said> {
    let (status, len, fields) = match Handshake::new(NONCE, "a", "/").read_response(bytes) {
        Ok(Status::Complete(Response::Accepted(answer))) => {
            (101, answer.head_len(), fields(answer.headers()))
        }
        Ok(Status::Complete(Response::Rejected(answer))) => {
            (answer.status(), answer.head_len(), fields(answer.headers()))
        }
        Ok(Status::NeedMore(_)) | Err(_) => return None,
    };
    Some(Said { method: status.to_string(), target: String::new(), version: None, len, fields })
}

fn their_answer(bytes: &[u8]) -> Option<Said> {
    let mut space = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut space);
    let Ok(httparse::Status::Complete(len)) = response.parse(bytes) else { return None };
    Some(Said {
        method: response.code?.to_string(),
        target: String::new(),
        version: None,
        len,
        fields: their_fields(response.headers),
    })
}

/// What is taken here is taken there, and says the same.
#[track_caller]
fn requests_agree(bytes: &[u8]) {
    if let Some(ours) = our_request(bytes) {
        assert_eq!(Some(ours), their_request(bytes), "{}", bytes.escape_ascii());
    }
}

#[track_caller]
fn answers_agree(bytes: &[u8]) {
    if let Some(ours) = our_answer(bytes) {
        assert_eq!(Some(ours), their_answer(bytes), "{}", bytes.escape_ascii());
    }
}

/// What the other parser takes and this one does not, each for a reason.
#[test]
fn where_the_other_parser_is_more_lenient() {
    let requests: [(&[u8], Error); 6] = [
        // 9112, 2.2 lets a server skip an empty line before the request; here a head begins at once.
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine),
        // 9112, 2.2 lets a recipient take a line feed alone; two readers then see two heads.
        (b"GET / HTTP/1.1\nHost: a\r\n\r\n", Error::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", Error::BareLineFeed),
        // 9112, 3.2: no fragment, and nothing outside ASCII.
        (b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine),
        (b"GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine),
        // 9112, 3.2: a request without a host, and other rules about what a valid head says.
        (b"GET / HTTP/1.1\r\n\r\n", Error::Missing(barews::handshake::Field::Host)),
    ];
    for (bytes, error) in requests {
        assert!(their_request(bytes).is_some(), "{}", bytes.escape_ascii());
        assert_eq!(RequestReader::new().read(bytes).unwrap_err(), error);
    }
    let answers: [(&[u8], Error); 3] = [
        (b"HTTP/1.1 200 OK\n\n", Error::BareLineFeed),
        // 9110, 15: a status is 100 to 999.
        (b"HTTP/1.1 099 \r\n\r\n", Error::InvalidStartLine),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Error::InvalidStartLine),
    ];
    for (bytes, error) in answers {
        assert!(their_answer(bytes).is_some(), "{}", bytes.escape_ascii());
        assert_eq!(Handshake::new(NONCE, "a", "/").read_response(bytes).unwrap_err(), error);
    }
}

/// Each byte in each place of a head, alone and with what could end a run of good bytes behind it.
#[test]
fn every_byte_at_every_place_of_a_head() {
    let request =
        b"GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nX-Long-Name:\t long value\r\nE:\r\n\r\n";
    let answer = b"HTTP/1.1 404 Not Found\r\nX-Long-Name:\t long value \r\nE:\r\n\r\n";
    for byte in 0..=u8::MAX {
        for how in 0..2 {
            for at in 0..request.len() {
                let bytes = heads::edited(request, &[(at, byte, how)]);
                requests_agree(&bytes);
            }
            for at in 0..answer.len() {
                let bytes = heads::edited(answer, &[(at, byte, how)]);
                answers_agree(&bytes);
            }
        }
    }
    assert_eq!(our_request(request).map(|said| said.fields.len()), Some(3));
    assert_eq!(our_answer(answer).map(|said| said.fields.len()), Some(2));
}

/// Each byte of a target is taken here if it is there, but for those that are listed above.
#[test]
fn every_byte_of_a_target() {
    for byte in 0..=u8::MAX {
        let bytes = [b"GET /", &[byte][..], b"x HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let lenient = byte == b'#' || byte >= 0x80;
        assert_eq!(
            our_request(&bytes).is_some(),
            their_request(&bytes).is_some() && !lenient,
            "{byte}"
        );
    }
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    let name = "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,24}";
    let space = "[ \t]{0,2}";
    let value = prop::collection::vec(
        prop_oneof![8 => b' '..=b'~', 1 => Just(b'\t'), 1 => 0x80..=0xFF_u8],
        0..40,
    );
    (name, space, value, space).prop_map(|(name, before, value, after)| {
        [name.as_bytes(), b":", before.as_bytes(), &value, after.as_bytes(), b"\r\n"].concat()
    })
}

fn edits() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let byte = prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), any::<u8>()];
    prop::collection::vec((any::<usize>(), byte, 0..3_u8), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_mean_the_same_to_another_parser(
        method in "[A-Z!#-]{1,8}",
        target in "/[!-\"$-~]{0,40}",
        version in 0..2_u8,
        fields in prop::collection::vec(field(), 0..8),
        edits in edits(),
    ) {
        let line = format!("{method} {target} HTTP/1.{version}\r\nHost: a\r\n");
        let bytes = [line.as_bytes(), &fields.concat(), b"\r\nbehind"].concat();
        // Nothing random is one of the handshake's own fields, so it is a plain request.
        prop_assert!(our_request(&bytes).is_some(), "{}", bytes.escape_ascii());
        requests_agree(&bytes);
        let bytes = heads::edited(&bytes, &edits);
        requests_agree(&bytes);
    }

    #[test]
    fn an_upgrade_with_faults_means_the_same_to_another_parser(edits in edits()) {
        let bytes = heads::edited(heads::with(&[], &["Cookie: a=b"]).as_bytes(), &edits);
        requests_agree(&bytes);
    }

    #[test]
    fn answers_mean_the_same_to_another_parser(
        version in 0..2_u8,
        status in 200..1000_u16,
        reason in "( [ -~\u{e9}\t]{0,20})?",
        fields in prop::collection::vec(field(), 0..8),
        edits in edits(),
    ) {
        let line = format!("HTTP/1.{version} {status}{reason}\r\n");
        let bytes = [line.as_bytes(), &fields.concat(), b"\r\nbehind"].concat();
        prop_assert!(our_answer(&bytes).is_some(), "{}", bytes.escape_ascii());
        answers_agree(&bytes);
        let bytes = heads::edited(&bytes, &edits);
        answers_agree(&bytes);
    }

    #[test]
    fn base64_of_any_nonce(nonce in any::<[u8; 16]>()) {
        nonce_agrees(&nonce);
        let key = Key::new(nonce);
        prop_assert_eq!(base64::decode(key.accept().as_str().as_bytes()).map(|sum| sum.len()), Some(20));
        // The same digits without padding are 18 bytes.
        let text = key.as_str().replace('=', "A");
        prop_assert_eq!(base64::decode(text.as_bytes()).map(|bytes| bytes.len()), Some(18));
        prop_assert_eq!(Key::parse(text.as_bytes()), None);
    }

    /// Texts that are often of the right form, and canonical in one of sixteen cases.
    #[test]
    fn base64_that_is_not_canonical(text in "[A-Za-z0-9+/]{21}[A-Za-z0-9+/=]{1}[A=]{1}[=A-]{1}") {
        let text = text.as_bytes();
        let taken = base64::decode(text).is_some_and(|bytes| bytes.len() == 16);
        prop_assert_eq!(Key::parse(text).is_some(), taken);
    }

    #[test]
    fn ipv6_addresses(
        groups in prop::collection::vec(prop_oneof![6 => "[0-9a-fA-F]{1,4}", 1 => Just(String::new()), 1 => "[0-9a-g]{0,5}"], 0..10),
        v4 in prop_oneof![2 => Just(String::new()), 1 => "[0-9.:]{0,9}", 2 => any::<[u8; 4]>().prop_map(|v4| format!(":{}.{}.{}.{}", v4[0], v4[1], v4[2], v4[3]))],
    ) {
        ipv6_agrees(&(groups.join(":") + &v4));
    }
}

#[track_caller]
fn nonce_agrees(nonce: &[u8; 16]) {
    let key = Key::new(*nonce);
    assert_eq!(base64::decode(key.as_str().as_bytes()).unwrap(), nonce);
    assert_eq!(Key::parse(key.as_str().as_bytes()), Some(key), "{nonce:?}");
}

#[test]
fn base64_of_every_byte_alone() {
    for byte in 0..=u8::MAX {
        for at in 0..16 {
            let mut nonce = [0; 16];
            nonce[at] = byte;
            nonce_agrees(&nonce);
        }
    }
}

/// What the others are compared with has the vectors of RFC 4648, section 10, itself.
#[test]
fn published_base64() {
    let published = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ];
    for (bytes, text) in published {
        assert_eq!(base64::decode(text.as_bytes()).unwrap(), bytes.as_bytes());
    }
    for text in
        ["Zg=", "Zg", "Z===", "=", "==", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm-v", "Z m9"]
    {
        assert_eq!(base64::decode(text.as_bytes()), None, "{text:?}");
    }
}

/// A host with a colon in it is an IPv6 address or none at all.
#[track_caller]
fn ipv6_agrees(text: &str) {
    if text.contains(':') {
        let outcome = Handshake::new(NONCE, text, "/").write_request(&mut [0; 512]);
        let expected = text.parse::<Ipv6Addr>().is_ok();
        assert_eq!(outcome.is_ok(), expected, "{text}");
        assert!(expected || outcome == Err(BuildError::InvalidHost));
    }
}

/// All texts of up to five of the pieces that decide, and all numbers of groups.
#[test]
fn every_short_ipv6_address() {
    let letters = [":", "::", "1", "a2b3c", "1.2.3.4", "256", "."];
    let mut texts = vec![String::new()];
    for _ in 0..5 {
        texts = texts
            .iter()
            .flat_map(|text| letters.map(|letter| format!("{text}{letter}")))
            .inspect(|text| ipv6_agrees(text))
            .collect();
    }
    for count in 0..10 {
        for gap in 0..=count {
            let (left, right) = (vec!["1"; gap].join(":"), vec!["1"; count - gap].join(":"));
            for middle in [":", "::", ":::", ":1.2.3.4", "::1.2.3.4"] {
                ipv6_agrees(&format!("{left}{middle}{right}"));
            }
        }
    }
}
