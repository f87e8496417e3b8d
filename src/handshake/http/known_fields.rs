//! The fields that the handshake knows. While a head is scanned it is noted where they are, so that
//! nothing has to be searched for when it is complete.

use super::grammar::{lists, trim, trim_end, trim_start};
use crate::handshake::error::{Error, Field};

/// Where the lines of a head are that decide about it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// One for each [`Field`].
    fields: [Place; Field::COUNT],
    /// A line of `Upgrade` lists `websocket`.
    asks_for_websocket: bool,
    /// A line of `Connection` lists `upgrade`.
    names_upgrade: bool,
    /// `Transfer-Encoding`, or `Content-Length` with anything but `0`.
    announces_body: bool,
}

/// Where the last line of a name has its value, in a head. Readers wait in great numbers, so it is
/// small; [`Limits`](super::Limits) sees to it that a head has no more bytes than a `u32` counts.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    len: u32,
    lines: Occurrences,
}

impl Place {
    const NONE: Self = Self { start: 0, len: 0, lines: Occurrences::None };

    fn of<'b>(&self, head: &'b [u8]) -> Option<&'b [u8]> {
        let from = head.get(usize::try_from(self.start).ok()?..)?;
        from.get(..usize::try_from(self.len).ok()?)
    }
}

/// How many lines have the name.
#[derive(Clone, Copy, Debug)]
enum Occurrences {
    None,
    One,
    Several,
}

impl Places {
    pub(crate) const NONE: Self = Self {
        fields: [Place::NONE; Field::COUNT],
        asks_for_websocket: false,
        names_upgrade: false,
        announces_body: false,
    };

    /// Notes a line whose `value`, with the whitespace around it, stands at `start`.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8], start: usize) {
        let Some(field) = Field::named(name) else {
            if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
                self.announces_body = true;
            } else if name.eq_ignore_ascii_case(b"Content-Length") {
                self.announces_body |= trim(value) != b"0";
            }
            return;
        };
        let text = trim_start(value);
        let start = start.saturating_add(value.len().saturating_sub(text.len()));
        let text = trim_end(text);
        match field {
            Field::Upgrade => self.asks_for_websocket |= lists(text, "websocket"),
            Field::Connection => self.names_upgrade |= lists(text, "upgrade"),
            _ => {}
        }
        let Some(place) = self.fields.get_mut(field.index()) else { return };
        let lines = match place.lines {
            Occurrences::None => Occurrences::One,
            Occurrences::One | Occurrences::Several => Occurrences::Several,
        };
        let to_u32 = |number| u32::try_from(number).unwrap_or(u32::MAX);
        *place = Place { start: to_u32(start), len: to_u32(text.len()), lines };
    }
}

/// The places and the head that they are in.
#[derive(Clone, Copy)]
pub(crate) struct KnownFields<'s, 'b> {
    places: &'s Places,
    head: &'b [u8],
}

impl<'s, 'b> KnownFields<'s, 'b> {
    pub(crate) const fn new(places: &'s Places, head: &'b [u8]) -> Self {
        Self { places, head }
    }

    /// The value, where a second line is a fault (RFC 6455, section 11.3).
    pub(crate) fn at_most_one(self, field: Field) -> Result<Option<&'b [u8]>, Error> {
        let place = self.place(field);
        match place.lines {
            Occurrences::None => Ok(None),
            Occurrences::One => Ok(place.of(self.head)),
            Occurrences::Several => Err(Error::Repeated(field)),
        }
    }

    /// The value, where there must be exactly one line.
    pub(crate) fn only(self, field: Field) -> Result<&'b [u8], Error> {
        self.at_most_one(field)?.ok_or(Error::Missing(field))
    }

    /// Whether there is a line.
    pub(crate) fn has(self, field: Field) -> bool {
        !matches!(self.place(field).lines, Occurrences::None)
    }

    fn place(self, field: Field) -> Place {
        self.places.fields.get(field.index()).copied().unwrap_or(Place::NONE)
    }

    /// Whether a line of `Upgrade` lists `websocket`.
    pub(crate) const fn asks_for_websocket(self) -> bool {
        self.places.asks_for_websocket
    }

    /// An Upgrade that Connection does not name may not have been meant for this hop (RFC 9110,
    /// section 7.8).
    pub(crate) fn check_connection(self) -> Result<(), Error> {
        if !self.has(Field::Connection) {
            return Err(Error::Missing(Field::Connection));
        }
        if self.places.names_upgrade { Ok(()) } else { Err(Error::Invalid(Field::Connection)) }
    }

    /// Bytes that one party takes for a body and the other for frames are a smuggled message. A
    /// length of 0 is harmless, and some peers send it (RFC 9110, section 8.6; RFC 9112, section
    /// 6.1).
    pub(crate) const fn check_body(self) -> Result<(), Error> {
        if self.places.announces_body { Err(Error::BodyNotAllowed) } else { Ok(()) }
    }
}
