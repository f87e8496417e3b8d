//! A request for a WebSocket (RFC 6455 §4.2.1).

use core::fmt;

use super::request::{HttpVersion, Request};
use crate::handshake::deflate::{DeflateAnswer, DeflateConfig, negotiate};
use crate::handshake::error::{Error, Field};
use crate::handshake::extension::{self, Extension, Malformed};
use crate::handshake::http::grammar::{elements, small_number, token};
use crate::handshake::http::known_fields::KnownFields;
use crate::handshake::key::Key;

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
    /// passed to [`Accept::deflate`](super::Accept::deflate). `None` means that the connection
    /// stays uncompressed.
    #[must_use]
    pub fn negotiate_deflate(&self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        negotiate(self.extensions(), config)
    }

    /// `None` if the request does not ask for a WebSocket.
    pub(super) fn validate(
        request: Request<'b>,
        known: KnownFields<'_, 'b>,
    ) -> Result<Option<Self>, Error> {
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
