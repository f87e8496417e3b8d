//! A request for a WebSocket (RFC 6455 §4.2.1).

use core::fmt;

use super::request::{Fields, HttpVersion, Request, RequestLine};
use crate::handshake::deflate::{DeflateAnswer, DeflateConfig, negotiate};
use crate::handshake::error::{Error, Field};
use crate::handshake::extension::{self, Extension, Malformed};
use crate::handshake::http::grammar::{elements, token};
use crate::handshake::http::known_fields::{KnownFields, Place, Places};
use crate::handshake::key::Key;

/// A request for a WebSocket that meets RFC 6455 §4.2.1.
///
/// `R` is the source of its header fields: a [`Request`] that this crate has read, or those that
/// another HTTP implementation has parsed ([`Upgrade::from_parts`]).
#[derive(Clone, Copy)]
pub struct Upgrade<'b, R = Request<'b>> {
    request: R,
    /// An extended CONNECT has none.
    key: Option<Key>,
    origin: Option<&'b [u8]>,
}

impl<'b> Upgrade<'b> {
    /// The HTTP request: its target, host and header fields.
    #[must_use]
    pub const fn request(&self) -> Request<'b> {
        self.request
    }
}

impl<'b, N, T, F> Upgrade<'b, F>
where
    N: AsRef<[u8]>,
    T: AsRef<[u8]> + ?Sized + 'b,
    F: IntoIterator<Item = (N, &'b T)> + Clone,
{
    /// Validates an HTTP/1.1 request that another implementation has parsed, as
    /// [`RequestReader`](super::RequestReader) does: the method, the target, the HTTP version,
    /// and all header fields ([`Fields`]). A path is enough of the target. The syntax of HTTP and
    /// the limits of a head are not checked again.
    ///
    /// [`Accept::response_fields`](super::Accept::response_fields) and
    /// [`Error::response_fields`] are the header fields of the response.
    ///
    /// In HTTP/2 and HTTP/3, an extended CONNECT takes the place of this request:
    /// [`from_connect`](Self::from_connect).
    ///
    /// ```
    /// use barews::handshake::server::{HttpVersion, Origins, Upgrade};
    ///
    /// // Or, with the crate `http`: let fields = request.headers();
    /// let fields = [
    ///     ("host", "example.com"),
    ///     ("upgrade", "websocket"),
    ///     ("connection", "Upgrade"),
    ///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("sec-websocket-version", "13"),
    /// ];
    /// let upgrade = Upgrade::from_parts("GET", "/chat", HttpVersion::Http11, fields)?;
    /// for (name, value) in upgrade.accept(Origins::Any)?.response_fields()? {
    ///     println!("{name}: {value}"); // and the status is 101
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UpgradeRequired`] if the `Upgrade` field does not list `websocket` or the version is
    /// HTTP/1.0; otherwise the error that `RequestReader` returns.
    pub fn from_parts(
        method: &str,
        target: &str,
        version: HttpVersion,
        fields: F,
    ) -> Result<Self, Error> {
        let places = Places::of(fields.clone());
        let known = KnownFields::new(&places, &[]);
        let line = RequestLine::new(method, target, version, known)?;
        Self::validate(fields, line, known)?.ok_or(Error::UpgradeRequired)
    }

    /// Validates an extended CONNECT of HTTP/2 (RFC 8441 §5) or HTTP/3 (RFC 9220 §3), which another
    /// implementation has parsed: the value of its `:protocol`, and all header fields ([`Fields`]). It
    /// has the fields of an upgrade except `Host`, `Upgrade`, `Connection` and the key.
    ///
    /// [`Accept::response_fields`](super::Accept::response_fields) are the header fields of the
    /// response, whose status is 200. Then the stream is the transport, and starts with frames.
    ///
    /// ```
    /// use barews::handshake::server::{Origins, Upgrade};
    ///
    /// // Or, with the crate `http`: let fields = request.headers();
    /// let fields = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")];
    /// let upgrade = Upgrade::from_connect("websocket", fields)?;
    /// let accept = upgrade.accept(Origins::Any)?.protocol("chat");
    /// let names: Vec<_> = accept.response_fields()?.map(|(name, _)| name).collect();
    /// assert_eq!(names, ["Sec-WebSocket-Protocol"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownProtocol`] (501) if `protocol` is not `websocket`. Otherwise those of
    /// [`from_parts`](Self::from_parts) for the fields that both have; any version but 13 is
    /// [`Error::Invalid`] (400), because HTTP/2 has no 426.
    pub fn from_connect(protocol: &str, fields: F) -> Result<Self, Error> {
        if protocol != "websocket" {
            return Err(Error::UnknownProtocol);
        }
        let places = Places::of(fields.clone());
        let known = KnownFields::new(&places, &[]);
        known.check_version().map_err(|error| match error {
            Error::UnsupportedVersion => Error::Invalid(Field::Version),
            error => error,
        })?;
        Self::with_key(fields, None, known)
    }
}

impl<'b, R: Fields<'b>> Upgrade<'b, R> {
    /// The value of the `Sec-WebSocket-Key` field; `None` for an extended CONNECT.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
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
    pub fn protocols(&self) -> impl Iterator<Item = &'b str> + use<'b, R> {
        self.protocol_elements().filter_map(token)
    }

    /// The extensions that the client offers, in order of preference, from all
    /// `Sec-WebSocket-Extensions` fields.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'b>> + use<'b, R> {
        self.extension_elements().filter_map(Result::ok)
    }

    /// The response to the first acceptable offer of permessage-deflate (RFC 7692 §5), to be
    /// passed to [`Accept::deflate`](super::Accept::deflate). `None` means that the connection
    /// stays uncompressed.
    #[must_use]
    pub fn negotiate_deflate(&self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        negotiate(self.extensions(), config)
    }

    /// `None` if the request does not ask for a WebSocket.
    pub(super) fn validate<P: Place<'b>>(
        request: R,
        line: RequestLine<'_>,
        known: KnownFields<'_, 'b, P>,
    ) -> Result<Option<Self>, Error> {
        // RFC 9110 §7.8: `Upgrade` must be ignored in an HTTP/1.0 request.
        if !known.asks_for_websocket() || line.version < HttpVersion::Http11 {
            return Ok(None);
        }
        if line.method != "GET" {
            return Err(Error::MethodNotAllowed);
        }
        known.check_connection()?;
        known.check_body()?;
        known.check_version()?;
        let key = Key::parse(known.only(Field::Key)?).ok_or(Error::Invalid(Field::Key))?;
        Self::with_key(request, Some(key), known).map(Some)
    }

    /// Checks what an upgrade and an extended CONNECT have in common.
    fn with_key<P: Place<'b>>(
        request: R,
        key: Option<Key>,
        known: KnownFields<'_, 'b, P>,
    ) -> Result<Self, Error> {
        let origin = known.at_most_one(Field::Origin)?;
        let upgrade = Self { request, key, origin };
        // §4.3: both lists have at least one element.
        if known.has(Field::Protocol)
            && !some_and_all(upgrade.protocol_elements().map(|element| token(element).is_some()))
        {
            return Err(Error::Invalid(Field::Protocol));
        }
        if known.has(Field::Extensions)
            && !some_and_all(upgrade.extension_elements().map(|element| element.is_ok()))
        {
            return Err(Error::Invalid(Field::Extensions));
        }
        Ok(upgrade)
    }

    fn protocol_elements(&self) -> impl Iterator<Item = &'b [u8]> + use<'b, R> {
        self.request.clone().values(Field::Protocol.name()).flat_map(elements)
    }

    fn extension_elements(
        &self,
    ) -> impl Iterator<Item = Result<Extension<'b>, Malformed>> + use<'b, R> {
        self.request.clone().values(Field::Extensions.name()).flat_map(extension::parse)
    }
}

/// Whether there is an element, and all are valid.
fn some_and_all(mut are_valid: impl Iterator<Item = bool>) -> bool {
    are_valid.next() == Some(true) && are_valid.all(|is_valid| is_valid)
}

impl fmt::Debug for Upgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<'b, N, T, F> fmt::Debug for Upgrade<'b, F>
where
    T: ?Sized + 'b,
    F: IntoIterator<Item = (N, &'b T)>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}
