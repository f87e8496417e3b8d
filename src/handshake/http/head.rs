//! The head of an HTTP/1.1 message (RFC 9112 §2 to §5).
//!
//! [`HeadParser`](super::parser::HeadParser) validates every byte of a head, so the
//! types here split it without further checks.

use super::grammar::{split, trim};
use super::known_fields::KnownFields;

/// Limits on the size of a head.
///
/// A reader keeps no copy of the head, so larger limits cost it no memory. The caller
/// needs a buffer of [`max_head_len`](Self::max_head_len) bytes.
///
/// ```
/// use barews::handshake::Limits;
/// use barews::handshake::server::RequestReader;
///
/// let reader = RequestReader::with_limits(Limits::new().max_head_len(2048).max_fields(32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    max_head_len: usize,
    pub(crate) max_fields: usize,
}

impl Limits {
    /// The default: 8,192 bytes and 64 fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_head_len: 8192, max_fields: 64 }
    }

    /// The maximum length of a head in bytes, including the empty line that ends it.
    /// For a client, the heads of interim responses count as well. Values above
    /// [`u32::MAX`] are treated as [`u32::MAX`].
    #[must_use]
    pub const fn max_head_len(mut self, bytes: usize) -> Self {
        self.max_head_len = bytes;
        self
    }

    /// The maximum number of header fields.
    #[must_use]
    pub const fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = fields;
        self
    }

    pub(crate) fn head_len(self) -> usize {
        usize::try_from(u32::MAX).map_or(self.max_head_len, |most| self.max_head_len.min(most))
    }

    /// The limits for what follows `bytes` bytes of interim responses.
    pub(crate) const fn minus(self, bytes: usize) -> Self {
        self.max_head_len(self.max_head_len.saturating_sub(bytes))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// A complete, validated head.
#[derive(Clone, Copy)]
pub(crate) struct Head<'s, 'b> {
    /// The request line or status line, without CR LF.
    pub(crate) line: &'b [u8],
    pub(crate) fields: FieldLines<'b>,
    pub(crate) known: KnownFields<'s, 'b>,
    /// The length in bytes, including the empty line.
    pub(crate) len: usize,
}

/// A header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderField<'b> {
    /// The name as received. Names are ASCII case-insensitive.
    pub name: &'b str,
    /// The value without surrounding whitespace. It is not a `str`, because HTTP
    /// allows all bytes from 0x80 to 0xFF (RFC 9110 §5.5).
    ///
    /// In a response, a value may be folded over several lines. Read each CR LF as a space
    /// (RFC 9112 §5.2).
    pub value: &'b [u8],
}

/// The field lines of a head, each with its CR LF.
#[derive(Clone, Copy)]
pub(crate) struct FieldLines<'b>(&'b [u8]);

impl<'b> FieldLines<'b> {
    pub(crate) const fn new(lines: &'b [u8]) -> Self {
        Self(lines)
    }

    pub(crate) const fn empty() -> Self {
        Self(&[])
    }

    pub(crate) const fn iter(self) -> HeaderFields<'b> {
        HeaderFields { lines: self.lines() }
    }

    /// The name and value of each line, as in [`HeaderField`].
    pub(crate) const fn lines(self) -> Lines<'b> {
        Lines(self.0)
    }

    /// The value of each line with this name.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'b [u8]> + Clone {
        self.lines()
            .filter(move |line| line.0.eq_ignore_ascii_case(name.as_bytes()))
            .map(|line| line.1)
    }
}

#[derive(Clone)]
pub(crate) struct Lines<'b>(&'b [u8]);

impl<'b> Lines<'b> {
    /// The length in bytes of the lines that are left.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The name and value of the next line, with the whitespace around the value.
    pub(crate) fn next_line(&mut self) -> Option<(&'b [u8], &'b [u8])> {
        let (name, from) = split(self.0, b':')?;
        let (mut value, rest) = split(from, b'\r')?;
        let mut rest = rest.strip_prefix(b"\n")?;
        // A line that begins with whitespace continues the value (RFC 9112 §5.2).
        while let [b' ' | b'\t', ..] = rest {
            let (_, after) = split(rest, b'\r')?;
            rest = after.strip_prefix(b"\n")?;
            value = from.get(..from.len().checked_sub(rest.len())?.checked_sub(2)?)?;
        }
        self.0 = rest;
        Some((name, value))
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().map(|(name, value)| (name, trim(value)))
    }
}

/// Iterator over the header fields of a head, in the order received.
#[derive(Clone)]
pub struct HeaderFields<'b> {
    lines: Lines<'b>,
}

impl<'b> HeaderFields<'b> {
    /// The lines that are left.
    pub(crate) const fn rest(self) -> FieldLines<'b> {
        FieldLines(self.lines.0)
    }
}

impl<'b> Iterator for HeaderFields<'b> {
    type Item = HeaderField<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.lines.next()?;
        Some(HeaderField { name: core::str::from_utf8(name).ok()?, value })
    }
}

/// Prints the names only: values may be credentials, which do not belong in logs.
impl core::fmt::Debug for HeaderFields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone().map(|header| header.name)).finish()
    }
}
