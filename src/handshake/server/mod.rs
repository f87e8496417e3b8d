//! The server side of the opening handshake (RFC 6455 §4.2).
//!
//! ```
//! use barews::handshake::Status;
//! use barews::handshake::server::{Incoming, Origins, RequestReader, respond};
//!
//! let received = b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\
//!     Upgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
//! let mut out = [0; 512];
//!
//! let mut reader = RequestReader::new();
//! let written = match reader.read(received) {
//!     Ok(Status::NeedMore(_)) => return, // receive more, then call `read` with all of it
//!     Ok(Status::Complete(Incoming::Upgrade(upgrade))) => match upgrade.accept(Origins::Any) {
//!         Ok(accept) => accept.write(&mut out),
//!         Err(refused) => refused.respond(&mut out),
//!     },
//!     Ok(Status::Complete(Incoming::Plain(_))) => respond(404, &[], b"nothing here", &mut out),
//!     Err(error) => error.respond(&mut out),
//! };
//! assert!(out.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
//! # assert_eq!(written, Ok(129));
//! ```

mod reject;
mod request;

use core::fmt;

use crate::bytes::Status;
use crate::handshake::deflate::{
    DeflateAnswer, DeflateConfig, DeflateParams, negotiate, negotiate_exactly,
};
use crate::handshake::error::{BuildError, Error, Field};
use crate::handshake::extension::{self, Extension, Malformed};
use crate::handshake::http::grammar::{elements, small_number, token};
use crate::handshake::http::head::Limits;
use crate::handshake::http::known_fields::KnownFields;
use crate::handshake::http::parser::HeadParser;
use crate::handshake::http::writer::{HeadWriter, check_headers};
use crate::handshake::key::Key;

pub use self::reject::{respond, respond_head};
pub use self::request::{HttpVersion, Request};

/// Incrementally reads the head of one request.
#[derive(Clone, Debug)]
pub struct RequestReader {
    parser: HeadParser,
    limits: Limits,
}

impl RequestReader {
    /// Creates a reader with the default [`Limits`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// Creates a reader with the given limits.
    #[must_use]
    pub const fn with_limits(limits: Limits) -> Self {
        Self { parser: HeadParser::request(), limits }
    }

    /// Parses the bytes received so far. `bytes` always begins with the first byte of
    /// the head; between calls it may be moved and extended, but not changed. Bytes
    /// that an earlier call has parsed are not parsed again.
    ///
    /// A complete head is validated against RFC 6455 §4.2.1. Calling this again with a
    /// complete head returns the same result.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first byte that makes the head invalid, or if the complete
    /// head does not meet §4.2.1. Errors are final: every later call returns the same
    /// one. Send [`Error::respond`], then close the transport.
    pub fn read<'b>(&mut self, bytes: &'b [u8]) -> Result<Status<Incoming<'b>>, Error> {
        Ok(match self.parser.parse(bytes, self.limits)? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => {
                let request = Request::new(&head)?;
                Status::Complete(match Upgrade::validate(request, head.known)? {
                    Some(upgrade) => Incoming::Upgrade(upgrade),
                    None => Incoming::Plain(request),
                })
            }
        })
    }

    /// Finds the end of the head: its length in bytes.
    pub(crate) fn find_end(&mut self, bytes: &[u8]) -> Result<Status<usize>, Error> {
        Ok(match self.parser.parse(bytes, self.limits)? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => Status::Complete(head.len),
        })
    }
}

impl Default for RequestReader {
    fn default() -> Self {
        Self::new()
    }
}

/// A complete request.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a server must handle upgrades and plain requests")]
pub enum Incoming<'b> {
    /// A valid opening handshake.
    Upgrade(Upgrade<'b>),
    /// A valid HTTP request that does not list `websocket` in its `Upgrade` field. Answer it
    /// with [`respond`], or with [`Error::UpgradeRequired`] if the server accepts upgrades only.
    Plain(Request<'b>),
}

/// A request for a WebSocket that meets RFC 6455 §4.2.1.
#[derive(Clone, Copy)]
pub struct Upgrade<'b> {
    request: Request<'b>,
    key: Key,
    origin: Option<&'b [u8]>,
}

impl<'b> Upgrade<'b> {
    /// The HTTP request: its target, host and header fields.
    #[must_use]
    pub const fn request(&self) -> Request<'b> {
        self.request
    }

    /// The value of the `Sec-WebSocket-Key` field.
    #[must_use]
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The value of the `Origin` field, as received.
    ///
    /// Browsers always send it, so `None` means that the client is not one (§4.2.1, item
    /// 7). `null` is a valid origin. Clients other than browsers can send any value.
    #[must_use]
    pub const fn origin(&self) -> Option<&'b [u8]> {
        self.origin
    }

    /// The subprotocols that the client offers, in order of preference, from all
    /// `Sec-WebSocket-Protocol` fields.
    pub fn protocols(&self) -> impl Iterator<Item = &'b str> + Clone + use<'b> {
        self.protocol_elements().filter_map(token)
    }

    /// The extensions that the client offers, in order of preference, from all
    /// `Sec-WebSocket-Extensions` fields.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'b>> + Clone + use<'b> {
        self.extension_elements().filter_map(Result::ok)
    }

    /// The response to the first acceptable offer of permessage-deflate (RFC 7692 §5), to be
    /// passed to [`Accept::deflate`]. `None` means that the connection stays uncompressed.
    #[must_use]
    pub fn negotiate_deflate(&self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        negotiate(self.extensions(), config)
    }

    /// Checks the origin, and returns a builder for the response that accepts the connection.
    ///
    /// # Errors
    ///
    /// [`Error::OriginRefused`] (403) if `origins` does not allow the request's origin
    /// (§4.2.2, item 4).
    pub fn accept<'a>(&self, origins: Origins<'_>) -> Result<Accept<'a, 'b>, Error> {
        if !origins.allow(self.origin) {
            return Err(Error::OriginRefused);
        }
        Ok(Accept { upgrade: *self, protocol: None, deflate: None, headers: &[] })
    }

    /// Answers as another server has answered the same offers, for a proxy: with its subprotocol, and
    /// with exactly its compression, so that compressed messages can be passed on as they are. `None`
    /// if no single offer allows that.
    ///
    /// The proxy offers that server [`protocols`](Self::protocols), and what [`DeflateOffer::parse`]
    /// returns for [`extensions`](Self::extensions). It passes on [`origin`](Self::origin), which is
    /// not checked here.
    ///
    /// [`DeflateOffer::parse`]: crate::handshake::deflate::DeflateOffer::parse
    #[must_use]
    pub fn accept_as<'a>(
        &self,
        protocol: Option<&'a str>,
        deflate: Option<DeflateParams>,
    ) -> Option<Accept<'a, 'b>> {
        let deflate = match deflate {
            Some(params) => Some(negotiate_exactly(self.extensions(), params)?),
            None => None,
        };
        Some(Accept { upgrade: *self, protocol, deflate, headers: &[] })
    }

    /// `None` if the request does not ask for a WebSocket.
    fn validate(request: Request<'b>, known: KnownFields<'_, 'b>) -> Result<Option<Self>, Error> {
        if !known.asks_for_websocket() {
            return Ok(None);
        }
        if request.method() != "GET" {
            return Err(Error::MethodNotAllowed);
        }
        if request.version() < HttpVersion::Http11 {
            return Err(Error::HttpVersion);
        }
        known.check_connection()?;
        known.check_body()?;
        match small_number(known.only(Field::Version)?) {
            Some(13) => {}
            Some(_) => return Err(Error::UnsupportedVersion),
            None => return Err(Error::Invalid(Field::Version)),
        }
        let key = Key::parse(known.only(Field::Key)?).ok_or(Error::Invalid(Field::Key))?;
        let origin = known.at_most_one(Field::Origin)?;
        let upgrade = Self { request, key, origin };
        if known.has(Field::Protocol)
            && !upgrade.protocol_elements().all(|element| token(element).is_some())
        {
            return Err(Error::Invalid(Field::Protocol));
        }
        if known.has(Field::Extensions)
            && !upgrade.extension_elements().all(|element| element.is_ok())
        {
            return Err(Error::Invalid(Field::Extensions));
        }
        Ok(Some(upgrade))
    }

    fn protocol_elements(&self) -> impl Iterator<Item = &'b [u8]> + Clone + use<'b> {
        self.request.header(Field::Protocol.name()).flat_map(elements)
    }

    fn extension_elements(
        &self,
    ) -> impl Iterator<Item = Result<Extension<'b>, Malformed>> + Clone + use<'b> {
        self.request.header(Field::Extensions.name()).flat_map(extension::parse)
    }
}

impl fmt::Debug for Upgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.request).finish_non_exhaustive()
    }
}

/// The origins that may connect (RFC 6455 §10.2).
///
/// A browser sends its cookies with a WebSocket request from *any* page. A server that
/// authenticates by cookies must therefore list the origins that it trusts, or any
/// page can act on behalf of the user. Other clients can send any `Origin`, so this
/// check does not authenticate them.
///
/// An entry is a complete origin, `https://example.com` or `https://example.com:8443`, and is
/// compared as a whole, ignoring ASCII case. The origin `null` matches the entry `null` only.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Origins<'a> {
    /// Any origin, or none.
    Any,
    /// Only these origins. A request without `Origin` is refused.
    List(&'a [&'a str]),
    /// Only these origins, or no `Origin` field, as sent by clients other than browsers.
    ListOrNone(&'a [&'a str]),
}

impl Origins<'_> {
    fn allow(self, origin: Option<&[u8]>) -> bool {
        let (Self::List(list) | Self::ListOrNone(list)) = self else {
            return true;
        };
        match origin {
            None => matches!(self, Self::ListOrNone(_)),
            Some(origin) => {
                !origin.is_empty()
                    && list.iter().any(|entry| origin.eq_ignore_ascii_case(entry.as_bytes()))
            }
        }
    }
}

/// Builds and writes the response to an [`Upgrade`].
///
/// ```
/// use barews::handshake::BuildError;
/// use barews::handshake::deflate::DeflateConfig;
/// use barews::handshake::server::{Origins, Upgrade};
///
/// fn respond(upgrade: &Upgrade<'_>, out: &mut [u8]) -> Result<usize, BuildError> {
///     let mut accept = match upgrade.accept(Origins::List(&["https://example.com"])) {
///         Ok(accept) => accept,
///         Err(refused) => return refused.respond(out),
///     };
///     if upgrade.protocols().any(|offered| offered == "chat") {
///         accept = accept.protocol("chat");
///     }
///     if let Some(answer) = upgrade.negotiate_deflate(&DeflateConfig::new()) {
///         accept = accept.deflate(answer);
///     }
///     accept.write(out)
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Accept<'a, 'b> {
    upgrade: Upgrade<'b>,
    protocol: Option<&'a str>,
    pub(crate) deflate: Option<DeflateAnswer>,
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> Accept<'a, '_> {
    /// Selects one of [`Upgrade::protocols`], which are case-sensitive. By default
    /// none is in use (§4.2.2, item 5).
    #[must_use]
    pub const fn protocol(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Accepts permessage-deflate with the response that [`Upgrade::negotiate_deflate`]
    /// returned for this request. The type rules out parameters that were not negotiated:
    ///
    /// ```compile_fail,E0308
    /// use barews::handshake::{deflate::DeflateParams, server::Accept};
    /// fn send(accept: Accept<'_, '_>) {
    ///     accept.deflate(DeflateParams::default());
    /// }
    /// ```
    #[must_use]
    pub const fn deflate(mut self, answer: DeflateAnswer) -> Self {
        self.deflate = Some(answer);
        self
    }

    /// Adds header fields, such as `Set-Cookie`.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Writes the head of the 101 response (§4.2.2, item 5) and returns its length in bytes. Once
    /// it is sent, the connection is open, and the bytes after the client's head are frames.
    ///
    /// # Errors
    ///
    /// The contents of `out` are then unspecified.
    ///
    /// - [`BuildError::InvalidProtocol`] if the subprotocol is not a token, and
    ///   [`BuildError::ProtocolNotOffered`] if the client does not offer it.
    /// - [`BuildError::ExtensionNotOffered`] if the compression was negotiated for
    ///   another request and matches no offer of this one.
    /// - [`BuildError::InvalidHeaderName`], [`BuildError::InvalidHeaderValue`] or
    ///   [`BuildError::ReservedHeader`] if a header field is not allowed.
    /// - [`BuildError::BufferTooSmall`] if `out` is shorter than the head.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        if let Some(protocol) = self.protocol {
            // §4.2.2, item 5: an empty subprotocol is not the same as none.
            token(protocol.as_bytes()).ok_or(BuildError::InvalidProtocol)?;
            if !self.upgrade.protocols().any(|offered| offered == protocol) {
                return Err(BuildError::ProtocolNotOffered);
            }
        }
        if self.deflate.is_some_and(|answer| !answer.fits(self.upgrade.extensions())) {
            return Err(BuildError::ExtensionNotOffered);
        }
        check_headers(self.headers)?;

        let mut to = HeadWriter::new(out);
        to.text(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: ",
        );
        to.put(self.upgrade.key.accept().as_bytes());
        to.end_line();
        if let Some(protocol) = self.protocol {
            to.field("Sec-WebSocket-Protocol", protocol);
        }
        if let Some(answer) = self.deflate {
            to.text("Sec-WebSocket-Extensions: ");
            answer.write(|piece| to.text(piece));
            to.end_line();
        }
        to.fields(self.headers);
        to.end_line();
        to.finish()
    }
}

impl fmt::Debug for Accept<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("upgrade", &self.upgrade)
            .field("protocol", &self.protocol)
            .field("deflate", &self.deflate)
            .finish_non_exhaustive()
    }
}
