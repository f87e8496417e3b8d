//! The caller's choices: limits (RFC 6455 section 10.4), delivery, order.

use crate::protocol::event::{ControlOrder, Delivery};
#[cfg(doc)]
use crate::wire::error::Error;

/// The caller's choices for a [`Connection`](crate::Connection). Every limit has a finite default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    pub(crate) max_frame_len: u64,
    pub(crate) max_message_len: u64,
    pub(crate) max_fragments: u32,
    pub(crate) delivery: Delivery,
    pub(crate) control_order: ControlOrder,
    pub(crate) auto_pong: bool,
    pub(crate) deflate: bool,
}

impl Config {
    /// For a limit of length that shall be none. A peer may then send for ever.
    pub const UNLIMITED: u64 = u64::MAX;

    /// For a limit of fragments that shall be none.
    pub const UNLIMITED_FRAGMENTS: u32 = u32::MAX;

    /// 16 MiB a frame, 64 MiB and 65,536 fragments a message, [`Delivery::Chunks`],
    /// [`ControlOrder::Ahead`], automatic Pongs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_frame_len: 16 << 20,
            max_message_len: 64 << 20,
            max_fragments: 1 << 16,
            delivery: Delivery::Chunks,
            control_order: ControlOrder::Ahead,
            auto_pong: true,
            deflate: false,
        }
    }

    /// The longest payload of a data frame in bytes, 0 and up; more is [`Error::FrameTooLong`].
    #[must_use]
    pub const fn max_frame_len(self, max_frame_len: u64) -> Self {
        Self { max_frame_len, ..self }
    }

    /// The longest message in bytes, 0 and up; more is [`Error::MessageTooLong`].
    #[must_use]
    pub const fn max_message_len(self, max_message_len: u64) -> Self {
        Self { max_message_len, ..self }
    }

    /// The most frames in one message, empty ones too; 0 counts as 1. More is
    /// [`Error::TooManyFragments`].
    #[must_use]
    pub const fn max_fragments(self, max_fragments: u32) -> Self {
        let max_fragments = if max_fragments == 0 { 1 } else { max_fragments };
        Self { max_fragments, ..self }
    }

    /// Payload as it comes, or whole frames.
    #[must_use]
    pub const fn delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// Whether Ping and Pong overtake data that is not delivered yet.
    #[must_use]
    pub const fn control_order(self, control_order: ControlOrder) -> Self {
        Self { control_order, ..self }
    }

    /// Whether a received Ping makes its Pong due. If not, answering is the caller's duty (5.5.2).
    #[must_use]
    pub const fn auto_pong(self, auto_pong: bool) -> Self {
        Self { auto_pong, ..self }
    }

    /// Whether permessage-deflate was agreed on in the opening handshake: then a message may be
    /// compressed, and [`Data`](crate::Data) says so. If not, RSV1 is [`Error::ReservedBits`].
    ///
    /// `max_frame_len` and `max_message_len` count compressed bytes then; the limit of a message's
    /// length stands in the [`Inflate`](crate::deflate::Inflate).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
