//! The server's response: the rows of RFC 6455 §4.2.2, §7.2.2, §9 and §10.2.

use std::fmt::Display;

use barews::handshake::deflate::DeflateConfig;
use barews::handshake::server::{Origins, respond, respond_head};
use barews::handshake::{BuildError, Error};

use crate::support::heads::{answer, upgrade, with};

fn written(write: impl FnOnce(&mut [u8]) -> Result<usize, BuildError>) -> String {
    let mut out = [0; 1024];
    let len = write(&mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

/// What a caller with another HTTP implementation writes after the status.
fn lines<'a, V: Display>(fields: impl Iterator<Item = (&'a str, V)>) -> String {
    fields.fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\r\n"))
}

#[test]
fn r4_2_13_any_other_response_can_be_written() {
    let headers = [("WWW-Authenticate", "Basic realm=\"x\"")];
    assert_eq!(
        written(|out| respond(401, &headers, b"who?", out)),
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 4\r\n\
         WWW-Authenticate: Basic realm=\"x\"\r\n\r\nwho?"
    );
    assert_eq!(
        written(|out| respond_head(302, &[("Location", "/there")], u64::MAX, out)),
        "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 18446744073709551615\r\nLocation: /there\r\n\r\n"
    );
    assert_eq!(
        written(|out| respond(204, &[], b"", out)),
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(
        written(|out| respond(299, &[], b"", out)),
        "HTTP/1.1 299 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    for status in (0..200).chain(600..1000).chain([u16::MAX]) {
        assert_eq!(respond(status, &[], b"", &mut [0; 256]), Err(BuildError::InvalidStatus));
    }
    for status in [204, 205, 304] {
        assert_eq!(respond(status, &[], b"x", &mut [0; 256]), Err(BuildError::BodyNotAllowed));
    }
    let whole = written(|out| respond(404, &[("A", "b")], b"body", out));
    for len in 0..whole.len() {
        let needed = whole.len();
        let too_small = respond(404, &[("A", "b")], b"body", &mut vec![0; len]);
        assert_eq!(too_small, Err(BuildError::BufferTooSmall { needed }));
    }
}

#[test]
fn r4_2_14_a_refused_origin_is_a_403() {
    let list = ["https://example.com"];
    let bytes = with(&[], &["Origin: https://evil.example"]);
    let error = upgrade(&bytes).accept(Origins::List(&list)).unwrap_err();
    assert_eq!((error, error.status()), (Error::OriginRefused, 403));
    assert!(answer(error).starts_with("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"));
    assert!(upgrade(&bytes).accept(Origins::Any).is_ok());
}

#[test]
fn r10_2_01_origins_are_compared_whole_and_ignoring_case() {
    let list = ["https://example.com", "https://example.com:8443"];
    let allows = |origins: Origins<'_>, origin: &str| {
        let bytes = with(&[], &[&format!("Origin: {origin}")]);
        upgrade(&bytes).accept(origins).is_ok()
    };
    for origin in ["https://example.com", "HTTPS://Example.COM", "https://example.com:8443"] {
        assert!(allows(Origins::List(&list), origin) && allows(Origins::ListOrNone(&list), origin));
    }
    let strangers = [
        "http://example.com",
        "https://example.com:443",
        "https://example.com.evil.example",
        "https://evil.example/https://example.com",
        "https://example.co",
        "https://xexample.com",
        "https://example.com/",
        "https://example.com https://evil.example",
        "null",
        "*",
        "",
    ];
    for origin in strangers {
        assert!(
            !allows(Origins::List(&list), origin) && !allows(Origins::ListOrNone(&list), origin),
            "{origin}"
        );
        assert!(allows(Origins::Any, origin));
    }
    assert!(
        allows(Origins::List(&["null"]), "null")
            && !allows(Origins::List(&[""]), "")
            && !allows(Origins::List(&[]), "a")
    );
    // Whether a missing origin is allowed is a separate choice.
    let bytes = with(&[], &[]);
    assert_eq!(upgrade(&bytes).accept(Origins::List(&list)).unwrap_err(), Error::OriginRefused);
    assert!(
        upgrade(&bytes).accept(Origins::ListOrNone(&list)).is_ok()
            && upgrade(&bytes).accept(Origins::Any).is_ok()
    );
}

#[test]
fn r4_2_16_an_unknown_resource_is_a_404() {
    let bytes = with(&[], &[]);
    assert_eq!(upgrade(&bytes).request().path(), "/chat");
    assert_eq!(
        written(|out| respond(404, &[], b"", out)),
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn r4_2_17_only_an_offered_protocol_can_be_chosen() {
    let bytes = with(&[], &["Sec-WebSocket-Protocol: chat, superchat"]);
    let accept = upgrade(&bytes).accept(Origins::Any).unwrap();
    let choose = |protocol: &str| accept.protocol(protocol).write(&mut [0; 512]);
    assert!(
        written(|out| accept.protocol("superchat").write(out))
            .contains("\r\nSec-WebSocket-Protocol: superchat\r\n")
    );
    assert!(!written(|out| accept.write(out)).contains("Sec-WebSocket-Protocol"));
    for protocol in ["Chat", "cha", "chat2", "other"] {
        assert_eq!(choose(protocol), Err(BuildError::ProtocolNotOffered));
    }
    for protocol in ["", " ", "chat, superchat", "chat\r\nX: y"] {
        assert_eq!(choose(protocol), Err(BuildError::InvalidProtocol));
    }
    let none = with(&[], &[]);
    let accept = upgrade(&none).accept(Origins::Any).unwrap();
    assert_eq!(accept.protocol("chat").write(&mut [0; 512]), Err(BuildError::ProtocolNotOffered));
}

#[test]
fn r4_2_18_only_an_offered_extension_can_be_accepted() {
    let offered =
        with(&[], &["Sec-WebSocket-Extensions: x, permessage-deflate; server_max_window_bits=9"]);
    let answer = upgrade(&offered).negotiate_deflate(&DeflateConfig::new()).unwrap();
    let accept = upgrade(&offered).accept(Origins::Any).unwrap();
    let text = written(|out| accept.deflate(answer).write(out));
    assert!(text.contains(
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n"
    ));
    assert_eq!(text.matches("Extensions").count(), 1);
}

#[test]
fn r9_01_an_answer_to_another_request_is_refused() {
    let offered =
        with(&[], &["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9"]);
    let answer = upgrade(&offered).negotiate_deflate(&DeflateConfig::new()).unwrap();
    let others = [
        "X: no extension at all",
        "Sec-WebSocket-Extensions: x-webkit-deflate-frame",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=8",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_no_context_takeover",
    ];
    for other in others {
        let bytes = with(&[], &[other]);
        let accept = upgrade(&bytes).accept(Origins::Any).unwrap();
        assert_eq!(
            accept.deflate(answer).write(&mut [0; 512]),
            Err(BuildError::ExtensionNotOffered),
            "{other}"
        );
        let fields = accept.deflate(answer).response_fields();
        assert_eq!(fields.err(), Some(BuildError::ExtensionNotOffered));
    }
}

#[test]
fn r4_2_19_the_exact_response() {
    let bytes = with(
        &[],
        &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate"],
    );
    let upgrade = upgrade(&bytes);
    let accept = upgrade.accept(Origins::Any).unwrap();
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(written(|out| accept.write(out)), format!("{head}\r\n"));
    let headers = [("Set-Cookie", "a=b"), ("Set-Cookie", "c=\u{e9}"), ("X-Empty", "")];
    let full = accept
        .protocol("chat")
        .deflate(
            upgrade
                .negotiate_deflate(&DeflateConfig::new().server_no_context_takeover(true))
                .unwrap(),
        )
        .headers(&headers);
    let expected = format!(
        "{head}Sec-WebSocket-Protocol: chat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\
         Set-Cookie: a=b\r\nSet-Cookie: c=\u{e9}\r\nX-Empty: \r\n\r\n"
    );
    assert_eq!(written(|out| full.write(out)), expected);
    let fields = lines(full.response_fields().unwrap());
    assert_eq!(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n"), expected);
    for len in 0..expected.len() {
        let needed = expected.len();
        assert_eq!(full.write(&mut vec![0; len]), Err(BuildError::BufferTooSmall { needed }));
    }
    assert_eq!(full.write(&mut vec![0; expected.len()]), Ok(expected.len()));
    let bad = [
        (("", "x"), BuildError::InvalidHeaderName),
        (("A B", "x"), BuildError::InvalidHeaderName),
        (("A", "x\r\nB: y"), BuildError::InvalidHeaderValue),
        (("A", " x"), BuildError::InvalidHeaderValue),
        (("sec-websocket-ACCEPT", "x"), BuildError::ReservedHeader),
        (("Content-Length", "0"), BuildError::ReservedHeader),
        (("Transfer-Encoding", "chunked"), BuildError::ReservedHeader),
    ];
    for (header, error) in bad {
        let headers = [("Ok", "ok"), header];
        assert_eq!(accept.headers(&headers).write(&mut [0; 512]), Err(error));
        assert_eq!(accept.headers(&headers).response_fields().err(), Some(error));
        assert_eq!(respond(200, &[header], b"", &mut [0; 512]), Err(error));
    }
}

#[test]
fn r7_2_2_01_an_aborted_handshake_has_connection_close() {
    for error in
        [Error::InvalidTarget, Error::OriginRefused, Error::HttpVersion, Error::UpgradeRequired]
    {
        assert!(answer(error).contains("\r\nConnection: close"));
    }
    for error in [Error::OriginRefused, Error::UnsupportedVersion, Error::MethodNotAllowed] {
        let head = answer(error);
        let (_, fields) = head.split_once("\r\n").unwrap();
        assert_eq!(lines(error.response_fields()) + "Content-Length: 0\r\n\r\n", fields);
    }
    assert!(written(|out| respond(503, &[], b"", out)).contains("\r\nConnection: close\r\n"));
    let connection = [("connection", "keep-alive")];
    assert_eq!(respond(503, &connection, b"", &mut [0; 256]), Err(BuildError::ReservedHeader));
}

#[test]
fn header_values_are_not_logged() {
    let bytes = with(&[], &["Authorization: Bearer secret"]);
    let upgrade = upgrade(&bytes);
    let accept = upgrade.accept(Origins::Any).unwrap().headers(&[("Set-Cookie", "secret")]);
    let fields: Vec<_> = accept.response_fields().unwrap().collect();
    let text = format!("{upgrade:?} {accept:?} {:?} {fields:?}", upgrade.request());
    assert!(text.contains("Authorization") && text.contains("/chat") && !text.contains("secret"));
    assert!(text.contains("Accept { upgrade: Upgrade { request: Request {"), "{text}");
}

/// RFC 9110 §15.
#[test]
fn r4_2_13_a_response_has_the_reason_phrase_of_its_status() {
    for line in [
        "200 OK",
        "204 No Content",
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "304 Not Modified",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "408 Request Timeout",
        "414 URI Too Long",
        "421 Misdirected Request",
        "426 Upgrade Required",
        "429 Too Many Requests",
        "431 Request Header Fields Too Large",
        "500 Internal Server Error",
        "501 Not Implemented",
        "503 Service Unavailable",
        "505 HTTP Version Not Supported",
    ] {
        let status = line[..3].parse().unwrap();
        let written = written(|out| respond(status, &[], b"", out));
        assert!(written.starts_with(&format!("HTTP/1.1 {line}\r\n")), "{written}");
    }
}
