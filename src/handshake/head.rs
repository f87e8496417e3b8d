//! The head of an HTTP/1.1 message (RFC 9112, sections 2 to 5).
//!
//! While a head comes in, a scanner looks for its end and looks at each byte once; bare line ends, folds, bad names,
//! control bytes and too many bytes are found where they stand. `httparse` then reads the complete head, once.

use core::num::NonZero;

use super::error::Error;
use super::grammar::{is_target, is_tchar, is_text, split, trim};

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
        Self { max_head_len: 8192, max_fields: MAX_FIELDS }
    }

    /// The greatest length of a head in bytes, from its first byte to the empty line, which is counted. A client counts
    /// the heads of interim answers too.
    #[must_use]
    pub const fn max_head_len(mut self, bytes: usize) -> Self {
        self.max_head_len = bytes;
        self
    }

    /// The greatest number of header fields; more than [`MAX_FIELDS`] counts as that.
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

/// The most fields that a head may have, whatever the [`Limits`]: their places are on the stack while it is read.
pub const MAX_FIELDS: usize = 64;

/// Which of the two heads it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// Where in a head the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    /// In the name of a field.
    Name,
    /// In the first line, or in the value of a field.
    Line,
    /// After the CR of such a line.
    LineFeed,
    /// At the start of a field line.
    FieldStart,
    /// After the CR of the empty line.
    LastLineFeed,
    End,
}

impl Place {
    /// The least number of bytes from here to the end of a head.
    const fn least(self) -> u8 {
        match self {
            Self::Start | Self::Name => 5,
            Self::Line => 4,
            Self::LineFeed => 3,
            Self::FieldStart => 2,
            Self::LastLineFeed => 1,
            Self::End => 0,
        }
    }

    /// What follows after `byte`. Line ends, names and control bytes are judged here, the rest is for the complete head.
    fn next(self, byte: u8) -> Result<Self, Fault> {
        match (self, byte) {
            (Self::LineFeed, b'\n') => Ok(Self::FieldStart),
            (Self::LastLineFeed, b'\n') => Ok(Self::End),
            (Self::LineFeed | Self::LastLineFeed, _) => Err(Fault::CarriageReturn),
            (_, b'\n') => Err(Fault::LineFeed),
            // 9112, 5.2: a line that goes on is refused or mended; mending is how two readers come to disagree.
            (Self::FieldStart, b' ' | b'\t') => Err(Fault::Fold),
            (Self::FieldStart, b'\r') => Ok(Self::LastLineFeed),
            (Self::Name, b':') => Ok(Self::Line),
            (Self::FieldStart | Self::Name, _) if is_tchar(byte) => Ok(Self::Name),
            (Self::FieldStart | Self::Name, _) => Err(Fault::Name),
            (Self::Line, b'\r') => Ok(Self::LineFeed),
            (Self::Start, _) if is_tchar(byte) => Ok(Self::Line),
            (Self::Line, _) if is_text(byte) => Ok(Self::Line),
            (Self::Start | Self::Line | Self::End, _) => Err(Fault::Control),
        }
    }
}

/// A byte that cannot be where it is.
enum Fault {
    CarriageReturn,
    LineFeed,
    Fold,
    Name,
    Control,
}

/// Finds the end of a head that arrives in pieces. The position only ever moves forward.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    side: Side,
    place: Place,
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
        Self::new(Side::Request)
    }

    pub(super) const fn response() -> Self {
        Self::new(Side::Response)
    }

    const fn new(side: Side) -> Self {
        Self { side, place: Place::Start, position: 0, line_len: None, fields: 0, fault: None }
    }

    /// Looks at those of `bytes` that are new. `bytes` begins with the head's first byte at every call.
    pub(super) fn scan<'b>(
        &mut self,
        bytes: &'b [u8],
        limits: Limits,
    ) -> Result<Status<Head<'b>>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        for byte in bytes.get(self.position..).unwrap_or_default() {
            if self.place == Place::End {
                break;
            }
            self.step(*byte, limits).inspect_err(|fault| self.fault = Some(*fault))?;
        }
        if self.place == Place::End
            && let Some(head) = bytes.get(..self.position)
        {
            let head = self.parse(head).inspect_err(|fault| self.fault = Some(*fault))?;
            return Ok(Status::Complete(head));
        }
        // The second term is not 0 only if the caller took back bytes that were already shown.
        let taken_back = self.position.saturating_sub(bytes.len());
        let more = usize::from(self.place.least()).saturating_add(taken_back);
        Ok(Status::NeedMore(NonZero::new(more).unwrap_or(NonZero::<usize>::MIN)))
    }

    fn step(&mut self, byte: u8, limits: Limits) -> Result<(), Error> {
        let next = self.place.next(byte).map_err(|fault| match fault {
            Fault::CarriageReturn => Error::BareCarriageReturn,
            Fault::LineFeed => Error::BareLineFeed,
            Fault::Fold => Error::ObsoleteFold,
            Fault::Control if self.line_len.is_none() => Error::InvalidStartLine,
            Fault::Name => Error::InvalidFieldName,
            Fault::Control => Error::InvalidFieldValue,
        })?;
        if next == Place::LineFeed && self.line_len.is_none() {
            self.line_len = Some(self.position);
        }
        if (self.place, next) == (Place::FieldStart, Place::Name) {
            self.fields = self.fields.saturating_add(1);
            if self.fields > limits.max_fields.min(MAX_FIELDS) {
                return Err(Error::TooManyFields);
            }
        }
        self.position = self.position.saturating_add(1);
        self.place = next;
        if self.position.saturating_add(usize::from(next.least())) > limits.max_head_len {
            let target = self.side == Side::Request && self.line_len.is_none();
            return Err(if target { Error::TargetTooLong } else { Error::HeadTooLong });
        }
        Ok(())
    }

    /// Judges a complete head.
    fn parse<'b>(&self, bytes: &'b [u8]) -> Result<Head<'b>, Error> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let parsed = match self.side {
            Side::Request => {
                let mut request = httparse::Request::new(&mut fields);
                request.parse(bytes).map(|status| (status, Start::request(&request)))
            }
            Side::Response => {
                let mut response = httparse::Response::new(&mut fields);
                response.parse(bytes).map(|status| (status, Start::response(&response)))
            }
        };
        let start = match parsed {
            Ok((httparse::Status::Complete(len), Some(start))) if len == bytes.len() => start,
            Ok(_) => return Err(Error::InvalidStartLine),
            Err(error) => return Err(self.refusal(bytes, error)),
        };
        let fields = self.line_len.and_then(|line_len| {
            bytes.get(line_len..)?.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")
        });
        Ok(Head { start, fields: Fields(fields.unwrap_or_default()), len: self.position })
    }

    fn refusal(&self, bytes: &[u8], error: httparse::Error) -> Error {
        use httparse::Error::{
            HeaderName, HeaderValue, NewLine, Status, Token, TooManyHeaders, Version,
        };
        let line = self.line_len.and_then(|line_len| bytes.get(..line_len)).unwrap_or_default();
        match error {
            HeaderName => Error::InvalidFieldName,
            HeaderValue => Error::InvalidFieldValue,
            TooManyHeaders => Error::TooManyFields,
            // 9110, 2.5: the version is one that cannot be understood, or it is none at all.
            Version if line.split(|byte| *byte == b' ').any(is_other_version) => Error::HttpVersion,
            Version | NewLine | Status | Token => Error::InvalidStartLine,
        }
    }
}

/// `HTTP-version` (RFC 9112, section 2.3), but for 1.0 and 1.1.
fn is_other_version(text: &[u8]) -> bool {
    matches!(text, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
        && !matches!(text, b"HTTP/1.0" | b"HTTP/1.1")
}

/// The first line of a head.
#[derive(Clone, Copy)]
pub(super) enum Start<'b> {
    Request { method: &'b str, target: &'b str, minor_version: u8 },
    Response { status: u16, minor_version: u8 },
}

impl<'b> Start<'b> {
    fn request(request: &httparse::Request<'_, 'b>) -> Option<Self> {
        let (method, target) = (request.method?, request.path?);
        target.bytes().all(is_target).then_some(Self::Request {
            method,
            target,
            minor_version: request.version?,
        })
    }

    fn response(response: &httparse::Response<'_, 'b>) -> Option<Self> {
        let (status, minor_version) = (response.code?, response.version?);
        (status >= 100).then_some(Self::Response { status, minor_version })
    }
}

/// A complete head, whose grammar was checked.
#[derive(Clone, Copy)]
pub(super) struct Head<'b> {
    pub(super) start: Start<'b>,
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
    /// The value without the whitespace around it. HTTP allows any byte of 0x80 and above here, so it is no `str`.
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
