//! Agreeing on permessage-deflate (RFC 7692, sections 5 and 7.1): offers, answers and what they
//! bind each side to.
//!
//! A server is lenient: an offer that it cannot accept is skipped, and without an acceptable one
//! the connection goes on uncompressed. A client is strict: an answer that does not fit what it
//! offered fails the handshake.

use core::fmt;

use super::extension::{Extension, Value};
pub use crate::deflate_params::{CompressionContext, DeflateParams, WindowBits};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// 7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
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

/// `client_max_window_bits` in an offer, where the value may be left out (RFC 7692, section
/// 7.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum ClientWindow {
    Absent,
    Any,
    AtMost(WindowBits),
}

/// The four parameters as they stand in an offer or an answer.
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

    /// 7: an unknown parameter, an invalid value and a repeated name each spoil the whole element.
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

    /// The element's text, piece by piece.
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

    /// Whether a server may give `self` as its answer to `offer`; 7.1.1.1, 7.1.2.1 and 7.1.2.2, in
    /// this order.
    fn answers(self, offer: Self) -> bool {
        let server_takeover = self.server_no_context_takeover || !offer.server_no_context_takeover;
        let server_window = match (offer.server_max_window_bits, self.server_max_window_bits) {
            (Some(offered), Some(answered)) => answered <= offered,
            (Some(_), None) => false,
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

/// What a server is able and willing to agree to.
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
    /// Everything that the extension has: windows of every size, context takeover both ways.
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

    /// Start each outgoing message with an empty window, asked or not (RFC 7692, section 7.1.1.1).
    #[must_use]
    pub const fn server_no_context_takeover(mut self, on: bool) -> Self {
        self.server_no_context_takeover = on;
        self
    }

    /// Demand that of the client (RFC 7692, section 7.1.1.2).
    #[must_use]
    pub const fn client_no_context_takeover(mut self, on: bool) -> Self {
        self.client_no_context_takeover = on;
        self
    }

    /// The smallest window that the server can compress with; an offer that asks for less is
    /// declined. Some deflate libraries cannot do 8.
    #[must_use]
    pub const fn server_min_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_min_window_bits = bits;
        self
    }

    /// The greatest window that the server compresses with (RFC 7692, section 7.1.2.1).
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// The greatest window that the server can inflate with (RFC 7692, section 7.1.2.2). Below 15,
    /// an offer without `client_max_window_bits` is declined, since nothing would bind that client.
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

/// A server's answer to one offer. Only [`negotiate`] makes one. Its `Display` is the element to
/// send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateAnswer(OfferParams);

impl DeflateAnswer {
    /// What the answer binds both sides to.
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

    /// Whether one of these offers is one that this answer may be given to.
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

/// The server's part: the first offer that can be accepted, in the client's order of preference
/// (RFC 7692, section 5).
///
/// Other extensions and offers that cannot be accepted are passed over.
pub fn negotiate<'b>(
    offers: impl IntoIterator<Item = Extension<'b>>,
    config: &DeflateConfig,
) -> Option<DeflateAnswer> {
    offers.into_iter().filter_map(OfferParams::parse).find_map(|offer| config.answer(offer))
}

/// One offer of a client. Its `Display` is the element to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateOffer(OfferParams);

impl DeflateOffer {
    /// An offer that asks for nothing and allows no limit on the client's window.
    #[must_use]
    pub const fn new() -> Self {
        Self(OfferParams::NONE)
    }

    /// Ask the server to start each message with an empty window (RFC 7692, section 7.1.1.1).
    #[must_use]
    pub const fn server_no_context_takeover(mut self, on: bool) -> Self {
        self.0.server_no_context_takeover = on;
        self
    }

    /// Promise to start each message with an empty window; it binds the client even if the answer
    /// does not repeat it (RFC 7692, section 7.1.1.2).
    #[must_use]
    pub const fn client_no_context_takeover(mut self, on: bool) -> Self {
        self.0.client_no_context_takeover = on;
        self
    }

    /// Ask the server for a window of at most this size (RFC 7692, section 7.1.2.1): the client's
    /// inflater needs no more memory than that.
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.0.server_max_window_bits = Some(bits);
        self
    }

    /// Let the server limit the client's window (RFC 7692, section 7.1.2.2). With a value, the
    /// client promises to use no more than that in any case.
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: Option<WindowBits>) -> Self {
        self.0.client_max_window_bits = match bits {
            Some(bits) => ClientWindow::AtMost(bits),
            None => ClientWindow::Any,
        };
        self
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

/// The client's part: judges the answer against its offers (RFC 7692, section 7.1). `None` fails
/// the handshake.
///
/// An answer does not say which offer it answers. What a client promised in any offer that it fits
/// is kept.
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
