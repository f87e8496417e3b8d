//! Errors of the opening handshake: [`Error`] is the peer's, [`BuildError`] the caller's.

use core::fmt;

/// A header field that the opening handshake uses (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Field {
    /// `Host`
    Host,
    /// `Upgrade`
    Upgrade,
    /// `Connection`
    Connection,
    /// `Origin`
    Origin,
    /// `Sec-WebSocket-Key`
    Key,
    /// `Sec-WebSocket-Version`
    Version,
    /// `Sec-WebSocket-Protocol`
    Protocol,
    /// `Sec-WebSocket-Extensions`
    Extensions,
    /// `Sec-WebSocket-Accept`
    Accept,
}

impl Field {
    pub(super) const COUNT: usize = 9;

    /// The field with this name, ignoring ASCII case. No two names have the same length.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let field = match name.len() {
            4 => Self::Host,
            6 => Self::Origin,
            7 => Self::Upgrade,
            10 => Self::Connection,
            17 => Self::Key,
            20 => Self::Accept,
            21 => Self::Version,
            22 => Self::Protocol,
            24 => Self::Extensions,
            _ => return None,
        };
        field.name().as_bytes().eq_ignore_ascii_case(name).then_some(field)
    }

    /// A unique index, less than [`Self::COUNT`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Host => 0,
            Self::Upgrade => 1,
            Self::Connection => 2,
            Self::Origin => 3,
            Self::Key => 4,
            Self::Version => 5,
            Self::Protocol => 6,
            Self::Extensions => 7,
            Self::Accept => 8,
        }
    }

    /// The field name, in the case that this crate writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "Host",
            Self::Upgrade => "Upgrade",
            Self::Connection => "Connection",
            Self::Origin => "Origin",
            Self::Key => "Sec-WebSocket-Key",
            Self::Version => "Sec-WebSocket-Version",
            Self::Protocol => "Sec-WebSocket-Protocol",
            Self::Extensions => "Sec-WebSocket-Extensions",
            Self::Accept => "Sec-WebSocket-Accept",
        }
    }
}

/// The peer's head is not a valid opening handshake (RFC 6455 §4.1 and §4.2).
///
/// A server sends [`Error::respond`] and closes the transport; a client only closes
/// it. Neither sends a Close frame, because there is no WebSocket connection yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A line ends with LF without a CR (RFC 9112 §2.2).
    BareLineFeed,
    /// A CR is not followed by LF (RFC 9112 §2.2).
    BareCarriageReturn,
    /// The request line or status line is malformed (RFC 9112 §3 and §4).
    InvalidStartLine,
    /// A field name is not a token, or is not directly followed by a colon (RFC 9112 §5.1).
    InvalidFieldName,
    /// A field value contains a control character (RFC 9110 §5.5).
    InvalidFieldValue,
    /// A field line of a request, or the first one of a response, begins with whitespace (RFC 9112
    /// §2.2 and §5.2).
    ObsoleteFold,
    /// The head is longer than [`Limits::max_head_len`](super::Limits::max_head_len).
    HeadTooLong,
    /// The request line alone is longer than [`Limits::max_head_len`](super::Limits::max_head_len).
    TargetTooLong,
    /// There are more header fields than [`Limits::max_fields`](super::Limits::max_fields).
    TooManyFields,
    /// The request target is neither a path nor an absolute `http` or `https` URI (RFC
    /// 6455 §4.2.1), nor the authority of a CONNECT request or the `*` of an OPTIONS
    /// request (RFC 9112 §3.2).
    InvalidTarget,
    /// The method of an upgrade request is not GET (RFC 6455 §4.2.1).
    MethodNotAllowed,
    /// The major version of HTTP is not 1, or a 101 response is one of HTTP/1.0 (RFC 9110 §2.5 and
    /// §15.6.6).
    HttpVersion,
    /// A required field is missing.
    Missing(Field),
    /// A field occurs more than once, although at most one is allowed (RFC 6455 §11.3;
    /// `Host`: RFC 9112 §3.2).
    Repeated(Field),
    /// A field has an invalid value.
    Invalid(Field),
    /// An upgrade request declares a body (RFC 9110 §9.3.1).
    BodyNotAllowed,
    /// `Sec-WebSocket-Version` is a number other than 13 (RFC 6455 §4.4).
    UnsupportedVersion,
    /// The `:protocol` of an extended CONNECT is not `websocket` (RFC 8441 §5, RFC 9220 §3). Only from
    /// [`Upgrade::from_connect`](super::server::Upgrade::from_connect).
    UnknownProtocol,
    /// The request does not ask for a WebSocket. The readers never return this error; it
    /// is for servers that accept upgrades only, as the response to any other request, and
    /// for [`Upgrade::from_parts`](super::server::Upgrade::from_parts).
    UpgradeRequired,
    /// The `Origin` is not allowed by the [`Origins`](super::server::Origins) passed
    /// to [`Upgrade::accept`](super::server::Upgrade::accept).
    OriginRefused,
    /// The server selected a subprotocol that the client did not offer (RFC 6455 §4.1).
    ProtocolNotOffered,
    /// The server selected an extension that the client did not offer, or more than
    /// one (RFC 6455 §4.1).
    ExtensionNotOffered,
    /// The server's permessage-deflate parameters do not match any offer of the client
    /// (RFC 7692 §7.1).
    DeflateParameters,
}

impl Error {
    /// The status code of the server's response.
    ///
    /// Errors that only a client returns have no response; their status is 400.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::OriginRefused => 403,
            Self::MethodNotAllowed => 405,
            Self::TargetTooLong => 414,
            Self::UnsupportedVersion | Self::UpgradeRequired => 426,
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::UnknownProtocol => 501,
            Self::HttpVersion => 505,
            Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::InvalidStartLine
            | Self::InvalidFieldName
            | Self::InvalidFieldValue
            | Self::ObsoleteFold
            | Self::InvalidTarget
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::Invalid(_)
            | Self::BodyNotAllowed
            | Self::ProtocolNotOffered
            | Self::ExtensionNotOffered
            | Self::DeflateParameters => 400,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareLineFeed => "bare line feed",
            Self::BareCarriageReturn => "bare carriage return",
            Self::InvalidStartLine => "invalid request or status line",
            Self::InvalidFieldName => "invalid header field name",
            Self::InvalidFieldValue => "invalid header field value",
            Self::ObsoleteFold => "obsolete line folding",
            Self::HeadTooLong => "head is too long",
            Self::TargetTooLong => "request line is too long",
            Self::TooManyFields => "too many header fields",
            Self::InvalidTarget => "invalid request target",
            Self::MethodNotAllowed => "upgrade request with a method other than GET",
            Self::HttpVersion => "unsupported HTTP version",
            Self::Missing(field) => return named(f, "missing ", *field),
            Self::Repeated(field) => return named(f, "repeated ", *field),
            Self::Invalid(field) => return named(f, "invalid ", *field),
            Self::BodyNotAllowed => "upgrade with a body",
            Self::UnsupportedVersion => "unsupported WebSocket version",
            Self::UnknownProtocol => "extended CONNECT for another protocol",
            Self::UpgradeRequired => "request does not ask for a WebSocket",
            Self::OriginRefused => "origin not allowed",
            Self::ProtocolNotOffered => "subprotocol was not offered",
            Self::ExtensionNotOffered => "extension was not offered",
            Self::DeflateParameters => "compression parameters do not match the offer",
        })
    }
}

fn named(f: &mut fmt::Formatter<'_>, what: &str, field: Field) -> fmt::Result {
    f.write_str(what)?;
    f.write_str(field.name())
}

impl core::error::Error for Error {}

/// The caller asked for a head that cannot be written.
///
/// The contents of the output buffer are unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BuildError {
    /// The output buffer is too short; with `needed` bytes the same call succeeds.
    BufferTooSmall {
        /// The exact length of the whole output, in bytes.
        needed: usize,
    },
    /// The host is neither a registered name nor an IP address (RFC 3986 §3.2.2), or is empty.
    InvalidHost,
    /// The port is 0.
    InvalidPort,
    /// The path is not empty and does not begin with `/` or `?`, or contains a byte that is not
    /// allowed in a request target.
    InvalidTarget,
    /// The origin is empty, or contains whitespace, a control character or a non-ASCII character.
    InvalidOrigin,
    /// A field name is not a token (RFC 9110 §5.6.2).
    InvalidHeaderName,
    /// A field value contains a control character, or begins or ends with whitespace
    /// (RFC 9110 §5.5).
    InvalidHeaderValue,
    /// The field belongs to the handshake, and only this crate may write it.
    ReservedHeader,
    /// A subprotocol is not a token (RFC 6455 §4.1).
    InvalidProtocol,
    /// A subprotocol is offered more than once (RFC 6455 §4.1).
    DuplicateProtocol,
    /// The client did not offer this subprotocol.
    ProtocolNotOffered,
    /// The client did not make an offer that this
    /// [`DeflateAnswer`](super::deflate::DeflateAnswer) accepts.
    ExtensionNotOffered,
    /// A session remembers at most 8 subprotocols and 8 offers of compression.
    TooManyOffers,
    /// The status code is not in the range 200 to 599, or the response to an extended CONNECT is to
    /// be a 101.
    InvalidStatus,
    /// A response with this status code must not have a body.
    BodyNotAllowed,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall { needed } => {
                return write!(f, "output buffer is too short: {needed} bytes are needed");
            }
            Self::InvalidHost => "invalid host",
            Self::InvalidPort => "invalid port",
            Self::InvalidTarget => "invalid path",
            Self::InvalidOrigin => "invalid origin",
            Self::InvalidHeaderName => "invalid header field name",
            Self::InvalidHeaderValue => "invalid header field value",
            Self::ReservedHeader => "header field is reserved for the handshake",
            Self::InvalidProtocol => "invalid subprotocol",
            Self::DuplicateProtocol => "duplicate subprotocol",
            Self::ProtocolNotOffered => "subprotocol was not offered",
            Self::ExtensionNotOffered => "extension was not offered",
            Self::TooManyOffers => "too many subprotocols or offers of compression",
            Self::InvalidStatus => "invalid status code",
            Self::BodyNotAllowed => "status code does not allow a body",
        })
    }
}

impl core::error::Error for BuildError {}
