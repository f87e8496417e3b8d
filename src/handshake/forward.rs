//! What a proxy forwards of an opening handshake (RFC 9110 §7.6).

use super::client::Handshake;
use super::deflate::DeflateOffer;
use super::error::{BuildError, Field};
use super::http::grammar::elements;
use super::http::head::HeaderFields;
use super::http::writer::is_reserved;
use super::server::Upgrade;

/// The most subprotocols, and the most offers of compression, as in a
/// [`Session`](crate::session::Session).
const MAX_OFFERS: usize = 8;

/// Fields for the next hop only (RFC 9110 §7.6.1 and §11.7), in addition to those that a proxy cannot
/// write itself.
const HOP_BY_HOP: [&str; 5] =
    ["keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"];

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
    ///     let fields: Vec<_> = upgrade.request().headers().end_to_end().collect();
    ///     let request = upgrade.forward()?;
    ///     request.handshake(nonce, "10.0.0.1").port(8080).headers(&fields).write_request(out)
    /// }
    ///
    /// fn respond(upgrade: &Upgrade<'_>, it: &Accepted<'_>, out: &mut [u8]) -> Result<usize, BuildError> {
    ///     let fields: Vec<_> = it.headers().end_to_end().collect();
    ///     let accept = upgrade.accept_as(it.protocol(), it.deflate());
    ///     accept.ok_or(BuildError::ExtensionNotOffered)?.headers(&fields).write(out)
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

impl<'b> HeaderFields<'b> {
    /// The name and value of each field that a proxy forwards, for [`Handshake::headers`],
    /// [`Accept::headers`](super::server::Accept::headers) and [`respond`](super::server::respond).
    ///
    /// Left out are the fields for the next hop only, which include those that a `Connection` field
    /// lists (RFC 9110 §7.6.1), those of the opening handshake, `Origin`, `Host` and the framing of a
    /// body, and values that are not UTF-8.
    pub fn end_to_end(self) -> impl Iterator<Item = (&'b str, &'b str)> + Clone {
        let all = self.clone();
        let is_forwarded = move |name: &str| {
            let mut connection =
                all.clone().filter(|it| it.name.eq_ignore_ascii_case(Field::Connection.name()));
            let is_name = |option: &[u8]| option.eq_ignore_ascii_case(name.as_bytes());
            !is_reserved(name)
                && !HOP_BY_HOP.iter().any(|it| it.eq_ignore_ascii_case(name))
                && !connection.any(|it| elements(it.value).any(is_name))
        };
        self.filter(move |field| is_forwarded(field.name))
            .filter_map(|field| Some((field.name, core::str::from_utf8(field.value).ok()?)))
    }
}

fn collect<T>(items: impl Iterator<Item = T>) -> Result<heapless::Vec<T, MAX_OFFERS>, BuildError> {
    let mut all = heapless::Vec::new();
    for item in items {
        all.push(item).map_err(|_| BuildError::TooManyOffers)?;
    }
    Ok(all)
}
