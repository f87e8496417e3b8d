//! The response that accepts a connection (RFC 6455 §4.2.2).

use core::fmt::{self, Write as _};

use super::origins::Origins;
use super::request::{Fields, Request};
use super::upgrade::Upgrade;
use crate::handshake::deflate::{DeflateAnswer, DeflateParams, negotiate_exactly};
use crate::handshake::error::{BuildError, Error};
use crate::handshake::http::grammar::token;
use crate::handshake::http::head::{FieldLines, HeaderFields};
use crate::handshake::http::writer::{HeadWriter, check_headers};
use crate::handshake::key::AcceptValue;

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
pub struct Accept<'a, 'b, R = Request<'b>> {
    upgrade: Upgrade<'b, R>,
    protocol: Option<&'a str>,
    pub(crate) deflate: Option<DeflateAnswer>,
    headers: &'a [(&'a str, &'a str)],
    forwarded: FieldLines<'a>,
}

impl<'b, R: Fields<'b>> Upgrade<'b, R> {
    /// Checks the origin, and returns a builder for the response that accepts the connection.
    ///
    /// # Errors
    ///
    /// [`Error::OriginRefused`] (403) if `origins` does not allow the request's origin
    /// (§4.2.2, item 4).
    pub fn accept<'a>(&self, origins: Origins<'_>) -> Result<Accept<'a, 'b, R>, Error> {
        if !origins.allow(self.origin()) {
            return Err(Error::OriginRefused);
        }
        Ok(Accept::new(self.clone(), None, None))
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
    ) -> Option<Accept<'a, 'b, R>> {
        let deflate = match deflate {
            Some(params) => Some(negotiate_exactly(self.extensions(), params)?),
            None => None,
        };
        Some(Accept::new(self.clone(), protocol, deflate))
    }
}

impl<'a, 'b, R: Fields<'b>> Accept<'a, 'b, R> {
    const fn new(
        upgrade: Upgrade<'b, R>,
        protocol: Option<&'a str>,
        deflate: Option<DeflateAnswer>,
    ) -> Self {
        Self { upgrade, protocol, deflate, headers: &[], forwarded: FieldLines::empty() }
    }

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

    /// Adds the end-to-end header fields of the response that another server has sent, for a proxy:
    /// all of [`end_to_end`](HeaderFields::end_to_end), and values that are not UTF-8, too. A proxy
    /// that chooses among them uses [`headers`](Self::headers).
    #[must_use]
    pub const fn forward_headers(mut self, fields: HeaderFields<'a>) -> Self {
        self.forwarded = fields.rest();
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
    /// - [`BuildError::InvalidStatus`] for an extended CONNECT ([`Upgrade::from_connect`]), which has no
    ///   101.
    /// - [`BuildError::BufferTooSmall`] if `out` is shorter than the head.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        self.check()?;
        let key = self.upgrade.key().ok_or(BuildError::InvalidStatus)?;
        let mut to = HeadWriter::new(out);
        to.text(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: ",
        );
        to.put(key.accept().as_bytes());
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
        to.forwarded(self.forwarded);
        to.end_line();
        to.finish()
    }

    /// The header fields of the 101 response, or of the 200 for an extended CONNECT, for a caller that
    /// writes it with another HTTP implementation.
    ///
    /// # Errors
    ///
    /// The same as [`Accept::write`], except `BufferTooSmall` and `InvalidStatus`. Forwarded values that are
    /// not UTF-8 are left out.
    pub fn response_fields(
        &self,
    ) -> Result<impl Iterator<Item = (&'a str, FieldValue<'a>)> + use<'a, 'b, R>, BuildError> {
        self.check()?;
        let key = self.upgrade.key();
        let own = [
            key.map(|_| ("Upgrade", FieldValue(Value::Text("websocket")))),
            key.map(|_| ("Connection", FieldValue(Value::Text("Upgrade")))),
            key.map(|key| ("Sec-WebSocket-Accept", FieldValue(Value::Accept(key.accept())))),
            self.protocol.map(|text| ("Sec-WebSocket-Protocol", FieldValue(Value::Text(text)))),
            self.deflate
                .map(|answer| ("Sec-WebSocket-Extensions", FieldValue(Value::Deflate(answer)))),
        ];
        let others = self.headers.iter().map(|(name, text)| (*name, FieldValue(Value::Text(text))));
        let forwarded = self.forwarded.iter().end_to_end();
        let forwarded = forwarded.map(|(name, text)| (name, FieldValue(Value::Folded(text))));
        Ok(own.into_iter().flatten().chain(others).chain(forwarded))
    }

    fn check(&self) -> Result<(), BuildError> {
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
        check_headers(self.headers)
    }
}

/// A value of [`Accept::response_fields`]. `Display` writes it.
#[derive(Clone, Copy)]
pub struct FieldValue<'a>(Value<'a>);

#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    /// With the line ends of a fold, if any.
    Folded(&'a str),
    Accept(AcceptValue),
    Deflate(DeflateAnswer),
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Text(text) => f.write_str(text),
            Value::Folded(text) => {
                let mut shown = text.chars().filter(|char| !matches!(char, '\r' | '\n'));
                shown.try_for_each(|char| f.write_char(char))
            }
            Value::Accept(accept) => f.write_str(accept.as_str()),
            Value::Deflate(answer) => answer.fmt(f),
        }
    }
}

/// Prints no text, which may be a credential.
impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldValue").finish_non_exhaustive()
    }
}

impl<'b, R> fmt::Debug for Accept<'_, 'b, R>
where
    Upgrade<'b, R>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("upgrade", &self.upgrade)
            .field("protocol", &self.protocol)
            .field("deflate", &self.deflate)
            .finish_non_exhaustive()
    }
}
