//! A state machine that validates a head (RFC 9112 §2 to §5) while it searches for the end.
//!
//! An error is detected at the first invalid byte, wherever the reads are split.
//! [`HeadState::next`] defines the grammar byte by byte. [`HeadParser::pass`] is the
//! fast path: it skips runs of valid bytes and leaves everything else, including all
//! errors, to the state machine.

use core::num::NonZero;

use super::grammar::{is_target, is_tchar, is_text, split, target_len, tchar_len, text_len};
use super::head::{FieldLines, Head, Limits};
use super::known_fields::{KnownFields, Places};
use crate::bytes::Status;
use crate::handshake::error::Error;

/// The part of the grammar that the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum HeadState {
    MethodStart,
    /// After the CR of an empty line before the request.
    EmptyLine,
    Method,
    TargetStart,
    Target,
    /// The number of bytes of a request's version that have been parsed.
    RequestVersion(u8),
    RequestVersionEnd,
    /// The number of bytes of a response's version that have been parsed.
    ResponseVersion(u8),
    ResponseVersionEnd,
    /// The number of digits of the status code that have been parsed.
    StatusCode(u8),
    StatusCodeEnd,
    Reason,
    /// After the CR of a non-empty line.
    LineFeed,
    FieldStart,
    FieldName,
    FieldValue,
    /// After the CR of the empty line.
    LastLineFeed,
    End,
}

/// `HTTP-version` without its last digit (§2.3).
const VERSION: &[u8; 7] = b"HTTP/1.";
/// The length of `HTTP-version`.
const VERSION_LEN: u8 = 8;
/// The length of CR LF CR LF.
const END_LEN: u8 = 4;

impl HeadState {
    /// The minimum number of bytes until the end of the head.
    const fn least(self) -> u8 {
        match self {
            Self::EmptyLine => 5 + VERSION_LEN + END_LEN,
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
            Self::Method
                | Self::TargetStart
                | Self::Target
                | Self::RequestVersion(_)
                | Self::RequestVersionEnd
        )
    }

    /// The state after `byte`.
    fn next(self, byte: u8) -> Result<Self, Error> {
        if byte == b'\n' && !matches!(self, Self::EmptyLine | Self::LineFeed | Self::LastLineFeed) {
            return Err(Error::BareLineFeed);
        }
        Ok(match (self, byte) {
            // §2.2: a server should ignore empty lines before a request.
            (Self::MethodStart, b'\r') => Self::EmptyLine,
            (Self::EmptyLine, b'\n') => Self::MethodStart,
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
            (Self::StatusCode(0), b'0'..=b'9') => Self::StatusCode(1),
            (Self::StatusCode(1), b'0'..=b'9') => Self::StatusCode(2),
            (Self::StatusCode(2), b'0'..=b'9') => Self::StatusCodeEnd,
            // §4 requires the SP even if the reason phrase is empty, but many servers omit it.
            (Self::StatusCodeEnd, b' ') => Self::Reason,
            (Self::Reason, _) if is_text(byte) => Self::Reason,
            (
                Self::RequestVersionEnd | Self::StatusCodeEnd | Self::Reason | Self::FieldValue,
                b'\r',
            ) => Self::LineFeed,
            (Self::LineFeed, b'\n') => Self::FieldStart,
            (Self::FieldStart | Self::FieldName, _) if is_tchar(byte) => Self::FieldName,
            (Self::FieldStart, b'\r') => Self::LastLineFeed,
            // §5.2: a server may reject obsolete line folding or replace it. If another
            // parser in the chain handles it differently, replacing it enables smuggling.
            // A client must accept it: see `HeadParser::step`.
            (Self::FieldStart, b' ' | b'\t') => return Err(Error::ObsoleteFold),
            (Self::FieldName, b':') => Self::FieldValue,
            (Self::FieldValue, _) if is_text(byte) => Self::FieldValue,
            (Self::LastLineFeed, b'\n') => Self::End,
            (Self::EmptyLine | Self::LineFeed | Self::LastLineFeed, _) => {
                return Err(Error::BareCarriageReturn);
            }
            (Self::FieldStart | Self::FieldName, _) => return Err(Error::InvalidFieldName),
            (Self::FieldValue, _) => return Err(Error::InvalidFieldValue),
            _ => return Err(Error::InvalidStartLine),
        })
    }
}

/// The number of bytes of the version that have been parsed after `byte`; `None` if it is complete.
fn version(seen: u8, byte: u8) -> Result<Option<u8>, Error> {
    match VERSION.get(usize::from(seen)) {
        Some(expected) if *expected == byte => Ok(Some(seen.saturating_add(1))),
        // RFC 9110 §2.5: a higher minor version is read as 1.1; messages of another major
        // version cannot be parsed.
        None if byte.is_ascii_digit() => Ok(None),
        Some(b'1') if byte.is_ascii_digit() => Err(Error::HttpVersion),
        _ => Err(Error::InvalidStartLine),
    }
}

/// Obsolete line folding (§5.2): a line that begins with whitespace continues the previous field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folds {
    /// In a request.
    Refused,
    /// In a response.
    Allowed,
    /// A field of this response is folded.
    Found,
}

/// Parses a head incrementally: each call resumes where the previous one stopped.
#[derive(Clone, Debug)]
pub(crate) struct HeadParser {
    state: HeadState,
    /// The number of bytes parsed.
    position: usize,
    /// The length of the start line without CR LF, once known.
    line_len: Option<usize>,
    /// The start of the current field line.
    line_start: usize,
    fields: usize,
    folds: Folds,
    places: Places,
    /// Errors are final: more bytes cannot fix them.
    fault: Option<Error>,
}

impl HeadParser {
    pub(crate) const fn request() -> Self {
        Self::new(HeadState::MethodStart, Folds::Refused)
    }

    pub(crate) const fn response() -> Self {
        Self::new(HeadState::ResponseVersion(0), Folds::Allowed)
    }

    const fn new(state: HeadState, folds: Folds) -> Self {
        Self {
            state,
            position: 0,
            line_len: None,
            line_start: 0,
            fields: 0,
            folds,
            places: Places::NONE,
            fault: None,
        }
    }

    /// Parses the bytes that are new since the last call. `bytes` always begins with
    /// the first byte of the head.
    pub(crate) fn parse<'s, 'b>(
        &'s mut self,
        bytes: &'b [u8],
        limits: Limits,
    ) -> Result<Status<Head<'s, 'b>>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        while !matches!(self.state, HeadState::End) {
            self.pass(bytes, limits);
            let Some(byte) = bytes.get(self.position) else { break };
            self.step(*byte, bytes, limits).inspect_err(|fault| self.fault = Some(*fault))?;
        }
        if matches!(self.state, HeadState::End)
            && let Some(head) = self.head(bytes)
        {
            return Ok(Status::Complete(head));
        }
        // The second term is nonzero only if the caller passes fewer bytes than before.
        let more = usize::from(self.state.least())
            .saturating_add(self.position.saturating_sub(bytes.len()));
        Ok(Status::NeedMore(NonZero::new(more).unwrap_or(NonZero::<usize>::MIN)))
    }

    /// Skips a run of bytes that are valid and within the limits. Stops before any
    /// possible error, limit or end of `bytes`, and leaves the decision to [`Self::step`].
    fn pass(&mut self, bytes: &[u8], limits: Limits) {
        let next = match self.state {
            HeadState::RequestVersion(0) => HeadState::RequestVersionEnd,
            HeadState::ResponseVersion(0) => HeadState::ResponseVersionEnd,
            state => state,
        };
        let end = limits.head_len().saturating_sub(usize::from(next.least())).min(bytes.len());
        let rest = bytes.get(self.position..end).unwrap_or_default();
        let passed = match self.state {
            HeadState::Method | HeadState::FieldName => tchar_len(rest),
            HeadState::Target => target_len(rest),
            HeadState::Reason | HeadState::FieldValue => text_len(rest),
            HeadState::RequestVersion(0) | HeadState::ResponseVersion(0)
                if rest.starts_with(b"HTTP/1.1") =>
            {
                usize::from(VERSION_LEN)
            }
            HeadState::FieldStart => return self.pass_lines(rest, limits),
            _ => return,
        };
        self.position = self.position.saturating_add(passed);
        self.state = next;
    }

    /// Skips whole field lines.
    fn pass_lines(&mut self, mut rest: &[u8], limits: Limits) {
        while self.fields < limits.max_fields
            && let Some((name, value, after)) = whole_line(rest)
        {
            self.places.add_line(
                name,
                value,
                self.position.saturating_add(name.len()).saturating_add(1),
            );
            self.fields = self.fields.saturating_add(1);
            self.position = self.position.saturating_add(rest.len().saturating_sub(after.len()));
            rest = after;
        }
    }

    /// Parses one byte.
    fn step(&mut self, byte: u8, bytes: &[u8], limits: Limits) -> Result<(), Error> {
        let next = match self.state {
            // Whitespace before the first field does not continue one (§2.2).
            HeadState::FieldStart
                if matches!(byte, b' ' | b'\t')
                    && self.folds != Folds::Refused
                    && self.fields > 0 =>
            {
                self.folds = Folds::Found;
                HeadState::FieldValue
            }
            state => state.next(byte)?,
        };
        match (self.state, next) {
            (HeadState::FieldStart, HeadState::FieldName) => {
                self.line_start = self.position;
                self.fields = self.fields.saturating_add(1);
                if self.fields > limits.max_fields {
                    return Err(Error::TooManyFields);
                }
            }
            (HeadState::FieldValue, HeadState::LineFeed) => {
                let line = bytes.get(self.line_start..self.position).unwrap_or_default();
                if let Some((name, value)) = split(line, b':') {
                    self.places.add_line(name, value, self.position.saturating_sub(value.len()));
                }
            }
            (_, HeadState::LineFeed) => self.line_len = Some(self.position),
            (HeadState::LastLineFeed, HeadState::End) if self.folds == Folds::Found => {
                self.places = self.unfolded(bytes);
            }
            _ => {}
        }
        self.position = self.position.saturating_add(1);
        self.state = next;
        if self.position.saturating_add(usize::from(next.least())) > limits.head_len() {
            return Err(if next.is_request_line() {
                Error::TargetTooLong
            } else {
                Error::HeadTooLong
            });
        }
        Ok(())
    }

    /// The places of the fields of a head with folded ones, which end where no fold follows.
    fn unfolded(&self, bytes: &[u8]) -> Places {
        let start = self.line_len.unwrap_or_default().saturating_add(2);
        let end = self.position.saturating_sub(1);
        let mut places = Places::NONE;
        let mut lines = FieldLines::new(bytes.get(start..end).unwrap_or_default()).lines();
        while let Some((name, value)) = lines.next_line() {
            let after = lines.len().saturating_add(2).saturating_add(value.len());
            places.add_line(name, value, end.saturating_sub(after));
        }
        places
    }

    fn head<'s, 'b>(&'s self, bytes: &'b [u8]) -> Option<Head<'s, 'b>> {
        let head = bytes.get(..self.position)?;
        let (mut line, rest) = head.split_at_checked(self.line_len?)?;
        while let Some(after) = line.strip_prefix(b"\r\n") {
            line = after;
        }
        let fields = rest.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
        let known = KnownFields::new(&self.places, head);
        Some(Head { line, fields: FieldLines::new(fields), known, len: self.position })
    }
}

/// The name and value of a field line without HTAB, and the bytes after its CR LF.
fn whole_line(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = bytes.split_at_checked(tchar_len(bytes))?;
    let rest = rest.strip_prefix(b":").filter(|_| !name.is_empty())?;
    let (value, rest) = rest.split_at_checked(text_len(rest))?;
    Some((name, value, rest.strip_prefix(b"\r\n")?))
}
