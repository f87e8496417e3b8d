//! Class F: crashes on malformed or unusual input.

use barews::{Config, Kind, SendError};

use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::plain;

/// embedded-websocket, issue 16: closing with a reason panicked.
#[test]
fn embedded_websocket_16_a_reason_of_any_length_does_not_panic() {
    for (side, len) in SIDES.into_iter().flat_map(|side| (0..=200).map(move |len| (side, len))) {
        let reason = "r".repeat(len);
        let mut ws = side.ws(Config::new());
        if len <= 123 {
            let body = [&[0x03, 0xE8][..], reason.as_bytes()].concat();
            assert_eq!(plain(&ws.sent(Call::Close(1000, &reason))), [(0x88, body)]);
        } else {
            assert_eq!(ws.refused(Call::Close(1000, &reason)), SendError::ControlTooLong);
        }
    }
}

/// embedded-websocket, issue 6: the byte stream was corrupted under load.
#[test]
fn embedded_websocket_6_many_frames_at_every_length_of_a_read() {
    for side in SIDES {
        let mut wire = Vec::new();
        let mut wanted = Vec::new();
        for n in 0..60_u8 {
            let payload = vec![n; usize::from(n) * 3];
            wire.extend(side.frame(0x82, &payload));
            wanted.push(Ev::binary(&payload));
        }
        for step in (1..300).chain([wire.len()]) {
            let events = side.ws(Config::new()).push_by(step, &wire);
            assert_eq!(events, wanted, "{side:?} {step}");
        }
    }
}

/// embedded-websocket, issue 31: the payload of a control frame between fragments was added to the
/// message.
#[test]
fn embedded_websocket_31_a_control_frame_is_not_part_of_the_message() {
    for side in SIDES {
        let wire = [
            side.frame(0x01, b"one "),
            side.frame(0x89, b"ping"),
            side.frame(0x00, b"two "),
            side.frame(0x8A, b"pong"),
            side.frame(0x80, b"three"),
        ];
        for step in 1..wire.concat().len() {
            let (mut controls, mut data) = (Vec::new(), Vec::new());
            let mut ws = side.ws(Config::new());
            for event in wire.concat().chunks(step).flat_map(|chunk| ws.push(chunk)) {
                if let Ev::Data { .. } = event { data.push(event) } else { controls.push(event) }
            }
            assert_eq!(controls, [Ev::Ping(b"ping".to_vec()), Ev::Pong(b"pong".to_vec())]);
            assert_eq!(joined(&data), [Ev::text(b"one two three")], "{step}");
        }
    }
}

/// websocket-sans-io 0.1.0: a masked piece of 255 bytes that did not start at the first key byte
/// panicked in debug builds because the key offset was an 8-bit number.
#[test]
fn websocket_sans_io_0_1_0_a_piece_of_255_bytes_at_every_key_offset() {
    let payload: Vec<u8> = (0..=255).cycle().take(1500).collect();
    let wire = Side::Server.frame(0x82, &payload);
    for first in 9..40 {
        for len in [254, 255, 256, 257, 511, 512] {
            let mut ws = Side::Server.ws(Config::new());
            let mut events = ws.push(&wire[..first]);
            events.extend(wire[first..].chunks(len).flat_map(|chunk| ws.push(chunk)));
            assert_eq!(joined(&events), [Ev::binary(&payload)], "{first} {len}");
        }
    }
}

/// tungstenite 0.17.2: a request built by the caller by hand caused a panic.
#[cfg(feature = "handshake")]
#[test]
fn tungstenite_0_17_2_invalid_caller_input_is_an_error() {
    use barews::handshake::BuildError as E;
    use barews::handshake::client::Handshake;

    let long = "x".repeat(100_000);
    let mut out = [0; 512];
    for (host, path, error) in [
        ("", "/", E::InvalidHost),
        ("a b", "/", E::InvalidHost),
        ("[::1", "/", E::InvalidHost),
        ("a", "\r\n", E::InvalidTarget),
        ("a", "no slash", E::InvalidTarget),
        ("a", "/\u{0}", E::InvalidTarget),
        ("a", "/ä", E::InvalidTarget),
    ] {
        assert_eq!(
            Handshake::new([0; 16], host, path).write_request(&mut out),
            Err(error),
            "{host}{path}"
        );
    }
    let Err(E::BufferTooSmall { needed }) =
        Handshake::new([0; 16], &long, "/").write_request(&mut out)
    else {
        panic!()
    };
    assert!(needed > long.len());
    let headers = [("", "v")];
    let handshake = Handshake::new([0; 16], "a", "/").headers(&headers);
    assert_eq!(handshake.write_request(&mut out), Err(E::InvalidHeaderName));
}

/// quinn-proto, RUSTSEC-2026-0037: the peer's parameters were unwrapped.
#[cfg(feature = "handshake")]
#[test]
fn quinn_proto_rustsec_2026_0037_no_parameter_is_unwrapped() {
    use std::collections::BTreeSet;

    use barews::handshake::deflate::{DeflateConfig, negotiate};
    use barews::handshake::extension;

    let names = ["server_max_window_bits", "client_max_window_bits", "x", ""];
    let bytes: Vec<u8> = (0..=127_u8).filter(|byte| !byte.is_ascii_alphabetic()).collect();
    let mut agreed = BTreeSet::new();
    for name in names {
        for (a, b) in bytes.iter().flat_map(|a| bytes.iter().map(move |b| (*a, *b))) {
            for value in [&[a][..], &[a, b], &[b'"', a, b'"'], &[b'1', a, b]] {
                let list = [b"permessage-deflate; ", name.as_bytes(), b"=", value].concat();
                let offers = extension::parse(&list).flatten();
                let is_agreed = negotiate(offers, &DeflateConfig::new()).is_some();
                if is_agreed && value.iter().all(u8::is_ascii_digit) {
                    agreed.insert((name, String::from_utf8(value.to_vec()).unwrap()));
                }
            }
        }
    }
    let windows = |name| (8..=15).map(move |bits| (name, bits.to_string()));
    assert_eq!(agreed, windows(names[0]).chain(windows(names[1])).collect());
}

/// ws, GHSA-5v72-xg48-5rpm: an extension named `constructor` was found on the object prototype, and
/// calling it crashed.
#[cfg(feature = "handshake")]
#[test]
fn ws_ghsa_5v72_an_extension_called_constructor() {
    use barews::handshake::deflate::DeflateConfig;

    use crate::support::heads;

    for name in [
        "constructor",
        "__proto__",
        "toString",
        "hasOwnProperty",
        "permessage-deflate; constructor",
    ] {
        let request = heads::with(&[], &[&format!("Sec-WebSocket-Extensions: {name}")]);
        let upgrade = heads::upgrade(&request);
        assert_eq!(upgrade.extensions().count(), 1);
        assert_eq!(upgrade.negotiate_deflate(&DeflateConfig::new()), None, "{name}");
    }
}

/// ws, CVE-2024-37890: fields beyond the maximum were dropped, and a dropped Upgrade was then read.
#[cfg(feature = "handshake")]
#[test]
fn ws_cve_2024_37890_a_field_too_many_is_not_dropped() {
    use barews::handshake::Error;

    use crate::support::heads;

    for count in 55..70 {
        // The handshake's own fields come last.
        let filler = ["X: y"].repeat(count);
        let fields: Vec<&str> = filler.into_iter().chain(heads::FIELDS).collect();
        let head = heads::head("GET / HTTP/1.1", &fields);
        if fields.len() <= 64 {
            heads::upgrade(&head);
        } else {
            assert_eq!(heads::read(head.as_bytes()).unwrap_err(), Error::TooManyFields);
        }
    }
}

/// Deno, CVE-2026-55517: bytes of 0x80 and above in Sec-WebSocket-Protocol or
/// Sec-WebSocket-Extensions of a response were unwrapped as text.
#[cfg(feature = "handshake")]
#[test]
fn deno_cve_2026_55517_invalid_utf8_in_a_response() {
    use barews::handshake::client::Handshake;
    use barews::handshake::deflate::DeflateOffer;
    use barews::handshake::{Error, Field};

    let offers = [DeflateOffer::new()];
    for byte in 0x80..=0xFF {
        for (name, field) in [
            ("Sec-WebSocket-Protocol", Error::Invalid(Field::Protocol)),
            ("Sec-WebSocket-Extensions", Error::Invalid(Field::Extensions)),
        ] {
            let start = format!(
                "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{name}: a"
            );
            let head = [start.as_bytes(), &[byte], b"\r\n\r\n"].concat();
            let mut handshake =
                Handshake::new(*b"the sample nonce", "a", "/").protocols(&["a"]).deflate(&offers);
            assert_eq!(handshake.read_response(&head).unwrap_err(), field, "{name} {byte:02X}");
        }
    }
}

/// rustls, RUSTSEC-2024-0399: a first handshake message in two pieces panicked.
#[cfg(feature = "handshake")]
#[test]
fn rustls_rustsec_2024_0399_a_head_in_two_pieces() {
    use barews::handshake::Status;
    use barews::handshake::server::{Incoming, RequestReader};

    use crate::support::heads;

    let head = heads::with(&[], &[]);
    for (first, again) in (0..head.len()).flat_map(|cut| [(cut, false), (cut, true)]) {
        let mut reader = RequestReader::new();
        assert!(matches!(reader.read(&head.as_bytes()[..first]), Ok(Status::NeedMore(_))));
        if again {
            assert!(matches!(reader.read(&head.as_bytes()[..first]), Ok(Status::NeedMore(_))));
        }
        let whole = reader.read(head.as_bytes());
        assert!(matches!(whole, Ok(Status::Complete(Incoming::Upgrade(_)))), "{first}");
    }
}

/// embedded-websocket 0.9.5: a Sec-WebSocket-Key of more than 24 bytes panicked, which any client
/// could trigger.
#[cfg(feature = "handshake")]
#[test]
fn embedded_websocket_0_9_5_a_key_of_any_length_does_not_panic() {
    use barews::handshake::{Error, Field};

    use crate::support::heads;

    for len in (0..100).chain([1000, 5000]) {
        for byte in ["A", "=", "\u{7E}"] {
            let field = format!("Sec-WebSocket-Key: {}", byte.repeat(len));
            let request = heads::with(&["Sec-WebSocket-Key"], &[&field]);
            let error = heads::read(request.as_bytes()).unwrap_err();
            assert_eq!(error, Error::Invalid(Field::Key), "{len}");
        }
    }
}

/// embedded-websocket 0.9.5: so did a subprotocol of more than 24 bytes.
#[cfg(feature = "handshake")]
#[test]
fn embedded_websocket_0_9_5_a_subprotocol_of_any_length_does_not_panic() {
    use barews::handshake::server::Origins;

    use crate::support::heads;

    for len in [1, 23, 24, 25, 26, 255, 256, 5000] {
        let name = "p".repeat(len);
        let request = heads::with(&[], &[&format!("Sec-WebSocket-Protocol: {name}")]);
        let upgrade = heads::upgrade(&request);
        assert_eq!(upgrade.protocols().collect::<Vec<_>>(), [&name]);
        let mut out = [0; 6000];
        let accept = upgrade.accept(Origins::Any).unwrap().protocol(&name);
        assert!(accept.write(&mut out).is_ok_and(|written| written > 129 + len));
    }
}

/// websocket-sans-io 0.1.0: the end of a message is reported only by a further call without bytes,
/// and the end of an empty one hardly at all.
#[test]
fn websocket_sans_io_0_1_0_the_end_of_an_empty_message_is_reported_at_once() {
    for side in SIDES {
        let wire = [
            side.frame(0x81, b""),
            side.frame(0x02, b""),
            side.frame(0x00, b""),
            side.frame(0x89, b""),
            side.frame(0x80, b""),
            side.frame(0x88, b""),
        ];
        for step in 1..20 {
            let mut ws = side.ws(Config::new());
            let mut events: Vec<_> = wire.concat().chunks(step).flat_map(|c| ws.push(c)).collect();
            let ping = events.iter().position(|event| *event == Ev::Ping(vec![])).unwrap();
            events.remove(ping);
            let part = |first, fin| Ev::piece(Kind::Binary, b"", first, fin, 0);
            let data = [part(true, false), part(false, false), part(false, true)];
            let wanted = [&[Ev::text(b"")][..], &data, &[Ev::Close(None)]].concat();
            assert_eq!(events, wanted, "{step}");
        }
    }
}
