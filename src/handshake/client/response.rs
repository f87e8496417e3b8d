//! Validation of the server's response (RFC 6455 §4.1).

use core::fmt;

use crate::handshake::deflate::{DeflateOffer, DeflateParams, confirm};
use crate::handshake::error::{Error, Field};
use crate::handshake::extension;
use crate::handshake::http::grammar::{elements, small_number, token};
use crate::handshake::http::head::{FieldLines, Head, HeaderFields};
use crate::handshake::key::Key;

/// A complete response.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a client must handle both outcomes")]
pub enum Response<'b> {
    /// The WebSocket connection is open.
    Accepted(Accepted<'b>),
    /// The status is not 101, so the connection is not a WebSocket.
    Rejected(Rejected<'b>),
}

/// A 101 response that meets RFC 6455 §4.1.
#[derive(Clone, Copy)]
pub struct Accepted<'b> {
    protocol: Option<&'b str>,
    deflate: Option<DeflateParams>,
    fields: FieldLines<'b>,
    head_len: usize,
}

impl<'b> Accepted<'b> {
    /// The subprotocol that the server selected from those offered, if any.
    #[must_use]
    pub const fn protocol(&self) -> Option<&'b str> {
        self.protocol
    }

    /// The negotiated compression, if any.
    #[must_use]
    pub const fn deflate(&self) -> Option<DeflateParams> {
        self.deflate
    }

    /// All header fields of the response, in the order received.
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

    /// The length of the head in bytes, including interim responses before it. The
    /// first frame follows.
    #[must_use]
    pub const fn head_len(&self) -> usize {
        self.head_len
    }

    /// Validates a response with status 101.
    fn validate(
        head: &Head<'_, 'b>,
        head_len: usize,
        key: Key,
        is_offered: impl Fn(&str) -> bool,
        offers: &[DeflateOffer],
    ) -> Result<Self, Error> {
        let known = head.known;
        // Only `websocket`: with several protocols it would be ambiguous which one the
        // server switches to.
        let mut upgrade = elements(known.only(Field::Upgrade)?);
        match (upgrade.next(), upgrade.next()) {
            (Some(protocol), None) if protocol.eq_ignore_ascii_case(b"websocket") => {}
            _ => return Err(Error::Invalid(Field::Upgrade)),
        }
        known.check_connection()?;
        if known.only(Field::Accept)? != key.accept().as_bytes() {
            return Err(Error::Invalid(Field::Accept));
        }
        // No check of `Content-Length` and `Transfer-Encoding`: whatever they say, a 1xx
        // response has no body (RFC 9112 §6.3).
        let protocol = match known.at_most_one(Field::Protocol)? {
            Some(value) => {
                let chosen = token(value).ok_or(Error::Invalid(Field::Protocol))?;
                if !is_offered(chosen) {
                    return Err(Error::ProtocolNotOffered);
                }
                Some(chosen)
            }
            None => None,
        };
        let deflate = match known.at_most_one(Field::Extensions)? {
            Some(value) => Some(validate_extensions(value, offers)?),
            None => None,
        };
        Ok(Self { protocol, deflate, fields: head.fields, head_len })
    }
}

/// §4.1, item 5, and RFC 7692 §5: permessage-deflate is the only extension that a client can offer.
fn validate_extensions(value: &[u8], offers: &[DeflateOffer]) -> Result<DeflateParams, Error> {
    let mut chosen = None;
    for element in extension::parse(value) {
        let element = element.map_err(|_| Error::Invalid(Field::Extensions))?;
        if offers.is_empty()
            || element.name() != "permessage-deflate"
            || chosen.replace(element).is_some()
        {
            return Err(Error::ExtensionNotOffered);
        }
    }
    let chosen = chosen.ok_or(Error::Invalid(Field::Extensions))?;
    confirm(chosen, offers).ok_or(Error::DeflateParameters)
}

impl fmt::Debug for Accepted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("protocol", &self.protocol)
            .field("deflate", &self.deflate)
            .field("headers", &self.headers())
            .field("head_len", &self.head_len)
            .finish()
    }
}

/// An HTTP response with a status other than 101, such as 401 or a redirect. The
/// caller decides whether to follow it, and which credentials to send.
#[derive(Clone, Copy)]
pub struct Rejected<'b> {
    status: u16,
    fields: FieldLines<'b>,
    head_len: usize,
}

impl<'b> Rejected<'b> {
    /// The status code, 0 to 99 or 200 to 999. Treat one that is not 200 to 599 as an error of
    /// the server (RFC 9110 §15).
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// All header fields of the response, in the order received.
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

    /// The protocol versions that the server supports, from all
    /// `Sec-WebSocket-Version` fields (RFC 6455 §4.4). This crate supports only 13.
    pub fn versions(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        self.fields.values(Field::Version.name()).flat_map(elements).filter_map(small_number)
    }

    /// The length of the head in bytes, including interim responses before it. A body may follow.
    #[must_use]
    pub const fn head_len(&self) -> usize {
        self.head_len
    }
}

impl fmt::Debug for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("status", &self.status)
            .field("headers", &self.headers())
            .field("head_len", &self.head_len)
            .finish()
    }
}

/// Whether this is an interim response, which another one follows (RFC 9110 §15.2).
pub(super) fn is_interim(head: &Head<'_, '_>) -> bool {
    matches!(status(head.line), Some(100 | 102..200))
}

/// Validates the complete head of a final response, after `before` bytes of interim responses.
pub(super) fn judge<'b>(
    head: &Head<'_, 'b>,
    before: usize,
    key: Key,
    is_offered: impl Fn(&str) -> bool,
    offers: &[DeflateOffer],
) -> Result<Response<'b>, Error> {
    let head_len = before.saturating_add(head.len);
    Ok(match status(head.line).ok_or(Error::InvalidStartLine)? {
        101 if head.line.starts_with(b"HTTP/1.0") => return Err(Error::HttpVersion),
        101 => Response::Accepted(Accepted::validate(head, head_len, key, is_offered, offers)?),
        status => Response::Rejected(Rejected { status, fields: head.fields, head_len }),
    })
}

/// The three digits after the version.
fn status(line: &[u8]) -> Option<u16> {
    let digits = line.get(9..12)?;
    Some(digits.iter().fold(0, |status: u16, digit| {
        status.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')))
    }))
}
