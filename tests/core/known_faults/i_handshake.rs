//! Class I: the handshake: injection, smuggling, missing checks.

use barews::handshake::client::{Handshake, Response};
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::handshake::{BuildError, Error, Field, Limits, Status};

use crate::support::heads::{FIELDS, answer, changed, head, read, upgrade, with};

const LINE: &str = "HTTP/1.1 101 Switching Protocols";
const ANSWER: [&str; 3] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

fn client() -> Handshake<'static> {
    Handshake::new(*b"the sample nonce", "example.com", "/").protocols(&["a", "b"])
}

/// 101, or the status of a response that rejects the upgrade.
fn judged(head: &str) -> Result<u16, Error> {
    match client().read_response(head.as_bytes())? {
        Status::Complete(Response::Accepted(_)) => Ok(101),
        Status::Complete(Response::Rejected(rejected)) => Ok(rejected.status()),
        Status::NeedMore(more) => panic!("needs {more} more"),
    }
}

/// The response with one line removed and others added.
fn answered(without: &str, more: &[&str]) -> Result<u16, Error> {
    judged(&changed(LINE, &ANSWER, &[without], more))
}

#[track_caller]
fn refused(head: &str) -> Error {
    read(head.as_bytes()).unwrap_err()
}

const INJECTED: [&str; 6] =
    ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\r\n\r\nGET / HTTP/1.1", "a\0b", "\r\n"];

/// hackney, GHSA-f9vr-g2g2-x9fg: line breaks in the host or path of a URL ended up in the request.
#[test]
fn hackney_ghsa_f9vr_line_ends_in_host_and_path() {
    let mut out = [0; 512];
    for text in INJECTED {
        let request = Handshake::new([0; 16], text, "/").write_request(&mut out);
        assert_eq!(request, Err(BuildError::InvalidHost), "{text:?}");
        let path = format!("/{text}");
        let request = Handshake::new([0; 16], "a", &path).write_request(&mut out);
        assert_eq!(request, Err(BuildError::InvalidTarget), "{text:?}");
    }
}

/// undici, CVE-2026-1527: the same for the `upgrade` option. Here that value is fixed, and the
/// other values are checked.
#[test]
fn undici_cve_2026_1527_line_ends_in_fields_and_protocols() {
    let mut out = [0; 512];
    for text in INJECTED {
        let request = client().headers(&[("X", text)]).write_request(&mut out);
        assert_eq!(request, Err(BuildError::InvalidHeaderValue), "{text:?}");
        let request = client().headers(&[(text, "x")]).write_request(&mut out);
        assert_eq!(request, Err(BuildError::InvalidHeaderName), "{text:?}");
        assert_eq!(
            client().protocols(&[text]).write_request(&mut out),
            Err(BuildError::InvalidProtocol)
        );
        assert_eq!(client().origin(text).write_request(&mut out), Err(BuildError::InvalidOrigin));
    }
    for name in ["Upgrade", "upgrade", "Connection", "Host", "Sec-WebSocket-Key", "Content-Length"]
    {
        let request = client().headers(&[(name, "x")]).write_request(&mut out);
        assert_eq!(request, Err(BuildError::ReservedHeader), "{name}");
    }
}

/// hyper, RUSTSEC-2017-0002: line breaks in header values were written unchanged, by servers too.
#[test]
fn hyper_rustsec_2017_0002_line_ends_in_a_response() {
    let request = with(&[], &["Sec-WebSocket-Protocol: a"]);
    let accept = upgrade(&request).accept(Origins::Any).unwrap();
    let mut out = [0; 512];
    for text in INJECTED {
        let headers = [("Set-Cookie", text)];
        let written = accept.headers(&headers).write(&mut out);
        assert_eq!(written, Err(BuildError::InvalidHeaderValue), "{text:?}");
        let page = barews::handshake::server::respond(404, &headers, b"", &mut out);
        assert_eq!(page, Err(BuildError::InvalidHeaderValue), "{text:?}");
    }
}

/// aiohttp, CVE-2026-69243: the body of an upgrade request was read as a second request.
#[test]
fn aiohttp_cve_2026_69243_an_upgrade_with_a_body() {
    for field in ["Content-Length: 34", "Transfer-Encoding: chunked"] {
        let request = with(&[], &[field]) + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(refused(&request), Error::BodyNotAllowed);
        assert!(answer(Error::BodyNotAllowed).contains("\r\nConnection: close\r\n"));
    }
}

/// hyper, RUSTSEC-2020-0008: the body of a GET was left unread and parsed as the next request.
#[test]
fn hyper_rustsec_2020_0008_a_get_with_a_body() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let request = with(&[], &[&format!("Content-Length: {}", smuggled.len())]);
    // At the end of the head, without the body and with all of it.
    assert_eq!(refused(&request), Error::BodyNotAllowed);
    assert_eq!(refused(&(request + smuggled)), Error::BodyNotAllowed);
}

/// Vert.x, CVE-2018-12541: the whole body of an upgrade was buffered before the response.
#[test]
fn vert_x_cve_2018_12541_the_head_alone_decides() {
    // None of the announced gigabyte has to arrive.
    assert_eq!(refused(&with(&[], &["Content-Length: 1073741824"])), Error::BodyNotAllowed);
}

/// hyper, RUSTSEC-2021-0078: a length with a plus sign was parsed as a number.
#[test]
fn hyper_rustsec_2021_0078_lenient_lengths() {
    for value in ["+0", "-0", "0x0", "00", "0, 0", "0 0", "", "18446744073709551616"] {
        let field = format!("Content-Length: {value}");
        assert_eq!(refused(&with(&[], &[&field])), Error::BodyNotAllowed, "{value}");
        // RFC 9112 §6.3: a 101 has no body whatever its fields say, and frames follow its head.
        assert_eq!(answered("-", &[&field]), Ok(101), "{value}");
    }
}

/// hyper, RUSTSEC-2021-0079: the lengths of a chunked body overflowed when added.
#[test]
fn hyper_rustsec_2021_0079_no_chunked_body() {
    for value in ["chunked", "Chunked", "identity", "gzip, chunked", "xchunked", ""] {
        let field = format!("Transfer-Encoding: {value}");
        assert_eq!(refused(&with(&[], &[&field])), Error::BodyNotAllowed, "{value}");
        assert_eq!(answered("-", &[&field]), Ok(101), "{value}");
    }
}

/// hyper, RUSTSEC-2021-0020: the wrong one of several Transfer-Encoding fields was used, so a proxy
/// could see a different body.
#[test]
fn hyper_rustsec_2021_0020_every_line_of_a_field_counts() {
    for fields in [
        ["Content-Length: 0", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 0"],
        ["Content-Length: 0", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 0"],
    ] {
        assert_eq!(refused(&with(&[], &fields)), Error::BodyNotAllowed, "{fields:?}");
    }
}

/// `tiny_http`, RUSTSEC-2020-0031: Transfer-Encoding with invalid whitespace was accepted.
#[test]
fn tiny_http_rustsec_2020_0031_a_space_before_the_colon() {
    for field in ["Transfer-Encoding : chunked", "Content-Length\t: 5", "X Y: z", ": z"] {
        assert_eq!(refused(&with(&[], &[field])), Error::InvalidFieldName, "{field}");
    }
    assert_eq!(refused(&with(&[], &["X: y", " folded: z"])), Error::ObsoleteFold);
}

/// actix-http, RUSTSEC-2021-0081: a request could be hidden inside another because the parser was
/// too lenient.
#[test]
fn actix_http_rustsec_2021_0081_line_ends_are_cr_lf() {
    let request = with(&[], &[]);
    assert_eq!(refused(&request.replacen("\r\n", "\n", 1)), Error::BareLineFeed);
    assert_eq!(refused(&request.replacen("\r\n", "\r", 1)), Error::BareCarriageReturn);
    assert_eq!(refused(&request.replacen("Host: ", "Host: \0", 1)), Error::InvalidFieldValue);
}

/// Pingora, CVE-2026-2833: the proxy forwarded bytes before the server had accepted the upgrade.
#[test]
fn pingora_cve_2026_2833_only_a_101_opens_the_connection() {
    for status in [200, 204, 301, 400, 401, 403, 404, 426, 500, 999] {
        let head = changed(&format!("HTTP/1.1 {status} "), &ANSWER, &[], &[]);
        assert_eq!(judged(&head), Ok(status));
    }
    assert_eq!(answered("-", &[]), Ok(101));
    // Interim responses do not open the connection either.
    let interim = head("HTTP/1.1 100 Continue", &[]);
    assert!(matches!(client().read_response(interim.as_bytes()), Ok(Status::NeedMore(_))));
}

/// websocket-smuggle, Egorov 2019: a proxy took any response to a wrong Sec-WebSocket-Version for
/// an open tunnel.
#[test]
fn websocket_smuggle_2019_a_wrong_version_is_a_426_that_closes() {
    for version in ["1", "8", "12", "14", "255"] {
        let request =
            with(&["Sec-WebSocket-Version"], &[&format!("Sec-WebSocket-Version: {version}")]);
        assert_eq!(refused(&request), Error::UnsupportedVersion, "{version}");
    }
    let answer = answer(Error::UnsupportedVersion);
    assert!(
        answer.starts_with("HTTP/1.1 426 ") && answer.contains("Connection: close"),
        "{answer}"
    );
}

/// Netty, CVE-2026-59898: the handshake of old drafts ignored Connection and Upgrade, so a proxy
/// did not see the upgrade that the server performed.
#[test]
fn netty_cve_2026_59898_old_drafts_are_not_supported() {
    let hixie = [
        "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8",
        "Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0",
    ];
    let old = with(&["Sec-WebSocket-Key", "Sec-WebSocket-Version"], &hixie);
    assert_eq!(refused(&old), Error::Missing(Field::Version));
    assert_eq!(refused(&with(&["Connection"], &[])), Error::Missing(Field::Connection));
    assert_eq!(
        refused(&with(&["Connection"], &["Connection: close"])),
        Error::Invalid(Field::Connection)
    );
    let without = with(&["Upgrade"], &[]);
    assert!(matches!(read(without.as_bytes()), Ok(Incoming::Plain(_))));
}

/// ws before 8.7.0, commit 0fdcc0a: the client did not check the value of Upgrade.
#[test]
fn ws_0fdcc0a_the_client_checks_what_was_upgraded_to() {
    for value in ["h2c", "websocket2", "", "websocket, h2c", "web socket"] {
        let field = format!("Upgrade: {value}");
        assert_eq!(answered("Upgrade", &[&field]), Err(Error::Invalid(Field::Upgrade)), "{value}");
    }
    assert_eq!(answered("Upgrade", &[]), Err(Error::Missing(Field::Upgrade)));
    assert_eq!(answered("Upgrade", &["Upgrade: WebSocket"]), Ok(101));
    let wrong = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=";
    assert_eq!(answered("Sec-WebSocket-Accept", &[wrong]), Err(Error::Invalid(Field::Accept)));
}

/// ws, commit 160af45: the server did not check the key.
#[test]
fn ws_160af45_the_server_checks_the_key() {
    for key in [
        "",
        "a",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZ!==",
    ] {
        let request = with(&["Sec-WebSocket-Key"], &[&format!("Sec-WebSocket-Key: {key}")]);
        assert_eq!(refused(&request), Error::Invalid(Field::Key), "{key}");
    }
}

/// websocketz 0.2.0: a request with the key `a` and without Upgrade and Connection was accepted.
#[test]
fn websocketz_0_2_0_nothing_of_4_2_1_is_left_out() {
    for name in ["Host", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        assert!(matches!(refused(&with(&[name], &[])), Error::Missing(_)), "{name}");
    }
    for field in FIELDS
        .iter()
        .filter(|field| !field.starts_with("Upgrade") && !field.starts_with("Connection"))
    {
        assert!(matches!(refused(&with(&[], &[field])), Error::Repeated(_)), "{field}");
    }
}

/// websocketz 0.2.0: the client accepted only the exact value `Connection: upgrade`.
#[test]
fn websocketz_0_2_0_connection_is_a_list_of_tokens() {
    for value in ["upgrade", "UPGRADE", "keep-alive, Upgrade", "a,upgrade,b", "upgrade , close"] {
        let field = format!("Connection: {value}");
        assert_eq!(answered("Connection", &[&field]), Ok(101), "{value}");
        upgrade(&with(&["Connection"], &[&field]));
    }
    assert_eq!(
        answered("Connection", &["Connection: upgraded"]),
        Err(Error::Invalid(Field::Connection))
    );
}

/// embedded-websocket 0.9.5: a 101 was written for any version in the request.
#[test]
fn embedded_websocket_0_9_5_the_version_is_checked() {
    for version in ["", "013", "13.0", "thirteen", "13, 13", "-13"] {
        let request =
            with(&["Sec-WebSocket-Version"], &[&format!("Sec-WebSocket-Version: {version}")]);
        assert!(matches!(refused(&request), Error::Invalid(Field::Version)), "{version}");
    }
}

fn allowed(origin: &[&str], origins: Origins<'_>) -> bool {
    let fields: Vec<_> = origin.iter().map(|origin| format!("Origin: {origin}")).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    match read(with(&[], &fields).as_bytes()) {
        Ok(Incoming::Upgrade(upgrade)) => upgrade.accept(origins).is_ok(),
        _ => false,
    }
}

/// Spring, CVE-2026-59390: the check of Origin was missing or could be bypassed.
#[test]
fn spring_cve_2026_59390_an_origin_is_compared_whole() {
    let origins = Origins::List(&["https://example.com"]);
    assert!(allowed(&["https://example.com"], origins));
    for origin in [
        "https://example.com.evil.test",
        "https://evil.test/https://example.com",
        "https://example.co",
        "http://example.com",
        "https://example.com:444",
        "https://example.com/",
        "https://a.example.com",
        "example.com",
        "*",
    ] {
        assert!(!allowed(&[origin], origins), "{origin}");
    }
}

/// Cline, CVE-2026-44211: the same. Here, going without a list takes an explicit choice.
#[test]
fn cline_cve_2026_44211_accepting_requires_a_policy() {
    // `accept` requires a policy; an empty list allows no origin.
    assert!(!allowed(&["http://localhost"], Origins::List(&[])));
    assert!(!allowed(&[], Origins::List(&[])));
    assert!(allowed(&["http://localhost"], Origins::Any));
}

/// socket.io, WS-2020-0443: the same, with values that are not an origin.
#[test]
fn socket_io_ws_2020_0443_a_missing_origin_and_null_are_refused() {
    for origin in [&[][..], &["null"], &[""], &["https://a", "https://b"]] {
        assert!(!allowed(origin, Origins::List(&["https://a"])), "{origin:?}");
    }
}

/// farm, GHSA-p773-8mf4-rjm5: the same, without Origin.
#[test]
fn farm_ghsa_p773_a_missing_origin_is_allowed_only_explicitly() {
    assert!(allowed(&[], Origins::ListOrNone(&["https://a"])));
    assert!(!allowed(&["https://b"], Origins::ListOrNone(&["https://a"])));
    assert!(!allowed(&["null"], Origins::ListOrNone(&["https://a"])));
}

/// Zephyr, CVE-2026-5067: a key was copied without a terminator into a buffer of exactly its
/// length, and read past the end.
#[test]
fn zephyr_cve_2026_5067_a_key_that_fills_its_buffer() {
    let accept = upgrade(&with(&[], &[])).key().unwrap().accept();
    assert_eq!(accept.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for more in 1..40 {
        let field = format!("{}{}", FIELDS[3], "=".repeat(more));
        assert_eq!(refused(&with(&["Sec-WebSocket-Key"], &[&field])), Error::Invalid(Field::Key));
    }
}

/// `WebKit`, CVE-2010-1766: one byte too many of a long invalid response was read.
#[test]
fn webkit_cve_2010_1766_a_long_response_is_refused_at_the_limit() {
    for limit in 20..200 {
        let mut handshake = client().limits(Limits::new().max_head_len(limit));
        let bytes = [&b"HTTP/1.1 101 "[..], &vec![b'x'; limit]].concat();
        let first = (0..=bytes.len()).find(|end| handshake.read_response(&bytes[..*end]).is_err());
        // Refused once the line end and the empty line no longer fit.
        assert_eq!(first, Some((limit - 4 + 1).max(13)), "{limit}");
    }
}

/// picoserve, issue 66: browser headers longer than the buffer gave no meaningful error.
#[test]
fn picoserve_66_a_head_that_is_too_long_has_its_own_error() {
    let cookie = format!("Cookie: {}", "c".repeat(9000));
    assert_eq!(refused(&with(&[], &[&cookie])), Error::HeadTooLong);
    assert!(answer(Error::HeadTooLong).starts_with("HTTP/1.1 431 "));
    let mut reader = RequestReader::with_limits(Limits::new().max_head_len(10_000));
    assert!(matches!(reader.read(with(&[], &[&cookie]).as_bytes()), Ok(Status::Complete(_))));
}

/// ws, commits d68ba9e and 6946f5f: credentials followed a redirect to another host. Here no
/// redirect is followed: its target is reported, and what was sent to the first host is not
/// repeated, not even in a log.
#[test]
fn ws_d68ba9e_a_redirect_is_left_to_the_caller() {
    let location = "Location: ws://evil.test/";
    let head = head("HTTP/1.1 302 Found", &[location]);
    let mut handshake = client().headers(&[("Authorization", "secret")]);
    let Ok(Status::Complete(Response::Rejected(rejected))) =
        handshake.read_response(head.as_bytes())
    else {
        panic!()
    };
    assert_eq!(rejected.header("location").collect::<Vec<_>>(), [b"ws://evil.test/"]);
    assert!(!format!("{rejected:?} {handshake:?}").contains("secret"));
}
