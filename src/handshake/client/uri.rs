//! WebSocket URIs (RFC 6455 §3).

use core::fmt;

use crate::handshake::http::authority::is_authority;
use crate::handshake::http::grammar::is_target;

/// A `ws` or `wss` URI (RFC 6455 §3).
///
/// ```
/// use barews::handshake::client::{Handshake, Uri};
///
/// let uri = Uri::parse("wss://example.com/chat?room=1")?;
/// assert!(uri.is_secure());
/// assert_eq!((uri.host(), uri.port(), uri.path()), ("example.com", 443, "/chat?room=1"));
/// // For the socket: uri.address(), uri.port(). For the request:
/// let handshake = Handshake::to(*b"16 random bytes.", &uri);
/// # Ok::<(), barews::handshake::client::InvalidUri>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Uri<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
}

/// Why a text is not a URI of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InvalidUri {
    /// It does not begin with `ws://` or `wss://`.
    Scheme,
    /// There is a user name or password before the host. They belong in an `Authorization` field.
    UserInfo,
    /// The host is neither a registered name nor an IP address (RFC 3986 §3.2.2), or is empty.
    Host,
    /// The port is not a number from 1 to 65,535.
    Port,
    /// The path or query contains a byte that must be percent-encoded.
    Path,
    /// There is a fragment, which has no meaning here. A `#` is written as `%23` (RFC 6455 §3).
    Fragment,
}

impl<'a> Uri<'a> {
    /// Splits a URI, and checks each part. The scheme is ASCII case-insensitive (RFC 3986 §3.1).
    ///
    /// # Errors
    ///
    /// [`InvalidUri`] names the part that is not as in RFC 6455 §3.
    pub fn parse(text: &'a str) -> Result<Self, InvalidUri> {
        let after = |scheme: &str| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        };
        let (secure, rest) = match (after("ws://"), after("wss://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(InvalidUri::Scheme),
        };
        if position(rest, b"#").is_some() {
            return Err(InvalidUri::Fragment);
        }
        let (authority, path) = cut(rest, position(rest, b"/?"));
        if position(authority, b"@").is_some() {
            return Err(InvalidUri::UserInfo);
        }
        // The colons of an IPv6 address are in brackets.
        let bracket = position(authority, b"]").unwrap_or(0);
        let (_, rest) = cut(authority, Some(bracket));
        let (_, port) = cut(rest, position(rest, b":"));
        let (host, _) = cut(authority, Some(authority.len().saturating_sub(port.len())));
        if !is_authority(host.as_bytes()) {
            return Err(InvalidUri::Host);
        }
        let port = match port.strip_prefix(':').unwrap_or_default() {
            // RFC 3986 §3.2.3: an empty port is the default one.
            "" if secure => 443,
            "" => 80,
            // `parse` would take a sign.
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or(InvalidUri::Port)?
            }
            _ => return Err(InvalidUri::Port),
        };
        if !path.bytes().all(is_target) {
            return Err(InvalidUri::Path);
        }
        // §3: the `?` belongs to the resource name if the query is not empty.
        let path = match path.strip_suffix('?') {
            Some(before) if position(before, b"?").is_none() => before,
            _ => path,
        };
        Ok(Self { secure, host, port, path })
    }

    /// Whether the scheme is `wss`: the connection uses TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, with brackets around an IPv6 address.
    #[must_use]
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The host without brackets, to connect to.
    #[must_use]
    pub fn address(&self) -> &'a str {
        let literal = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        literal.unwrap_or(self.host)
    }

    /// The port, 1 to 65,535. The default is 80, and 443 for `wss`.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path and query, without a fragment. It may be empty or begin with `?`:
    /// [`Handshake::new`](super::Handshake::new) adds the `/`.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }
}

/// Where the first of these ASCII bytes is.
fn position(text: &str, any: &[u8]) -> Option<usize> {
    text.bytes().position(|byte| any.contains(&byte))
}

/// The text before and from `at`, which is before an ASCII byte; all of it before the end if `None`.
fn cut(text: &str, at: Option<usize>) -> (&str, &str) {
    at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URI does not begin with ws:// or wss://",
            Self::UserInfo => "the URI has a user name or password",
            Self::Host => "the URI has no valid host",
            Self::Port => "the port of the URI is not a number from 1 to 65535",
            Self::Path => "the path of the URI has a character that must be percent-encoded",
            Self::Fragment => "the URI has a fragment; write # as %23",
        })
    }
}

impl core::error::Error for InvalidUri {}
