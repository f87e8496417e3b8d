//! `Display` and `Debug` output: one clear sentence for each error, wire values as they are, and no
//! secrets.

use std::collections::HashSet;
use std::error::Error as StdError;

use barews::frame::{Header, Lead, Opcode};
use barews::keepalive::Reason;
use barews::{
    AssembleError, Assembler, CloseCode, Config, Connection, ControlPayload, Error, Event, Input,
};
use barews::{Kind, NoKey, RecvBuffer, SendBuffer, SendError, StorageFull};

/// Every message differs, and none starts with a capital letter or ends with a full stop.
fn all_differ(errors: &[&dyn StdError]) {
    let texts: HashSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len());
    for text in texts {
        assert!(text.len() >= 8 && text.is_ascii(), "{text:?}");
        assert!(text.starts_with(|first: char| first.is_ascii_lowercase()), "{text:?}");
        assert!(!text.ends_with('.'), "{text:?}");
    }
}

#[test]
fn each_fault_of_the_peer_has_a_message() {
    all_differ(&[
        &Error::ReservedBits,
        &Error::ReservedOpcode,
        &Error::FragmentedControl,
        &Error::ControlTooLong,
        &Error::NonMinimalLength,
        &Error::LengthTopBit,
        &Error::Unmasked,
        &Error::Masked,
        &Error::UnexpectedContinuation,
        &Error::ExpectedContinuation,
        &Error::InvalidUtf8,
        &Error::CloseTooShort,
        &Error::InvalidCloseCode,
        &Error::FrameTooLong,
        &Error::MessageTooLong,
        &Error::TooManyFragments,
        &Error::InvalidDeflate,
        &Error::UnexpectedEof,
    ]);
}

#[test]
fn each_fault_of_the_caller_has_a_message() {
    all_differ(&[
        &SendError::BufferTooSmall { needed: 7 },
        &SendError::Closed,
        &SendError::ControlDue,
        &SendError::FrameInProgress,
        &SendError::PastFrameEnd,
        &SendError::FrameTooLong,
        &SendError::MessageInProgress,
        &SendError::ControlTooLong,
        &SendError::InvalidCloseCode,
        &SendError::InvalidUtf8,
        &SendError::NotNegotiated,
        &SendError::NoMaskingKey,
        &AssembleError::InvalidUtf8,
        &AssembleError::StorageFull(StorageFull { needed: 7 }),
        &NoKey,
    ]);
    let needed = SendError::BufferTooSmall { needed: 1234 }.to_string();
    assert!(needed.contains("1234 bytes"), "{needed}");
    let needed = StorageFull { needed: 1234 }.to_string();
    assert!(needed.contains("1234 bytes"), "{needed}");
}

#[test]
fn each_expired_deadline_has_a_message() {
    all_differ(&[
        &Reason::Handshake,
        &Reason::Pong,
        &Reason::Idle,
        &Reason::Message,
        &Reason::Write,
        &Reason::Close,
    ]);
}

#[test]
fn a_close_code_is_its_number() {
    for code in [0, 1000, 1006, 4999, u16::MAX] {
        assert_eq!(CloseCode::from(code), CloseCode::new(code));
        assert_eq!(u16::from(CloseCode::new(code)), code);
        assert_eq!(CloseCode::new(code).to_string(), code.to_string());
    }
    assert_eq!(format!("[{:>6}]", CloseCode::GOING_AWAY), "[  1001]");
}

#[test]
fn a_control_payload_is_its_bytes() {
    let mut wire = [0x89, 3, 1, 2, 3];
    let mut client = Connection::client(Config::new(), || [0; 4]);
    let event = client.receive(&mut Input::new(&mut wire)).unwrap();
    let Event::Ping(payload) = event else { panic!("{event:?}") };
    let _: &ControlPayload = &payload;
    assert_eq!(format!("{payload:?}"), "ControlPayload([1, 2, 3])");
}

#[test]
fn the_source_of_masking_keys_is_not_printed() {
    // RFC 6455 §10.3: "The unpredictability of the masking key is essential".
    let secret = 0xA5;
    let client = Connection::client(Config::new(), move || [secret; 4]);
    let printed = format!("{client:?}");
    assert!(printed.contains("Client { .. }"), "{printed}");
    assert!(!printed.contains("165"), "{printed}");
}

/// RFC 6455 §10.3: a key that an attacker knows in time lets it choose the bytes on the wire.
#[test]
fn the_masking_key_of_a_frame_in_progress_is_not_printed() {
    const SECRET: [u8; 4] = [0xA5, 0xB6, 0xC9, 0xDB];
    let no_key = |printed: String| {
        for (byte, name) in SECRET.iter().flat_map(|byte| {
            [format!("{byte}"), format!("{byte:x}"), format!("{byte:X}")].map(|name| (byte, name))
        }) {
            assert!(!printed.contains(&name), "{byte:#x}: {printed}");
        }
        printed
    };
    let all = |value: &dyn std::fmt::Debug| {
        no_key(format!("{value:x?}"));
        no_key(format!("{value:#?}"));
        no_key(format!("{value:?}"))
    };

    // Sending: the key is rotated by the bytes already masked.
    for masked in 0..4 {
        let mut client = Connection::client(Config::new(), || SECRET);
        let header = client.begin_frame(Kind::Text, true, 9).unwrap();
        assert_eq!(header[2..], SECRET);
        client.mask_next(&mut vec![b'a'; masked]).unwrap();
        assert!(all(&client).contains("key: Some(..)"));
        assert_eq!(all(&header), "HeaderBytes { bytes: [129, 137], masking_key: Some(..) }");
    }

    // Receiving.
    for received in 0..4 {
        let mut server = Connection::server(Config::new());
        let mut wire = [&[0x81, 0x89], &SECRET[..], &[0xC4, 0xD7, 0xA8, 0xBA][..received]].concat();
        let mut input = Input::new(&mut wire);
        while !matches!(server.receive(&mut input), Ok(Event::NeedMore(_))) {}
        assert!(server.is_receiving_message());
        assert!(all(&server).contains("key: .."));
    }
}

/// They hold frames with their masking keys, and requests with credentials.
#[test]
fn buffers_are_printed_without_their_bytes() {
    let secret = [0xA5, 0xB6, 0xC9, 0xDB];
    let (mut rx, mut tx) = (RecvBuffer::new([0; 64]), SendBuffer::new([0; 64]));
    rx.push(&secret).unwrap();
    tx.push(&secret).unwrap();
    rx.consume(1);
    tx.sent(1);
    assert_eq!(format!("{rx:?}"), "RecvBuffer { unread: 3, .. }");
    assert_eq!(format!("{:?}", rx.input()), "Input { consumed: 0, unread: 3 }");
    assert_eq!(format!("{tx:?}"), "SendBuffer { unsent: 3, is_over: false, .. }");
    let mut messages = Assembler::new([0; 64]);
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut wire = *b"\x01\x06secret";
    let Ok(Event::Data(data)) = ws.receive(&mut Input::new(&mut wire)) else { panic!() };
    assert_eq!(messages.push(&data), Ok(None));
    assert_eq!(format!("{messages:?}"), "Assembler { len: 6, .. }");
}

#[test]
fn a_header_is_printed_without_its_masking_key() {
    let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
    for (payload_len, short) in
        [(5, "5"), (300, "126, 1, 44"), (70_000, "127, 0, 0, 0, 0, 0, 1, 17, 112")]
    {
        let header = Header { lead, masking_key: None, payload_len };
        assert_eq!(
            format!("{header:?}"),
            format!("Header {{ lead: {lead:?}, masking_key: None, payload_len: {payload_len} }}")
        );
        assert_eq!(
            format!("{:?}", header.encode()),
            format!("HeaderBytes {{ bytes: [130, {short}], masking_key: None }}")
        );
        let header = Header { masking_key: Some([0xEE; 4]), ..header };
        assert_eq!(
            format!("{header:?}"),
            format!(
                "Header {{ lead: {lead:?}, masking_key: Some(..), payload_len: {payload_len} }}"
            )
        );
        let second = header.encode()[1];
        let rest = short.split_once(", ").map_or(String::new(), |(_, rest)| format!(", {rest}"));
        assert_eq!(
            format!("{:?}", header.encode()),
            format!("HeaderBytes {{ bytes: [130, {second}{rest}], masking_key: Some(..) }}")
        );
    }
}

#[cfg(feature = "handshake")]
mod handshake {
    use barews::handshake::client::{Handshake, Response};
    use barews::handshake::extension::Malformed;
    use barews::handshake::key::Key;
    use barews::handshake::server::{Incoming, RequestReader};
    use barews::handshake::{BuildError, Error, Field, Status};

    use super::all_differ;

    const FIELDS: [Field; 9] = [
        Field::Host,
        Field::Upgrade,
        Field::Connection,
        Field::Origin,
        Field::Key,
        Field::Version,
        Field::Protocol,
        Field::Extensions,
        Field::Accept,
    ];

    /// RFC 9110 §15 and RFC 6585 §5.
    const FAULTS: [(Error, u16); 20] = [
        (Error::BareLineFeed, 400),
        (Error::BareCarriageReturn, 400),
        (Error::InvalidStartLine, 400),
        (Error::InvalidFieldName, 400),
        (Error::InvalidFieldValue, 400),
        (Error::ObsoleteFold, 400),
        (Error::HeadTooLong, 431),
        (Error::TargetTooLong, 414),
        (Error::TooManyFields, 431),
        (Error::InvalidTarget, 400),
        (Error::MethodNotAllowed, 405),
        (Error::HttpVersion, 505),
        (Error::BodyNotAllowed, 400),
        (Error::UnsupportedVersion, 426),
        (Error::UnknownProtocol, 501),
        (Error::UpgradeRequired, 426),
        (Error::OriginRefused, 403),
        (Error::ProtocolNotOffered, 400),
        (Error::ExtensionNotOffered, 400),
        (Error::DeflateParameters, 400),
    ];

    #[test]
    fn each_fault_of_a_head_has_a_message_and_a_status() {
        let named = FIELDS.map(|field| {
            let faults = [Error::Missing(field), Error::Repeated(field), Error::Invalid(field)];
            for fault in faults {
                assert!(fault.to_string().ends_with(field.name()), "{fault}");
            }
            faults.map(|fault| (fault, 400))
        });
        let faults: Vec<_> = FAULTS.iter().chain(named.as_flattened()).collect();
        for (error, status) in &faults {
            assert_eq!(error.status(), *status, "{error:?}");
        }
        all_differ(
            &faults.iter().map(|(error, _)| error as &dyn std::error::Error).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn each_fault_of_the_caller_has_a_message() {
        all_differ(&[
            &BuildError::BufferTooSmall { needed: 7 },
            &BuildError::InvalidHost,
            &BuildError::InvalidPort,
            &BuildError::InvalidTarget,
            &BuildError::InvalidOrigin,
            &BuildError::InvalidHeaderName,
            &BuildError::InvalidHeaderValue,
            &BuildError::ReservedHeader,
            &BuildError::InvalidProtocol,
            &BuildError::DuplicateProtocol,
            &BuildError::ProtocolNotOffered,
            &BuildError::ExtensionNotOffered,
            &BuildError::InvalidStatus,
            &BuildError::BodyNotAllowed,
            &Malformed,
        ]);
        let needed = BuildError::BufferTooSmall { needed: 1234 }.to_string();
        assert!(needed.contains("1234 bytes"), "{needed}");
    }

    #[test]
    fn credentials_of_a_request_are_not_printed() {
        let headers = [("Authorization", "Bearer s3cret")];
        let handshake = Handshake::new([0; 16], "example.com", "/chat").headers(&headers);
        let printed = format!("{handshake:?}");
        assert!(printed.contains("example.com") && printed.contains("/chat"), "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn credentials_of_a_received_request_are_not_printed() {
        let head =
            b"GET /news?a HTTP/1.1\r\nHost: example.com\r\nAuthorization: Bearer s3cret\r\n\r\n";
        let Ok(Status::Complete(Incoming::Plain(request))) = RequestReader::new().read(head) else {
            panic!("a plain request");
        };
        let printed = format!("{request:?}");
        for part in ["GET", "/news?a", "example.com", "\"Authorization\"", &head.len().to_string()]
        {
            assert!(printed.contains(part), "{part}: {printed}");
        }
        assert!(!printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn a_rejection_is_printed_without_its_values() {
        let head = b"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: s3cret\r\n\r\n";
        let mut handshake = Handshake::new([0; 16], "example.com", "/chat");
        let Ok(Status::Complete(Response::Rejected(rejected))) = handshake.read_response(head)
        else {
            panic!("a 401");
        };
        let printed = format!("{rejected:?}");
        assert!(printed.contains("401") && printed.contains("\"Set-Cookie\""), "{printed}");
        assert!(printed.contains(&head.len().to_string()), "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn key_and_accept_are_their_text() {
        // RFC 6455 §1.3
        let key = Key::new(*b"the sample nonce");
        assert_eq!(format!("{key:?}"), "Key(\"dGhlIHNhbXBsZSBub25jZQ==\")");
        assert_eq!(format!("{:?}", key.accept()), "AcceptValue(\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\")");
    }
}
