//! The server's side (RFC 6455, section 4.2).
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

use crate::handshake::deflate::{DeflateAnswer, DeflateConfig, negotiate};
use crate::handshake::error::{BuildError, Error, Field};
use crate::handshake::extension::{self, Extension, Malformed};
use crate::handshake::http::grammar::{elements, small_number, token};
use crate::handshake::http::head::{Limits, Status};
use crate::handshake::http::known_fields::KnownFields;
use crate::handshake::http::parser::HeadParser;
use crate::handshake::http::writer::{HeadWriter, check_headers};
use crate::handshake::key::Key;

pub use self::reject::{respond, respond_head};
pub use self::request::{HttpVersion, Request};

/// Reads one request head.
#[derive(Clone, Debug)]
pub struct RequestReader {
    parser: HeadParser,
    limits: Limits,
}

impl RequestReader {
    /// A reader with the default [`Limits`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// A reader with these limits.
    #[must_use]
    pub const fn with_limits(limits: Limits) -> Self {
        Self { parser: HeadParser::request(), limits }
    }

    /// Reads on. `bytes` is everything received so far, from the first byte of the head; it may
    /// have moved since the last call, but not changed. Bytes that an earlier call has seen are not
    /// checked again.
    ///
    /// A complete head is judged by all of RFC 6455, section 4.2.1. A second call gives the same
    /// outcome.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first byte at which no valid head is possible any more, or when the
    /// complete head is not what section 4.2.1 asks for. It is final. Send [`Error::respond`] and
    /// close.
    pub fn read<'b>(&mut self, bytes: &'b [u8]) -> Result<Status<Incoming<'b>>, Error> {
        Ok(match self.parser.parse(bytes, self.limits)? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => {
                let request = Request::new(&head)?;
                Status::Complete(match Upgrade::judge(request, head.known)? {
                    Some(upgrade) => Incoming::Upgrade(upgrade),
                    None => Incoming::Plain(request),
                })
            }
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
#[expect(
    clippy::exhaustive_enums,
    reason = "a request asks for a WebSocket or does not, and a server must face both"
)]
pub enum Incoming<'b> {
    /// A valid request for a WebSocket.
    Upgrade(Upgrade<'b>),
    /// A valid HTTP request without `websocket` in its `Upgrade` field: answer it with [`respond`],
    /// or with [`Error::UpgradeRequired`] if a WebSocket is all that there is.
    Plain(Request<'b>),
}

/// A request for a WebSocket that meets RFC 6455, section 4.2.1.
#[derive(Clone, Copy)]
pub struct Upgrade<'b> {
    request: Request<'b>,
    key: Key,
    origin: Option<&'b [u8]>,
}

impl<'b> Upgrade<'b> {
    /// The HTTP request: its path, host and headers.
    #[must_use]
    pub const fn request(&self) -> Request<'b> {
        self.request
    }

    /// `Sec-WebSocket-Key`
    #[must_use]
    pub const fn key(&self) -> Key {
        self.key
    }

    /// `Origin`, as sent. `None` means that there is none, so that the client should not be taken
    /// for a browser (section 4.2.1, item 7); `null` is an origin like any other. Anything but a
    /// browser can send what it likes here.
    #[must_use]
    pub const fn origin(&self) -> Option<&'b [u8]> {
        self.origin
    }

    /// The subprotocols that the client offers, in its order of preference, over all lines.
    pub fn protocols(&self) -> impl Iterator<Item = &'b str> + Clone + use<'b> {
        self.protocol_elements().filter_map(token)
    }

    /// The extensions that the client offers, in its order of preference, over all lines.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'b>> + Clone + use<'b> {
        self.extension_elements().filter_map(Result::ok)
    }

    /// The answer to the client's best acceptable offer of permessage-deflate (RFC 7692, section
    /// 5), for [`Accept::deflate`]. `None` means to go on without compression.
    #[must_use]
    pub fn negotiate_deflate(&self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        negotiate(self.extensions(), config)
    }

    /// Agrees to speak with this origin. What is sent is built on the value that comes back.
    ///
    /// # Errors
    ///
    /// [`Error::OriginRefused`], a 403 (section 4.2.2, item 4).
    pub fn accept<'a>(&self, origins: Origins<'_>) -> Result<Accept<'a, 'b>, Error> {
        if !origins.allow(self.origin) {
            return Err(Error::OriginRefused);
        }
        Ok(Accept { upgrade: *self, protocol: None, deflate: None, headers: &[] })
    }

    /// `None` if the request does not ask for a WebSocket.
    fn judge(request: Request<'b>, known: KnownFields<'_, 'b>) -> Result<Option<Self>, Error> {
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

/// Which origins may connect (RFC 6455, section 10.2).
///
/// A browser sends cookies along with a WebSocket request from *any* page, so a server that trusts
/// cookies must name the pages that it trusts. An entry is a whole origin, `https://example.com` or
/// `https://example.com:8443`, and is compared in full, without regard to case. `null` matches only
/// an entry `null`. The check holds against browsers only: other clients choose their `Origin`
/// freely, so it authenticates nobody.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Origins<'a> {
    /// Any origin, or none.
    Any,
    /// Only these. A request without `Origin` is refused.
    List(&'a [&'a str]),
    /// Only these, or no `Origin` at all, which is what clients other than browsers send.
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

/// The answer to an [`Upgrade`], to be completed and written.
#[derive(Clone, Copy)]
pub struct Accept<'a, 'b> {
    upgrade: Upgrade<'b>,
    protocol: Option<&'a str>,
    deflate: Option<DeflateAnswer>,
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> Accept<'a, '_> {
    /// Chooses one of [`Upgrade::protocols`], spelled exactly so. Without this call none is in use
    /// (section 4.2.2, item 5).
    #[must_use]
    pub const fn protocol(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Uses permessage-deflate as [`Upgrade::negotiate_deflate`] found it for this request.
    /// Parameters of one's own making cannot be sent:
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

    /// Adds header fields, for instance cookies.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Writes the 101 head (section 4.2.2, item 5) and returns its length in bytes. Once it is sent
    /// the connection is open, and what the client sent behind its head are frames.
    ///
    /// # Errors
    ///
    /// [`BuildError::InvalidProtocol`] and [`BuildError::ProtocolNotOffered`];
    /// [`BuildError::ExtensionNotOffered`] if the compression was negotiated for another request;
    /// [`BuildError::InvalidHeaderName`], [`BuildError::InvalidHeaderValue`] and
    /// [`BuildError::ReservedHeader`]; [`BuildError::BufferTooSmall`] with the exact length.
    /// Whatever the error, nothing in `out` is an answer.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        if let Some(protocol) = self.protocol {
            // An empty one is not the same as none (section 4.2.2, item 5).
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
