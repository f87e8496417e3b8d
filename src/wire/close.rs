//! Close codes and the body of a Close frame (RFC 6455 §5.5.1, §7.4).

use core::fmt;

use crate::wire::error::Error;

/// A close code (RFC 6455 §7.4, and its IANA registry).
///
/// It can hold any `u16`; [`is_receivable`](Self::is_receivable) and
/// [`is_sendable`](Self::is_sendable) tell which codes are allowed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint is going away, for instance because the server shuts down.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: protocol error.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a type of data that the endpoint cannot accept.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: the Close frame has no code. Never on the wire (§7.4.1):
    /// [`send_close`](crate::Connection::send_close) writes an empty Close for it.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: there is no Close frame. Never on the wire (§7.4.1).
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data inconsistent with its type, such as a text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message violates the endpoint's policy.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that the client needs. Only a client
    /// sends it (§7.4.1).
    pub const MISSING_EXTENSION: Self = Self(1010);
    /// 1011: the server encountered an unexpected condition.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts (registered with IANA).
    pub const RESTART: Self = Self(1012);
    /// 1013: try again later (registered with IANA).
    pub const TRY_AGAIN: Self = Self(1013);
    /// 1014: a gateway received an invalid response (registered with IANA).
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. Never on the wire (§7.4.1).
    pub const TLS: Self = Self(1015);

    /// Creates the code with this number.
    #[must_use]
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// Returns the number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Whether a peer may send this code: 1000 to 1003, 1007 to 1014, 3000 to 4999 (§7.4).
    ///
    /// Of the rest, 1004 is reserved, 1005, 1006 and 1015 are never on the wire, 0 to 999 are not
    /// used, 1016 to 2999 are not registered, and 5000 and above are not defined.
    #[must_use]
    pub const fn is_receivable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Whether this side may send this code: any receivable one, except 1010 from a
    /// server (§7.4.1).
    #[must_use]
    pub const fn is_sendable(self, by_server: bool) -> bool {
        self.is_receivable() && !(by_server && self.0 == Self::MISSING_EXTENSION.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl Error {
    /// Returns the code of the Close frame that reports this error (RFC 6455 §7.4.1).
    ///
    /// For [`UnexpectedEof`](Self::UnexpectedEof) it is [`CloseCode::ABNORMAL`] (1006), which is
    /// only for the caller's report: the transport has ended, so no Close frame is queued.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::NonMinimalLength
            | Self::LengthTopBit
            | Self::Unmasked
            | Self::Masked
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseTooShort
            | Self::InvalidCloseCode => CloseCode::PROTOCOL,
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooLong | Self::MessageTooLong | Self::TooManyFragments => {
                CloseCode::TOO_BIG
            }
            Self::TooSlow => CloseCode::POLICY,
            Self::UnexpectedEof => CloseCode::ABNORMAL,
        }
    }
}

/// The content of a Close frame: a code and a reason of 0 to 123 bytes (RFC 6455 §5.5.1).
///
/// The reason is meant for logs. It need not be human-readable and must not be shown to end users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct CloseFrame<'b> {
    /// The code, which is one allowed on the wire.
    pub code: CloseCode,
    /// The reason; may be empty.
    pub reason: &'b str,
}

impl<'b> CloseFrame<'b> {
    /// Parses the unmasked body of a Close frame; `None` is an empty body (§5.5.1).
    ///
    /// # Errors
    ///
    /// - [`Error::CloseTooShort`] for a body of one byte.
    /// - [`Error::InvalidCloseCode`] for a code that is not [receivable](CloseCode::is_receivable).
    /// - [`Error::InvalidUtf8`] if the reason is not UTF-8.
    pub fn parse(body: &'b [u8]) -> Result<Option<Self>, Error> {
        // §5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer".
        let Some((code, reason)) = body.split_first_chunk() else {
            return if body.is_empty() { Ok(None) } else { Err(Error::CloseTooShort) };
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.is_receivable() {
            return Err(Error::InvalidCloseCode);
        }
        let reason = core::str::from_utf8(reason).map_err(|_| Error::InvalidUtf8)?;
        Ok(Some(Self { code, reason }))
    }
}
