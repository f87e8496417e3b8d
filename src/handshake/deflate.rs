//! Negotiation of permessage-deflate (RFC 7692 §5 and §7.1): offers, responses, and
//! the parameters that result.
//!
//! A server is lenient: it skips an offer that it cannot accept, and without an
//! acceptable offer the connection stays uncompressed. A client is strict: a response
//! that does not match its offers fails the handshake.
//!
//! The caller of [`server`](super::server) or [`client`](super::client) needs
//! [`DeflateConfig`] or [`DeflateOffer`] only. [`negotiate`] and [`confirm`] are for
//! callers with their own HTTP implementation:
//!
//! ```
//! use barews::handshake::deflate::{DeflateConfig, DeflateOffer, confirm, negotiate};
//! use barews::handshake::extension;
//!
//! // The client's `Sec-WebSocket-Extensions` field.
//! let offers = [DeflateOffer::new().client_max_window_bits(None)];
//! let field = offers[0].to_string();
//! assert_eq!(field, "permessage-deflate; client_max_window_bits");
//!
//! // The server's.
//! let received = extension::parse(field.as_bytes()).filter_map(Result::ok);
//! let answer = negotiate(received, &DeflateConfig::new()).unwrap();
//! let field = answer.to_string();
//! assert_eq!(field, "permessage-deflate");
//!
//! // Both sides have the same parameters.
//! let received = extension::parse(field.as_bytes()).next().unwrap()?;
//! assert_eq!(confirm(received, &offers), Some(answer.params()));
//! # Ok::<(), extension::Malformed>(())
//! ```

use core::fmt;

use super::extension::{Extension, Value};
pub use crate::deflate_params::{CompressionContext, DeflateParams, WindowBits};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// §7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: Value<'_>) -> Option<WindowBits> {
    let mut bytes = value.bytes();
    let bits = match (bytes.next(), bytes.next(), bytes.next()) {
        (Some(unit @ b'8'..=b'9'), None, None) => unit - b'0',
        (Some(b'1'), Some(unit @ b'0'..=b'5'), None) => 10 + (unit - b'0'),
        _ => return None,
    };
    WindowBits::new(bits)
}

const fn decimal(bits: WindowBits) -> &'static str {
    match bits.get() {
        8 => "8",
        9 => "9",
        10 => "10",
        11 => "11",
        12 => "12",
        13 => "13",
        14 => "14",
        _ => "15",
    }
}

/// `client_max_window_bits` in an offer, where the value is optional (§7.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum ClientWindow {
    Absent,
    Any,
    AtMost(WindowBits),
}

/// The four parameters of an offer or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct OfferParams {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    client_max_window_bits: ClientWindow,
}

impl OfferParams {
    const NONE: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: None,
        client_max_window_bits: ClientWindow::Absent,
    };

    /// §7: an unknown parameter, an invalid value or a repeated name invalidates the whole element.
    fn parse(extension: Extension<'_>) -> Option<Self> {
        if extension.name() != NAME {
            return None;
        }
        let mut params = Self::NONE;
        for param in extension.params() {
            match (param.name, param.value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) if !params.server_no_context_takeover => {
                    params.server_no_context_takeover = true;
                }
                (CLIENT_NO_CONTEXT_TAKEOVER, None) if !params.client_no_context_takeover => {
                    params.client_no_context_takeover = true;
                }
                (SERVER_MAX_WINDOW_BITS, Some(value))
                    if params.server_max_window_bits.is_none() =>
                {
                    params.server_max_window_bits = Some(window_bits(value)?);
                }
                (CLIENT_MAX_WINDOW_BITS, value)
                    if params.client_max_window_bits == ClientWindow::Absent =>
                {
                    params.client_max_window_bits = match value {
                        Some(value) => ClientWindow::AtMost(window_bits(value)?),
                        None => ClientWindow::Any,
                    };
                }
                _ => return None,
            }
        }
        Some(params)
    }

    /// Writes the element in parts.
    fn write(self, mut put: impl FnMut(&'static str)) {
        put(NAME);
        let flags = [
            (self.server_no_context_takeover, SERVER_NO_CONTEXT_TAKEOVER),
            (self.client_no_context_takeover, CLIENT_NO_CONTEXT_TAKEOVER),
        ];
        for (_, name) in flags.into_iter().filter(|(present, _)| *present) {
            put("; ");
            put(name);
        }
        let client = match self.client_max_window_bits {
            ClientWindow::Absent => None,
            ClientWindow::Any => Some(None),
            ClientWindow::AtMost(bits) => Some(Some(bits)),
        };
        let windows = [
            (SERVER_MAX_WINDOW_BITS, self.server_max_window_bits.map(Some)),
            (CLIENT_MAX_WINDOW_BITS, client),
        ];
        for (name, value) in windows {
            let Some(value) = value else { continue };
            put("; ");
            put(name);
            if let Some(bits) = value {
                put("=");
                put(decimal(bits));
            }
        }
    }

    /// Whether `self` is a valid response to `offer`: §7.1.1.1, §7.1.2.1 and §7.1.2.2,
    /// in this order.
    fn answers(self, offer: Self) -> bool {
        let server_takeover = self.server_no_context_takeover || !offer.server_no_context_takeover;
        let server_window = match (offer.server_max_window_bits, self.server_max_window_bits) {
            // A server that leaves it out uses the default.
            (Some(offered), answered) => answered.unwrap_or(WindowBits::MAX) <= offered,
            (None, _) => true,
        };
        let client_window = match (offer.client_max_window_bits, self.client_max_window_bits) {
            (_, ClientWindow::Absent) | (ClientWindow::Any, ClientWindow::AtMost(_)) => true,
            (_, ClientWindow::Any) | (ClientWindow::Absent, _) => false,
            (ClientWindow::AtMost(offered), ClientWindow::AtMost(answered)) => answered <= offered,
        };
        server_takeover && server_window && client_window
    }
}

impl fmt::Display for OfferParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.write(|piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}

/// What a server supports, and what it requires of the client.
///
/// The default accepts every valid offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateConfig {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_min_window_bits: WindowBits,
    server_max_window_bits: WindowBits,
    client_max_window_bits: WindowBits,
}

impl DeflateConfig {
    /// Supports the whole extension: windows of every size, context takeover in both directions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_min_window_bits: WindowBits::MIN,
            server_max_window_bits: WindowBits::MAX,
            client_max_window_bits: WindowBits::MAX,
        }
    }

    /// If `true`, the server starts each message with an empty window even if the
    /// client does not ask for it (§7.1.1.1).
    #[must_use]
    pub const fn server_no_context_takeover(mut self, on: bool) -> Self {
        self.server_no_context_takeover = on;
        self
    }

    /// If `true`, the client must start each message with an empty window (§7.1.1.2),
    /// so that the server need not keep one between messages.
    #[must_use]
    pub const fn client_no_context_takeover(mut self, on: bool) -> Self {
        self.client_no_context_takeover = on;
        self
    }

    /// The smallest window that the server can compress with; an offer that asks for a
    /// smaller one is declined. Some DEFLATE implementations do not support 8.
    #[must_use]
    pub const fn server_min_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_min_window_bits = bits;
        self
    }

    /// The largest window that the server compresses with (§7.1.2.1).
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// The largest window that the server can decompress with (§7.1.2.2). If it is
    /// less than 15, offers without `client_max_window_bits` are declined, because the
    /// server cannot limit such a client.
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.client_max_window_bits = bits;
        self
    }

    fn answer(self, offer: OfferParams) -> Option<DeflateAnswer> {
        let server_bits = match offer.server_max_window_bits {
            Some(offered) if offered < self.server_min_window_bits => return None,
            Some(offered) => Some(offered.min(self.server_max_window_bits)),
            None => (self.server_max_window_bits < WindowBits::MAX)
                .then_some(self.server_max_window_bits),
        };
        let client_bits = match offer.client_max_window_bits {
            ClientWindow::Absent if self.client_max_window_bits < WindowBits::MAX => return None,
            ClientWindow::Absent | ClientWindow::Any => self.client_max_window_bits,
            ClientWindow::AtMost(offered) => offered.min(self.client_max_window_bits),
        };
        Some(DeflateAnswer(OfferParams {
            server_no_context_takeover: self.server_no_context_takeover
                || offer.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || offer.client_no_context_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: if client_bits < WindowBits::MAX {
                ClientWindow::AtMost(client_bits)
            } else {
                ClientWindow::Absent
            },
        }))
    }
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's response to an offer, made by [`negotiate`]. Its `Display` is the list
/// element to send in `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateAnswer(OfferParams);

impl DeflateAnswer {
    /// The negotiated parameters.
    #[must_use]
    pub fn params(&self) -> DeflateParams {
        DeflateParams {
            server_no_context_takeover: self.0.server_no_context_takeover,
            client_no_context_takeover: self.0.client_no_context_takeover,
            server_max_window_bits: self.0.server_max_window_bits.unwrap_or(WindowBits::MAX),
            client_max_window_bits: match self.0.client_max_window_bits {
                ClientWindow::AtMost(bits) => bits,
                ClientWindow::Absent | ClientWindow::Any => WindowBits::MAX,
            },
        }
    }

    /// Whether `self` is a valid response to at least one of `offers`.
    pub(super) fn fits<'b>(self, offers: impl IntoIterator<Item = Extension<'b>>) -> bool {
        offers.into_iter().filter_map(OfferParams::parse).any(|offer| self.0.answers(offer))
    }

    pub(super) fn write(self, put: impl FnMut(&'static str)) {
        self.0.write(put);
    }
}

impl fmt::Display for DeflateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Accepts the first acceptable offer, in the client's order of preference, and
/// returns the server's response to it (RFC 7692 §5).
///
/// `offers` are the elements of all `Sec-WebSocket-Extensions` fields of the request.
/// Other extensions and unacceptable offers are skipped. `None` means that there is no
/// acceptable offer and the connection stays uncompressed.
pub fn negotiate<'b>(
    offers: impl IntoIterator<Item = Extension<'b>>,
    config: &DeflateConfig,
) -> Option<DeflateAnswer> {
    offers.into_iter().filter_map(OfferParams::parse).find_map(|offer| config.answer(offer))
}

/// Accepts the first offer that allows exactly `params`, and returns the response to it.
pub(super) fn negotiate_exactly<'b>(
    offers: impl IntoIterator<Item = Extension<'b>>,
    params: DeflateParams,
) -> Option<DeflateAnswer> {
    let config = DeflateConfig::new()
        .server_no_context_takeover(params.server_no_context_takeover)
        .client_no_context_takeover(params.client_no_context_takeover)
        .server_max_window_bits(params.server_max_window_bits)
        .client_max_window_bits(params.client_max_window_bits);
    let answers = offers.into_iter().filter_map(OfferParams::parse);
    answers.filter_map(|offer| config.answer(offer)).find(|answer| answer.params() == params)
}

/// A client's offer. Its `Display` is the list element to send in `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateOffer(OfferParams);

impl DeflateOffer {
    /// An offer that requires nothing of the server and does not allow it to limit the
    /// client's window.
    #[must_use]
    pub const fn new() -> Self {
        Self(OfferParams::NONE)
    }

    /// If `true`, the server must start each message with an empty window (§7.1.1.1),
    /// so that the client need not keep one between messages.
    #[must_use]
    pub const fn server_no_context_takeover(mut self, on: bool) -> Self {
        self.0.server_no_context_takeover = on;
        self
    }

    /// If `true`, the client starts each message with an empty window, even if the
    /// response does not repeat the parameter (§7.1.1.2).
    #[must_use]
    pub const fn client_no_context_takeover(mut self, on: bool) -> Self {
        self.0.client_no_context_takeover = on;
        self
    }

    /// The largest window that the server may compress with (§7.1.2.1), and so the
    /// largest that the client needs to decompress.
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.0.server_max_window_bits = Some(bits);
        self
    }

    /// Allows the server to limit the client's window (§7.1.2.2). With `Some`, the client never
    /// uses a larger window than this, even if the response does not repeat the parameter.
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: Option<WindowBits>) -> Self {
        self.0.client_max_window_bits = match bits {
            Some(bits) => ClientWindow::AtMost(bits),
            None => ClientWindow::Any,
        };
        self
    }

    /// An offer received, for a proxy that passes it on; `None` if `extension` is not a valid offer of
    /// permessage-deflate.
    ///
    /// ```
    /// use barews::handshake::deflate::DeflateOffer;
    /// use barews::handshake::extension;
    ///
    /// let field = b"foo, permessage-deflate; client_max_window_bits; server_max_window_bits=10";
    /// let mut received = extension::parse(field);
    /// assert_eq!(DeflateOffer::parse(received.next().unwrap()?), None);
    /// let offer = DeflateOffer::parse(received.next().unwrap()?).unwrap();
    /// let field = "permessage-deflate; server_max_window_bits=10; client_max_window_bits";
    /// assert_eq!(offer.to_string(), field);
    /// # Ok::<(), extension::Malformed>(())
    /// ```
    #[must_use]
    pub fn parse(extension: Extension<'_>) -> Option<Self> {
        OfferParams::parse(extension).map(Self)
    }

    pub(super) fn write(self, put: impl FnMut(&'static str)) {
        self.0.write(put);
    }
}

impl Default for DeflateOffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for DeflateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Validates a server's response against the client's `offers`, and returns the negotiated
/// parameters (RFC 7692 §7.1). `None` means that the response is invalid: fail the handshake.
///
/// A response does not identify the offer that it accepts. If it matches several, the
/// result has the restrictions that the client promised in any of them.
#[must_use]
pub fn confirm(answer: Extension<'_>, offers: &[DeflateOffer]) -> Option<DeflateParams> {
    let answer = OfferParams::parse(answer)?;
    let mut agreed = None;
    for DeflateOffer(offer) in offers.iter().filter(|offer| answer.answers(offer.0)) {
        let params = agreed.get_or_insert(DeflateAnswer(answer).params());
        params.client_no_context_takeover |= offer.client_no_context_takeover;
        if let ClientWindow::AtMost(promised) = offer.client_max_window_bits {
            params.client_max_window_bits = params.client_max_window_bits.min(promised);
        }
    }
    agreed
}
