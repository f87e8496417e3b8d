//! The fields that the handshake knows, gathered from a head in one pass.

use super::error::{Error, Field};
use super::grammar::lists;
use super::head::Fields;

/// What a head has of the fields that decide about it.
#[derive(Default)]
pub(super) struct Known<'b> {
    pub(super) host: Found<'b>,
    pub(super) upgrade: Found<'b>,
    pub(super) origin: Found<'b>,
    pub(super) key: Found<'b>,
    pub(super) version: Found<'b>,
    pub(super) protocol: Found<'b>,
    pub(super) extensions: Found<'b>,
    pub(super) accept: Found<'b>,
    connection: Found<'b>,
    /// A line of `Upgrade` lists `websocket`.
    pub(super) asks_for_websocket: bool,
    /// A line of `Connection` lists `upgrade`.
    names_upgrade: bool,
    /// `Transfer-Encoding`, or `Content-Length` with anything but `0`.
    announces_body: bool,
}

impl<'b> Known<'b> {
    pub(super) fn gather(fields: Fields<'b>) -> Self {
        let mut known = Self::default();
        for header in fields.iter() {
            match Field::named(header.name) {
                Some(field) => known.add(field, header.value),
                None if header.name.eq_ignore_ascii_case("Transfer-Encoding") => {
                    known.announces_body = true;
                }
                None if header.name.eq_ignore_ascii_case("Content-Length") => {
                    known.announces_body |= header.value != b"0";
                }
                None => {}
            }
        }
        known
    }

    fn add(&mut self, field: Field, value: &'b [u8]) {
        let found = match field {
            Field::Host => &mut self.host,
            Field::Upgrade => {
                self.asks_for_websocket |= lists(value, "websocket");
                &mut self.upgrade
            }
            Field::Connection => {
                self.names_upgrade |= lists(value, "upgrade");
                &mut self.connection
            }
            Field::Origin => &mut self.origin,
            Field::Key => &mut self.key,
            Field::Version => &mut self.version,
            Field::Protocol => &mut self.protocol,
            Field::Extensions => &mut self.extensions,
            Field::Accept => &mut self.accept,
        };
        found.repeated = found.value.is_some();
        found.value = Some(value);
    }

    /// An Upgrade that Connection does not name may not have been meant for this hop (RFC 9110,
    /// section 7.8).
    pub(super) fn check_connection(&self) -> Result<(), Error> {
        if self.connection.value.is_none() {
            return Err(Error::Missing(Field::Connection));
        }
        if self.names_upgrade { Ok(()) } else { Err(Error::Invalid(Field::Connection)) }
    }

    /// Bytes that one party takes for a body and the other for frames are a smuggled message. A
    /// length of 0 is harmless, and some peers send it (RFC 9110, section 8.6; RFC 9112, section
    /// 6.1).
    pub(super) const fn check_body(&self) -> Result<(), Error> {
        if self.announces_body { Err(Error::BodyNotAllowed) } else { Ok(()) }
    }
}

/// The lines that have one name.
#[derive(Clone, Copy, Default)]
pub(super) struct Found<'b> {
    pub(super) value: Option<&'b [u8]>,
    repeated: bool,
}

impl<'b> Found<'b> {
    /// The value, where a second line is a fault (RFC 6455, section 11.3).
    pub(super) const fn at_most_one(self, field: Field) -> Result<Option<&'b [u8]>, Error> {
        if self.repeated { Err(Error::Repeated(field)) } else { Ok(self.value) }
    }

    /// The value, where there must be exactly one line.
    pub(super) fn only(self, field: Field) -> Result<&'b [u8], Error> {
        self.at_most_one(field)?.ok_or(Error::Missing(field))
    }
}
