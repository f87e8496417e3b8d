//! The header fields that a proxy forwards (RFC 9110 §7.6).

use super::grammar::elements;
use super::head::{HeaderField, HeaderFields};
use crate::handshake::error::Field;

/// Fields that only this crate writes, in addition to those that begin with
/// [`RESERVED_PREFIX`]: a duplicate would change the meaning of the head.
const RESERVED: [&str; 8] = [
    "host",
    "upgrade",
    "connection",
    "origin",
    "content-length",
    "transfer-encoding",
    "expect",
    "trailer",
];
const RESERVED_PREFIX: &[u8] = b"sec-websocket-";

/// Fields for the next hop only (RFC 9110 §7.6.1 and §11.7), in addition to those that a proxy cannot
/// write itself.
const HOP_BY_HOP: [&str; 5] =
    ["keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"];

impl<'b> HeaderFields<'b> {
    /// The name and value of each field that a proxy forwards, for [`Handshake::headers`],
    /// [`Accept::headers`] and [`respond`]: for a proxy that chooses among them.
    /// [`Handshake::forward_headers`], [`Accept::forward_headers`] and [`Rejected::forward`] forward
    /// all.
    ///
    /// Left out are the fields for the next hop only, which include those that a `Connection` field
    /// lists (RFC 9110 §7.6.1), those of the opening handshake, `Origin`, `Host` and the framing of a
    /// body, and values that are not UTF-8.
    ///
    /// [`Handshake::headers`]: crate::handshake::client::Handshake::headers
    /// [`Handshake::forward_headers`]: crate::handshake::client::Handshake::forward_headers
    /// [`Accept::headers`]: crate::handshake::server::Accept::headers
    /// [`Accept::forward_headers`]: crate::handshake::server::Accept::forward_headers
    /// [`Rejected::forward`]: crate::handshake::client::Rejected::forward
    /// [`respond`]: crate::handshake::server::respond()
    pub fn end_to_end(self) -> impl Iterator<Item = (&'b str, &'b str)> + Clone {
        self.forwarded()
            .filter_map(|field| Some((field.name, core::str::from_utf8(field.value).ok()?)))
    }

    /// Each field that a proxy forwards, also if its value is not UTF-8.
    pub(super) fn forwarded(self) -> impl Iterator<Item = HeaderField<'b>> + Clone {
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
    }
}

/// Whether only this crate may write the field.
pub(super) fn is_reserved(name: &str) -> bool {
    let prefix = name.as_bytes().get(..RESERVED_PREFIX.len());
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
        || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX))
}
