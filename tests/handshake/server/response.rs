//! The server's response: an HTTP error for each fault, the supported version, and the accept
//! value.

use barews::handshake::key::Key;
use barews::handshake::{BuildError, Error, Field};

use crate::support::base64;
use crate::support::heads::{answer, with};

use super::refused;

#[test]
fn r4_2_01_every_error_has_an_http_response_that_closes() {
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
fn r4_4_01_a_426_names_the_supported_version() {
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
    // The digest of RFC 6455 §1.3.
    let digest = [
        0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38, 0x59,
        0x45, 0xb2, 0xbe, 0xc4, 0xea,
    ];
    assert_eq!(base64::decode(key.accept().as_str().as_bytes()).unwrap(), digest);
}

/// The vectors of RFC 4648 §9 and §10, combined to 16 bytes.
#[test]
fn keys_of_the_vectors_of_rfc_4648() {
    let published = [
        (*b"foobarfoobarfoob", "Zm9vYmFyZm9vYmFyZm9vYg=="),
        (*b"foobarfoofoobarf", "Zm9vYmFyZm9vZm9vYmFyZg=="),
        (
            *b"\x14\xfb\x9c\x03\xd9\x7e\x14\xfb\x9c\x03\xd9\x7e\x14\xfb\x9c\x03",
            "FPucA9l+FPucA9l+FPucAw==",
        ),
    ];
    for (nonce, text) in published {
        let key = Key::new(nonce);
        assert_eq!(key.as_str(), text);
        assert_eq!(Key::parse(text.as_bytes()), Some(key));
    }
}

/// `keys.py` generates the file.
#[test]
fn r10_8_01_the_accept_value_agrees_with_other_implementations() {
    let (mut keys, mut others) = (0, 0);
    for row in include_str!("keys.tsv").lines().skip(1) {
        let mut fields = row.split('\t');
        let [nonce, text, accept] = core::array::from_fn(|_| fields.next().unwrap());
        assert_eq!(fields.next(), None, "{row}");
        if nonce == "-" {
            assert_eq!(Key::parse(text.as_bytes()), None, "{row}");
            others += 1;
            continue;
        }
        let key = Key::parse(text.as_bytes()).unwrap();
        assert_eq!(key.as_str(), text);
        assert_eq!(key.accept().as_str(), accept, "{row}");
        assert_eq!(Key::new(u128::from_str_radix(nonce, 16).unwrap().to_be_bytes()), key, "{row}");
        keys += 1;
    }
    assert_eq!((keys, others), (381, 280));
}
