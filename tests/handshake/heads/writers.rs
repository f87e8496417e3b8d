//! The writers: from any text of the caller they write a head that the other side reads, or
//! nothing, and never an injected line or field.

use std::collections::BTreeMap;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::{DeflateConfig, DeflateOffer, WindowBits};
use barews::handshake::server::{Incoming, Origins, RequestReader, respond};
use barews::handshake::{BuildError, Error, Status};
use proptest::prelude::*;

use super::{REQUEST, cases};

#[test]
fn both_sides_agree() {
    let offers =
        [DeflateOffer::new().client_max_window_bits(WindowBits::new(10)), DeflateOffer::new()];
    let mut client = Handshake::new([7; 16], "::1", "/a?b")
        .port(8080)
        .secure(true)
        .origin("https://example.com")
        .protocols(&["x", "y"])
        .deflate(&offers)
        .headers(&[("Cookie", "a=b")]);
    let (mut sent, mut replied) = ([0; 1024], [0; 1024]);
    let len = client.write_request(&mut sent).unwrap();
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = RequestReader::new().read(&sent[..len])
    else {
        panic!()
    };
    let request = upgrade.request();
    assert_eq!((request.head_len(), request.path(), request.query()), (len, "/a", Some("b")));
    assert_eq!(
        (request.host(), upgrade.origin()),
        (Some("[::1]:8080"), Some(&b"https://example.com"[..]))
    );
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(request.header("cookie").collect::<Vec<_>>(), [b"a=b"]);
    let answer =
        upgrade.negotiate_deflate(&DeflateConfig::new().client_no_context_takeover(true)).unwrap();
    let accept = upgrade.accept(Origins::List(&["https://example.com"])).unwrap();
    let headers = [("Set-Cookie", "c=d")];
    let len = accept.protocol("y").deflate(answer).headers(&headers).write(&mut replied).unwrap();
    let Ok(Status::Complete(Response::Accepted(accepted))) = client.read_response(&replied[..len])
    else {
        panic!()
    };
    assert_eq!((accepted.head_len(), accepted.protocol()), (len, Some("y")));
    assert_eq!(accepted.deflate(), Some(answer.params()));
    assert_eq!(accepted.header("set-cookie").collect::<Vec<_>>(), [b"c=d"]);

    let faults = [Error::OriginRefused, Error::UnsupportedVersion, Error::MethodNotAllowed];
    for fault in faults {
        let len = fault.respond(&mut replied).unwrap();
        let outcome =
            Handshake::new([7; 16], "a", "/").read_response(&replied[..len]).map(|status| {
                match status {
                    Status::Complete(Response::Rejected(rejected)) => {
                        (rejected.status(), rejected.head_len())
                    }
                    other => panic!("{other:?}"),
                }
            });
        assert_eq!(outcome, Ok((fault.status(), len)));
    }
}

/// Checks that only CR LF ends a line, and that each field of the handshake occurs once.
fn is_clean(head: &[u8], once: &[&str]) {
    let text = str::from_utf8(head).unwrap();
    assert!(text.ends_with("\r\n\r\n"));
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    assert!(!lines.next().unwrap().is_empty());
    let mut names = BTreeMap::new();
    for line in lines {
        assert!(
            !line.is_empty()
                && !line.contains(|byte: char| byte.is_ascii_control() && byte != '\t'),
            "{line:?}"
        );
        *names.entry(line.split_once(':').unwrap().0.to_ascii_lowercase()).or_insert(0) += 1;
    }
    for name in once {
        assert_eq!(names.get(*name), Some(&1), "{name}");
    }
    for (name, count) in names {
        assert!(count == 1 || !name.starts_with("sec-websocket-"));
    }
}

/// Text with many dangerous characters.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => "[a-zA-Z0-9./:-]{0,8}",
        1 => "[\r\n\0 \t,;=\"#]{0,2}",
        1 => prop::sample::select(vec!["\r\nX: y", "\u{e9}", "Host", "upgrade", "Sec-WebSocket-Key"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(pieces, 0..3).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p19_nothing_can_be_injected_into_a_request(
        host in prop_oneof![Just("a.example".to_owned()), hostile()],
        path in prop_oneof![Just("/".to_owned()), hostile().prop_map(|path| format!("/{path}"))],
        protocol in prop_oneof![Just("chat".to_owned()), hostile()],
        origin in prop::option::of(hostile()),
        name in prop_oneof![Just("X-Y".to_owned()), hostile()],
        value in hostile(),
    ) {
        let (protocols, headers) = ([protocol.as_str()], [(name.as_str(), value.as_str())]);
        let mut handshake = Handshake::new([1; 16], &host, &path).protocols(&protocols).headers(&headers);
        if let Some(origin) = &origin {
            handshake = handshake.origin(origin);
        }
        let mut out = [0xAA; 1024];
        match handshake.write_request(&mut out) {
            Ok(len) => {
                is_clean(&out[..len], &["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"]);
                prop_assert!(out[len..].iter().all(|byte| *byte == 0xAA));
                let upgrade = matches!(RequestReader::new().read(&out[..len]), Ok(Status::Complete(Incoming::Upgrade(_))));
                prop_assert!(upgrade);
            }
            Err(error) => {
                let too_small = matches!(error, BuildError::BufferTooSmall { .. });
                prop_assert!(!too_small && out == [0xAA; 1024]);
            }
        }
    }

    #[test]
    fn p19_nothing_can_be_injected_into_a_response(
        name in prop_oneof![Just("X-Y".to_owned()), hostile()],
        value in hostile(),
        status in 100..700_u16,
        size in 0..400_usize,
    ) {
        let headers = [("X", "y"), (name.as_str(), value.as_str())];
        let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = RequestReader::new().read(REQUEST) else { panic!() };
        let accept = upgrade.accept(Origins::Any).unwrap().protocol("a").headers(&headers);
        let mut out = vec![0xAA; size];
        match accept.write(&mut out) {
            Ok(len) => is_clean(&out[..len], &["upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"]),
            Err(BuildError::BufferTooSmall { needed }) => {
                prop_assert!(needed > size);
                prop_assert_eq!(accept.write(&mut vec![0; needed]), Ok(needed));
            }
            Err(_) => prop_assert!(out.iter().all(|byte| *byte == 0xAA)),
        }
        let mut out = vec![0xAA; 512];
        if let Ok(len) = respond(status, &headers, b"", &mut out) {
            is_clean(&out[..len], &["connection"]);
        }
    }
}
