//! Writes heads. The caller's input is validated first; then the text is written in
//! parts, and its length is counted even when it no longer fits.

use core::mem;

use super::end_to_end::is_reserved;
use super::grammar::{is_text, token};
use super::head::{FieldLines, HeaderField};
use crate::handshake::error::BuildError;

/// Validates header fields supplied by the caller.
pub(crate) fn check_headers(headers: &[(&str, &str)]) -> Result<(), BuildError> {
    for (name, value) in headers {
        if token(name.as_bytes()).is_none() {
            return Err(BuildError::InvalidHeaderName);
        }
        if is_reserved(name) {
            return Err(BuildError::ReservedHeader);
        }
        if !is_value(value) {
            return Err(BuildError::InvalidHeaderValue);
        }
    }
    Ok(())
}

/// A field value without surrounding whitespace (RFC 9110 §5.5), so that it is received as sent.
fn is_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let edge = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    bytes.iter().copied().all(is_text) && !edge(bytes.first()) && !edge(bytes.last())
}

/// Writes text to the caller's buffer and counts its length.
pub(crate) struct HeadWriter<'o> {
    /// The unused part of the buffer. Empty once a part did not fit.
    spare: &'o mut [u8],
    len: usize,
    overflow: bool,
}

impl<'o> HeadWriter<'o> {
    pub(crate) const fn new(out: &'o mut [u8]) -> Self {
        Self { spare: out, len: 0, overflow: false }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len());
        if let Some((to, spare)) = mem::take(&mut self.spare).split_at_mut_checked(bytes.len()) {
            for (to, from) in to.iter_mut().zip(bytes) {
                *to = *from;
            }
            self.spare = spare;
        } else {
            self.overflow = true;
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.text(name);
        self.text(": ");
        self.text(value);
        self.end_line();
    }

    pub(crate) fn fields(&mut self, headers: &[(&str, &str)]) {
        for (name, value) in headers {
            self.field(name, value);
        }
    }

    /// The end-to-end fields of another head, in which a fold of a value becomes spaces (RFC 9112
    /// §5.2).
    pub(crate) fn forwarded(&mut self, lines: FieldLines<'_>) {
        for HeaderField { name, value } in lines.iter().forwarded() {
            self.text(name);
            self.text(": ");
            for byte in value {
                self.put(&[if is_text(*byte) { *byte } else { b' ' }]);
            }
            self.end_line();
        }
    }

    pub(crate) fn end_line(&mut self) {
        self.put(b"\r\n");
    }

    pub(crate) fn decimal(&mut self, mut number: u64) {
        // `u64::MAX` has 20 digits.
        let mut digits = [b'0'; 20];
        let mut len = 0_usize;
        for digit in digits.iter_mut().rev() {
            let [unit, ..] = (number % 10).to_le_bytes();
            *digit = b'0' | unit;
            len = len.saturating_add(1);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(digits.get(digits.len().saturating_sub(len)..).unwrap_or_default());
    }

    /// The length of the text in bytes.
    pub(crate) fn finish(self) -> Result<usize, BuildError> {
        if self.overflow {
            Err(BuildError::BufferTooSmall { needed: self.len })
        } else {
            Ok(self.len)
        }
    }
}
