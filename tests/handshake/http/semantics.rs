//! RFC 9110, HTTP semantics.

use barews::handshake::deflate::DeflateConfig;
use barews::handshake::server::{HttpVersion, Incoming, Upgrade};
use barews::handshake::{Error, Field};

use super::{FIELDS, accepted, fails, plain, refused, rejected, request, switching, upgrade};
use crate::support::heads::{self, head, with};

#[test]
fn r9110_2_5_01_a_higher_minor_version_is_read_as_1_1() {
    for minor in 1..=9 {
        let bytes = head(&format!("GET /chat HTTP/1.{minor}"), &heads::FIELDS);
        assert_eq!(upgrade(&bytes).request().version(), HttpVersion::Http11);
        let bytes = head(&format!("POST / HTTP/1.{minor}"), &["Host: a"]);
        assert_eq!(plain(&bytes).version(), HttpVersion::Http11);
        accepted(&head(&format!("HTTP/1.{minor} 101 Switching Protocols"), &FIELDS));
        rejected(&head(&format!("HTTP/1.{minor} 404 Not Found"), &[]));
    }
    // All that HTTP/1.1 requires is required.
    refused("GET / HTTP/1.2\r\n\r\n", Error::Missing(Field::Host), 400);
}

#[test]
fn r9110_2_5_02_another_major_version_is_refused() {
    for version in ["0.9", "2.0", "3.0", "9.9"] {
        refused(&head(&format!("GET / HTTP/{version}"), &["Host: a"]), Error::HttpVersion, 505);
        fails(&head(&format!("HTTP/{version} 200 OK"), &[]), Error::HttpVersion);
    }
    fails(&head("HTTP/1.0 101 Switching Protocols", &FIELDS), Error::HttpVersion);
    rejected(&head("HTTP/1.0 200 OK", &FIELDS));
}

#[test]
fn r9110_4_2_1_01_an_empty_host_is_refused() {
    for host in ["", " ", ":80"] {
        let bytes = with(&["Host"], &[&format!("Host: {host}")]);
        refused(&bytes, Error::Invalid(Field::Host), 400);
    }
    for target in ["http://", "http:///", "https://:443/"] {
        refused(
            &head(&format!("GET {target} HTTP/1.1"), &heads::FIELDS),
            Error::InvalidTarget,
            400,
        );
    }
}

#[test]
fn r9110_4_2_4_01_a_user_name_in_the_target_is_an_error() {
    for target in ["http://user@a/", "https://user:secret@a/", "http://@a/"] {
        refused(
            &head(&format!("GET {target} HTTP/1.1"), &heads::FIELDS),
            Error::InvalidTarget,
            400,
        );
    }
    refused(&with(&["Host"], &["Host: user@a"]), Error::Invalid(Field::Host), 400);
}

#[test]
fn r9110_5_1_01_field_names_are_case_insensitive() {
    let upper = with(&[], &[]).replace("Sec-WebSocket", "SEC-WEBSOCKET").replace("Host", "hOST");
    upgrade(&upper);
    accepted(
        &switching(&[], &[]).replace("Connection", "cONNECTION").replace("Upgrade:", "UPGRADE:"),
    );
}

#[test]
fn r9110_5_2_01_lines_with_one_name_are_one_list() {
    let lines = [
        "Connection: keep-alive",
        "Connection: upgrade",
        "Upgrade: h2c",
        "Upgrade: websocket",
        "Sec-WebSocket-Protocol: chat,",
        "Sec-WebSocket-Protocol:",
        "Sec-WebSocket-Protocol: superchat",
        "Sec-WebSocket-Extensions: ,",
        "Sec-WebSocket-Extensions: x, permessage-deflate",
    ];
    let bytes = with(&["Connection", "Upgrade"], &lines);
    let upgrade = upgrade(&bytes);
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    let names: Vec<_> = upgrade.extensions().map(|extension| extension.name()).collect();
    assert_eq!(names, ["x", "permessage-deflate"]);
    accepted(&switching(&["Connection"], &["Connection: keep-alive", "Connection: upgrade"]));
}

#[test]
fn r9110_5_5_01_whitespace_around_a_value_is_not_part_of_it() {
    for space in ["", " ", "\t", " \t \t"] {
        let fields = heads::FIELDS.map(|field| field.replace(": ", &format!(":{space}")) + space);
        let bytes = head("GET / HTTP/1.1", &fields.each_ref().map(String::as_str));
        assert_eq!(upgrade(&bytes).request().host(), Some("example.com"));
        let fields = FIELDS.map(|field| field.replace(": ", &format!(":{space}")) + space);
        accepted(&head("HTTP/1.1 101 x", &fields.each_ref().map(String::as_str)));
    }
}

#[test]
fn r9110_5_5_02_a_control_character_in_a_value_is_refused() {
    for byte in (0..32_u8).chain([127]).filter(|byte| !b"\t\n\r".contains(byte)) {
        let field = format!("X: a{}b", char::from(byte));
        refused(&with(&[], &[&field]), Error::InvalidFieldValue, 400);
        fails(&switching(&[], &[&field]), Error::InvalidFieldValue);
    }
}

#[test]
fn r9110_5_6_1_2_01_empty_list_elements_are_ignored() {
    let lists = [
        |value: &str| format!(",{value}"),
        |value: &str| format!("{value},"),
        |value: &str| format!(", ,\t,{value} , ,,"),
    ];
    for list in lists {
        let request = [
            format!("Upgrade: {}", list("websocket")),
            format!("Connection: {}", list("upgrade")),
            format!("Sec-WebSocket-Protocol: {}", list("chat,, superchat")),
            format!("Sec-WebSocket-Extensions: {}", list("x; a=\"1\" ,, permessage-deflate")),
        ];
        let bytes = with(&["Upgrade", "Connection"], &request.each_ref().map(String::as_str));
        let upgrade = upgrade(&bytes);
        assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["chat", "superchat"]);
        assert_eq!(upgrade.extensions().count(), 2);
        assert!(upgrade.negotiate_deflate(&DeflateConfig::new()).is_some());

        let response = [
            format!("Upgrade: {}", list("websocket")),
            format!("Connection: {}", list("upgrade")),
            format!("Sec-WebSocket-Extensions: {}", list("permessage-deflate")),
        ];
        let bytes = switching(&["Upgrade", "Connection"], &response.each_ref().map(String::as_str));
        assert!(accepted(&bytes).deflate().is_some());
    }
    let bytes = head("HTTP/1.1 426 x", &["Sec-WebSocket-Version: ,13,, 8,"]);
    assert_eq!(rejected(&bytes).versions().collect::<Vec<_>>(), [13, 8]);
}

#[test]
fn r9110_5_6_1_2_02_a_list_without_an_element_is_refused() {
    for value in ["", ",", " , ,"] {
        for field in [Field::Protocol, Field::Extensions] {
            let line = format!("{}: {value}", field.name());
            refused(&with(&[], &[&line]), Error::Invalid(field), 400);
            refused(&with(&[], &[&line, &line]), Error::Invalid(field), 400);
            fails(&switching(&[], &[&line]), Error::Invalid(field));
        }
        let line = format!("Upgrade: {value}");
        plain(&with(&["Upgrade"], &[&line]));
        fails(&switching(&["Upgrade"], &[&line]), Error::Invalid(Field::Upgrade));
    }
}

#[test]
fn r9110_7_6_1_01_connection_options_are_a_list_in_any_case() {
    let values =
        ["upgrade", "close, UPGRADE", "Upgrade ,keep-alive,Sec-WebSocket-Key", "te,uPgRaDe"];
    for value in values {
        let line = format!("Connection: {value}");
        upgrade(&with(&["Connection"], &[&line]));
        accepted(&switching(&["Connection"], &[&line]));
    }
}

#[test]
fn r9110_7_8_01_upgrade_is_ignored_in_http_1_0() {
    for method in ["GET", "POST"] {
        let bytes = head(&format!("{method} /page HTTP/1.0"), &heads::FIELDS);
        assert_eq!(plain(&bytes).version(), HttpVersion::Http10);
        // A proxy may send it without `Host` and without any valid field of the handshake.
        let bytes =
            head(&format!("{method} /page HTTP/1.0"), &[heads::FIELDS[1], "Sec-WebSocket-Key: x"]);
        assert_eq!(plain(&bytes).path(), "/page");
    }
    let parts = heads::FIELDS.map(|field| field.split_once(": ").unwrap());
    let upgrade = Upgrade::from_parts("GET", "/", HttpVersion::Http10, parts);
    assert!(matches!(upgrade, Err(Error::UpgradeRequired)));
}

#[test]
fn r9110_7_8_02_other_protocols_are_ignored() {
    for value in ["h2c, websocket", "WebSocket,HTTP/2.0", "TLS/1.0, websocket, x"] {
        upgrade(&with(&["Upgrade"], &[&format!("Upgrade: {value}")]));
        // In a response, it would be ambiguous which of them is in use.
        let bytes = switching(&["Upgrade"], &[&format!("Upgrade: {value}")]);
        fails(&bytes, Error::Invalid(Field::Upgrade));
    }
    for value in ["h2c", "websocket/13"] {
        plain(&with(&["Upgrade"], &[&format!("Upgrade: {value}")]));
    }
}

#[test]
fn r9110_8_6_01_a_length_of_zero_is_no_content() {
    upgrade(&with(&[], &["Content-Length:0 "]));
    upgrade(&with(&[], &["Content-Length: 0", "Content-Length: 0"]));
    for value in ["1", "00", "0, 0", "", ",", "-0", "+0", "0x0", "0 0"] {
        refused(&with(&[], &[&format!("Content-Length: {value}")]), Error::BodyNotAllowed, 400);
    }
}

#[test]
fn r9110_9_3_1_01_an_upgrade_with_content_is_refused() {
    for field in ["Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"]
    {
        refused(&with(&[], &[field]), Error::BodyNotAllowed, 400);
        // Without an upgrade, content is the caller's.
        plain(&with(&["Upgrade"], &[field]));
    }
}

#[test]
fn r9110_10_1_1_01_an_expectation_without_content_is_ignored() {
    upgrade(&with(&[], &["Expect: 100-continue"]));
    upgrade(&with(&[], &["Expect: something"]));
}

#[test]
fn r9110_15_01_an_invalid_status_is_a_rejection() {
    for status in ["000", "001", "042", "099", "600", "999"] {
        let bytes = head(&format!("HTTP/1.1 {status} x"), &FIELDS);
        assert_eq!(rejected(&bytes).status(), status.parse().unwrap());
    }
}

#[test]
fn r9110_15_2_01_interim_responses_are_skipped() {
    for status in [100, 102, 103, 150, 199] {
        for field in ["", "Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n", "Link: a\r\n"]
        {
            let interim = format!("HTTP/1.1 {status} x\r\n{field}\r\n");
            accepted(&[&interim, &interim, &*switching(&[], &[])].concat());
            rejected(&[&*interim, "HTTP/1.1 403 x\r\n\r\n"].concat());
        }
    }
}

#[test]
fn a_plain_request_of_http_1_0_is_still_checked() {
    refused(&head("GET / HTTP/1.0", &["Host: a", "Host: a"]), Error::Repeated(Field::Host), 400);
    refused(&head("GET x HTTP/1.0", &heads::FIELDS), Error::InvalidTarget, 400);
    assert!(matches!(request("GET / HTTP/1.0\r\n\r\n"), Ok(Incoming::Plain(_))));
}
