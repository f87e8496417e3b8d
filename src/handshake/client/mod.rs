//! The client side of the opening handshake (RFC 6455 §4.1).
//!
//! ```
//! use barews::handshake::Status;
//! use barews::handshake::client::{Response, Handshake};
//!
//! let nonce = *b"the sample nonce"; // 16 random bytes
//! let mut handshake = Handshake::new(nonce, "example.com", "/chat").protocols(&["chat"]);
//!
//! let mut out = [0; 512];
//! let len = handshake.write_request(&mut out).unwrap(); // send these bytes
//!
//! let received = b"HTTP/1.1 101 Switching Protocols\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
//!     Sec-WebSocket-Protocol: chat\r\n\r\n\x81\x02hi";
//! match handshake.read_response(received) {
//!     Ok(Status::NeedMore(_)) => {} // receive more, then call `read_response` with all of it
//!     Ok(Status::Complete(Response::Accepted(accepted))) => {
//!         assert_eq!(accepted.protocol(), Some("chat"));
//!         assert_eq!(&received[accepted.head_len()..], b"\x81\x02hi"); // the first frame
//!     }
//!     Ok(Status::Complete(Response::Rejected(rejected))) => assert_ne!(rejected.status(), 101),
//!     Err(_) => {} // close the transport
//! }
//! ```
//!
//! A client must not send frames before it has received the response (§4.1), so
//! [`Handshake`] has no method to send any:
//!
//! ```compile_fail,E0599
//! # use barews::handshake::client::Handshake;
//! Handshake::new([0; 16], "example.com", "/").send_text("too early");
//! ```
//!
//! It is up to the caller to connect the transport, to complete the TLS handshake and
//! verify the certificate beforehand, to have at most one handshake in progress per
//! server address, and to generate the nonce.

mod reader;
mod response;
mod uri;

use core::fmt;

use crate::bytes::Status;
use crate::handshake::deflate::DeflateOffer;
use crate::handshake::error::{BuildError, Error};
use crate::handshake::http::authority::{is_ip_v6, is_reg_name};
use crate::handshake::http::grammar::{is_target, token};
use crate::handshake::http::head::{FieldLines, HeaderFields, Limits};
use crate::handshake::http::writer::{HeadWriter, check_headers};
use crate::handshake::key::Key;

pub(crate) use self::reader::ResponseReader;
pub use self::response::{Accepted, Rejected, Response};
pub use self::uri::{InvalidUri, Uri};

/// One opening handshake: the contents of the request, and the progress in reading the response.
#[derive(Clone)]
pub struct Handshake<'a> {
    host: &'a str,
    path: &'a str,
    secure: bool,
    port: Option<u16>,
    pub(crate) protocols: &'a [&'a str],
    origin: Option<&'a str>,
    pub(crate) offers: &'a [DeflateOffer],
    headers: &'a [(&'a str, &'a str)],
    forwarded: FieldLines<'a>,
    pub(crate) reader: ResponseReader,
}

impl<'a> Handshake<'a> {
    /// Creates a handshake that requests `path` on `host`.
    ///
    /// `path` begins with `/`, may include a query, and is percent-encoded. If it is empty or begins
    /// with the `?` of a query, `/` is written before it (§3). `host` is an ASCII host name or an
    /// IP address; brackets around an IPv6 address are optional. [`Uri`] splits a URI into these.
    ///
    /// `nonce` must be unpredictable and used for one connection only (§4.1, item 7):
    /// take it from a random number generator.
    #[must_use]
    pub fn new(nonce: [u8; 16], host: &'a str, path: &'a str) -> Self {
        Self {
            host,
            path,
            secure: false,
            port: None,
            protocols: &[],
            origin: None,
            offers: &[],
            headers: &[],
            forwarded: FieldLines::empty(),
            reader: ResponseReader::new(Key::new(nonce)),
        }
    }

    /// Creates a handshake for a URI; `nonce` is as for [`new`](Self::new).
    #[must_use]
    pub fn to(nonce: [u8; 16], uri: &Uri<'a>) -> Self {
        Self::new(nonce, uri.host(), uri.path()).secure(uri.is_secure()).port(uri.port())
    }

    /// Whether the connection uses TLS (`wss`); `false` by default. The scheme
    /// determines the default port, which the `Host` field omits.
    #[must_use]
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// The port, 1 to 65,535. The default is that of the scheme: 80 for `ws`, 443 for `wss`.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The subprotocols to offer, in order of preference.
    #[must_use]
    pub const fn protocols(mut self, protocols: &'a [&'a str]) -> Self {
        self.protocols = protocols;
        self
    }

    /// The `Origin` field, which is required for browsers and optional for other clients.
    #[must_use]
    pub const fn origin(mut self, origin: &'a str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The offers of permessage-deflate, in order of preference.
    #[must_use]
    pub const fn deflate(mut self, offers: &'a [DeflateOffer]) -> Self {
        self.offers = offers;
        self
    }

    /// Additional header fields, such as `Authorization` or `Cookie`.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Adds the end-to-end header fields of a request, for a proxy: all of
    /// [`end_to_end`](HeaderFields::end_to_end), and values that are not UTF-8, too. A proxy that
    /// chooses among them uses [`headers`](Self::headers).
    #[must_use]
    pub const fn forward_headers(mut self, fields: HeaderFields<'a>) -> Self {
        self.forwarded = fields.rest();
        self
    }

    /// Limits on the head of the response.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.reader.limits = limits;
        self
    }

    /// Writes the request and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The contents of `out` are then unspecified.
    ///
    /// - [`BuildError::InvalidHost`], [`BuildError::InvalidPort`], [`BuildError::InvalidTarget`]
    ///   or [`BuildError::InvalidOrigin`] if the host, port, path or origin is invalid.
    /// - [`BuildError::InvalidProtocol`] if a subprotocol is not a token, and
    ///   [`BuildError::DuplicateProtocol`] if one occurs twice.
    /// - [`BuildError::InvalidHeaderName`], [`BuildError::InvalidHeaderValue`] or
    ///   [`BuildError::ReservedHeader`] if a header field is not allowed.
    /// - [`BuildError::BufferTooSmall`] if `out` is shorter than the request.
    pub fn write_request(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        self.check()?;
        let mut to = HeadWriter::new(out);
        to.text("GET ");
        to.text(if self.path.starts_with('/') { "" } else { "/" });
        to.text(self.path);
        to.text(" HTTP/1.1\r\n");
        self.write_host(&mut to);
        to.field("Upgrade", "websocket");
        to.field("Connection", "Upgrade");
        to.field("Sec-WebSocket-Key", self.reader.key.as_str());
        to.field("Sec-WebSocket-Version", "13");
        if let Some(origin) = self.origin {
            to.field("Origin", origin);
        }
        if !self.protocols.is_empty() {
            to.text("Sec-WebSocket-Protocol: ");
            let mut separator = "";
            for protocol in self.protocols {
                to.text(separator);
                to.text(protocol);
                separator = ", ";
            }
            to.end_line();
        }
        if !self.offers.is_empty() {
            to.text("Sec-WebSocket-Extensions: ");
            let mut separator = "";
            for offer in self.offers {
                to.text(separator);
                offer.write(|piece| to.text(piece));
                separator = ", ";
            }
            to.end_line();
        }
        to.fields(self.headers);
        to.forwarded(self.forwarded);
        to.end_line();
        to.finish()
    }

    /// Parses the bytes received so far. `bytes` always begins with the first byte of
    /// the response; between calls it may be moved and extended, but not changed.
    /// Bytes that an earlier call has parsed are not parsed again.
    ///
    /// Interim responses (1xx other than 101) are skipped. Calling this again with a
    /// complete response returns the same result.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first byte that makes the response invalid, or if the complete head
    /// does not meet §4.1. Errors are final: close the transport without sending anything.
    pub fn read_response<'b>(&mut self, bytes: &'b [u8]) -> Result<Status<Response<'b>>, Error> {
        let protocols = self.protocols;
        self.reader.read(bytes, |chosen| protocols.contains(&chosen), self.offers)
    }

    fn check(&self) -> Result<(), BuildError> {
        if !is_reg_name(self.host.as_bytes()) && !is_ip_v6(self.unbracketed().as_bytes()) {
            return Err(BuildError::InvalidHost);
        }
        if self.port == Some(0) {
            return Err(BuildError::InvalidPort);
        }
        if !matches!(self.path.bytes().next(), None | Some(b'/' | b'?'))
            || !self.path.bytes().all(is_target)
        {
            return Err(BuildError::InvalidTarget);
        }
        if self.origin.is_some_and(|origin| {
            origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return Err(BuildError::InvalidOrigin);
        }
        let mut rest = self.protocols.iter();
        while let Some(protocol) = rest.next() {
            token(protocol.as_bytes()).ok_or(BuildError::InvalidProtocol)?;
            if rest.as_slice().contains(protocol) {
                return Err(BuildError::DuplicateProtocol);
            }
        }
        check_headers(self.headers)
    }

    fn unbracketed(&self) -> &'a str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(self.host)
    }

    fn write_host(&self, to: &mut HeadWriter<'_>) {
        let host = self.unbracketed();
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        to.text("Host: ");
        to.text(open);
        to.text(host);
        to.text(close);
        let default = if self.secure { 443 } else { 80 };
        if let Some(port) = self.port.filter(|port| *port != default) {
            to.text(":");
            to.decimal(u64::from(port));
        }
        to.end_line();
    }
}

/// Omits the header fields, which may contain credentials.
impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("host", &self.host)
            .field("path", &self.path)
            .field("secure", &self.secure)
            .field("port", &self.port)
            .field("protocols", &self.protocols)
            .field("origin", &self.origin)
            .field("offers", &self.offers)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
