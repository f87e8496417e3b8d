//! The URIs of RFC 6455 §3, and the resource name in a request.

use barews::handshake::client::{Handshake, InvalidUri, Uri};

#[track_caller]
fn parts(text: &str) -> (bool, &str, u16, &str) {
    let uri = Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    (uri.is_secure(), uri.host(), uri.port(), uri.path())
}

/// The request line and the `Host` field.
fn request(text: &str) -> String {
    let mut out = [0; 512];
    let handshake = Handshake::to([0; 16], &Uri::parse(text).unwrap());
    let len = handshake.write_request(&mut out).unwrap();
    let head = str::from_utf8(&out[..len]).unwrap();
    head.lines().take(2).collect::<Vec<_>>().join(" | ")
}

#[test]
fn r3_01_the_scheme_decides_on_tls_and_the_default_port() {
    assert_eq!(parts("ws://a/"), (false, "a", 80, "/"));
    assert_eq!(parts("wss://a/"), (true, "a", 443, "/"));
    assert_eq!(parts("WS://A.example/x"), (false, "A.example", 80, "/x"));
    assert_eq!(parts("wSs://a:80"), (true, "a", 80, ""));
    assert_eq!(parts("ws://a:65535/"), (false, "a", 65535, "/"));
    assert_eq!(parts("ws://a:/"), (false, "a", 80, "/"));
    assert_eq!(parts("ws://a:008/"), (false, "a", 8, "/"));
    for text in [
        "",
        "a",
        "a/b",
        "//a/",
        "http://a/",
        "https://a/",
        "wsss://a/",
        "ws:/a",
        "ws:a",
        " ws://a/",
    ] {
        assert_eq!(Uri::parse(text), Err(InvalidUri::Scheme), "{text}");
    }
    for port in ["0", "65536", "99999999999999999999", "-1", "+1", "x", "8 0", "80:80"] {
        let error = Uri::parse(&format!("ws://a:{port}/")).unwrap_err();
        assert!(matches!(error, InvalidUri::Port | InvalidUri::Host), "{port}");
    }
    assert_eq!(Uri::parse("ws://a:0/"), Err(InvalidUri::Port));
    assert_eq!(Uri::parse("ws://1:2:3/"), Err(InvalidUri::Port));
}

#[test]
fn r3_02_the_host_is_a_name_or_an_address() {
    assert_eq!(parts("ws://192.0.2.1:9/"), (false, "192.0.2.1", 9, "/"));
    assert_eq!(parts("ws://[2001:db8::1]/"), (false, "[2001:db8::1]", 80, "/"));
    assert_eq!(parts("wss://[::1]:9443?q"), (true, "[::1]", 9443, "?q"));
    assert_eq!(Uri::parse("ws://[::1]:/").unwrap().address(), "::1");
    assert_eq!(Uri::parse("ws://a:1/").unwrap().address(), "a");
    for host in
        ["", ":80", "[]", "[::1", "::1", "[::1]x", "[a]", "a b", "\u{e9}", "a\\b", "[::1%25eth0]"]
    {
        let error = Uri::parse(&format!("ws://{host}/")).unwrap_err();
        assert_eq!(error, InvalidUri::Host, "{host}");
    }
    assert_eq!(request("ws://[::1]:8080/"), "GET / HTTP/1.1 | Host: [::1]:8080");
    assert_eq!(request("ws://a:80/"), "GET / HTTP/1.1 | Host: a");
    assert_eq!(request("wss://a:443/"), "GET / HTTP/1.1 | Host: a");
    assert_eq!(request("wss://a:80/"), "GET / HTTP/1.1 | Host: a:80");
}

#[test]
fn r3_03_the_resource_name_is_the_path_and_a_query_that_is_not_empty() {
    for (text, target) in [
        ("ws://a", "/"),
        ("ws://a/", "/"),
        ("ws://a?x=1", "/?x=1"),
        ("ws://a/?", "/"),
        ("ws://a?", "/"),
        ("ws://a/b?", "/b"),
        ("ws://a/b??", "/b??"),
        ("ws://a/b?c?", "/b?c?"),
        ("ws://a/b/../c//d?e=/f", "/b/../c//d?e=/f"),
        ("ws://a/%23%20", "/%23%20"),
        ("ws://a//b@c:d", "//b@c:d"),
    ] {
        assert_eq!(request(text), format!("GET {target} HTTP/1.1 | Host: a"), "{text}");
    }
    for path in ["/ ", "/\u{e9}", "/\r\nX: y", "?\0", "/\x7F"] {
        assert_eq!(Uri::parse(&format!("ws://a{path}")), Err(InvalidUri::Path), "{path}");
    }
}

#[test]
fn r3_04_a_fragment_is_refused() {
    for text in ["ws://a/#b", "ws://a#", "wss://a/b?c#d", "ws://#/"] {
        assert_eq!(Uri::parse(text), Err(InvalidUri::Fragment), "{text}");
    }
    assert!(Uri::parse("ws://a/%23b").is_ok());
}

#[test]
fn r3_05_a_user_name_is_refused() {
    for text in ["ws://user@a/", "ws://user:secret@a:80/", "wss://@a", "ws://a@"] {
        assert_eq!(Uri::parse(text), Err(InvalidUri::UserInfo), "{text}");
    }
    let texts = [
        InvalidUri::Scheme,
        InvalidUri::UserInfo,
        InvalidUri::Host,
        InvalidUri::Port,
        InvalidUri::Path,
        InvalidUri::Fragment,
    ]
    .map(|error| error.to_string());
    for (index, text) in texts.iter().enumerate() {
        assert!(text.contains("URI") && !texts[..index].contains(text) && !text.contains("secret"));
    }
}
