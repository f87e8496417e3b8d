//! The fields that the handshake uses. The parser records their positions as it goes,
//! so that a complete head need not be searched. For the fields of another parser, the values
//! themselves are recorded.

use super::grammar::{lists, small_number, trim, trim_end, trim_start};
use crate::handshake::error::{Error, Field};

/// What the field lines of a head contribute to the handshake, with the place of each value.
#[derive(Clone, Debug)]
pub(crate) struct Places<P = Span> {
    /// The last line with each name, indexed by [`Field::index`].
    fields: [Line<P>; Field::COUNT],
    /// An `Upgrade` field lists `websocket`.
    asks_for_websocket: bool,
    /// A `Connection` field lists `upgrade`.
    names_upgrade: bool,
    /// There is a `Transfer-Encoding` field, or a `Content-Length` other than `0`.
    announces_body: bool,
}

/// Where a value is.
pub(crate) trait Place<'b>: Copy {
    const NONE: Self;

    /// The value; `head` holds it unless the place does.
    fn value(self, head: &'b [u8]) -> Option<&'b [u8]>;
}

/// The position of a value in the head.
///
/// `u32` keeps a reader small, because a server has one per pending connection;
/// [`Limits`](super::head::Limits) restricts a head to [`u32::MAX`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl<'b> Place<'b> for Span {
    const NONE: Self = Self { start: 0, len: 0 };

    fn value(self, head: &'b [u8]) -> Option<&'b [u8]> {
        let from = head.get(usize::try_from(self.start).ok()?..)?;
        from.get(..usize::try_from(self.len).ok()?)
    }
}

impl<'b> Place<'b> for &'b [u8] {
    const NONE: Self = &[];

    fn value(self, _head: &'b [u8]) -> Option<&'b [u8]> {
        Some(self)
    }
}

/// The last line with a name, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Line<P> {
    place: P,
    lines: Occurrences,
}

impl<'b, P: Place<'b>> Line<P> {
    const NONE: Self = Self { place: P::NONE, lines: Occurrences::None };
}

/// How many lines have the name.
#[derive(Clone, Copy, Debug)]
enum Occurrences {
    None,
    One,
    Several,
}

impl Places {
    /// Records a field line. `value`, including surrounding whitespace, begins at
    /// `start` in the head.
    pub(crate) fn add_line(&mut self, name: &[u8], value: &[u8], start: usize) {
        let to_u32 = |number| u32::try_from(number).unwrap_or(u32::MAX);
        self.add(name, value, |before, text| Span {
            start: to_u32(start.saturating_add(before)),
            len: to_u32(text.len()),
        });
    }
}

impl<'b> Places<&'b [u8]> {
    /// Records the fields of another parser.
    pub(crate) fn of<N, T>(fields: impl IntoIterator<Item = (N, &'b T)>) -> Self
    where
        N: AsRef<[u8]>,
        T: AsRef<[u8]> + ?Sized + 'b,
    {
        let mut places = Self::NONE;
        for (name, value) in fields {
            places.add(name.as_ref(), value.as_ref(), |_, text| text);
        }
        places
    }
}

impl<'b, P: Place<'b>> Places<P> {
    pub(crate) const NONE: Self = Self {
        fields: [Line::NONE; Field::COUNT],
        asks_for_websocket: false,
        names_upgrade: false,
        announces_body: false,
    };

    /// Records a field. `place` is called with the length of the whitespace before the value,
    /// and with the value without whitespace around it.
    fn add<'v>(&mut self, name: &[u8], value: &'v [u8], place: impl FnOnce(usize, &'v [u8]) -> P) {
        let Some(field) = Field::named(name) else {
            if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
                self.announces_body = true;
            } else if name.eq_ignore_ascii_case(b"Content-Length") {
                self.announces_body |= trim(value) != b"0";
            }
            return;
        };
        let text = trim_start(value);
        let before = value.len().saturating_sub(text.len());
        let text = trim_end(text);
        match field {
            Field::Upgrade => self.asks_for_websocket |= lists(text, "websocket"),
            Field::Connection => self.names_upgrade |= lists(text, "upgrade"),
            _ => {}
        }
        let Some(line) = self.fields.get_mut(field.index()) else { return };
        let lines = match line.lines {
            Occurrences::None => Occurrences::One,
            Occurrences::One | Occurrences::Several => Occurrences::Several,
        };
        *line = Line { place: place(before, text), lines };
    }
}

/// The recorded places and the head that they refer to, which may be empty if they are values.
#[derive(Clone, Copy)]
pub(crate) struct KnownFields<'s, 'b, P = Span> {
    places: &'s Places<P>,
    head: &'b [u8],
}

impl<'s, 'b, P: Place<'b>> KnownFields<'s, 'b, P> {
    pub(crate) const fn new(places: &'s Places<P>, head: &'b [u8]) -> Self {
        Self { places, head }
    }

    /// The field's value. More than one line is an error (RFC 6455 §11.3).
    pub(crate) fn at_most_one(self, field: Field) -> Result<Option<&'b [u8]>, Error> {
        let Line { place, lines } = self.line(field);
        match lines {
            Occurrences::None => Ok(None),
            Occurrences::One => Ok(place.value(self.head)),
            Occurrences::Several => Err(Error::Repeated(field)),
        }
    }

    /// The field's value. Anything but exactly one line is an error.
    pub(crate) fn only(self, field: Field) -> Result<&'b [u8], Error> {
        self.at_most_one(field)?.ok_or(Error::Missing(field))
    }

    /// Whether the head has the field.
    pub(crate) fn has(self, field: Field) -> bool {
        !matches!(self.line(field).lines, Occurrences::None)
    }

    fn line(self, field: Field) -> Line<P> {
        self.places.fields.get(field.index()).copied().unwrap_or(Line::NONE)
    }

    /// Whether an `Upgrade` field lists `websocket`.
    pub(crate) const fn asks_for_websocket(self) -> bool {
        self.places.asks_for_websocket
    }

    /// Without the `upgrade` option in `Connection`, the `Upgrade` field may be meant
    /// for another hop (RFC 9110 §7.8).
    pub(crate) fn check_connection(self) -> Result<(), Error> {
        if !self.has(Field::Connection) {
            return Err(Error::Missing(Field::Connection));
        }
        if self.places.names_upgrade { Ok(()) } else { Err(Error::Invalid(Field::Connection)) }
    }

    /// RFC 6455 §4.2.1, item 6, and §4.4.
    pub(crate) fn check_version(self) -> Result<(), Error> {
        match small_number(self.only(Field::Version)?) {
            Some(13) => Ok(()),
            Some(_) => Err(Error::UnsupportedVersion),
            None => Err(Error::Invalid(Field::Version)),
        }
    }

    /// Bytes of a request that one party reads as a body and the other as frames allow smuggling.
    /// A length of 0 is harmless, and some peers send it (RFC 9110 §8.6, RFC 9112 §6.1).
    pub(crate) const fn check_body(self) -> Result<(), Error> {
        if self.places.announces_body { Err(Error::BodyNotAllowed) } else { Ok(()) }
    }
}
