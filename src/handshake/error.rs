//! What can go wrong: [`Error`] is the peer's fault, [`BuildError`] the caller's.

use core::fmt;

/// A header field of the opening handshake (RFC 6455, section 11.3).
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

    /// The field with this name, in any case. Each name has a length of its own.
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

    /// A number of its own, below [`Self::COUNT`].
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

    /// The field's name, as this crate writes it.
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

/// The peer's head is not an acceptable opening handshake (RFC 6455, sections 4.1 and 4.2).
///
/// A server answers it with [`Error::respond`] and closes. A client closes. No Close frame is sent
/// either way: there is no WebSocket yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A line ends in LF without CR.
    BareLineFeed,
    /// A CR is not followed by LF.
    BareCarriageReturn,
    /// The request line or the status line breaks its grammar (RFC 9112, sections 3 and 4).
    InvalidStartLine,
    /// A field name is not a token, or is not followed by a colon at once (RFC 9112, section 5.1).
    InvalidFieldName,
    /// A field value holds a control byte (RFC 9110, section 5.5).
    InvalidFieldValue,
    /// A field line begins with whitespace (RFC 9112, section 5.2).
    ObsoleteFold,
    /// The head is longer than [`Limits::max_head_len`](super::Limits::max_head_len).
    HeadTooLong,
    /// The request line alone is longer than [`Limits::max_head_len`](super::Limits::max_head_len).
    TargetTooLong,
    /// There are more fields than [`Limits::max_fields`](super::Limits::max_fields).
    TooManyFields,
    /// The request's target is neither a path nor an absolute `http` or `https` URI (RFC 6455,
    /// section 4.2.1), nor the authority of a CONNECT or the `*` of an OPTIONS (RFC 9112, section 3.2).
    InvalidTarget,
    /// The request asks for an upgrade with a method other than GET.
    MethodNotAllowed,
    /// The HTTP version is neither 1.1 nor, for a plain request, 1.0.
    HttpVersion,
    /// The field must be there and is not.
    Missing(Field),
    /// The field may be there once only (RFC 6455, section 11.3).
    Repeated(Field),
    /// The field's value is not one that is allowed.
    Invalid(Field),
    /// The head announces a body, which an upgrade cannot have (RFC 9110, section 7.8).
    BodyNotAllowed,
    /// `Sec-WebSocket-Version` is a number other than 13 (RFC 6455, section 4.4).
    UnsupportedVersion,
    /// The request does not ask for a WebSocket. No reader returns it: it is there for a server
    /// that has nothing else to offer and answers a plain request with it.
    UpgradeRequired,
    /// The policy that was given to [`Upgrade::accept`](super::server::Upgrade::accept) refuses the
    /// `Origin`.
    OriginRefused,
    /// The server chose a subprotocol that the client did not offer.
    ProtocolNotOffered,
    /// The server chose an extension that the client did not offer, or more than one.
    ExtensionNotOffered,
    /// The server's permessage-deflate parameters do not answer the client's offer (RFC 7692,
    /// section 7.1).
    DeflateParameters,
}

impl Error {
    /// The HTTP status that a server answers with.
    ///
    /// Faults that only a client can meet have no such answer; they are 400 here.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::OriginRefused => 403,
            Self::MethodNotAllowed => 405,
            Self::TargetTooLong => 414,
            Self::UnsupportedVersion | Self::UpgradeRequired => 426,
            Self::HeadTooLong | Self::TooManyFields => 431,
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
            Self::BareLineFeed => "line feed without carriage return",
            Self::BareCarriageReturn => "carriage return without line feed",
            Self::InvalidStartLine => "invalid request or status line",
            Self::InvalidFieldName => "invalid header field name",
            Self::InvalidFieldValue => "control byte in a header field value",
            Self::ObsoleteFold => "folded header line",
            Self::HeadTooLong => "head longer than the limit",
            Self::TargetTooLong => "request line longer than the limit",
            Self::TooManyFields => "more header fields than the limit",
            Self::InvalidTarget => "request target is not a resource name",
            Self::MethodNotAllowed => "upgrade asked for with a method other than GET",
            Self::HttpVersion => "unsupported HTTP version",
            Self::Missing(field) => return named(f, "missing ", *field),
            Self::Repeated(field) => return named(f, "repeated ", *field),
            Self::Invalid(field) => return named(f, "invalid ", *field),
            Self::BodyNotAllowed => "head of an upgrade announces a body",
            Self::UnsupportedVersion => "unsupported WebSocket version",
            Self::UpgradeRequired => "request does not ask for a WebSocket",
            Self::OriginRefused => "origin refused",
            Self::ProtocolNotOffered => "subprotocol was not offered",
            Self::ExtensionNotOffered => "extension was not offered",
            Self::DeflateParameters => "compression parameters do not answer the offer",
        })
    }
}

fn named(f: &mut fmt::Formatter<'_>, what: &str, field: Field) -> fmt::Result {
    f.write_str(what)?;
    f.write_str(field.name())
}

impl core::error::Error for Error {}

/// The caller asked for something that cannot be written. Nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BuildError {
    /// The output buffer is too small; with `needed` bytes the same call succeeds.
    BufferTooSmall {
        /// The exact length of the whole output, in bytes.
        needed: usize,
    },
    /// The host is empty, or is neither a name nor an IP address.
    InvalidHost,
    /// The port is 0.
    InvalidPort,
    /// The path does not begin with `/`, or holds a byte that no request target may hold.
    InvalidTarget,
    /// The origin is empty, or holds whitespace, a control byte or anything that is not ASCII.
    InvalidOrigin,
    /// A header name is not a token (RFC 9110, section 5.6.2).
    InvalidHeaderName,
    /// A header value holds a control byte, or begins or ends with whitespace (RFC 9110, section
    /// 5.5).
    InvalidHeaderValue,
    /// The header is the handshake's own, and only this crate may write it.
    ReservedHeader,
    /// A subprotocol is not a token.
    InvalidProtocol,
    /// A subprotocol is offered twice.
    DuplicateProtocol,
    /// The client did not offer this subprotocol.
    ProtocolNotOffered,
    /// The client did not make the offer that this answer belongs to.
    ExtensionNotOffered,
    /// The status is not one of 200 to 599.
    InvalidStatus,
    /// An answer with this status has no body.
    BodyNotAllowed,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall { needed } => {
                return write!(f, "output buffer too small, {needed} bytes needed");
            }
            Self::InvalidHost => "invalid host",
            Self::InvalidPort => "invalid port",
            Self::InvalidTarget => "invalid path",
            Self::InvalidOrigin => "invalid origin",
            Self::InvalidHeaderName => "invalid header name",
            Self::InvalidHeaderValue => "invalid header value",
            Self::ReservedHeader => "header is reserved for the handshake",
            Self::InvalidProtocol => "invalid subprotocol",
            Self::DuplicateProtocol => "subprotocol offered twice",
            Self::ProtocolNotOffered => "subprotocol was not offered",
            Self::ExtensionNotOffered => "extension was not offered",
            Self::InvalidStatus => "invalid status",
            Self::BodyNotAllowed => "answer with this status has no body",
        })
    }
}

impl core::error::Error for BuildError {}
