//! The few HTTP productions that more than one file needs (RFC 9110, section 5.6; RFC 3986, section
//! 3.2).

use core::net::Ipv6Addr;

/// `tchar` (RFC 9110, section 5.6.2).
pub(super) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// A byte of a field value or a reason phrase: HTAB, SP, VCHAR or obs-text (RFC 9110, section 5.5).
pub(super) const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// A byte of a request target. RFC 9112, section 3.2 has no fragment in it, and RFC 3986 nothing
/// outside ASCII.
pub(super) const fn is_target(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// The bytes as a token, which is never empty.
pub(super) fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || !bytes.iter().copied().all(is_tchar) {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}

/// The bytes without optional whitespace (SP, HTAB) around them.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = bytes.split_first() {
        bytes = rest;
    }
    while let Some((b' ' | b'\t', rest)) = bytes.split_last() {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, empty ones included.
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|byte| *byte == b',').map(trim)
}

/// Whether the list has this element, in any case.
pub(super) fn lists(value: &[u8], wanted: &str) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// A number of 0 to 255 without leading zeros, as versions (RFC 6455, section 4.3) and IPv4 octets
/// are.
pub(super) fn small_number(digits: &[u8]) -> Option<u8> {
    if digits.is_empty() || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    digits.iter().try_fold(0_u8, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// `uri-host [ ":" port ]`, the host not empty, and no user information.
pub(super) fn is_authority(bytes: &[u8]) -> bool {
    let (host, port) = match bytes.strip_prefix(b"[") {
        Some(inner) => match split(inner, b']') {
            Some((literal, rest)) if is_ip_v6(literal) => {
                (&b"ip"[..], rest.strip_prefix(b":").or(rest.is_empty().then_some(b"")))
            }
            _ => return false,
        },
        None => match split(bytes, b':') {
            Some((host, port)) => (host, Some(port)),
            None => (bytes, Some(&b""[..])),
        },
    };
    is_reg_name(host) && port.is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

/// A registered name or an IPv4 address: one or more of unreserved, sub-delims and `%`.
pub(super) fn is_reg_name(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'%'
                        | b'!'
                        | b'$'
                        | b'&'
                        | b'\''
                        | b'('
                        | b')'
                        | b'*'
                        | b'+'
                        | b','
                        | b';'
                        | b'='
                )
        })
}

/// An IPv6 address without brackets (RFC 3986, section 3.2.2).
pub(super) fn is_ip_v6(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// What is before and after the first `separator`.
pub(super) fn split(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (before, from) =
        bytes.split_at_checked(bytes.iter().position(|byte| *byte == separator)?)?;
    Some((before, from.split_first()?.1))
}
