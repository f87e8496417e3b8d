//! RFC 9112, HTTP/1.1 messages.

use barews::handshake::server::RequestReader;
use barews::handshake::{Error, Field, Limits};

use super::{FIELDS, accepted, fails, plain, refused, rejected, switching, upgrade};
use crate::support::heads::{self, head, with};

#[test]
fn r9112_2_2_01_empty_lines_before_a_request_are_ignored() {
    for count in [1, 2, 3, 100] {
        let bytes = "\r\n".repeat(count) + &with(&[], &["Sec-WebSocket-Protocol: chat"]);
        let upgrade = upgrade(&bytes);
        assert_eq!((upgrade.request().method(), upgrade.request().path()), ("GET", "/chat"));
        assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["chat"]);
        assert_eq!(upgrade.request().headers().count(), 6);
        plain(&("\r\n".repeat(count) + "POST / HTTP/1.0\r\n\r\n"));
    }
    // They count towards the limit.
    let mut reader = RequestReader::with_limits(Limits::new().max_head_len(64));
    assert_eq!(reader.read("\r\n".repeat(64).as_bytes()).unwrap_err(), Error::HeadTooLong);
    refused(" \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::InvalidStartLine, 400);
    refused("\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareCarriageReturn, 400);
    refused("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineFeed, 400);
    // Only a server ignores them.
    fails(&("\r\n".to_owned() + &switching(&[], &[])), Error::InvalidStartLine);
}

#[test]
fn r9112_2_2_02_a_bare_line_feed_is_refused() {
    refused("GET / HTTP/1.1\nHost: a\r\n\r\n", Error::BareLineFeed, 400);
    refused("GET / HTTP/1.1\r\nHost: a\n\r\n", Error::BareLineFeed, 400);
    fails("HTTP/1.1 200 OK\n\r\n", Error::BareLineFeed);
}

#[test]
fn r9112_2_2_03_a_bare_carriage_return_is_refused() {
    refused("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Error::BareCarriageReturn, 400);
    fails(&switching(&[], &["X: a\rb"]), Error::BareCarriageReturn);
    fails(&switching(&[], &["X: a\r\r\n b"]), Error::BareCarriageReturn);
}

#[test]
fn r9112_2_2_04_whitespace_before_the_first_field_is_refused() {
    for space in [" ", "\t"] {
        refused(&format!("GET / HTTP/1.1\r\n{space}Host: a\r\n\r\n"), Error::ObsoleteFold, 400);
        fails(&format!("HTTP/1.1 101 x\r\n{space}Upgrade: websocket\r\n\r\n"), Error::ObsoleteFold);
        fails(
            &format!("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 101 x\r\n{space}\r\n\r\n"),
            Error::ObsoleteFold,
        );
    }
}

#[test]
fn r9112_3_01_a_request_line_has_single_spaces() {
    for line in [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
    ] {
        refused(&head(line, &heads::FIELDS), Error::InvalidStartLine, 400);
    }
}

#[test]
fn r9112_3_2_01_host_is_required_once() {
    refused(&with(&["Host"], &[]), Error::Missing(Field::Host), 400);
    refused(&with(&[], &["Host: example.com"]), Error::Repeated(Field::Host), 400);
    refused(&with(&["Host"], &["Host: a/b"]), Error::Invalid(Field::Host), 400);
}

#[test]
fn r9112_3_2_2_01_the_host_of_an_absolute_target_takes_precedence() {
    for target in ["http://b.example:81/chat", "HTTPS://b.example:81/chat"] {
        let bytes = head(&format!("GET {target} HTTP/1.1"), &heads::FIELDS);
        let request = upgrade(&bytes).request();
        assert_eq!((request.host(), request.path()), (Some("b.example:81"), "/chat"));
    }
}

#[test]
fn r9112_4_01_the_reason_phrase_is_ignored() {
    for reason in ["", " ", " Switching Protocols", " 404 Not Found", " \u{e9}\t"] {
        accepted(&head(&format!("HTTP/1.1 101{reason}"), &FIELDS));
        rejected(&head(&format!("HTTP/1.1 404{reason}"), &[]));
    }
}

#[test]
fn r9112_5_1_01_whitespace_before_the_colon_is_refused() {
    for space in [" ", "\t"] {
        refused(&with(&[], &[&format!("X{space}: y")]), Error::InvalidFieldName, 400);
        fails(&switching(&[], &[&format!("X{space}: y")]), Error::InvalidFieldName);
    }
}

#[test]
fn r9112_5_2_01_a_folded_request_is_refused() {
    for fold in ["\r\n ", "\r\n\t", " \r\n \t"] {
        refused(&with(&[], &[&format!("X: a{fold}b")]), Error::ObsoleteFold, 400);
        let folded = with(&["Connection"], &[&format!("Connection: keep-alive,{fold}Upgrade")]);
        refused(&folded, Error::ObsoleteFold, 400);
    }
}

#[test]
fn r9112_5_2_02_a_folded_response_is_read_with_spaces() {
    let folds = ["\r\n ", "\r\n\t", " \r\n \t ", "\r\n \r\n ", "\t\r\n\t\r\n  \r\n "];
    for fold in folds {
        // Every field of the handshake, folded before, in and after its value.
        let accept = FIELDS[2].split(' ').next_back().unwrap();
        let lines = [
            format!("X-First: a{fold}b{fold}"),
            format!("Upgrade:{fold}websocket"),
            format!("Connection: keep-alive,{fold}Upgrade{fold}"),
            format!("Sec-WebSocket-Accept:{fold}{accept}{fold}"),
            format!("Sec-WebSocket-Protocol: {fold}chat"),
            format!(
                "Sec-WebSocket-Extensions: permessage-deflate{fold};{fold}server_max_window_bits{fold}={fold}10{fold}"
            ),
            "X-Last: c".to_owned(),
        ];
        let bytes = head("HTTP/1.1 101 x", &lines.each_ref().map(String::as_str));
        let accepted = accepted(&bytes);
        assert_eq!(accepted.protocol(), Some("chat"));
        assert_eq!(accepted.deflate().unwrap().server_max_window_bits.get(), 10);
        let names: Vec<_> = accepted.headers().map(|field| field.name).collect();
        let expected = lines.each_ref().map(|line| line.split(':').next().unwrap());
        assert_eq!(names, expected);
        assert_eq!(accepted.header("x-first").next().unwrap(), format!("a{fold}b").as_bytes());
        assert_eq!(accepted.header("x-last").next().unwrap(), b"c");
    }
    // A fold is not a line: what it contains is no field, and joins no words.
    let smuggled = switching(&["Connection"], &["X: a\r\n Connection: Upgrade"]);
    fails(&smuggled, Error::Missing(Field::Connection));
    for (value, field) in [("web\r\n socket", Field::Upgrade), ("Up\r\n grade", Field::Connection)]
    {
        let line = format!("{}: {value}", field.name());
        fails(&switching(&[field.name()], &[&line]), Error::Invalid(field));
    }
    let twice = switching(&[], &["Sec-WebSocket-Accept:\r\n x"]);
    fails(&twice, Error::Repeated(Field::Accept));
    // Interim responses and rejections may be folded as well.
    accepted(&("HTTP/1.1 103 x\r\nLink: a,\r\n b\r\n\r\n".to_owned() + &switching(&[], &[])));
    let bytes = head("HTTP/1.1 426 x", &["Sec-WebSocket-Version: 13,\r\n\t8"]);
    assert_eq!(rejected(&bytes).versions().collect::<Vec<_>>(), [13, 8]);
    fails(&switching(&[], &["X: a\r\n b\0"]), Error::InvalidFieldValue);
}

#[test]
fn r9112_6_3_01_a_101_has_no_body() {
    for field in [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "transfer-encoding: gzip, chunked",
        "Content-Length: 5",
        "Content-Length: 0",
        "Content-Length:",
        "content-length: 18446744073709551616",
        "Content-Length: 5, 6",
    ] {
        accepted(&switching(&[], &[field]));
        accepted(&switching(&[], &[field, "Content-Length: 7", "Transfer-Encoding: x"]));
    }
}
