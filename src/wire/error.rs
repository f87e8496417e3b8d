//! The two kinds of fault: the peer's ([`Error`]) and the caller's ([`SendError`]).

use core::fmt;

/// The peer broke the protocol, or went over a limit that the caller set.
///
/// After such an error the connection is failed (RFC 6455 section 7.1.7): every later call gives the
/// same error, nothing more is consumed, and one Close frame with [`close_code`](Self::close_code)
/// is due for output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set although nothing was negotiated that gives it a meaning (5.2).
    ReservedBits,
    /// The opcode is one of 0x3 to 0x7 or 0xB to 0xF (5.2).
    ReservedOpcode,
    /// A control frame without FIN (5.4).
    FragmentedControl,
    /// A control frame announces more than 125 bytes (5.5).
    ControlTooLong,
    /// The length does not use the least number of bytes (5.2).
    NonMinimalLength,
    /// The 64-bit length has its most significant bit set (5.2).
    LengthTopBit,
    /// A frame from a client is not masked (5.1).
    Unmasked,
    /// A frame from a server is masked (5.1).
    Masked,
    /// A continuation frame, but no message is open (5.4).
    UnexpectedContinuation,
    /// A text or binary frame inside another fragmented message (5.4).
    ExpectedContinuation,
    /// Text, or the reason in a Close frame, is not UTF-8 (8.1).
    InvalidUtf8,
    /// A Close frame with a body of one byte: no room for a code (5.5.1).
    CloseTooShort,
    /// A close code that must not be on the wire (7.4).
    InvalidCloseCode,
    /// A frame announces more bytes than the caller's `max_frame_len` (10.4).
    FrameTooLong,
    /// A message is longer than the caller's `max_message_len` (10.4); of a compressed one, what it
    /// inflates to.
    MessageTooLong,
    /// A message has more fragments than the caller's `max_fragments` (10.4).
    TooManyFragments,
    /// A compressed message is not DEFLATE, refers to bytes that never were, or is cut short (RFC 7692
    /// section 7.2.2).
    InvalidDeflate,
    /// The transport ended before the peer's Close frame (7.1.5).
    UnexpectedEof,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::ControlTooLong => "a control frame is longer than 125 bytes",
            Self::NonMinimalLength => "the length is not in its shortest form",
            Self::LengthTopBit => "the top bit of the 64-bit length is set",
            Self::Unmasked => "a frame from a client is not masked",
            Self::Masked => "a frame from a server is masked",
            Self::UnexpectedContinuation => "a continuation without a message",
            Self::ExpectedContinuation => "a new message inside a fragmented one",
            Self::InvalidUtf8 => "text is not valid UTF-8",
            Self::CloseTooShort => "the body of a close frame is one byte long",
            Self::InvalidCloseCode => "the close code must not be on the wire",
            Self::FrameTooLong => "a frame is longer than the limit",
            Self::MessageTooLong => "a message is longer than the limit",
            Self::TooManyFragments => "a message has more fragments than the limit",
            Self::InvalidDeflate => "a compressed message is invalid",
            Self::UnexpectedEof => "the transport ended without a close frame",
        })
    }
}

impl core::error::Error for Error {}

/// The caller asked for something that must not be sent, or lent too little room for it.
///
/// Nothing was changed and nothing was written, but for [`NoMaskingKey`](Self::NoMaskingKey).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The output slice is too short.
    BufferTooSmall {
        /// The length in bytes that would do for this very call.
        needed: usize,
    },
    /// A Close frame was sent or received, or the connection failed: no more data (5.5.1, 6.1).
    Closed,
    /// A Pong or Close is due and this call has no output slice for it: call `transmit` first.
    ControlDue,
    /// A frame was begun and its payload is not complete: nothing else may be sent (5.4).
    FrameInProgress,
    /// `mask_next` without a frame, or with more bytes than the frame has left.
    PastFrameEnd,
    /// A frame of more than 2^63 - 1 bytes (5.2).
    FrameTooLong,
    /// A new message inside a fragmented one, or a fragment of the other kind (5.4).
    MessageInProgress,
    /// More than 125 bytes for a Ping or Pong, or a reason of more than 123 bytes (5.5).
    ControlTooLong,
    /// The close code must not be sent by this side (7.4).
    InvalidCloseCode,
    /// The payload of a text message is not UTF-8 (5.6).
    InvalidUtf8,
    /// A compressed message, but the `Config` does not say that permessage-deflate was agreed on
    /// (RFC 7692 section 6.1).
    NotNegotiated,
    /// The source of masking keys failed (10.3). The connection cannot send any more: drop it, and what
    /// this call may have written.
    NoMaskingKey,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => {
                write!(f, "the output slice is too short: {needed} bytes are needed")
            }
            Self::Closed => f.write_str("the connection is closing or closed"),
            Self::ControlDue => f.write_str("a control frame is due first"),
            Self::FrameInProgress => f.write_str("a frame is not complete"),
            Self::PastFrameEnd => f.write_str("more payload than the frame has left"),
            Self::FrameTooLong => f.write_str("a frame holds at most 2^63 - 1 bytes"),
            Self::MessageInProgress => f.write_str("another message is not complete"),
            Self::ControlTooLong => f.write_str("a control frame carries at most 125 bytes"),
            Self::InvalidCloseCode => f.write_str("the close code must not be sent"),
            Self::InvalidUtf8 => f.write_str("text is not valid UTF-8"),
            Self::NotNegotiated => f.write_str("compression was not negotiated"),
            Self::NoMaskingKey => f.write_str("the source of masking keys failed"),
        }
    }
}

impl core::error::Error for SendError {}
