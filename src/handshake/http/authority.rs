//! The host and port of a URI (RFC 3986 §3.2).

use super::grammar::{is_reg_name_byte, small_number, split};

/// `uri-host [ ":" port ]` with a non-empty host and without userinfo.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
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

/// A registered name or an IPv4 address (§3.2.2): one or more unreserved characters,
/// sub-delims and `%`.
pub(crate) fn is_reg_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_reg_name_byte)
}

/// An IPv6 address without brackets (§3.2.2): eight groups, or fewer with one `::`.
pub(crate) fn is_ip_v6(bytes: &[u8]) -> bool {
    let gap = bytes.windows(2).position(|pair| pair == b"::");
    let parts = gap
        .and_then(|at| bytes.split_at_checked(at))
        .map(|(left, right)| (left, right.strip_prefix(b"::")));
    match parts {
        Some((left, Some(right))) => match (ip_v6_groups(left, false), ip_v6_groups(right, true)) {
            (Some(left), Some(right)) => left.saturating_add(right) < 8,
            _ => false,
        },
        _ => ip_v6_groups(bytes, true) == Some(8),
    }
}

/// The number of colon-separated groups. If `ends_address`, the last two may be an IPv4 address.
fn ip_v6_groups(bytes: &[u8], ends_address: bool) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    let mut groups = 0_usize;
    let mut rest = bytes.split(|byte| *byte == b':').peekable();
    while let Some(group) = rest.next() {
        if matches!(group.len(), 1..=4) && group.iter().all(u8::is_ascii_hexdigit) {
            groups = groups.saturating_add(1);
        } else if ends_address && rest.peek().is_none() && is_ip_v4(group) {
            groups = groups.saturating_add(2);
        } else {
            return None;
        }
    }
    Some(groups)
}

fn is_ip_v4(bytes: &[u8]) -> bool {
    let mut octets = bytes.split(|byte| *byte == b'.');
    octets.by_ref().take(4).filter(|octet| small_number(octet).is_some()).count() == 4
        && octets.next().is_none()
}
