//! The two error types: the peer's errors ([`Error`]) and the caller's ([`SendError`]).

mod seal;

use core::fmt;

/// A protocol error of the peer, or a limit of the [`Config`](crate::Config) that it exceeded.
///
/// It fails the connection (RFC 6455 §7.1.7): every later call of
/// [`receive`](crate::Connection::receive) returns the same error, no more input is consumed, and a
/// Close frame with [`close_code`](Self::close_code) is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set, and no negotiated extension gives it a meaning (§5.2).
    ReservedBits,
    /// The opcode is reserved: 0x3 to 0x7, or 0xB to 0xF (§5.2).
    ReservedOpcode,
    /// A control frame without FIN (§5.4).
    FragmentedControl,
    /// A control frame with a payload of more than 125 bytes (§5.5).
    ControlTooLong,
    /// The payload length is not encoded in the minimal number of bytes (§5.2).
    NonMinimalLength,
    /// The most significant bit of the 64-bit payload length is set (§5.2).
    LengthTopBit,
    /// A frame from a client is not masked (§5.1).
    Unmasked,
    /// A frame from a server is masked (§5.1).
    Masked,
    /// A continuation frame while no message is open (§5.4).
    UnexpectedContinuation,
    /// A text or binary frame while a fragmented message is open (§5.4).
    ExpectedContinuation,
    /// A text, or the reason of a Close frame, is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A Close frame with a body of one byte, too short for a code (§5.5.1).
    CloseTooShort,
    /// A close code that is not allowed on the wire (§7.4).
    InvalidCloseCode,
    /// A frame is longer than [`max_frame_len`](crate::Config::max_frame_len) (§10.4).
    FrameTooLong,
    /// A message, or what it inflates to, is longer than its limit (§10.4):
    /// [`max_message_len`](crate::Config::max_message_len), or that of the `Inflate`.
    MessageTooLong,
    /// A message has more fragments than [`max_fragments`](crate::Config::max_fragments) (§10.4).
    TooManyFragments,
    /// A compressed message is not valid DEFLATE, refers back too far, or is truncated
    /// (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A message took longer than its time limit,
    /// [`message_within`](crate::keepalive::Timeouts::message_within); only from a session.
    TooSlow,
    /// The transport ended before the peer's Close frame (§7.1.5).
    UnexpectedEof,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::ControlTooLong => "a control frame has more than 125 bytes of payload",
            Self::NonMinimalLength => "the payload length is not minimally encoded",
            Self::LengthTopBit => "the most significant bit of the payload length is set",
            Self::Unmasked => "a frame from a client is not masked",
            Self::Masked => "a frame from a server is masked",
            Self::UnexpectedContinuation => "a continuation frame without an open message",
            Self::ExpectedContinuation => "a text or binary frame inside a fragmented message",
            Self::InvalidUtf8 => "text is not valid UTF-8",
            Self::CloseTooShort => "the body of a Close frame is one byte long",
            Self::InvalidCloseCode => "the close code is not allowed on the wire",
            Self::FrameTooLong => "a frame exceeds the length limit",
            Self::MessageTooLong => "a message exceeds the length limit",
            Self::TooManyFragments => "a message exceeds the fragment limit",
            Self::InvalidDeflate => "a compressed message is not valid DEFLATE",
            Self::TooSlow => "a message exceeds the time limit",
            Self::UnexpectedEof => "the transport ended without a Close frame",
        })
    }
}

impl core::error::Error for Error {}

/// The caller requested a frame that must not be sent, or supplied too short an output slice.
///
/// Nothing has been changed or written, except after [`NoMaskingKey`](Self::NoMaskingKey).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The output slice is too short.
    BufferTooSmall {
        /// The length in bytes with which this call would succeed.
        needed: usize,
    },
    /// The opening handshake is not complete, so no frame can be sent (RFC 6455 §4.1); only from a
    /// session.
    NotOpen,
    /// A Close frame is queued or has been sent, so no other frame may follow (RFC 6455 §5.5.1).
    Closed,
    /// A Pong or Close is queued, and this call has no output slice for it. Call
    /// [`transmit`](crate::Connection::transmit) first.
    ControlDue,
    /// The payload of a frame is incomplete, so no other frame may be sent (RFC 6455 §5.4).
    FrameInProgress,
    /// [`mask_next`](crate::Connection::mask_next) without a frame in progress, or with more bytes
    /// than are left of it.
    PastFrameEnd,
    /// A frame of more than 2^63 - 1 bytes (RFC 6455 §5.2).
    FrameTooLong,
    /// A fragmented message is open, and the frame does not continue it (RFC 6455 §5.4).
    MessageInProgress,
    /// A Ping or Pong of more than 125 bytes, or a close reason of more than 123 bytes
    /// (RFC 6455 §5.5).
    ControlTooLong,
    /// This side must not send the close code (RFC 6455 §7.4), or a reason has no code.
    InvalidCloseCode,
    /// The payload of a text message is not UTF-8 (RFC 6455 §5.6).
    InvalidUtf8,
    /// A compressed message, but the [`Config`](crate::Config) does not enable permessage-deflate
    /// (RFC 7692 §6.1).
    NotNegotiated,
    /// The source of masking keys failed (RFC 6455 §10.3). The connection can send nothing more:
    /// drop its transport, and the output of this call.
    NoMaskingKey,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => {
                write!(f, "the output slice is too short: {needed} bytes are needed")
            }
            Self::NotOpen => f.write_str("the opening handshake is not complete"),
            Self::Closed => f.write_str("the connection is closing or closed"),
            Self::ControlDue => f.write_str("a queued control frame must be transmitted first"),
            Self::FrameInProgress => f.write_str("a frame is in progress"),
            Self::PastFrameEnd => f.write_str("the chunk is longer than the rest of the frame"),
            Self::FrameTooLong => f.write_str("the frame is longer than 2^63 - 1 bytes"),
            Self::MessageInProgress => f.write_str("another message is in progress"),
            Self::ControlTooLong => f.write_str("a control frame carries at most 125 bytes"),
            Self::InvalidCloseCode => f.write_str("this side must not send the close code"),
            Self::InvalidUtf8 => f.write_str("text is not valid UTF-8"),
            Self::NotNegotiated => f.write_str("compression was not negotiated"),
            Self::NoMaskingKey => f.write_str("the source of masking keys failed"),
        }
    }
}

impl core::error::Error for SendError {}
