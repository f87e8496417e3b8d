//! What a server answers: an HTTP error for each fault, the version that it knows, and the value that
//! accepts a key.

use barews::handshake::key::Key;
use barews::handshake::{BuildError, Error, Field};

use crate::support::heads::{answer, with};

use super::refused;

#[test]
fn r4_2_01_every_fault_is_answered_with_an_http_error_that_closes() {
    use Error as E;
    let faults = [
        (E::BareLineFeed, "400 Bad Request"),
        (E::BareCarriageReturn, "400 Bad Request"),
        (E::InvalidStartLine, "400 Bad Request"),
        (E::InvalidFieldName, "400 Bad Request"),
        (E::InvalidFieldValue, "400 Bad Request"),
        (E::ObsoleteFold, "400 Bad Request"),
        (E::InvalidTarget, "400 Bad Request"),
        (E::Missing(Field::Host), "400 Bad Request"),
        (E::Repeated(Field::Key), "400 Bad Request"),
        (E::Invalid(Field::Version), "400 Bad Request"),
        (E::BodyNotAllowed, "400 Bad Request"),
        (E::OriginRefused, "403 Forbidden"),
        (E::TargetTooLong, "414 URI Too Long"),
        (E::HeadTooLong, "431 Request Header Fields Too Large"),
        (E::TooManyFields, "431 Request Header Fields Too Large"),
        (E::HttpVersion, "505 HTTP Version Not Supported"),
    ];
    for (error, line) in faults {
        assert_eq!(
            answer(error),
            format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        );
    }
    assert_eq!(
        answer(E::MethodNotAllowed),
        "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n"
    );
    let upgrade_required = answer(E::UpgradeRequired);
    assert!(upgrade_required.len() <= 160);
    for len in 0..upgrade_required.len() {
        let needed = upgrade_required.len();
        assert_eq!(
            E::UpgradeRequired.respond(&mut vec![0; len]),
            Err(BuildError::BufferTooSmall { needed })
        );
    }
}

#[test]
fn r4_2_15_another_version_is_a_426() {
    refused(
        &with(&["Sec-WebSocket-V"], &["Sec-WebSocket-Version: 8"]),
        Error::UnsupportedVersion,
        426,
    );
    refused(
        &with(&["Sec-WebSocket-V"], &["Sec-WebSocket-Version: 14"]),
        Error::UnsupportedVersion,
        426,
    );
}

#[test]
fn r4_4_01_a_426_names_the_version_that_is_understood() {
    assert_eq!(
        answer(Error::UnsupportedVersion),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn r4_2_20_the_accept_value_of_the_rfc() {
    let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
    assert_eq!(key.accept().as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(Key::new(*b"the sample nonce"), key);
}

#[test]
fn r10_8_01_the_accept_value_agrees_with_other_implementations() {
    use base64ct::Encoding;
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..200 {
        let nonce = core::array::from_fn(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_be_bytes()[0]
        });
        let key = Key::new(nonce);
        assert_eq!(key.as_str(), base64ct::Base64::encode(&nonce, &mut [0; 24]).unwrap());
        assert_eq!(Key::parse(key.as_str().as_bytes()), Some(key));
        let sum =
            sha1_smol::Sha1::from(format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.as_str()));
        let expected =
            base64ct::Base64::encode(&sum.digest().bytes(), &mut [0; 28]).unwrap().to_owned();
        assert_eq!(key.accept().as_str(), expected);
    }
}
