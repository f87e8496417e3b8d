//! How a client reads the response to its request.

use barews::handshake::client::{Accepted, Handshake, Rejected, Response};
use barews::handshake::deflate::{DeflateOffer, WindowBits};
use barews::handshake::{Error, Field, Limits, Status};

use crate::support::heads::{changed, head};

use super::client;

/// The fields of a response that accepts the handshake.
const FIELDS: [&str; 3] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/// The response with the named fields removed and others added.
fn with(without: &[&str], more: &[&str]) -> String {
    changed("HTTP/1.1 101 Switching Protocols", &FIELDS, without, more)
}

fn read<'b>(handshake: &Handshake<'_>, bytes: &'b [u8]) -> Result<Response<'b>, Error> {
    match handshake.clone().read_response(bytes)? {
        Status::Complete(response) => Ok(response),
        Status::NeedMore(more) => panic!("needs {more} more"),
    }
}

fn accepted<'b>(handshake: &Handshake<'_>, head: &'b str) -> Accepted<'b> {
    match read(handshake, head.as_bytes()) {
        Ok(Response::Accepted(accepted)) => accepted,
        other => panic!("{other:?}"),
    }
}

fn rejected(head: &str) -> Rejected<'_> {
    match read(&client(), head.as_bytes()) {
        Ok(Response::Rejected(rejected)) => rejected,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(handshake: &Handshake<'_>, head: &str, error: Error) {
    assert_eq!(read(handshake, head.as_bytes()).unwrap_err(), error, "{head}");
}

/// Only the positive case; a `compile_fail` test in the module docs shows that a `Handshake` cannot
/// send frames.
#[test]
fn r4_1_16_the_connection_is_established_only_by_the_complete_response() {
    let response = with(&[], &[]);
    let mut handshake = client();
    for len in 0..response.len() {
        assert!(matches!(
            handshake.read_response(&response.as_bytes()[..len]),
            Ok(Status::NeedMore(_))
        ));
    }
    assert!(matches!(
        handshake.read_response(response.as_bytes()),
        Ok(Status::Complete(Response::Accepted(_)))
    ));
}

#[test]
fn r4_1_17_any_other_status_is_ordinary_http() {
    for status in [200, 301, 400, 401, 403, 404, 426, 500, 599, 999] {
        let bytes = head(
            &format!("HTTP/1.1 {status} Because \u{e9}"),
            &["Location: /there", "Content-Length: 4"],
        ) + "body";
        let rejected = rejected(&bytes);
        assert_eq!(rejected.status(), status);
        assert_eq!(rejected.header("location").collect::<Vec<_>>(), [b"/there"]);
        assert_eq!(rejected.headers().count(), 2);
        assert_eq!(&bytes[rejected.head_len()..], "body");
    }
    assert_eq!(rejected("HTTP/1.1 200\r\n\r\n").status(), 200);
    assert_eq!(rejected("HTTP/1.1 200 \r\n\r\n").status(), 200);
    assert_eq!(rejected("HTTP/1.0 404 Not Found\r\n\r\n").status(), 404);
    // Rejected even with all fields of a 101.
    assert_eq!(rejected(&head("HTTP/1.1 200 OK", &FIELDS)).status(), 200);
}

#[test]
fn interim_responses_are_skipped_within_the_limits() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let bytes = format!("{interim}{}tail", with(&[], &[]));
    let whole = bytes.len() - 4;
    assert_eq!(accepted(&client(), &bytes).head_len(), whole);
    let mut handshake = client();
    for len in 0..whole {
        assert!(
            matches!(handshake.read_response(&bytes.as_bytes()[..len]), Ok(Status::NeedMore(_))),
            "{len}"
        );
    }
    assert!(matches!(handshake.read_response(bytes.as_bytes()), Ok(Status::Complete(_))));
    assert!(read(&client().limits(Limits::new().max_head_len(whole)), bytes.as_bytes()).is_ok());
    refused(&client().limits(Limits::new().max_head_len(whole - 1)), &bytes, Error::HeadTooLong);
    refused(&client(), &"HTTP/1.1 100 \r\n\r\n".repeat(600), Error::HeadTooLong);
}

#[test]
fn r4_1_18_upgrade_is_websocket() {
    refused(&client(), &with(&["Upgrade"], &[]), Error::Missing(Field::Upgrade));
    for value in ["", "h2c", "websocket, h2c", "websocket/13", "web socket", "websockets"] {
        refused(
            &client(),
            &with(&["Upgrade"], &[&format!("Upgrade: {value}")]),
            Error::Invalid(Field::Upgrade),
        );
    }
    refused(&client(), &with(&[], &["Upgrade: websocket"]), Error::Repeated(Field::Upgrade));
    accepted(&client(), &with(&["Upgrade"], &["upgrade:WEBSOCKET\t"]));
}

#[test]
fn r4_1_19_connection_has_the_token_upgrade() {
    refused(&client(), &with(&["Connection"], &[]), Error::Missing(Field::Connection));
    for value in ["", "close", "Upgrades", "Up grade", "keep-alive;Upgrade"] {
        let bytes = with(&["Connection"], &[&format!("Connection: {value}")]);
        refused(&client(), &bytes, Error::Invalid(Field::Connection));
    }
    accepted(&client(), &with(&["Connection"], &["connection: keep-alive ,UPGRADE"]));
    accepted(&client(), &with(&["Connection"], &["Connection: keep-alive", "Connection: upgrade"]));
}

#[test]
fn r4_1_20_accept_is_the_exact_value() {
    let accept =
        |value: &str| with(&["Sec-WebSocket-A"], &[&format!("Sec-WebSocket-Accept:{value}")]);
    accepted(&client(), &accept(" \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"));
    refused(&client(), &with(&["Sec-WebSocket-A"], &[]), Error::Missing(Field::Accept));
    refused(&client(), &with(&[], &[FIELDS[2]]), Error::Repeated(Field::Accept));
    let good = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    for len in 0..good.len() {
        refused(&client(), &accept(&good[..len]), Error::Invalid(Field::Accept));
        let mut other = good.to_owned().into_bytes();
        other[len] ^= 1;
        refused(&client(), &accept(str::from_utf8(&other).unwrap()), Error::Invalid(Field::Accept));
    }
    for value in [
        "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x",
    ] {
        refused(&client(), &accept(value), Error::Invalid(Field::Accept));
    }
    refused(&Handshake::new([0; 16], "a", "/"), &accept(good), Error::Invalid(Field::Accept));
}

#[test]
fn r4_1_21_an_extension_that_was_not_offered_fails() {
    let offers = [DeflateOffer::new()];
    let extension = |value: &str| with(&[], &[&format!("Sec-WebSocket-Extensions: {value}")]);
    refused(&client(), &extension("permessage-deflate"), Error::ExtensionNotOffered);
    refused(&client(), &extension("x"), Error::ExtensionNotOffered);
    for value in [
        "x",
        "permessage-deflate2",
        "x, permessage-deflate",
        "permessage-deflate, x",
        "Permessage-Deflate",
    ] {
        refused(&client().deflate(&offers), &extension(value), Error::ExtensionNotOffered);
    }
    let bytes = extension("permessage-deflate");
    assert!(accepted(&client().deflate(&offers), &bytes).deflate().is_some());
}

#[test]
fn r4_1_22_a_protocol_that_was_not_offered_fails() {
    let protocol = |value: &str| with(&[], &[&format!("Sec-WebSocket-Protocol: {value}")]);
    refused(&client(), &protocol("chat"), Error::ProtocolNotOffered);
    let offering = client().protocols(&["chat", "soap"]);
    for value in ["Chat", "chat2", "cha"] {
        refused(&offering, &protocol(value), Error::ProtocolNotOffered);
    }
    for value in ["", "chat, soap", "\u{e9}"] {
        refused(&offering, &protocol(value), Error::Invalid(Field::Protocol));
    }
    let twice = with(&[], &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"]);
    refused(&offering, &twice, Error::Repeated(Field::Protocol));
    assert_eq!(accepted(&offering, &protocol("soap")).protocol(), Some("soap"));
    assert_eq!(accepted(&offering, &with(&[], &[])).protocol(), None);
}

#[test]
fn r4_1_23_any_other_error_fails() {
    let lines = [
        ("HTTP/1.0 101 Switching Protocols", Error::HttpVersion),
        ("HTTP/2.0 101 Switching Protocols", Error::HttpVersion),
        ("HTTP/1.1 1o1 x", Error::InvalidStartLine),
        ("HTTP/1.1 10 x", Error::InvalidStartLine),
        ("HTTP/1.1 1011 x", Error::InvalidStartLine),
        ("HTTP/1.1  101 x", Error::InvalidStartLine),
        ("HTTP/1.1101 x", Error::InvalidStartLine),
        ("http/1.1 101 x", Error::InvalidStartLine),
        (" HTTP/1.1 101 x", Error::InvalidStartLine),
        ("ICY 200 OK", Error::InvalidStartLine),
        ("HTTP/1.1 101 x\0", Error::InvalidStartLine),
        ("", Error::InvalidStartLine),
    ];
    for (line, error) in lines {
        refused(&client(), &head(line, &FIELDS), error);
    }
    let fields = [
        ("X : y", Error::InvalidFieldName),
        ("X\ty", Error::InvalidFieldName),
        (": y", Error::InvalidFieldName),
        ("X", Error::InvalidFieldName),
        ("X: y\rz", Error::BareCarriageReturn),
        ("X: y\nz: a", Error::BareLineFeed),
        ("X: y\0", Error::InvalidFieldValue),
        ("X: y\x7F", Error::InvalidFieldValue),
    ];
    for (field, error) in fields {
        refused(&client(), &with(&[], &[field]), error);
    }
    let folded = head("HTTP/1.1 101 x", &[" X: y", FIELDS[0], FIELDS[1], FIELDS[2]]);
    refused(&client(), &folded, Error::ObsoleteFold);
    accepted(&client(), &with(&[], &["Content-Length: 0"]));
    accepted(&client(), &head("HTTP/1.1 101", &FIELDS));
    accepted(&client(), &head("HTTP/1.1 101 \u{e9}\t", &FIELDS));
    assert!(read(&client().limits(Limits::new().max_fields(3)), with(&[], &[]).as_bytes()).is_ok());
    refused(&client().limits(Limits::new().max_fields(2)), &with(&[], &[]), Error::TooManyFields);
}

#[test]
fn p20_r4_1_24_a_success_reports_the_negotiated_values_and_leaves_the_frames() {
    let offers = [DeflateOffer::new()];
    let handshake = client().protocols(&["chat"]).deflate(&offers);
    let response = with(
        &[],
        &[
            "Sec-WebSocket-Protocol: chat",
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9",
        ],
    );
    for tail in [&b""[..], b"\x81\x02hi", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", &[0; 9000]] {
        let bytes = [response.as_bytes(), tail].concat();
        let Ok(Response::Accepted(accepted)) = read(&handshake, &bytes) else { panic!() };
        assert_eq!(accepted.protocol(), Some("chat"));
        assert_eq!(accepted.deflate().unwrap().server_max_window_bits, WindowBits::new(9).unwrap());
        assert_eq!((accepted.head_len(), accepted.headers().count()), (response.len(), 5));
        assert_eq!(accepted.header("UPGRADE").collect::<Vec<_>>(), [b"websocket"]);
    }
    let plain = with(&[], &[]);
    assert_eq!(
        (accepted(&handshake, &plain).protocol(), accepted(&handshake, &plain).deflate()),
        (None, None)
    );
}

#[test]
fn r4_4_02_the_versions_that_a_server_supports() {
    let bytes = head(
        "HTTP/1.1 426 Upgrade Required",
        &["Sec-WebSocket-Version: 13, 8,x", "Sec-WebSocket-Version: 7, 300, 08"],
    );
    assert_eq!(rejected(&bytes).versions().collect::<Vec<_>>(), [13, 8, 7]);
    assert_eq!(rejected("HTTP/1.1 426 \r\n\r\n").versions().count(), 0);
}

/// Only the positive case; a `compile_fail` test at `Accept::deflate` shows that its parameters
/// cannot be made up.
#[test]
fn r9_1_03_parameters_require_an_established_connection() {
    let offers = [DeflateOffer::new()];
    let handshake = client().deflate(&offers);
    assert_eq!(accepted(&handshake, &with(&[], &[])).deflate(), None);
    let bytes = with(&[], &["Sec-WebSocket-Extensions: permessage-deflate"]);
    assert!(accepted(&handshake, &bytes).deflate().is_some());
}

#[test]
fn r11_3_01_fields_that_must_be_single_in_a_response() {
    let offers = [DeflateOffer::new()];
    let handshake = client().protocols(&["chat"]).deflate(&offers);
    let fields = [
        (FIELDS[2], Field::Accept),
        ("Sec-WebSocket-Protocol: chat", Field::Protocol),
        ("Sec-WebSocket-Extensions: permessage-deflate", Field::Extensions),
    ];
    for (line, field) in fields {
        let name = line.split(':').next().unwrap();
        accepted(&handshake, &with(&[name], &[line]));
        refused(&handshake, &with(&[name], &[line, line]), Error::Repeated(field));
        let lower = line.replace(name, &name.to_lowercase());
        refused(&handshake, &with(&[name], &[line, &lower]), Error::Repeated(field));
    }
}
