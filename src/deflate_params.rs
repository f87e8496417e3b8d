//! What both sides agreed on for permessage-deflate (RFC 7692 section 7.1).

/// The size of an LZ77 window as an exponent: 2 to the power of 8 up to 15 bytes (RFC 7692, section
/// 7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32,768 bytes; what holds where nothing was agreed.
    pub const MAX: Self = Self(15);

    /// `None` unless `bits` is one of 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The exponent, 8 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// What both sides agreed on (RFC 7692, section 7.1); the default is the extension's own.
///
/// It comes from the opening handshake; a caller who did that by other means sets the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "section 7.1 has these four")]
pub struct DeflateParams {
    /// The server's compressor starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client's compressor starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The greatest window that the server's compressor uses.
    pub server_max_window_bits: WindowBits,
    /// The greatest window that the client's compressor uses.
    pub client_max_window_bits: WindowBits,
}

impl Default for DeflateParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl DeflateParams {
    /// Context takeover and 32 KiB both ways.
    pub const DEFAULT: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: WindowBits::MAX,
        client_max_window_bits: WindowBits::MAX,
    };

    /// How the server compresses: for its `Deflate`, and for the client's `Inflate`.
    #[must_use]
    pub const fn server(&self) -> CompressionContext {
        CompressionContext {
            window_bits: self.server_max_window_bits,
            takeover: !self.server_no_context_takeover,
        }
    }

    /// How the client compresses: for its `Deflate`, and for the server's `Inflate`.
    #[must_use]
    pub const fn client(&self) -> CompressionContext {
        CompressionContext {
            window_bits: self.client_max_window_bits,
            takeover: !self.client_no_context_takeover,
        }
    }
}

/// How one side compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "section 7.1 has these two for each side")]
pub struct CompressionContext {
    /// How far back a message may refer.
    pub window_bits: WindowBits,
    /// A message may refer to the messages before it.
    pub takeover: bool,
}
