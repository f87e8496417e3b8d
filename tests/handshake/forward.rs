//! What a proxy forwards of the opening handshake.

use barews::handshake::client::{Accepted, Handshake, Response};
use barews::handshake::server::{Incoming, RequestReader, Upgrade};
use barews::handshake::{BuildError, Status};

const NONCE: [u8; 16] = *b"the sample nonce";

fn request(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: proxy.example\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

fn upgrade(request: &[u8]) -> Upgrade<'_> {
    match RequestReader::new().read(request) {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => upgrade,
        other => panic!("{other:?}"),
    }
}

/// The request of the proxy.
fn forwarded(request: &[u8]) -> Result<String, BuildError> {
    let (upgrade, mut out) = (upgrade(request), [0; 2048]);
    let forward = upgrade.forward()?;
    let handshake = forward.handshake(NONCE, "server.example").port(8080);
    let n = handshake.forward_headers(upgrade.request().headers()).write_request(&mut out)?;
    Ok(out[..n].iter().map(|byte| char::from(*byte)).collect())
}

#[test]
fn a_proxy_asks_for_what_it_is_asked_for() {
    let fields = "Origin: https://example.com\r\nCookie: a=b\r\nX-Own: c\r\n\
        Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Protocol: three\r\n\
        Sec-WebSocket-Extensions: foo, permessage-deflate; client_max_window_bits, \
        permessage-deflate\r\n";
    let expected = "GET /chat?room=1 HTTP/1.1\r\nHost: server.example:8080\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Origin: https://example.com\r\nSec-WebSocket-Protocol: one, two, three\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, \
        permessage-deflate\r\nCookie: a=b\r\nX-Own: c\r\n\r\n";
    for target in ["/chat?room=1", "http://proxy.example/chat?room=1"] {
        assert_eq!(forwarded(request(target, fields).as_bytes()).unwrap(), expected);
    }
    let bare = forwarded(request("http://proxy.example", "").as_bytes()).unwrap();
    assert!(bare.starts_with("GET / HTTP/1.1\r\n"));
    for absent in ["Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        assert!(!bare.contains(absent), "{bare}");
    }
}

/// RFC 9110 §7.6.1.
#[test]
fn a_proxy_forwards_end_to_end_fields_only() {
    let mut request = request(
        "/",
        "Connection: close , X-Hop\r\nX-HOP: 1\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\n\
         TE: trailers\r\nTrailer: b\r\nProxy-Authorization: c\r\nProxy-Authenticate: d\r\n\
         Content-Length: 0\r\nSec-WebSocket-Other: e\r\nExpect: f\r\nClose: g\r\nX-Bytes: \u{FF}\r\n\
         Via: 1.1 h\r\nx-hop-2: i\r\n",
    )
    .into_bytes();
    // Not UTF-8.
    let at = request.windows(2).position(|it| it == "\u{FF}".as_bytes()).unwrap();
    request.splice(at..at + 2, [0xFF]);
    let fields: Vec<_> = upgrade(&request).request().headers().end_to_end().collect();
    assert_eq!(fields, [("Via", "1.1 h"), ("x-hop-2", "i")]);
    let all =
        "\r\nSec-WebSocket-Version: 13\r\nX-Bytes: \u{FF}\r\nVia: 1.1 h\r\nx-hop-2: i\r\n\r\n";
    assert!(forwarded(&request).unwrap().ends_with(all));
}

fn accepted<'b>(handshake: &mut Handshake<'_>, response: &'b [u8]) -> Accepted<'b> {
    match handshake.read_response(response) {
        Ok(Status::Complete(Response::Accepted(accepted))) => accepted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proxy_answers_as_it_was_answered() {
    let fields =
        "Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let request = request("/", fields);
    let upgrade = upgrade(request.as_bytes());
    let forward = upgrade.forward().unwrap();
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for chosen in [
        "",
        "Sec-WebSocket-Protocol: two\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
    ] {
        let response = format!("{head}{chosen}Set-Cookie: a=b\r\n\r\n");
        let mut handshake = forward.handshake(NONCE, "server.example");
        let it = accepted(&mut handshake, response.as_bytes());
        let accept = upgrade.accept_as(it.protocol(), it.deflate()).unwrap();
        let accept = accept.forward_headers(it.headers());
        let mut out = [0; 512];
        let n = accept.write(&mut out).unwrap();
        assert_eq!(str::from_utf8(&out[..n]).unwrap(), response);
        let fields = accept.response_fields().unwrap();
        let lines: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
        let status = "HTTP/1.1 101 Switching Protocols";
        assert_eq!(format!("{status}\r\n{}\r\n\r\n", lines.join("\r\n")), response);
    }
}

/// RFC 9112 §5.2: a proxy replaces a fold. Its own fields are first.
#[test]
fn a_proxy_unfolds_what_it_forwards() {
    let request = request("/", "");
    let upgrade = upgrade(request.as_bytes());
    let forward = upgrade.forward().unwrap();
    let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        X-Folded: one\r\n two\r\n\r\n";
    let mut handshake = forward.handshake(NONCE, "server.example");
    let it = accepted(&mut handshake, response.as_bytes());
    let accept = upgrade.accept_as(None, None).unwrap();
    let accept = accept.headers(&[("Via", "1.1 a")]).forward_headers(it.headers());
    let mut out = [0; 512];
    let n = accept.write(&mut out).unwrap();
    let head = str::from_utf8(&out[..n]).unwrap();
    assert!(head.ends_with("\r\nVia: 1.1 a\r\nX-Folded: one   two\r\n\r\n"), "{head}");
    let last = accept.response_fields().unwrap().last().unwrap();
    assert_eq!((last.0, last.1.to_string()), ("X-Folded", "one two".to_owned()));
}

/// The response with which a refusal is passed on, in a buffer of exactly its length.
fn refused(status: &str) -> Result<String, BuildError> {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: X-Hop\r\nX-Hop: 1\r\nWWW-Authenticate: Basic\r\n\
         Content-Length: 4\r\n\r\nbody"
    );
    let mut handshake = Handshake::new(NONCE, "server.example", "/");
    let Ok(Status::Complete(Response::Rejected(it))) = handshake.read_response(head.as_bytes())
    else {
        panic!("{head}")
    };
    let mut out = [0; 128];
    let n = it.forward(&mut out)?;
    assert_eq!(it.forward(&mut out[..n - 1]), Err(BuildError::BufferTooSmall { needed: n }));
    Ok(String::from_utf8(out[..n].to_vec()).unwrap())
}

#[test]
fn a_proxy_refuses_as_it_was_refused() {
    let response = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\
        WWW-Authenticate: Basic\r\n\r\n";
    assert_eq!(refused("401 No").unwrap(), response);
    assert_eq!(refused("999 No"), Err(BuildError::InvalidStatus));
}

#[test]
fn a_proxy_refuses_what_it_cannot_forward() {
    let list = |n, item: fn(usize) -> String| (0..n).map(item).collect::<Vec<_>>().join(", ");
    let protocols = |n| format!("Sec-WebSocket-Protocol: {}\r\n", list(n, |i| format!("p{i}")));
    let offers = |n| {
        let offer = |_| "permessage-deflate".to_owned();
        format!("Sec-WebSocket-Extensions: {}\r\n", list(n, offer))
    };
    for (fields, result) in [
        (protocols(8), None),
        (protocols(9), Some(BuildError::TooManyOffers)),
        (offers(8), None),
        (offers(9), Some(BuildError::TooManyOffers)),
        ("Origin: \u{E4}\r\n".to_owned(), Some(BuildError::InvalidOrigin)),
        ("Sec-WebSocket-Protocol: a, a\r\n".to_owned(), Some(BuildError::DuplicateProtocol)),
    ] {
        assert_eq!(forwarded(request("/", &fields).as_bytes()).err(), result, "{fields}");
    }
    let mut bytes = request("/", "Origin: ?\r\n").into_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(upgrade(&bytes).forward().unwrap_err(), BuildError::InvalidOrigin);
}
