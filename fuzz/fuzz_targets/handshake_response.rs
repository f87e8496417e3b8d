//! Feeds any bytes, cut in any way, to a client as the response to its handshake, and compares with
//! `httparse`. Puts any text from the caller into its request.
#![no_main]

use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::server::{Incoming, RequestReader};
use barews::handshake::{BuildError, Error, Limits, Status};
use barews_fuzz::heads;
use libfuzzer_sys::fuzz_target;

const PROTOCOLS: [&str; 2] = ["chat", "superchat"];

fuzz_target!(|data: &[u8]| {
    let Some((cuts, bytes)) = heads::cuts(data) else { return };
    let offers = [DeflateOffer::new()];
    let whole = outcome(&mut handshake(&offers), bytes);
    let mut parts = handshake(&offers);
    for cut in cuts {
        let part = outcome(&mut parts, &bytes[..cut.min(bytes.len())]);
        assert!(part == Ok(None) || part == whole, "the outcome depends on the cut");
    }
    assert_eq!(outcome(&mut parts, bytes), whole);
    request(bytes);

    let Ok(Some((head_len, status, protocol))) = whole else { return };
    assert!(bytes[..head_len].ends_with(b"\r\n\r\n"));
    assert!(protocol.is_none_or(|protocol| PROTOCOLS.contains(&protocol.as_str())));
    if status == 101 {
        // The response must not be valid for another key.
        let mut other = Handshake::new([1; 16], "example.com", "/").protocols(&PROTOCOLS);
        assert!(outcome(&mut other, bytes).is_err());
    }
    let other = [&bytes[..head_len], b"\x81\x00"].concat();
    assert_eq!(
        outcome(&mut handshake(&offers), &other).map(|o| o.map(|o| o.0)),
        Ok(Some(head_len))
    );
});

/// For any text from the caller, the request is clean and our server accepts it, or nothing is
/// written.
fn request(bytes: &[u8]) {
    let usual = ["a.example", "/", "chat", "X-Y", "value", "https://a.example"];
    let [host, path, protocol, name, value, origin] = heads::texts(bytes, usual);
    let (protocols, headers, offers) =
        ([protocol, "usual"], [(name, value)], [DeflateOffer::new()]);
    let handshake = Handshake::new([1; 16], host, path).protocols(&protocols).headers(&headers);
    let mut out = [0xAA; 1024];
    match handshake.origin(origin).deflate(&offers).write_request(&mut out) {
        Ok(len) => {
            let head = &out[..len];
            heads::clean(head);
            heads::once(head, &["host", "upgrade", "connection", "origin", "sec-websocket-key"]);
            let mut reader = RequestReader::new();
            let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = reader.read(head) else {
                panic!("our server rejects the request")
            };
            assert_eq!(upgrade.protocols().collect::<Vec<_>>(), protocols);
            assert_eq!(upgrade.request().head_len(), len);
        }
        Err(BuildError::BufferTooSmall { needed }) => assert!(needed > out.len()),
        Err(_) => assert!(out.iter().all(|byte| *byte == 0xAA)),
    }
}

fn handshake<'a>(offers: &'a [DeflateOffer]) -> Handshake<'a> {
    // The nonce of the example in RFC 6455, so that seeds can contain its accept value.
    Handshake::new(*b"the sample nonce", "example.com", "/")
        .protocols(&PROTOCOLS)
        .deflate(offers)
        .limits(Limits::new().max_head_len(1024).max_fields(16))
}

/// The length of the head, the status and the subprotocol. `None` if more bytes are needed.
fn outcome(
    handshake: &mut Handshake<'_>,
    bytes: &[u8],
) -> Result<Option<(usize, u16, Option<String>)>, Error> {
    Ok(match handshake.read_response(bytes)? {
        Status::NeedMore(_) => None,
        Status::Complete(Response::Accepted(accepted)) => {
            let head_len = accepted.head_len();
            heads::is_answer_of_httparse(bytes, 101, head_len, accepted.headers());
            Some((head_len, 101, accepted.protocol().map(str::to_owned)))
        }
        Status::Complete(Response::Rejected(rejected)) => {
            assert_ne!(rejected.status(), 101);
            let (status, head_len) = (rejected.status(), rejected.head_len());
            heads::is_answer_of_httparse(bytes, status, head_len, rejected.headers());
            Some((head_len, status, None))
        }
    })
}
