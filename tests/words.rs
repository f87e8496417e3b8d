//! What people and logs read: `Display` and `Debug` of the public types.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::HashSet;
use std::error::Error as StdError;

use barews::keepalive::Reason;
use barews::{CloseCode, Config, Connection, Error, Event, Input, NoKey, SendError};

/// All of them differ, and can stand behind a colon.
fn phrases<E: StdError>(errors: &[E]) {
    let texts: HashSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len(), "{texts:?}");
    for text in texts {
        assert!(text.len() > 10 && text.contains(' '), "{text}");
        assert!(!text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
    }
}

#[test]
fn every_error_has_a_phrase_of_its_own() {
    phrases(&[
        Error::ReservedBits,
        Error::ReservedOpcode,
        Error::FragmentedControl,
        Error::ControlTooLong,
        Error::NonMinimalLength,
        Error::LengthTopBit,
        Error::Unmasked,
        Error::Masked,
        Error::UnexpectedContinuation,
        Error::ExpectedContinuation,
        Error::InvalidUtf8,
        Error::CloseTooShort,
        Error::InvalidCloseCode,
        Error::FrameTooLong,
        Error::MessageTooLong,
        Error::TooManyFragments,
        Error::InvalidDeflate,
        Error::UnexpectedEof,
    ]);
    phrases(&[
        SendError::BufferTooSmall { needed: 7 },
        SendError::Closed,
        SendError::ControlDue,
        SendError::FrameInProgress,
        SendError::PastFrameEnd,
        SendError::FrameTooLong,
        SendError::MessageInProgress,
        SendError::ControlTooLong,
        SendError::InvalidCloseCode,
        SendError::InvalidUtf8,
        SendError::NotNegotiated,
        SendError::NoMaskingKey,
    ]);
    phrases(&[
        Reason::Handshake,
        Reason::Pong,
        Reason::Idle,
        Reason::Message,
        Reason::Write,
        Reason::Close,
    ]);
    phrases(&[NoKey]);
    // Whoever reads it can act on the number.
    let text = SendError::BufferTooSmall { needed: 1234 }.to_string();
    assert_eq!(text, "the output slice is too short: 1234 bytes are needed");
}

#[test]
#[cfg(feature = "handshake")]
fn every_error_of_the_handshake_has_a_phrase_of_its_own() {
    use barews::handshake::extension::Malformed;
    use barews::handshake::{BuildError, Error, Field};

    const FIELDS: [(Field, &str); 9] = [
        (Field::Host, "Host"),
        (Field::Upgrade, "Upgrade"),
        (Field::Connection, "Connection"),
        (Field::Origin, "Origin"),
        (Field::Key, "Sec-WebSocket-Key"),
        (Field::Version, "Sec-WebSocket-Version"),
        (Field::Protocol, "Sec-WebSocket-Protocol"),
        (Field::Extensions, "Sec-WebSocket-Extensions"),
        (Field::Accept, "Sec-WebSocket-Accept"),
    ];
    let mut errors = vec![
        Error::BareLineFeed,
        Error::BareCarriageReturn,
        Error::InvalidStartLine,
        Error::InvalidFieldName,
        Error::InvalidFieldValue,
        Error::ObsoleteFold,
        Error::HeadTooLong,
        Error::TargetTooLong,
        Error::TooManyFields,
        Error::InvalidTarget,
        Error::MethodNotAllowed,
        Error::HttpVersion,
        Error::BodyNotAllowed,
        Error::UnsupportedVersion,
        Error::UpgradeRequired,
        Error::OriginRefused,
        Error::ProtocolNotOffered,
        Error::ExtensionNotOffered,
        Error::DeflateParameters,
    ];
    // The field is named as RFC 6455 writes it.
    for (field, name) in FIELDS {
        assert_eq!(Error::Missing(field).to_string(), format!("missing {name}"));
        assert_eq!(Error::Repeated(field).to_string(), format!("repeated {name}"));
        assert_eq!(Error::Invalid(field).to_string(), format!("invalid {name}"));
        errors.extend([Error::Missing(field), Error::Repeated(field), Error::Invalid(field)]);
    }
    phrases(&errors);
    phrases(&[
        BuildError::BufferTooSmall { needed: 7 },
        BuildError::InvalidHost,
        BuildError::InvalidPort,
        BuildError::InvalidTarget,
        BuildError::InvalidOrigin,
        BuildError::InvalidHeaderName,
        BuildError::InvalidHeaderValue,
        BuildError::ReservedHeader,
        BuildError::InvalidProtocol,
        BuildError::DuplicateProtocol,
        BuildError::ProtocolNotOffered,
        BuildError::ExtensionNotOffered,
        BuildError::InvalidStatus,
        BuildError::BodyNotAllowed,
    ]);
    phrases(&[Malformed]);
    let text = BuildError::BufferTooSmall { needed: 1234 }.to_string();
    assert_eq!(text, "output buffer too small, 1234 bytes needed");
}

#[test]
fn a_close_code_reads_as_its_number() {
    for code in [0, 1000, 1006, 4999, u16::MAX] {
        assert_eq!(CloseCode::from(code), CloseCode::new(code));
        assert_eq!(u16::from(CloseCode::new(code)), code);
        assert_eq!(CloseCode::new(code).to_string(), code.to_string());
    }
    assert_eq!(format!("[{:>6}]", CloseCode::GOING_AWAY), "[  1001]");
}

#[test]
fn a_log_shows_payloads_of_control_frames_and_no_masking_keys() {
    let mut key = 0x6B_65_79_73;
    let client = Connection::client(Config::new(), || {
        key += 1;
        u32::to_le_bytes(key)
    });
    let text = format!("{client:?}");
    assert!(text.contains("Client { .. }"), "{text}");

    let mut server = Connection::server(Config::new());
    let mut wire = *b"\x89\x82\x00\x00\x00\x00hi";
    let ping = server.receive(&mut Input::new(&mut wire)).unwrap();
    assert_eq!(format!("{ping:?}"), "Ping(ControlPayload([104, 105]))");
    let Event::Ping(payload) = ping else { unreachable!() };
    assert_eq!(format!("{payload:?}"), "ControlPayload([104, 105])");
}

/// Neither is a secret.
#[test]
#[cfg(feature = "handshake")]
fn a_log_shows_the_handshakes_key_and_its_answer() {
    let key = barews::handshake::key::Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
    assert_eq!(format!("{key:?}"), "Key(\"dGhlIHNhbXBsZSBub25jZQ==\")");
    assert_eq!(format!("{:?}", key.accept()), "Accept(\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\")");
}
