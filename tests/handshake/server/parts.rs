//! A request that another HTTP implementation has parsed. Besides these tests, `heads::read`
//! compares both constructors for every head of the other ones.

use barews::handshake::deflate::DeflateConfig;
use barews::handshake::server::{HttpVersion, Origins, RequestReader, Upgrade};
use barews::handshake::{BuildError, Error, Field, Status};
use proptest::prelude::*;

use crate::support::heads::{FIELDS, edited, head};
use crate::support::parts;

/// The fields of a valid request, in the case of other implementations, and unsorted.
const PARTS: [(&str, &[u8]); 9] = [
    ("sec-websocket-version", b"13"),
    ("sec-websocket-extensions", b" x\t"),
    ("host", b"example.com"),
    ("connection", b"keep-alive, Upgrade"),
    ("sec-websocket-protocol", b"a, b"),
    ("sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
    ("upgrade", b"websocket"),
    ("sec-websocket-key", b" dGhlIHNhbXBsZSBub25jZQ== "),
    ("sec-websocket-protocol", b"\tc "),
];

#[test]
fn an_upgrade_from_parts_is_that_of_a_head() {
    let upgrade = Upgrade::from_parts("GET", "/chat", HttpVersion::Http11, PARTS.into_iter());
    let upgrade = upgrade.unwrap();
    assert_eq!(upgrade.key().unwrap().as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(upgrade.origin(), None);
    assert!(upgrade.protocols().eq(["a", "b", "c"]));
    assert!(upgrade.extensions().map(|e| e.name()).eq(["x", "permessage-deflate"]));
    let answer = upgrade.negotiate_deflate(&DeflateConfig::new()).unwrap();
    let accept = upgrade.accept(Origins::ListOrNone(&[])).unwrap().protocol("c").deflate(answer);
    let fields: Vec<_> =
        accept.response_fields().unwrap().map(|(name, value)| (name, value.to_string())).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &value[..])).collect();
    assert_eq!(
        fields,
        [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("Sec-WebSocket-Protocol", "c"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ]
    );
    assert!(!format!("{upgrade:?} {accept:?}").contains("example.com"), "values are not printed");
}

/// The fields of an extended CONNECT.
fn connect_fields() -> impl Iterator<Item = (&'static str, &'static [u8])> + Clone {
    PARTS
        .into_iter()
        .filter(|part| !["host", "upgrade", "connection", "sec-websocket-key"].contains(&part.0))
}

/// RFC 8441 §5.
#[test]
fn an_extended_connect_is_an_upgrade_without_a_key() {
    let upgrade = Upgrade::from_connect("websocket", connect_fields()).unwrap();
    assert_eq!((upgrade.key(), upgrade.origin()), (None, None));
    assert!(upgrade.protocols().eq(["a", "b", "c"]));
    let answer = upgrade.negotiate_deflate(&DeflateConfig::new()).unwrap();
    let accept = upgrade.accept(Origins::ListOrNone(&[])).unwrap().protocol("c").deflate(answer);
    let fields: Vec<_> =
        accept.response_fields().unwrap().map(|(name, value)| format!("{name}: {value}")).collect();
    let expected = ["Sec-WebSocket-Protocol: c", "Sec-WebSocket-Extensions: permessage-deflate"];
    assert_eq!(fields, expected);
    assert_eq!(accept.write(&mut [0; 512]), Err(BuildError::InvalidStatus));
    assert!(accept.protocol("other").response_fields().is_err());
    // With an origin, which is checked.
    let fields = [("origin", "https://a"), ("sec-websocket-version", "13")];
    let upgrade = Upgrade::from_connect("websocket", fields).unwrap();
    assert_eq!(upgrade.accept(Origins::List(&["https://b"])).err(), Some(Error::OriginRefused));
    assert!(upgrade.accept(Origins::List(&["https://a"])).is_ok());
}

#[test]
fn an_extended_connect_for_anything_else_is_refused() {
    let refused = |protocol, name, value: &'static [u8]| {
        let fields = connect_fields().filter(|field| field.0 != name);
        let changed = Some((name, value)).filter(|it| !it.1.is_empty());
        Upgrade::from_connect(protocol, fields.chain(changed)).err()
    };
    for protocol in ["", "connect-udp", "WebSocket"] {
        assert_eq!(refused(protocol, "", b""), Some(Error::UnknownProtocol));
    }
    assert_eq!(Error::UnknownProtocol.status(), 501);
    let version = "sec-websocket-version";
    assert_eq!(refused("websocket", version, b""), Some(Error::Missing(Field::Version)));
    for value in [&b"12"[..], b"8", b"x", b"013"] {
        assert_eq!(refused("websocket", version, value), Some(Error::Invalid(Field::Version)));
    }
    for (name, field) in [
        ("sec-websocket-protocol", Field::Protocol),
        ("sec-websocket-extensions", Field::Extensions),
    ] {
        assert_eq!(refused("websocket", name, b"a b"), Some(Error::Invalid(field)));
    }
    let twice = [(version, "13"), ("origin", "a"), ("origin", "a")];
    let repeated = Some(Error::Repeated(Field::Origin));
    assert_eq!(Upgrade::from_connect("websocket", twice).err(), repeated);
}

/// Each check of RFC 6455 §4.2.1, at parts that break it alone.
#[test]
fn parts_that_are_no_opening_handshake_are_refused() {
    let outcome = |method, target, version, changed: Option<(&str, &'static [u8])>| {
        let name = changed.map_or("", |(name, _)| name);
        let fields = PARTS.into_iter().filter(|part| part.0 != name);
        let fields: Vec<_> = fields.chain(changed.filter(|part| part.1 != b"-")).collect();
        Upgrade::from_parts(method, target, version, fields.iter().copied()).err()
    };
    let refused = |name, value| outcome("GET", "/", HttpVersion::Http11, Some((name, value)));
    assert_eq!(outcome("GET", "/", HttpVersion::Http11, None), None);
    assert_eq!(outcome("POST", "/", HttpVersion::Http11, None), Some(Error::MethodNotAllowed));
    assert_eq!(outcome("GET", "x", HttpVersion::Http11, None), Some(Error::InvalidTarget));
    assert_eq!(outcome("GET", "/", HttpVersion::Http10, None), Some(Error::UpgradeRequired));
    for (name, value, error) in [
        ("host", &b"-"[..], Error::Missing(Field::Host)),
        ("host", b"a b", Error::Invalid(Field::Host)),
        ("upgrade", b"-", Error::UpgradeRequired),
        ("upgrade", b"h2c", Error::UpgradeRequired),
        ("connection", b"-", Error::Missing(Field::Connection)),
        ("connection", b"close", Error::Invalid(Field::Connection)),
        ("content-length", b"1", Error::BodyNotAllowed),
        ("transfer-encoding", b"chunked", Error::BodyNotAllowed),
        ("sec-websocket-version", b"-", Error::Missing(Field::Version)),
        ("sec-websocket-version", b"8", Error::UnsupportedVersion),
        ("sec-websocket-key", b"-", Error::Missing(Field::Key)),
        ("sec-websocket-key", b"short", Error::Invalid(Field::Key)),
        ("sec-websocket-protocol", b"a,b c", Error::Invalid(Field::Protocol)),
        ("sec-websocket-extensions", b"a;", Error::Invalid(Field::Extensions)),
    ] {
        assert_eq!(refused(name, value), Some(error), "{name}");
    }
    for (name, field) in [
        ("Host", Field::Host),
        ("Sec-WebSocket-Key", Field::Key),
        ("Sec-WebSocket-Version", Field::Version),
        ("Origin", Field::Origin),
    ] {
        let twice = PARTS.into_iter().chain([(name, &b"13"[..]), (name, b"13")]);
        let error = Upgrade::from_parts("GET", "/", HttpVersion::Http11, twice).err();
        assert_eq!(error, Some(Error::Repeated(field)));
    }
    let origin = PARTS.into_iter().chain([("origin", &b"https://evil.example"[..])]);
    let upgrade = Upgrade::from_parts("GET", "/", HttpVersion::Http11, origin).unwrap();
    let allowed = upgrade.accept(Origins::ListOrNone(&["https://example.com"]));
    assert_eq!(allowed.err(), Some(Error::OriginRefused));
}

/// Lines of which some belong to a handshake, and some break it.
fn lines() -> impl Strategy<Value = Vec<&'static str>> {
    let line = prop::sample::select(vec![
        "Host: other.example",
        "Origin: https://example.com",
        "Origin: null",
        "Upgrade: h2c",
        "UPGRADE: WebSocket , x",
        "Connection: close",
        "connection:upgrade",
        "Content-Length: 0",
        "Content-Length: 1",
        "Transfer-Encoding: chunked",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol:\ta , b\t",
        "Sec-WebSocket-Protocol: other",
        "Sec-WebSocket-Protocol: a b",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x; y=\"z\"",
        "Sec-WebSocket-Extensions: x;",
        "Sec-WebSocket-Accept: x",
        "X-Y: \u{e9}",
    ]);
    prop::collection::vec(line, 0..4)
}

/// Whether the head had parts to compare; `None` if it is incomplete.
fn agree(bytes: &[u8]) -> Option<bool> {
    let outcome = match RequestReader::new().read(bytes) {
        Ok(Status::NeedMore(_)) => return None,
        Ok(Status::Complete(incoming)) => Ok(incoming),
        Err(error) => Err(error),
    };
    Some(parts::have_the_same_outcome(bytes, &outcome))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_have_the_same_outcome_as_the_head(
        method in prop::sample::select(vec!["GET", "GET", "GET", "POST", "OPTIONS", "CONNECT"]),
        target in prop::sample::select(vec!["/", "/chat?x", "*", "http://a/b", "http:///", "a:1"]),
        minor in prop::sample::select(vec![1, 1, 1, 0]),
        without in prop::option::of(0..FIELDS.len()),
        more in lines(),
        edits in prop::collection::vec((any::<usize>(), any::<u8>(), 0..3_u8), 0..2),
    ) {
        let kept = FIELDS.iter().enumerate().filter(|(index, _)| without != Some(*index));
        let fields: Vec<_> = kept.map(|(_, field)| *field).chain(more).collect();
        let whole = head(&format!("{method} {target} HTTP/1.{minor}"), &fields);
        prop_assert_eq!(agree(whole.as_bytes()), Some(true));
        agree(&edited(whole.as_bytes(), &edits));
    }
}
