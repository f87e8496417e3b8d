//! A parsed HTTP request (RFC 9112 §3), whether or not it is an upgrade.

use core::fmt;

use crate::handshake::error::{Error, Field};
use crate::handshake::http::authority::is_authority;
use crate::handshake::http::grammar::split;
use crate::handshake::http::head::{FieldLines, Head, HeaderFields};
use crate::handshake::http::known_fields::{KnownFields, Place};

/// The HTTP version of a request (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, or a later minor version, which is read as 1.1.
    Http11,
}

/// A valid request line, and the host that it or the `Host` field names.
#[derive(Clone, Copy)]
pub(super) struct RequestLine<'b> {
    pub(super) method: &'b str,
    target: &'b str,
    pub(super) version: HttpVersion,
    host: Option<&'b str>,
}

impl<'b> RequestLine<'b> {
    /// Checks the target and the host.
    pub(super) fn new<P: Place<'b>>(
        method: &'b str,
        target: &'b str,
        version: HttpVersion,
        known: KnownFields<'_, 'b, P>,
    ) -> Result<Self, Error> {
        // §3.2: 400 if there is no `Host` field, more than one, or an invalid one.
        // HTTP/1.0 does not require it.
        let mut host = match known.at_most_one(Field::Host)? {
            Some(host) => Some(authority(host).ok_or(Error::Invalid(Field::Host))?),
            None if version == HttpVersion::Http10 => None,
            None => return Err(Error::Missing(Field::Host)),
        };
        if let Some((named, _)) = absolute(target) {
            host = Some(authority(named.as_bytes()).ok_or(Error::InvalidTarget)?);
        }
        let line = Self { method, target, version, host };
        if line.has_target() { Ok(line) } else { Err(Error::InvalidTarget) }
    }

    /// RFC 6455 §4.2.1, item 1: a path or an absolute `http` or `https` URI. CONNECT
    /// and OPTIONS have forms of their own (§3.2.3 and §3.2.4).
    fn has_target(&self) -> bool {
        match (self.method, self.target) {
            ("CONNECT", authority) => is_authority(authority.as_bytes()),
            ("OPTIONS", "*") => true,
            (_, target) => target.starts_with('/') || absolute(target).is_some(),
        }
    }
}

/// A valid HTTP/1.x request head. It borrows the received bytes.
#[derive(Clone, Copy)]
pub struct Request<'b> {
    pub(super) line: RequestLine<'b>,
    fields: FieldLines<'b>,
    head_len: usize,
}

impl<'b> Request<'b> {
    /// The method, as received. Methods are case-sensitive.
    #[must_use]
    pub const fn method(&self) -> &'b str {
        self.line.method
    }

    /// The request target as received: visible ASCII characters other than `#`,
    /// neither percent-decoded nor normalized.
    #[must_use]
    pub const fn target(&self) -> &'b str {
        self.line.target
    }

    /// The path of the target, which begins with `/`, without scheme, authority and
    /// query. For a plain OPTIONS `*` or CONNECT request, the whole target.
    #[must_use]
    pub fn path(&self) -> &'b str {
        self.path_and_query().0
    }

    /// The part of the target after the first `?`, if any.
    #[must_use]
    pub fn query(&self) -> Option<&'b str> {
        self.path_and_query().1
    }

    /// The HTTP version. It is 1.1 for an upgrade.
    #[must_use]
    pub const fn version(&self) -> HttpVersion {
        self.line.version
    }

    /// The host and optional port, `example.com` or `example.com:8080`; syntactically
    /// valid and not empty. An authority in the target takes precedence over the
    /// `Host` field (§3.2.2). `None` only for a plain HTTP/1.0 request.
    #[must_use]
    pub const fn host(&self) -> Option<&'b str> {
        self.line.host
    }

    /// All header fields, in the order received, including those of the handshake.
    #[must_use]
    pub const fn headers(&self) -> HeaderFields<'b> {
        self.fields.iter()
    }

    /// The value of each field line with this name, in the order received. Names are
    /// ASCII case-insensitive.
    pub fn header<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = &'b [u8]> + Clone + use<'b, 'n> {
        self.fields.values(name)
    }

    /// The length of the head in bytes, including the empty line.
    ///
    /// After the head of a plain request comes its body; after that of an *accepted*
    /// upgrade, the first frame. After a refused upgrade, discard the remaining bytes: a
    /// client can choose them so that they parse as another request (request smuggling).
    #[must_use]
    pub const fn head_len(&self) -> usize {
        self.head_len
    }

    /// Splits a complete head. The parser has validated the grammar, but not the host.
    pub(super) fn new(head: &Head<'_, 'b>) -> Result<Self, Error> {
        let (method, rest) = split(head.line, b' ').ok_or(Error::InvalidStartLine)?;
        let (target, version) = split(rest, b' ').ok_or(Error::InvalidStartLine)?;
        let method = core::str::from_utf8(method).map_err(|_| Error::InvalidStartLine)?;
        let target = core::str::from_utf8(target).map_err(|_| Error::InvalidStartLine)?;
        // RFC 9110 §2.5
        let version =
            if version == b"HTTP/1.0" { HttpVersion::Http10 } else { HttpVersion::Http11 };
        let line = RequestLine::new(method, target, version, head.known)?;
        Ok(Self { line, fields: head.fields, head_len: head.len })
    }

    fn path_and_query(&self) -> (&'b str, Option<&'b str>) {
        let (path, query) = match self.origin_form().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.origin_form(), None),
        };
        (if path.is_empty() { "/" } else { path }, query)
    }

    /// The target without scheme and authority (RFC 9112 §3.2.1). If an absolute URI has no path, only
    /// its query.
    pub(crate) fn origin_form(&self) -> &'b str {
        match absolute(self.line.target) {
            Some((_, "")) => "/",
            Some((_, local)) => local,
            None => self.line.target,
        }
    }
}

/// The source of the header fields of an [`Upgrade`](super::Upgrade): a [`Request`], or what
/// another HTTP implementation has: `&HeaderMap` of the crate `http`, an array of names and values,
/// or an iterator over them.
pub trait Fields<'b>: Clone {
    /// The value of each field with this name, in the order received. Names are ASCII
    /// case-insensitive.
    fn values(self, name: &'static str) -> impl Iterator<Item = &'b [u8]>;
}

impl<'b> Fields<'b> for Request<'b> {
    fn values(self, name: &'static str) -> impl Iterator<Item = &'b [u8]> {
        self.header(name)
    }
}

impl<'b, N, T, F> Fields<'b> for F
where
    N: AsRef<[u8]>,
    T: AsRef<[u8]> + ?Sized + 'b,
    F: IntoIterator<Item = (N, &'b T)> + Clone,
{
    fn values(self, name: &'static str) -> impl Iterator<Item = &'b [u8]> {
        self.into_iter()
            .filter(|field| field.0.as_ref().eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.1.as_ref())
    }
}

/// Prints no header values, which may be credentials.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.line.method)
            .field("target", &self.line.target)
            .field("version", &self.line.version)
            .field("host", &self.line.host)
            .field("headers", &self.headers())
            .field("head_len", &self.head_len)
            .finish()
    }
}

fn authority(bytes: &[u8]) -> Option<&str> {
    if is_authority(bytes) { core::str::from_utf8(bytes).ok() } else { None }
}

/// The authority of an absolute `http` or `https` URI, and the rest of the URI.
fn absolute(target: &str) -> Option<(&str, &str)> {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    rest.split_at_checked(
        rest.bytes().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len()),
    )
}
