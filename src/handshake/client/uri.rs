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
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUri::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case("wss");
        if !secure && !scheme.eq_ignore_ascii_case("ws") {
            return Err(InvalidUri::Scheme);
        }
        if rest.contains('#') {
            return Err(InvalidUri::Fragment);
        }
        let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(InvalidUri::Path)?;
        if authority.contains('@') {
            return Err(InvalidUri::UserInfo);
        }
        // The colons of an IPv6 address are in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        if (host.contains(':') && !host.starts_with('[')) || !is_authority(host.as_bytes()) {
            return Err(InvalidUri::Host);
        }
        let default = if secure { 443 } else { 80 };
        let port = match port {
            // RFC 3986 §3.2.3: an empty port is the default one.
            "" => default,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port > 0).ok_or(InvalidUri::Port)?
            }
            _ => return Err(InvalidUri::Port),
        };
        if !path.bytes().all(is_target) {
            return Err(InvalidUri::Path);
        }
        // §3: the `?` belongs to the resource name if the query is not empty.
        let path = match path.strip_suffix('?') {
            Some(before) if !before.contains('?') => before,
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
