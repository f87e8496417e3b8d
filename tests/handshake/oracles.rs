//! The opening handshake compared with other implementations: heads with `httparse`, IPv6 addresses
//! with `core::net`, keys with a reference base64 decoder.

use std::net::Ipv6Addr;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::key::Key;
use barews::handshake::server::{HttpVersion, Incoming, RequestReader};
use barews::handshake::{BuildError, Error, HeaderFields, Limits, Status};
use proptest::prelude::*;

use crate::support::{base64, heads, parts};

const NONCE: [u8; 16] = *b"the sample nonce";

/// The content of a head. For a response, the method is the status and the target is empty.
#[derive(Debug, PartialEq)]
struct Head {
    method: String,
    target: String,
    /// The minor version; `None` for a response.
    version: Option<u8>,
    len: usize,
    fields: Vec<(String, Vec<u8>)>,
}

fn fields(headers: HeaderFields<'_>) -> Vec<(String, Vec<u8>)> {
    headers.map(|header| (header.name.to_owned(), header.value.to_vec())).collect()
}

fn our_request(bytes: &[u8]) -> Option<Head> {
    let request = match RequestReader::with_limits(Limits::new().max_fields(usize::MAX)).read(bytes)
    {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => upgrade.request(),
        Ok(Status::Complete(Incoming::Plain(request))) => request,
        Ok(Status::NeedMore(_)) | Err(_) => return None,
    };
    Some(Head {
        method: request.method().to_owned(),
        target: request.target().to_owned(),
        version: Some(u8::from(request.version() == HttpVersion::Http11)),
        len: request.head_len(),
        fields: fields(request.headers()),
    })
}

/// `httparse` reads no higher minor version than 1 (RFC 9110 §2.5).
fn their_request(bytes: &[u8]) -> Option<Head> {
    let bytes = &parts::with_version_1_1(bytes);
    let mut space = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut space);
    let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else { return None };
    Some(Head {
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

/// Only for a response without interim responses before it.
fn our_response(bytes: &[u8]) -> Option<Head> {
    let (status, len, fields) = match Handshake::new(NONCE, "a", "/").read_response(bytes) {
        Ok(Status::Complete(Response::Accepted(response))) => {
            (101, response.head_len(), fields(response.headers()))
        }
        Ok(Status::Complete(Response::Rejected(response))) => {
            (response.status(), response.head_len(), fields(response.headers()))
        }
        Ok(Status::NeedMore(_)) | Err(_) => return None,
    };
    Some(Head { method: status.to_string(), target: String::new(), version: None, len, fields })
}

fn their_response(bytes: &[u8]) -> Option<Head> {
    let mut space = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut space);
    let bytes = &parts::with_version_1_1(bytes);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let Ok(httparse::Status::Complete(len)) = config.parse_response(&mut response, bytes) else {
        return None;
    };
    Some(Head {
        method: response.code?.to_string(),
        target: String::new(),
        version: None,
        len,
        fields: their_fields(response.headers),
    })
}

/// Checks that `httparse` accepts every request accepted here, with the same content.
#[track_caller]
fn requests_agree(bytes: &[u8]) {
    if let Some(ours) = our_request(bytes) {
        assert_eq!(Some(ours), their_request(bytes), "{}", bytes.escape_ascii());
    }
}

#[track_caller]
fn responses_agree(bytes: &[u8]) {
    if let Some(ours) = our_response(bytes) {
        assert_eq!(Some(ours), their_response(bytes), "{}", bytes.escape_ascii());
    }
}

/// Heads that `httparse` accepts and this crate refuses, with the reasons.
#[test]
fn where_the_other_parser_is_more_lenient() {
    let requests: [(&[u8], Error); 6] = [
        (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineFeed),
        // RFC 9112 §2.2: a recipient may accept a bare LF, but then two readers can see different
        // heads.
        (b"GET / HTTP/1.1\nHost: a\r\n\r\n", Error::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", Error::BareLineFeed),
        // RFC 9112 §3.2: no fragment and only ASCII.
        (b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine),
        (b"GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine),
        // RFC 9112 §3.2: the host is required.
        (b"GET / HTTP/1.1\r\n\r\n", Error::Missing(barews::handshake::Field::Host)),
    ];
    for (bytes, error) in requests {
        assert!(their_request(bytes).is_some(), "{}", bytes.escape_ascii());
        assert_eq!(RequestReader::new().read(bytes).unwrap_err(), error);
    }
    let responses: [(&[u8], Error); 2] = [
        (b"HTTP/1.1 200 OK\n\n", Error::BareLineFeed),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Error::InvalidStartLine),
    ];
    for (bytes, error) in responses {
        assert!(their_response(bytes).is_some(), "{}", bytes.escape_ascii());
        assert_eq!(Handshake::new(NONCE, "a", "/").read_response(bytes).unwrap_err(), error);
    }
}

/// Every byte at every place of a head, replaced or inserted.
#[test]
fn every_byte_at_every_place_of_a_head() {
    let request =
        b"GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nX-Long-Name:\t long value\r\nE:\r\n\r\n";
    let response = b"HTTP/1.1 404 Not Found\r\nX-Long-Name:\t long value \r\nE:\r\n\r\n";
    for byte in 0..=u8::MAX {
        for how in 0..2 {
            for at in 0..request.len() {
                let bytes = heads::edited(request, &[(at, byte, how)]);
                requests_agree(&bytes);
            }
            for at in 0..response.len() {
                let bytes = heads::edited(response, &[(at, byte, how)]);
                responses_agree(&bytes);
            }
        }
    }
    assert_eq!(our_request(request).map(|head| head.fields.len()), Some(3));
    assert_eq!(our_response(response).map(|head| head.fields.len()), Some(2));
}

/// A target byte is accepted exactly if `httparse` accepts it, except for those listed above.
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
    fn requests_have_the_content_that_another_parser_reads(
        method in "[A-Z!#-]{1,8}",
        target in "/[!-\"$-~]{0,40}",
        version in 0..10_u8,
        fields in prop::collection::vec(field(), 0..8),
        edits in edits(),
    ) {
        let line = format!("{method} {target} HTTP/1.{version}\r\nHost: a\r\n");
        let bytes = [line.as_bytes(), &fields.concat(), b"\r\nbehind"].concat();
        // No random field belongs to the handshake, so this is a plain request.
        prop_assert!(our_request(&bytes).is_some(), "{}", bytes.escape_ascii());
        requests_agree(&bytes);
        let bytes = heads::edited(&bytes, &edits);
        requests_agree(&bytes);
    }

    #[test]
    fn a_corrupted_upgrade_has_the_content_that_another_parser_reads(edits in edits()) {
        let bytes = heads::edited(heads::with(&[], &["Cookie: a=b"]).as_bytes(), &edits);
        requests_agree(&bytes);
    }

    #[test]
    fn responses_have_the_content_that_another_parser_reads(
        version in 0..10_u8,
        status in 200..1000_u16,
        reason in "( [ -~\u{e9}\t]{0,20})?",
        fields in prop::collection::vec(field(), 0..8),
        edits in edits(),
    ) {
        let line = format!("HTTP/1.{version} {status}{reason}\r\n");
        let bytes = [line.as_bytes(), &fields.concat(), b"\r\nbehind"].concat();
        prop_assert!(our_response(&bytes).is_some(), "{}", bytes.escape_ascii());
        responses_agree(&bytes);
        let bytes = heads::edited(&bytes, &edits);
        responses_agree(&bytes);
    }

    #[test]
    fn base64_of_any_nonce(nonce in any::<[u8; 16]>()) {
        nonce_agrees(&nonce);
        let key = Key::new(nonce);
        prop_assert_eq!(base64::decode(key.accept().as_str().as_bytes()).map(|sum| sum.len()), Some(20));
        // Digits in place of the padding make 18 bytes.
        let text = key.as_str().replace('=', "A");
        prop_assert_eq!(base64::decode(text.as_bytes()).map(|bytes| bytes.len()), Some(18));
        prop_assert_eq!(Key::parse(text.as_bytes()), None);
    }

    /// Text that often has the form of a key.
    #[test]
    fn base64_that_may_be_a_key(text in "[A-Za-z0-9+/]{21}[A-Za-z0-9+/=]{1}[A=]{1}[=A-]{1}") {
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
fn base64_of_single_nonzero_bytes() {
    for byte in 0..=u8::MAX {
        for at in 0..16 {
            let mut nonce = [0; 16];
            nonce[at] = byte;
            nonce_agrees(&nonce);
        }
    }
}

/// Checks the reference decoder itself with the vectors of RFC 4648 §10.
#[test]
fn base64_vectors_of_rfc_4648() {
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
    for text in ["Zg=", "Zg", "Z===", "=", "==", "Zg==Zg==", "Zm9v\n", "Zm-v", "Z m9"] {
        assert_eq!(base64::decode(text.as_bytes()), None, "{text:?}");
    }
    for (bytes, text) in [("f", "Zh=="), ("f", "Zv=="), ("fo", "Zm9=")] {
        assert_eq!(base64::decode(text.as_bytes()).unwrap(), bytes.as_bytes());
    }
}

/// A host with a colon must be an IPv6 address.
#[track_caller]
fn ipv6_agrees(text: &str) {
    if text.contains(':') {
        let outcome = Handshake::new(NONCE, text, "/").write_request(&mut [0; 512]);
        let expected = text.parse::<Ipv6Addr>().is_ok();
        assert_eq!(outcome.is_ok(), expected, "{text}");
        assert!(expected || outcome == Err(BuildError::InvalidHost));
    }
}

/// All texts of up to five significant pieces, and all numbers of groups.
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
