//! The head of an HTTP/1.1 message (RFC 9112, sections 2 to 5).
//!
//! [`HeadParser`](super::parser::HeadParser) finds its end and checks every byte on the way, so what stands here may take it
//! apart without further checks.

use core::num::NonZero;

use super::grammar::{split, trim};
use super::known_fields::KnownFields;

/// What a reader knows after the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is no third outcome, and a caller should match both"
)]
pub enum Status<T> {
    /// The head is not complete. Fewer than this many further bytes cannot complete it.
    NeedMore(NonZero<usize>),
    /// The head is complete.
    Complete(T),
}

/// How much of a head a reader takes before it gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    max_head_len: usize,
    pub(crate) max_fields: usize,
}

impl Limits {
    /// 8,192 bytes and 64 fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_head_len: 8192, max_fields: 64 }
    }

    /// The greatest length of a head in bytes, from its first byte to the empty line, which is counted. A client counts
    /// the heads of interim answers too. More than [`u32::MAX`] counts as that.
    #[must_use]
    pub const fn max_head_len(mut self, bytes: usize) -> Self {
        self.max_head_len = bytes;
        self
    }

    /// The greatest number of header fields.
    #[must_use]
    pub const fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = fields;
        self
    }

    pub(crate) fn head_len(self) -> usize {
        usize::try_from(u32::MAX).map_or(self.max_head_len, |most| self.max_head_len.min(most))
    }

    /// The same limits for what comes behind `bytes` that are already used.
    pub(crate) const fn minus(self, bytes: usize) -> Self {
        self.max_head_len(self.max_head_len.saturating_sub(bytes))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// A complete head in which every byte has been checked.
#[derive(Clone, Copy)]
pub(crate) struct Head<'s, 'b> {
    /// The request line or the status line without its end.
    pub(crate) line: &'b [u8],
    pub(crate) fields: FieldLines<'b>,
    pub(crate) known: KnownFields<'s, 'b>,
    /// The length in bytes, the empty line included.
    pub(crate) len: usize,
}

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderField<'b> {
    /// The name, spelled as received. Names are compared without regard to case.
    pub name: &'b str,
    /// The value without the whitespace around it. HTTP allows any byte of 0x80 and above here, so it is no `str`.
    pub value: &'b [u8],
}

/// The field lines of a head, each with its end.
#[derive(Clone, Copy)]
pub(crate) struct FieldLines<'b>(&'b [u8]);

impl<'b> FieldLines<'b> {
    pub(crate) const fn new(lines: &'b [u8]) -> Self {
        Self(lines)
    }

    pub(crate) const fn iter(self) -> HeaderFields<'b> {
        HeaderFields { lines: self.lines() }
    }

    /// Name and value of each line, as in [`HeaderField`].
    pub(crate) const fn lines(self) -> Lines<'b> {
        Lines(self.0)
    }

    /// All values of this name, one for each line that has it.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'b [u8]> + Clone {
        self.lines()
            .filter(move |line| line.0.eq_ignore_ascii_case(name.as_bytes()))
            .map(|line| line.1)
    }
}

#[derive(Clone)]
pub(crate) struct Lines<'b>(&'b [u8]);

impl<'b> Iterator for Lines<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = split(self.0, b':')?;
        let (value, rest) = split(rest, b'\r')?;
        self.0 = rest.strip_prefix(b"\n")?;
        Some((name, trim(value)))
    }
}

/// The header fields of a head, in the order in which they were received.
#[derive(Clone)]
pub struct HeaderFields<'b> {
    lines: Lines<'b>,
}

impl<'b> Iterator for HeaderFields<'b> {
    type Item = HeaderField<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.lines.next()?;
        Some(HeaderField { name: core::str::from_utf8(name).ok()?, value })
    }
}

/// Names only: values may be credentials, and a log is no place for them.
impl core::fmt::Debug for HeaderFields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone().map(|header| header.name)).finish()
    }
}
