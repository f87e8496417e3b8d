//! How a server reads a request: the start line, the fields, and the bytes after the head.

use barews::handshake::key::Key;
use barews::handshake::server::{HttpVersion, Incoming, Request};
use barews::handshake::{Error, Field};

use crate::support::base64;
use crate::support::heads::{FIELDS, answer, head, read, upgrade, with};

use super::refused;

fn plain(head: &str) -> Request<'_> {
    match read(head.as_bytes()) {
        Ok(Incoming::Plain(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r4_2_02_method_version_and_target() {
    for method in ["POST", "HEAD", "get", "GETS", "PRI"] {
        refused(&head(&format!("{method} /chat HTTP/1.1"), &FIELDS), Error::MethodNotAllowed, 405);
    }
    plain(&head("GET /chat HTTP/1.0", &FIELDS));
    refused(&head("GET /chat HTTP/2.0", &FIELDS), Error::HttpVersion, 505);
    refused(&head("GET /chat HTTP/0.9", &FIELDS), Error::HttpVersion, 505);
    for target in [
        "*",
        "chat",
        "ftp://example.com/",
        "example.com:80",
        "ws://example.com/",
        "http:/x",
        "http",
    ] {
        refused(&head(&format!("GET {target} HTTP/1.1"), &FIELDS), Error::InvalidTarget, 400);
    }
    for target in
        ["http:///x", "http://", "https://user@example.com/", "http://[::1/", "http://a b"]
    {
        assert!(
            read(head(&format!("GET {target} HTTP/1.1"), &FIELDS).as_bytes()).is_err(),
            "{target}"
        );
    }
    assert_eq!(
        upgrade(&head("GET /chat HTTP/1.1", &FIELDS)).request().version(),
        HttpVersion::Http11
    );
    upgrade(&head("GET /chat HTTP/1.2", &FIELDS));

    let targets = [
        ("/", "/", None, "example.com"),
        ("/chat?a=b?c", "/chat", Some("a=b?c"), "example.com"),
        ("/%2e/../x?", "/%2e/../x", Some(""), "example.com"),
        ("http://other.example", "/", None, "other.example"),
        ("HTTPS://other.example:8443?q", "/", Some("q"), "other.example:8443"),
        ("https://[2001:db8::1]:444/a/b?q", "/a/b", Some("q"), "[2001:db8::1]:444"),
    ];
    for (target, path, query, host) in targets {
        let bytes = head(&format!("GET {target} HTTP/1.1"), &FIELDS);
        let request = upgrade(&bytes).request();
        assert_eq!((request.method(), request.target()), ("GET", target));
        assert_eq!((request.path(), request.query(), request.host()), (path, query, Some(host)));
    }
}

/// The key in the note of §4.1, item 7, whose last digit has unused bits that are not zero; many
/// clients send it.
#[test]
fn r4_2_06_the_key_in_the_note_of_the_rfc_is_accepted() {
    for last in ["C", "A", "H"] {
        let line = format!("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PE{last}==");
        let bytes = with(&["Sec-WebSocket-K"], &[&line]);
        assert!(line.ends_with(upgrade(&bytes).key().unwrap().as_str()));
    }
    // What Python computes: base64.b64encode(hashlib.sha1(key + GUID).digest()).
    let key = Key::parse(b"AQIDBAUGBwgJCgsMDQ4PEC==").unwrap();
    assert_eq!(key.accept().as_str(), "OfS0wDaT5NoxF2gqm7Zj2YtetzM=");
}

/// RFC 9112 §3.2. Also protects callers that answer plain requests by path.
#[test]
fn a_plain_target_has_the_form_of_its_method() {
    let targets = [
        ("GET", "/a?b", "/a"),
        ("OPTIONS", "/", "/"),
        ("OPTIONS", "*", "*"),
        ("GET", "http://b/c", "/c"),
        ("CONNECT", "b:443", "b:443"),
        ("CONNECT", "[::1]:443", "[::1]:443"),
    ];
    for (method, target, path) in targets {
        let bytes = head(&format!("{method} {target} HTTP/1.1"), &["Host: a"]);
        assert_eq!(plain(&bytes).path(), path, "{method} {target}");
    }
    let bad = [
        ("GET", "foo"),
        ("GET", "*"),
        ("GET", "b:443"),
        ("GET", "ftp://b/"),
        ("POST", "?a"),
        ("OPTIONS", "**"),
        ("CONNECT", "/"),
        ("CONNECT", "http://b/"),
        ("connect", "b:443"),
    ];
    for (method, target) in bad {
        let bytes = head(&format!("{method} {target} HTTP/1.1"), &["Host: a"]);
        refused(&bytes, Error::InvalidTarget, 400);
    }
}

#[test]
fn r4_2_03_host_is_present_once_and_valid() {
    refused(&with(&["Host"], &[]), Error::Missing(Field::Host), 400);
    refused(&with(&[], &["host: example.com"]), Error::Repeated(Field::Host), 400);
    for host in [
        "",
        "a b",
        "a/b",
        "user@a",
        "a:b",
        "a:80:80",
        "[::1",
        "::1",
        "[::1]x",
        "[1.2.3.4]",
        "a?b",
        "\u{e9}",
    ] {
        refused(&with(&["Host"], &[&format!("Host: {host}")]), Error::Invalid(Field::Host), 400);
    }
    let literals = [
        "[::]",
        "[::1]:80",
        "[1:2:3:4:5:6:7:8]",
        "[::ffff:1.2.3.4]",
        "[1:2:3:4:5:6:1.2.3.4]",
        "[1::8]",
    ];
    for host in
        ["a", "a:", "a:80", "192.0.2.1:80", "xn--bcher-kva.example"].into_iter().chain(literals)
    {
        assert_eq!(
            upgrade(&with(&["Host"], &[&format!("Host: {host}")])).request().host(),
            Some(host)
        );
    }
    let bad = [
        "[:]",
        "[:::]",
        "[1::2::3]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7::8]",
        "[12345::]",
        "[g::]",
        "[::1.2.3]",
    ];
    for host in bad.into_iter().chain([
        "[1.2.3.4::]",
        "[::1.2.3.256]",
        "[::1.2.3.4.5]",
        "[::1.2.3.04]",
        "[]",
        "[::1%25a]",
    ]) {
        refused(&with(&["Host"], &[&format!("Host: {host}")]), Error::Invalid(Field::Host), 400);
    }
    // HTTP/1.1 requires a Host for plain requests too; HTTP/1.0 does not.
    refused("GET / HTTP/1.1\r\n\r\n", Error::Missing(Field::Host), 400);
    assert_eq!(plain("GET / HTTP/1.0\r\n\r\n").host(), None);
}

#[test]
fn r4_2_04_upgrade_lists_websocket_or_the_request_is_plain() {
    for value in
        ["websocket", "WebSocket", "WEBSOCKET", "h2c, websocket", "websocket , foo/2", ",websocket"]
    {
        upgrade(&with(&["Upgrade"], &[&format!("Upgrade: {value}")]));
    }
    upgrade(&with(&["Upgrade"], &["Upgrade: h2c", "UPGRADE: websocket"]));
    upgrade(&with(&["Upgrade"], &["Upgrade: websocket", "Upgrade: h2c"]));
    for value in ["", "h2c", "websocket/13", "web socket", "websockets", "\"websocket\""] {
        plain(&with(&["Upgrade"], &[&format!("Upgrade: {value}")]));
    }
    let bytes = with(&["Upgrade"], &[]);
    let request = plain(&bytes);
    assert_eq!(
        (request.method(), request.path(), request.host()),
        ("GET", "/chat", Some("example.com"))
    );
    assert_eq!(request.head_len(), bytes.len());
    assert_eq!(
        answer(Error::UpgradeRequired),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn r4_2_05_connection_has_the_token_upgrade() {
    refused(&with(&["Connection"], &[]), Error::Missing(Field::Connection), 400);
    for value in ["", "close", "Upgrade2", "keep-alive; Upgrade", "Up grade"] {
        let bytes = with(&["Connection"], &[&format!("Connection: {value}")]);
        refused(&bytes, Error::Invalid(Field::Connection), 400);
    }
    for value in ["upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive", "\tUpgrade "] {
        upgrade(&with(&["Connection"], &[&format!("Connection:{value}")]));
    }
    upgrade(&with(&["Connection"], &["Connection: keep-alive", "connection: upgrade"]));
    upgrade(&with(&["Connection"], &["Connection: upgrade", "Connection: keep-alive"]));
    // It is required for every version.
    for version in ["8", "13"] {
        let version = format!("Sec-WebSocket-Version: {version}");
        refused(
            &with(&["Connection", "Sec-WebSocket-V"], &[&version]),
            Error::Missing(Field::Connection),
            400,
        );
    }
}

#[test]
fn r4_2_06_key_is_sixteen_bytes_of_base64() {
    refused(&with(&["Sec-WebSocket-K"], &[]), Error::Missing(Field::Key), 400);
    refused(&with(&[], &[FIELDS[3]]), Error::Repeated(Field::Key), 400);
    assert_eq!(upgrade(&with(&[], &[])).key().unwrap().as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
    let padded = with(&["Sec-WebSocket-K"], &["Sec-WebSocket-Key: \t AAAAAAAAAAAAAAAAAAAAAA== \t"]);
    assert_eq!(upgrade(&padded).key().unwrap().as_str(), "AAAAAAAAAAAAAAAAAAAAAA==");

    for len in 0..=64 {
        for fill in ['A', '='] {
            let key =
                format!("{}{}", "A".repeat(len / 2), String::from(fill).repeat(len - len / 2));
            refused(
                &with(&["Sec-WebSocket-K"], &[&format!("Sec-WebSocket-Key: {key}")]),
                Error::Invalid(Field::Key),
                400,
            );
        }
        let key = format!("{}==", "A".repeat(len));
        assert_eq!(Key::parse(key.as_bytes()).is_some(), len == 22);
    }
    // Every byte at every place: the key is accepted exactly if it decodes to 16 bytes (RFC 4648).
    let good = *b"dGhlIHNhbXBsZSBub25jZQ==";
    for at in 0..good.len() {
        for byte in 0..=255 {
            let mut key = good;
            key[at] = byte;
            let expected = base64::decode(&key).is_some_and(|bytes| bytes.len() == 16);
            assert_eq!(Key::parse(&key).is_some(), expected, "{byte} at {at}");
        }
    }
}

#[test]
fn r4_2_07_version_is_13_once() {
    refused(&with(&["Sec-WebSocket-V"], &[]), Error::Missing(Field::Version), 400);
    refused(&with(&[], &[FIELDS[4]]), Error::Repeated(Field::Version), 400);
    for version in 0..=255_u8 {
        let bytes = with(&["Sec-WebSocket-V"], &[&format!("Sec-WebSocket-Version: {version}")]);
        match read(bytes.as_bytes()) {
            Ok(Incoming::Upgrade(_)) => assert_eq!(version, 13),
            other => {
                assert_eq!((other.unwrap_err(), version == 13), (Error::UnsupportedVersion, false));
            }
        }
    }
    for value in [
        "",
        "013",
        "+13",
        "13.0",
        "1 3",
        "13, 8",
        "256",
        "99999999999999999999",
        "x",
        "0x0d",
        "-1",
        "1:",
        "1/",
    ] {
        let bytes = with(&["Sec-WebSocket-V"], &[&format!("Sec-WebSocket-Version: {value}")]);
        refused(&bytes, Error::Invalid(Field::Version), 400);
    }
}

#[test]
fn r4_2_08_a_missing_origin_differs_from_null() {
    assert_eq!(upgrade(&with(&[], &[])).origin(), None);
    assert_eq!(upgrade(&with(&[], &["Origin: null"])).origin(), Some(&b"null"[..]));
    assert_eq!(upgrade(&with(&[], &["Origin:"])).origin(), Some(&b""[..]));
    refused(&with(&[], &["Origin: null", "Origin: null"]), Error::Repeated(Field::Origin), 400);
}

#[test]
fn r4_2_09_protocols_in_order_over_several_lines() {
    let bytes = with(
        &[],
        &[
            "Sec-WebSocket-Protocol: v2.chat ,\tv1.chat",
            "Cookie: a",
            "sec-websocket-protocol: soap",
        ],
    );
    assert_eq!(upgrade(&bytes).protocols().collect::<Vec<_>>(), ["v2.chat", "v1.chat", "soap"]);
    assert_eq!(upgrade(&with(&[], &[])).protocols().count(), 0);
    for value in ["a b", "a;b", "\"a\"", "a/b", "\u{e9}", "a@b", ",a b", "a,b;"] {
        let bytes = with(&[], &[&format!("Sec-WebSocket-Protocol: {value}")]);
        refused(&bytes, Error::Invalid(Field::Protocol), 400);
        let second =
            with(&[], &["Sec-WebSocket-Protocol: ok", &format!("Sec-WebSocket-Protocol: {value}")]);
        refused(&second, Error::Invalid(Field::Protocol), 400);
    }
}

#[test]
fn r4_2_10_extensions_in_order_over_several_lines() {
    let bytes =
        with(&[], &["Sec-WebSocket-Extensions: a; x=1, b", "sec-websocket-extensions: c;y"]);
    let upgrade = upgrade(&bytes);
    assert_eq!(
        upgrade.extensions().map(|extension| extension.name()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_eq!(upgrade.extensions().last().unwrap().params().next().unwrap().name, "y");
    for value in [",;", "a,=", "a;", "a;=1", "a;x=", "a;x=\"", "a b", "a;x=\"\"", "a;x=\" \""] {
        let bytes = with(
            &[],
            &["Sec-WebSocket-Extensions: a", &format!("Sec-WebSocket-Extensions: {value}")],
        );
        refused(&bytes, Error::Invalid(Field::Extensions), 400);
    }
}

#[test]
fn r4_2_11_unknown_fields_are_ignored_but_checked() {
    let bytes = with(&[], &["X-Unknown: \u{e9}\t!", "x-empty:", "X-Unknown: two"]);
    let request = upgrade(&bytes).request();
    assert_eq!(request.header("x-unknown").collect::<Vec<_>>(), ["\u{e9}\t!".as_bytes(), b"two"]);
    assert_eq!(request.header("X-EMPTY").collect::<Vec<_>>(), [b""]);
    assert_eq!(request.headers().count(), FIELDS.len() + 3);
    assert_eq!(request.headers().map(|header| header.name).last(), Some("X-Unknown"));
    refused(&with(&[], &["X Y: z"]), Error::InvalidFieldName, 400);
    refused(&with(&[], &["X: \0"]), Error::InvalidFieldValue, 400);
}

#[test]
fn p20_r4_2_21_bytes_after_the_head_are_not_read() {
    let head = with(&[], &[]);
    for tail in
        [&b""[..], b"\x81\x80\0\0\0\0", b"GET /smuggled HTTP/1.1\r\n\r\n", b"\r\n\r\n", &[0; 300]]
    {
        let bytes = [head.as_bytes(), tail].concat();
        let Ok(Incoming::Upgrade(upgrade)) = read(&bytes) else { panic!() };
        assert_eq!(upgrade.request().head_len(), head.len());
        assert_eq!(upgrade.request().headers().count(), FIELDS.len());
    }
}

#[test]
fn r4_2_22_an_upgrade_has_no_body() {
    for field in [
        "Content-Length: 1",
        "Content-Length: 00",
        "Content-Length: 0, 0",
        "Content-Length:",
        "content-length: -0",
    ] {
        refused(&with(&[], &[field]), Error::BodyNotAllowed, 400);
    }
    refused(&with(&[], &["Content-Length: 0", "Content-Length: 5"]), Error::BodyNotAllowed, 400);
    refused(&with(&[], &["Content-Length: 5", "Content-Length: 0"]), Error::BodyNotAllowed, 400);
    refused(&with(&[], &["Transfer-Encoding: chunked"]), Error::BodyNotAllowed, 400);
    refused(&with(&[], &["transfer-encoding: identity"]), Error::BodyNotAllowed, 400);
    upgrade(&with(&[], &["Content-Length: 0"]));
    // The caller reads the body of a plain request.
    let bytes = head("POST / HTTP/1.1", &["Host: a", "Content-Length: 5"]) + "12345";
    let request = plain(&bytes);
    assert_eq!(&bytes[request.head_len()..], "12345");
}

#[test]
fn r11_3_01_fields_that_must_be_single_in_a_request() {
    for (field, error) in
        [(FIELDS[0], Field::Host), (FIELDS[3], Field::Key), (FIELDS[4], Field::Version)]
    {
        refused(&with(&[], &[field]), Error::Repeated(error), 400);
        refused(&with(&[], &[&field.to_uppercase()]), Error::Repeated(error), 400);
    }
    let repeated = [
        "Sec-WebSocket-Protocol: a",
        "Sec-WebSocket-Protocol: b",
        "Sec-WebSocket-Extensions: c",
        "Sec-WebSocket-Extensions: d",
    ];
    let bytes = with(&[], &repeated);
    assert_eq!((upgrade(&bytes).protocols().count(), upgrade(&bytes).extensions().count()), (2, 2));
}

#[test]
fn r8_1_02_values_are_bytes() {
    let line = |field: &[u8]| {
        let mut bytes = with(&[], &[]).into_bytes();
        bytes.truncate(bytes.len() - 2);
        [&bytes, field, b"\r\n\r\n"].concat()
    };
    let bytes = line(b"X: \xFF\xFE\x80");
    let Ok(Incoming::Upgrade(upgrade)) = read(&bytes) else { panic!() };
    assert_eq!(upgrade.request().header("x").next(), Some(&b"\xFF\xFE\x80"[..]));
    // They are invalid in fields that contain tokens.
    let bytes = line(b"Sec-WebSocket-Protocol: a\xFF");
    assert_eq!(read(&bytes).unwrap_err(), Error::Invalid(Field::Protocol));
    let bytes = line(b"Sec-WebSocket-Extensions: a\x80");
    assert_eq!(read(&bytes).unwrap_err(), Error::Invalid(Field::Extensions));
}
