//! The negotiated parameters of permessage-deflate (RFC 7692 §7.1).

#[cfg(feature = "deflate")]
mod seal;

/// The size of an LZ77 window as an exponent of two: 8 to 15, for 256 to 32,768 bytes
/// (RFC 7692 §7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32,768 bytes, the default of the extension.
    pub const MAX: Self = Self(15);

    /// Creates the exponent `bits`; `None` unless it is 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// Returns the exponent, 8 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The negotiated parameters of permessage-deflate (RFC 7692 §7.1).
///
/// They come from the opening handshake. If that was done by other means, set the fields. The
/// default is that of the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "RFC 7692 §7.1 defines these four")]
pub struct DeflateParams {
    /// Whether the server compresses each message with an empty window.
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The largest window that the server's compressor uses.
    pub server_max_window_bits: WindowBits,
    /// The largest window that the client's compressor uses.
    pub client_max_window_bits: WindowBits,
}

impl Default for DeflateParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl DeflateParams {
    /// The default of the extension: context takeover and 32 KiB in both directions.
    pub const DEFAULT: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: WindowBits::MAX,
        client_max_window_bits: WindowBits::MAX,
    };

    /// How the server compresses: for the server's `Deflate` and the client's `Inflate`.
    #[must_use]
    pub const fn server(&self) -> CompressionContext {
        CompressionContext {
            window_bits: self.server_max_window_bits,
            takeover: !self.server_no_context_takeover,
        }
    }

    /// How the client compresses: for the client's `Deflate` and the server's `Inflate`.
    #[must_use]
    pub const fn client(&self) -> CompressionContext {
        CompressionContext {
            window_bits: self.client_max_window_bits,
            takeover: !self.client_no_context_takeover,
        }
    }
}

/// How one side compresses (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "RFC 7692 §7.1 defines these two for each side")]
pub struct CompressionContext {
    /// How far back a message may refer.
    pub window_bits: WindowBits,
    /// Whether a message may refer to earlier messages.
    pub takeover: bool,
}
