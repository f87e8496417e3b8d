//! The check of the `Origin` field (RFC 6455 §4.2.2 and §10.2).

/// The origins that may connect (RFC 6455 §10.2).
///
/// A browser sends its cookies with a WebSocket request from *any* page. A server that
/// authenticates by cookies must therefore list the origins that it trusts, or any
/// page can act on behalf of the user. Other clients can send any `Origin`, so this
/// check does not authenticate them.
///
/// An entry is a complete origin, `https://example.com` or `https://example.com:8443`, and is
/// compared as a whole, ignoring ASCII case. The origin `null` matches the entry `null` only.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Origins<'a> {
    /// Any origin, or none.
    Any,
    /// Only these origins. A request without `Origin` is refused.
    List(&'a [&'a str]),
    /// Only these origins, or no `Origin` field, as sent by clients other than browsers.
    ListOrNone(&'a [&'a str]),
}

impl Origins<'_> {
    pub(super) fn allow(self, origin: Option<&[u8]>) -> bool {
        let (Self::List(list) | Self::ListOrNone(list)) = self else {
            return true;
        };
        match origin {
            None => matches!(self, Self::ListOrNone(_)),
            Some(origin) => {
                !origin.is_empty()
                    && list.iter().any(|entry| origin.eq_ignore_ascii_case(entry.as_bytes()))
            }
        }
    }
}
