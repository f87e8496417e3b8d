//! What a proxy forwards of an opening handshake (RFC 9110 §7.6).

use super::client::{Handshake, Rejected};
use super::deflate::DeflateOffer;
use super::error::BuildError;
use super::server::{Upgrade, respond_as};

/// The most subprotocols, and the most offers of compression, as in a
/// [`Session`](crate::session::Session).
const MAX_OFFERS: usize = 8;

/// What the client of a proxy asks for, so that the proxy asks a server for the same; see
/// [`Upgrade::forward`].
#[derive(Clone, Debug)]
pub struct ForwardedRequest<'b> {
    path: &'b str,
    origin: Option<&'b str>,
    protocols: heapless::Vec<&'b str, MAX_OFFERS>,
    offers: heapless::Vec<DeflateOffer, MAX_OFFERS>,
}

impl<'b> Upgrade<'b> {
    /// What a proxy asks its server for: the same path and origin, subprotocols and compression.
    /// Other extensions are left out. The proxy answers its client with
    /// [`accept_as`](Self::accept_as).
    ///
    /// ```
    /// use barews::handshake::BuildError;
    /// use barews::handshake::client::Accepted;
    /// use barews::handshake::server::Upgrade;
    ///
    /// fn request(upgrade: &Upgrade<'_>, nonce: [u8; 16], out: &mut [u8]) -> Result<usize, BuildError> {
    ///     let (request, fields) = (upgrade.forward()?, upgrade.request().headers());
    ///     let handshake = request.handshake(nonce, "10.0.0.1").port(8080);
    ///     handshake.forward_headers(fields).write_request(out)
    /// }
    ///
    /// fn respond(upgrade: &Upgrade<'_>, it: &Accepted<'_>, out: &mut [u8]) -> Result<usize, BuildError> {
    ///     let accept = upgrade.accept_as(it.protocol(), it.deflate());
    ///     accept.ok_or(BuildError::ExtensionNotOffered)?.forward_headers(it.headers()).write(out)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`BuildError::InvalidOrigin`] if the origin is not UTF-8.
    /// - [`BuildError::TooManyOffers`] for more than 8 subprotocols, or 8 offers of compression.
    pub fn forward(&self) -> Result<ForwardedRequest<'b>, BuildError> {
        let origin = self.origin().map(core::str::from_utf8).transpose();
        Ok(ForwardedRequest {
            path: self.request().origin_form(),
            origin: origin.map_err(|_| BuildError::InvalidOrigin)?,
            protocols: collect(self.protocols())?,
            offers: collect(self.extensions().filter_map(DeflateOffer::parse))?,
        })
    }
}

impl ForwardedRequest<'_> {
    /// The handshake with a server, `host`; [`Handshake::new`] says what `nonce` is. The port and
    /// the header fields are up to the caller.
    #[must_use]
    pub fn handshake<'a>(&'a self, nonce: [u8; 16], host: &'a str) -> Handshake<'a> {
        let handshake = Handshake::new(nonce, host, self.path);
        let handshake = handshake.protocols(&self.protocols).deflate(&self.offers);
        self.origin.map_or(handshake.clone(), |origin| handshake.origin(origin))
    }
}

impl Rejected<'_> {
    /// Writes the response with which a proxy passes a refusal on, and returns its length in bytes: the
    /// same status and end-to-end header fields, and no body. Close the transport after sending it.
    ///
    /// # Errors
    ///
    /// - [`BuildError::InvalidStatus`] if the status is not in the range 200 to 599.
    /// - [`BuildError::BufferTooSmall`] if `out` is too short.
    pub fn forward(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        respond_as(self.status(), self.headers().rest(), out)
    }
}

fn collect<T>(items: impl Iterator<Item = T>) -> Result<heapless::Vec<T, MAX_OFFERS>, BuildError> {
    let mut all = heapless::Vec::new();
    for item in items {
        all.push(item).map_err(|_| BuildError::TooManyOffers)?;
    }
    Ok(all)
}
