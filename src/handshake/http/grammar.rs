//! HTTP grammar rules that several modules use (RFC 9110 §5.6), and scanners for runs of bytes.

use super::swar::{below, each, equal, unmarked};
use crate::bytes::part;

/// The byte classes that are looked up in a table, one bit each.
const TCHAR: u8 = 1;
const REG_NAME: u8 = 2;

/// The classes of each byte.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let Some((kind, after)) = rest.split_first_mut() {
        // §5.6.2
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            *kind |= TCHAR;
        }
        // RFC 3986 §3.2.2: unreserved, sub-delims and `%`.
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'$'..=b'.' | b';' | b'=' | b'_' | b'~')
        {
            *kind |= REG_NAME;
        }
        byte = byte.wrapping_add(1);
        rest = after;
    }
    kinds
};

fn is(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

/// `tchar` (§5.6.2).
pub(crate) fn is_tchar(byte: u8) -> bool {
    is(byte, TCHAR)
}

/// A byte of a registered name or an IPv4 address, including `%` (RFC 3986 §3.2.2).
pub(crate) fn is_reg_name_byte(byte: u8) -> bool {
    is(byte, REG_NAME)
}

/// A byte of a field value or reason phrase: HTAB, SP, VCHAR or obs-text (§5.5).
pub(crate) const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// A byte of a request target: RFC 9112 §3.2 excludes a fragment, RFC 3986 §2 non-ASCII characters.
pub(crate) const fn is_target(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// `bytes` as a token, which is never empty (§5.6.2).
pub(crate) fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || tchar_len(bytes) < bytes.len() {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}

/// `bytes` without leading and trailing optional whitespace: SP, HTAB, and the CR LF of a folded
/// value (RFC 9112 §5.2), which is nowhere else in a validated one.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, except empty ones, which a recipient ignores (§5.6.1.2).
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// Whether a comma-separated list contains `wanted`, ignoring ASCII case.
pub(crate) fn lists(mut value: &[u8], wanted: &str) -> bool {
    let is_wanted = |element| trim(element).eq_ignore_ascii_case(wanted.as_bytes());
    while let Some((element, rest)) = split(value, b',') {
        if is_wanted(element) {
            return true;
        }
        value = rest;
    }
    is_wanted(value)
}

/// A decimal number from 0 to 255 without leading zeros, as in `Sec-WebSocket-Version`
/// (RFC 6455 §4.3) and IPv4 addresses.
pub(crate) fn small_number(digits: &[u8]) -> Option<u8> {
    if digits.is_empty() || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    digits.iter().try_fold(0_u8, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The number of leading `tchar` bytes. SWAR covers letters and hyphens, which are most of them.
pub(crate) fn tchar_len(bytes: &[u8]) -> usize {
    let len = unmarked(bytes, |word| {
        let lower = word | each(0x20);
        !(below(lower, b'{') & !below(lower, b'a') | equal(word, b'-'))
    });
    let rest = part(bytes, len..);
    len.saturating_add(rest.iter().take_while(|byte| is_tchar(**byte)).count())
}

/// The number of leading bytes that are allowed in a request target.
pub(crate) fn target_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_target(**byte)).count()
}

/// The number of leading bytes that are [text](is_text) other than HTAB.
pub(crate) fn text_len(bytes: &[u8]) -> usize {
    unmarked(bytes, |word| below(word, b' ') | below(word, 0x80) & !below(word, 0x7F))
}

/// The bytes before and after the first `separator`, which must be ASCII.
pub(crate) fn split(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (before, from) = bytes.split_at_checked(unmarked(bytes, |word| equal(word, separator)))?;
    Some((before, from.split_first()?.1))
}
