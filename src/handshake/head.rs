//! The head of an HTTP/1.1 message, read once (RFC 9112, sections 2 to 5).
//!
//! One automaton checks the whole grammar while it looks for the end, so a fault is found at the
//! first byte that cannot be right, wherever the pieces are cut. What it has passed may then be
//! taken apart without further checks.

use core::num::NonZero;

use super::error::Error;
use super::grammar::{is_target, is_tchar, is_text, run, split, trim};

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
pub struct Limits {
    max_head_len: usize,
    max_fields: usize,
}

impl Limits {
    /// 8,192 bytes and 64 fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_head_len: 8192, max_fields: 64 }
    }

    /// The greatest length of a head in bytes, from its first byte to the empty line, which is
    /// counted. A client counts the heads of interim answers too.
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

    /// The same limits for what comes behind `bytes` that are already used.
    pub(super) const fn behind(self, bytes: usize) -> Self {
        self.max_head_len(self.max_head_len.saturating_sub(bytes))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// Where in the grammar the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    MethodStart,
    Method,
    TargetStart,
    Target,
    /// The version of a request, and how many of its bytes have been seen.
    RequestVersion(u8),
    RequestVersionEnd,
    /// The version of an answer, and how many of its bytes have been seen.
    ResponseVersion(u8),
    ResponseVersionEnd,
    /// How many digits of the status have been seen.
    StatusCode(u8),
    StatusCodeEnd,
    Reason,
    /// After the CR of a line with something on it.
    LineFeed,
    FieldStart,
    FieldName,
    FieldValue,
    /// After the CR of the empty line.
    LastLineFeed,
    End,
}

/// `HTTP-version` without its last digit (RFC 9112, section 2.3).
const VERSION: &[u8; 7] = b"HTTP/1.";
/// Its length with that digit.
const VERSION_LEN: u8 = 8;
/// CR LF CR LF
const END_LEN: u8 = 4;

impl State {
    /// The least number of bytes from here to the end of a head.
    const fn least(self) -> u8 {
        match self {
            Self::MethodStart => 4 + VERSION_LEN + END_LEN,
            Self::Method => 3 + VERSION_LEN + END_LEN,
            Self::TargetStart => 2 + VERSION_LEN + END_LEN,
            Self::Target => 1 + VERSION_LEN + END_LEN,
            Self::RequestVersion(seen) => VERSION_LEN.saturating_sub(seen) + END_LEN,
            Self::ResponseVersion(seen) => VERSION_LEN.saturating_sub(seen) + 4 + END_LEN,
            Self::ResponseVersionEnd => 4 + END_LEN,
            Self::StatusCode(seen) => 3_u8.saturating_sub(seen) + END_LEN,
            Self::FieldName => 1 + END_LEN,
            Self::RequestVersionEnd | Self::StatusCodeEnd | Self::Reason | Self::FieldValue => {
                END_LEN
            }
            Self::LineFeed => 3,
            Self::FieldStart => 2,
            Self::LastLineFeed => 1,
            Self::End => 0,
        }
    }

    const fn is_request_line(self) -> bool {
        matches!(
            self,
            Self::MethodStart
                | Self::Method
                | Self::TargetStart
                | Self::Target
                | Self::RequestVersion(_)
                | Self::RequestVersionEnd
        )
    }

    /// What follows after `byte`.
    fn next(self, byte: u8) -> Result<Self, Error> {
        if byte == b'\n' && !matches!(self, Self::LineFeed | Self::LastLineFeed) {
            return Err(Error::BareLineFeed);
        }
        Ok(match (self, byte) {
            (Self::MethodStart | Self::Method, _) if is_tchar(byte) => Self::Method,
            (Self::Method, b' ') => Self::TargetStart,
            (Self::TargetStart | Self::Target, _) if is_target(byte) => Self::Target,
            (Self::Target, b' ') => Self::RequestVersion(0),
            (Self::RequestVersion(seen), _) => {
                version(seen, byte)?.map_or(Self::RequestVersionEnd, Self::RequestVersion)
            }
            (Self::ResponseVersion(seen), _) => {
                version(seen, byte)?.map_or(Self::ResponseVersionEnd, Self::ResponseVersion)
            }
            (Self::ResponseVersionEnd, b' ') => Self::StatusCode(0),
            (Self::StatusCode(0), b'1'..=b'9') => Self::StatusCode(1),
            (Self::StatusCode(1), b'0'..=b'9') => Self::StatusCode(2),
            (Self::StatusCode(2), b'0'..=b'9') => Self::StatusCodeEnd,
            // RFC 9112, section 4 wants the second SP even if no reason follows; many servers leave
            // it out.
            (Self::StatusCodeEnd, b' ') => Self::Reason,
            (Self::Reason, _) if is_text(byte) => Self::Reason,
            (
                Self::RequestVersionEnd | Self::StatusCodeEnd | Self::Reason | Self::FieldValue,
                b'\r',
            ) => Self::LineFeed,
            (Self::LineFeed, b'\n') => Self::FieldStart,
            (Self::FieldStart | Self::FieldName, _) if is_tchar(byte) => Self::FieldName,
            (Self::FieldStart, b'\r') => Self::LastLineFeed,
            // 9112, 5.2: a line that goes on is refused or mended; mending is how two readers come
            // to disagree.
            (Self::FieldStart, b' ' | b'\t') => return Err(Error::ObsoleteFold),
            (Self::FieldName, b':') => Self::FieldValue,
            (Self::FieldValue, _) if is_text(byte) => Self::FieldValue,
            (Self::LastLineFeed, b'\n') => Self::End,
            (Self::LineFeed | Self::LastLineFeed, _) => return Err(Error::BareCarriageReturn),
            (Self::FieldStart | Self::FieldName, _) => return Err(Error::InvalidFieldName),
            (Self::FieldValue, _) => return Err(Error::InvalidFieldValue),
            _ => return Err(Error::InvalidStartLine),
        })
    }
}

/// How many bytes of the version have been seen after `byte`, or `None` after the last one.
fn version(seen: u8, byte: u8) -> Result<Option<u8>, Error> {
    match VERSION.get(usize::from(seen)) {
        Some(expected) if *expected == byte => Ok(Some(seen.saturating_add(1))),
        // 9110, 2.5: the major version is the one that says whether the rest can be understood.
        Some(b'1') if byte.is_ascii_digit() => Err(Error::HttpVersion),
        None if byte.is_ascii_digit() => Ok(None),
        _ => Err(Error::InvalidStartLine),
    }
}

/// Reads a head that arrives in pieces. The position only ever moves forward.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    state: State,
    /// Bytes looked at.
    position: usize,
    /// Length of the first line without its end, once that is known.
    line_len: Option<usize>,
    fields: usize,
    /// A fault is final: more bytes cannot mend it.
    fault: Option<Error>,
}

impl Scanner {
    pub(super) const fn request() -> Self {
        Self::new(State::MethodStart)
    }

    pub(super) const fn response() -> Self {
        Self::new(State::ResponseVersion(0))
    }

    const fn new(state: State) -> Self {
        Self { state, position: 0, line_len: None, fields: 0, fault: None }
    }

    /// Looks at those of `bytes` that are new. `bytes` begins with the head's first byte at every
    /// call.
    pub(super) fn scan<'b>(
        &mut self,
        bytes: &'b [u8],
        limits: Limits,
    ) -> Result<Status<Head<'b>>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        while let Some((byte, _)) = bytes.get(self.position..).unwrap_or_default().split_first()
            && self.state != State::End
        {
            self.step(*byte, limits).inspect_err(|fault| self.fault = Some(*fault))?;
            self.pass_text(bytes, limits);
        }
        if self.state == State::End
            && let Some(head) = self.head(bytes)
        {
            return Ok(Status::Complete(head));
        }
        // The middle term is not 0 only if the caller took back bytes that were already shown.
        let more = usize::from(self.state.least())
            .saturating_add(self.position.saturating_sub(bytes.len()));
        Ok(Status::NeedMore(NonZero::new(more).unwrap_or(NonZero::<usize>::MIN)))
    }

    /// Most of a head is text that changes no state: passes over it, up to where the limits would
    /// be noticed.
    fn pass_text(&mut self, bytes: &[u8], limits: Limits) {
        let end =
            limits.max_head_len.saturating_sub(usize::from(self.state.least())).min(bytes.len());
        let rest = bytes.get(self.position..end).unwrap_or_default();
        let passed = match self.state {
            State::Target => run(rest, is_target),
            State::FieldName => run(rest, is_tchar),
            State::FieldValue => run(rest, is_text),
            _ => 0,
        };
        self.position = self.position.saturating_add(passed);
    }

    fn step(&mut self, byte: u8, limits: Limits) -> Result<(), Error> {
        let next = self.state.next(byte)?;
        if next == State::LineFeed && self.line_len.is_none() {
            self.line_len = Some(self.position);
        }
        if self.state == State::FieldStart && next == State::FieldName {
            self.fields = self.fields.saturating_add(1);
            if self.fields > limits.max_fields {
                return Err(Error::TooManyFields);
            }
        }
        self.position = self.position.saturating_add(1);
        self.state = next;
        if self.position.saturating_add(usize::from(next.least())) > limits.max_head_len {
            return Err(if next.is_request_line() {
                Error::TargetTooLong
            } else {
                Error::HeadTooLong
            });
        }
        Ok(())
    }

    fn head<'b>(&self, bytes: &'b [u8]) -> Option<Head<'b>> {
        let head = bytes.get(..self.position)?;
        let (line, rest) = head.split_at_checked(self.line_len?)?;
        let fields = rest.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
        Some(Head { line, fields: Fields(fields), len: self.position })
    }
}

/// A complete head in which every byte has been checked.
#[derive(Clone, Copy)]
pub(super) struct Head<'b> {
    /// The request line or status line without its end.
    pub(super) line: &'b [u8],
    pub(super) fields: Fields<'b>,
    /// The length in bytes, the empty line included.
    pub(super) len: usize,
}

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header<'b> {
    /// The name, spelled as received. Names are compared without regard to case.
    pub name: &'b str,
    /// The value without the whitespace around it. HTTP allows any byte of 0x80 and above here, so
    /// it is no `str`.
    pub value: &'b [u8],
}

/// The field lines of a head, each with its end.
#[derive(Clone, Copy)]
pub(super) struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    pub(super) const fn iter(self) -> Headers<'b> {
        Headers { rest: self.0 }
    }

    /// All values of this name, one for each line that has it.
    pub(super) fn values(self, name: &str) -> impl Iterator<Item = &'b [u8]> + Clone {
        self.iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }
}

/// The header fields of a head, in the order in which they were received.
#[derive(Clone)]
pub struct Headers<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Headers<'b> {
    type Item = Header<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = split(self.rest, b'\r')?;
        let (name, value) = split(line, b':')?;
        self.rest = rest.strip_prefix(b"\n")?;
        Some(Header { name: core::str::from_utf8(name).ok()?, value: trim(value) })
    }
}

/// Names only: values may be credentials, and a log is no place for them.
impl core::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone().map(|header| header.name)).finish()
    }
}
