//! A request as another HTTP implementation has parsed it: here, `httparse`.

#![allow(dead_code, reason = "each test uses part of it")]

use barews::handshake::deflate::{DeflateAnswer, DeflateConfig, WindowBits};
use barews::handshake::key::Key;
use barews::handshake::server::{Fields, HttpVersion, Incoming, Origins, Upgrade};
use barews::handshake::{BuildError, Error};

/// Everything that a caller learns from an upgrade, and the responses to it.
#[derive(Debug, PartialEq)]
struct Facts {
    key: Option<Key>,
    origin: Option<Vec<u8>>,
    protocols: Vec<String>,
    extensions: Vec<String>,
    deflate: Vec<Option<DeflateAnswer>>,
    responses: Vec<Result<String, Refusal>>,
}

#[derive(Debug, PartialEq)]
enum Refusal {
    Peer(Error),
    Caller(BuildError),
}

fn facts<'b, R: Fields<'b>>(upgrade: &Upgrade<'b, R>) -> Facts {
    let configs = [
        DeflateConfig::new(),
        DeflateConfig::new()
            .server_no_context_takeover(true)
            .client_max_window_bits(WindowBits::MIN),
    ];
    let deflate: Vec<_> = configs.iter().map(|config| upgrade.negotiate_deflate(config)).collect();
    let origins =
        [Origins::Any, Origins::List(&["https://example.com"]), Origins::ListOrNone(&["null"])];
    let mut responses = Vec::new();
    for origins in origins {
        for deflate in &deflate {
            for protocol in upgrade.protocols().map(Some).chain([None, Some("other")]) {
                responses.push(response(upgrade, origins, *deflate, protocol));
            }
        }
    }
    Facts {
        key: upgrade.key(),
        origin: upgrade.origin().map(<[u8]>::to_vec),
        protocols: upgrade.protocols().map(str::to_owned).collect(),
        extensions: upgrade.extensions().map(|extension| format!("{extension:?}")).collect(),
        deflate,
        responses,
    }
}

/// The head of the response, which both ways of writing it have in common.
fn response<'b, R: Fields<'b>>(
    upgrade: &Upgrade<'b, R>,
    origins: Origins<'_>,
    deflate: Option<DeflateAnswer>,
    protocol: Option<&str>,
) -> Result<String, Refusal> {
    let mut accept = upgrade.accept(origins).map_err(Refusal::Peer)?.headers(&[("X-Y", "z")]);
    if let Some(answer) = deflate {
        accept = accept.deflate(answer);
    }
    if let Some(protocol) = protocol {
        accept = accept.protocol(protocol);
    }
    let mut out = [0; 1024];
    let len = accept.write(&mut out).map_err(Refusal::Caller)?;
    let fields = accept.response_fields().map_err(Refusal::Caller)?;
    let line = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
    let head = fields.fold(line, |head, (name, value)| format!("{head}{name}: {value}\r\n"));
    assert_eq!(head.clone() + "\r\n", str::from_utf8(&out[..len]).unwrap());
    Ok(head)
}

/// Whether the error is one of syntax or size, which every HTTP implementation checks by itself.
fn is_of_http(error: Error) -> bool {
    matches!(
        error,
        Error::BareLineFeed
            | Error::BareCarriageReturn
            | Error::InvalidStartLine
            | Error::InvalidFieldName
            | Error::InvalidFieldValue
            | Error::ObsoleteFold
            | Error::HeadTooLong
            | Error::TargetTooLong
            | Error::TooManyFields
    )
}

/// The head with HTTP/1.1 in place of a higher minor version in its first line, which `httparse` does
/// not read.
pub(crate) fn with_version_1_1(head: &[u8]) -> Vec<u8> {
    const VERSION: &[u8] = b"HTTP/1.";
    let mut head = head.to_vec();
    let start = head.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    let rest = &head[start..];
    let line = &rest[..rest.iter().position(|byte| *byte == b'\r').unwrap_or(rest.len())];
    let last = line.len().checked_sub(VERSION.len() + 1);
    let at = if line.starts_with(VERSION) { Some(0) } else { last };
    let at = at.filter(|at| line[*at..].starts_with(VERSION));
    if let Some(minor @ b'2'..=b'9') = at.and_then(|at| head.get_mut(start + at + VERSION.len())) {
        *minor = b'1';
    }
    head
}

/// Checks that the parts of a request have the same outcome as the head. Returns whether there was
/// anything to compare: parts that are valid HTTP.
pub(crate) fn have_the_same_outcome(head: &[u8], outcome: &Result<Incoming<'_>, Error>) -> bool {
    if outcome.as_ref().is_err_and(|error| is_of_http(*error)) {
        return false;
    }
    let mut space = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut space);
    let head = &with_version_1_1(head);
    let Ok(httparse::Status::Complete(_)) = request.parse(head) else {
        assert_eq!(outcome.as_ref().err(), Some(&Error::HttpVersion), "{}", head.escape_ascii());
        return false;
    };
    let version =
        if request.version == Some(0) { HttpVersion::Http10 } else { HttpVersion::Http11 };
    let upgrade = Upgrade::from_parts(
        request.method.unwrap(),
        request.path.unwrap(),
        version,
        request.headers.iter().map(|header| (header.name, header.value)),
    );
    let ours = match outcome {
        Ok(Incoming::Upgrade(upgrade)) => Ok(facts(upgrade)),
        Ok(Incoming::Plain(_)) => Err(Error::UpgradeRequired),
        Err(error) => Err(*error),
    };
    assert_eq!(upgrade.map(|upgrade| facts(&upgrade)), ours, "{}", head.escape_ascii());
    true
}
