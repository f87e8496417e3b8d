//! The request that a client writes, and the input it rejects.

use barews::handshake::BuildError;
use barews::handshake::client::Handshake;
use barews::handshake::deflate::{DeflateOffer, WindowBits};

use super::{NONCE, client};

fn request(handshake: &Handshake<'_>) -> String {
    let mut out = [0; 1024];
    let len = handshake.write_request(&mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

#[track_caller]
fn fails(handshake: &Handshake<'_>, error: BuildError) {
    let mut out = [0xAA; 1024];
    assert_eq!(handshake.write_request(&mut out), Err(error));
    assert_eq!(out, [0xAA; 1024]);
}

#[test]
fn r4_1_01_host_port_and_path_must_be_valid() {
    let bad = [
        "",
        " ",
        "a b",
        "a\r\nX: y",
        "a\0",
        "\u{e9}.example",
        "a#b",
        "a/b",
        "user@a",
        "a:80",
        "[a]",
        "[::1",
        "::1]",
        "1:2",
        "::g",
        "a?b",
    ];
    for host in bad {
        fails(&Handshake::new(NONCE, host, "/"), BuildError::InvalidHost);
    }
    for path in [
        "chat?x",
        "chat",
        "*",
        "http://example.com/",
        "/a b",
        "/a#b",
        "/\r\nX: y",
        "/\0",
        "/\u{e9}",
        "/\x7F",
        " /",
    ] {
        fails(&Handshake::new(NONCE, "a", path), BuildError::InvalidTarget);
    }
    fails(&client().port(0), BuildError::InvalidPort);
}

#[test]
fn r4_1_05_request_line_is_get_http_1_1() {
    assert_eq!(
        request(&client()),
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
}

#[test]
fn r4_1_06_target_is_the_resource_name() {
    // RFC 6455 §3: `/` stands for an empty path.
    for (path, target) in [("", "/"), ("?", "/?"), ("?a=b", "/?a=b")] {
        let text = request(&Handshake::new(NONCE, "example.com", path));
        assert!(text.starts_with(&format!("GET {target} HTTP/1.1\r\nHost: example.com\r\n")));
    }
    for path in ["/", "/a/b?c=d&e=%20", "//x", "/?"] {
        let text = request(&Handshake::new(NONCE, "example.com", path));
        assert!(text.starts_with(&format!("GET {path} HTTP/1.1\r\nHost: example.com\r\n")));
    }
}

#[test]
fn r4_1_07_host_names_the_port_only_if_it_is_not_the_default() {
    let host = |handshake: Handshake<'_>| {
        let text = request(&handshake);
        assert_eq!(text.matches("Host: ").count(), 1);
        text.lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(host(client().port(80)), "Host: example.com");
    assert_eq!(host(client().port(443)), "Host: example.com:443");
    assert_eq!(host(client().port(443).secure(true)), "Host: example.com");
    assert_eq!(host(client().port(80).secure(true)), "Host: example.com:80");
    assert_eq!(host(client().port(65535)), "Host: example.com:65535");
    for literal in ["2001:db8::1", "[2001:db8::1]"] {
        assert_eq!(host(Handshake::new(NONCE, literal, "/")), "Host: [2001:db8::1]");
        assert_eq!(
            host(Handshake::new(NONCE, literal, "/").port(8080)),
            "Host: [2001:db8::1]:8080"
        );
    }
    assert_eq!(host(Handshake::new(NONCE, "192.0.2.1", "/").port(1)), "Host: 192.0.2.1:1");
    fails(&client().headers(&[("HOST", "other.example")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_08_upgrade_is_written_once() {
    assert_eq!(request(&client()).matches("\r\nUpgrade: websocket\r\n").count(), 1);
    fails(&client().headers(&[("upgrade", "h2c")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_09_connection_is_written_once() {
    assert_eq!(request(&client()).matches("\r\nConnection: Upgrade\r\n").count(), 1);
    fails(&client().headers(&[("Connection", "close")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_10_key_is_the_nonce_in_base64() {
    let key = |nonce| {
        let text = request(&Handshake::new(nonce, "a", "/"));
        text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned()
    };
    assert_eq!(key(NONCE), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(key([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(key([0xFF; 16]), "/////////////////////w==");
    fails(
        &client().headers(&[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]),
        BuildError::ReservedHeader,
    );
}

#[test]
fn r4_1_11_origin_is_optional_and_checked() {
    assert!(!request(&client()).contains("Origin"));
    assert!(
        request(&client().origin("https://example.com"))
            .contains("\r\nOrigin: https://example.com\r\n")
    );
    assert!(request(&client().origin("null")).contains("\r\nOrigin: null\r\n"));
    for origin in ["", "a b", "a\r\nX: y", "\u{e9}", "\t"] {
        fails(&client().origin(origin), BuildError::InvalidOrigin);
    }
    fails(&client().headers(&[("Origin", "https://example.com")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_12_version_is_13_once() {
    assert_eq!(request(&client()).matches("\r\nSec-WebSocket-Version: 13\r\n").count(), 1);
    fails(&client().headers(&[("Sec-WebSocket-Version", "8")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_13_protocols_are_distinct_tokens_in_order() {
    assert!(!request(&client()).contains("Protocol"));
    let text = request(&client().protocols(&["v2.chat", "chat", "Chat"]));
    assert!(text.contains("\r\nSec-WebSocket-Protocol: v2.chat, chat, Chat\r\n"));
    for protocol in
        ["", "a b", "a,b", "a;b", "a/b", "\u{e9}", "a\r\nX: y", "a\0", "\"a\"", "a:b", "[a]", "a@b"]
    {
        fails(&client().protocols(&["ok", protocol]), BuildError::InvalidProtocol);
    }
    for byte in 0..128_u8 {
        let protocol = format!("x{}y", char::from(byte));
        let separator = "()<>@,;:\\\"/[]?={} \t".contains(char::from(byte));
        let token = byte.is_ascii_graphic() && !separator;
        assert_eq!(
            client().protocols(&[&protocol]).write_request(&mut [0; 512]).is_ok(),
            token,
            "{protocol:?}"
        );
    }
    fails(&client().protocols(&["a", "b", "a"]), BuildError::DuplicateProtocol);
}

#[test]
fn r4_1_14_extensions_are_written_from_typed_offers() {
    assert!(!request(&client()).contains("Extensions"));
    let offers = [DeflateOffer::new().client_max_window_bits(None)];
    let text = request(&client().deflate(&offers));
    assert!(
        text.contains(
            "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        )
    );
    fails(&client().headers(&[("Sec-WebSocket-Extensions", "x")]), BuildError::ReservedHeader);
}

#[test]
fn r4_1_15_further_headers_are_checked() {
    let text = request(&client().headers(&[
        ("Cookie", "a=b"),
        ("X-T", "a\tb"),
        ("X-U", "\u{e9}"),
        ("X-E", ""),
    ]));
    assert!(text.ends_with("\r\nCookie: a=b\r\nX-T: a\tb\r\nX-U: \u{e9}\r\nX-E: \r\n\r\n"));
    for name in ["", "A B", "A:", "A\r\nB", "\u{e9}", "A\0", " A", "(A)"] {
        fails(&client().headers(&[("Ok", "ok"), (name, "x")]), BuildError::InvalidHeaderName);
    }
    // Every ASCII character at the start, in the middle and at the end of a value.
    for byte in 0..128_u8 {
        let byte = char::from(byte);
        let values = [format!("{byte}xy"), format!("x{byte}y"), format!("xy{byte}")];
        for (at, value) in values.iter().enumerate() {
            let control = byte.is_ascii_control() && byte != '\t';
            let expected = !control && (at == 1 || !matches!(byte, ' ' | '\t'));
            let result = client().headers(&[("X", value)]).write_request(&mut [0; 512]);
            assert_eq!(result.is_ok(), expected, "{value:?}");
            assert!(expected || result == Err(BuildError::InvalidHeaderValue));
        }
    }
    let reserved = [
        "Sec-WebSocket-Accept",
        "sec-websocket-anything",
        "Content-Length",
        "TRANSFER-ENCODING",
        "Expect",
    ];
    for name in reserved {
        fails(&client().headers(&[(name, "x")]), BuildError::ReservedHeader);
    }
}

#[test]
fn a_buffer_that_is_too_small_reports_the_exact_length() {
    let offers =
        [DeflateOffer::new(), DeflateOffer::new().client_max_window_bits(WindowBits::new(9))];
    let handshake = client()
        .port(81)
        .protocols(&["a", "b"])
        .origin("null")
        .deflate(&offers)
        .headers(&[("C", "d")]);
    let needed = request(&handshake).len();
    for len in 0..needed {
        assert_eq!(
            handshake.write_request(&mut vec![0; len]),
            Err(BuildError::BufferTooSmall { needed })
        );
    }
    assert_eq!(handshake.write_request(&mut vec![0; needed]), Ok(needed));
}

#[test]
fn credentials_and_key_are_not_logged() {
    let text = format!("{:?}", client().headers(&[("Authorization", "secret")]));
    assert!(text.contains("example.com") && !text.contains("secret") && !text.contains("dGhlIHN"));
}
