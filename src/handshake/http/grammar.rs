//! The few HTTP productions that more than one file needs (RFC 9110, section 5.6), and runs of them.

use super::swar::{below, each, equal, unmarked};

/// The two kinds of bytes that are no range, a bit each.
const TCHAR: u8 = 1;
const REG_NAME: u8 = 2;

/// What each byte is.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let Some((kind, behind)) = rest.split_first_mut() {
        // RFC 9110, section 5.6.2.
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            *kind |= TCHAR;
        }
        // RFC 3986, section 3.2.2: unreserved, sub-delims and `%`.
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'$'..=b'.' | b';' | b'=' | b'_' | b'~')
        {
            *kind |= REG_NAME;
        }
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    kinds
};

fn is(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

/// `tchar` (RFC 9110, section 5.6.2).
pub(crate) fn is_tchar(byte: u8) -> bool {
    is(byte, TCHAR)
}

/// A byte of a registered name or an IPv4 address, `%` and its digits included (RFC 3986, section 3.2.2).
pub(crate) fn is_reg_name_byte(byte: u8) -> bool {
    is(byte, REG_NAME)
}

/// A byte of a field value or a reason phrase: HTAB, SP, VCHAR or obs-text (RFC 9110, section 5.5).
pub(crate) const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// A byte of a request target. RFC 9112, section 3.2 has no fragment in it, and RFC 3986 nothing
/// outside ASCII.
pub(crate) const fn is_target(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// The bytes as a token, which is never empty.
pub(crate) fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || tchar_len(bytes) < bytes.len() {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}

/// The bytes without optional whitespace (SP, HTAB) around them.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, empty ones included.
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|byte| *byte == b',').map(trim)
}

/// Whether the list has this element, in any case.
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

/// A number of 0 to 255 without leading zeros, as versions (RFC 6455, section 4.3) and IPv4 octets
/// are.
pub(crate) fn small_number(digits: &[u8]) -> Option<u8> {
    if digits.is_empty() || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    digits.iter().try_fold(0_u8, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// How many bytes at the front are `tchar`. Most are letters or hyphens.
pub(crate) fn tchar_len(bytes: &[u8]) -> usize {
    let len = unmarked(bytes, |word| {
        let lower = word | each(0x20);
        !(below(lower, b'{') & !below(lower, b'a') | equal(word, b'-'))
    });
    let rest = bytes.get(len..).unwrap_or_default();
    len.saturating_add(rest.iter().take_while(|byte| is_tchar(**byte)).count())
}

/// How many bytes at the front may stand in a request target.
pub(crate) fn target_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_target(**byte)).count()
}

/// How many bytes at the front are text; a tab ends them, too.
pub(crate) fn text_len(bytes: &[u8]) -> usize {
    unmarked(bytes, |word| below(word, b' ') | below(word, 0x80) & !below(word, 0x7F))
}

/// What is before and after the first `separator`, which is ASCII.
pub(crate) fn split(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (before, from) = bytes.split_at_checked(unmarked(bytes, |word| equal(word, separator)))?;
    Some((before, from.split_first()?.1))
}
