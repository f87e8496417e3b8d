//! One direction of a connection: which frame may follow which (RFC 6455 sections 5.4 and 5.5),
//! and how much of a message there may be (section 10.4). Knows no role.
//!
//! ```text
//!              text, binary with FIN                continuation without FIN
//!                    +----+                                +----+
//!                    v    |       text, binary             v    |
//!                  +--------+     without FIN         +-------------+
//!     start -----> |  Idle  | ----------------------> | Message(..) |
//!                  +--------+ <---------------------- +-------------+
//!                    ^    |     continuation with FIN      ^    |
//!                    +----+                                +----+
//!                  Ping, Pong                            Ping, Pong
//! ```

use crate::error::Error;
use crate::frame::{Kind, Lead, Opcode};

/// Whether a message is open between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 section 5.4 has these two cases")]
pub enum Flow {
    /// No message is open.
    Idle,
    /// The first frame of a message of this kind was seen, the last was not.
    Message(Kind),
}

impl Flow {
    /// The flow behind a frame with this first byte.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedContinuation`], [`Error::ExpectedContinuation`].
    #[expect(clippy::match_same_arms, reason = "one arm for each arrow of the diagram")]
    pub const fn step(self, lead: Lead) -> Result<Self, Error> {
        match (self, lead.opcode, lead.fin) {
            (Self::Idle, Opcode::Text | Opcode::Binary, true) => Ok(Self::Idle),
            (Self::Idle, Opcode::Text, false) => Ok(Self::Message(Kind::Text)),
            (Self::Idle, Opcode::Binary, false) => Ok(Self::Message(Kind::Binary)),
            (Self::Idle, Opcode::Continuation, _) => Err(Error::UnexpectedContinuation),
            (Self::Message(_), Opcode::Continuation, true) => Ok(Self::Idle),
            (Self::Message(_), Opcode::Continuation, false) => Ok(self),
            (Self::Message(_), Opcode::Text | Opcode::Binary, _) => {
                Err(Error::ExpectedContinuation)
            }
            // 5.4: control frames "MAY be injected in the middle of a fragmented message".
            (_, Opcode::Close | Opcode::Ping | Opcode::Pong, _) => Ok(self),
        }
    }

    /// The kind of the message that a data frame with this opcode belongs to.
    pub(crate) const fn kind_of(self, opcode: Opcode) -> Option<Kind> {
        match (self, opcode) {
            (_, Opcode::Text) => Some(Kind::Text),
            (_, Opcode::Binary) => Some(Kind::Binary),
            // 5.4: fragments have the type of the message's first frame.
            (Self::Message(kind), Opcode::Continuation) => Some(kind),
            (Self::Idle, Opcode::Continuation)
            | (_, Opcode::Close | Opcode::Ping | Opcode::Pong) => None,
        }
    }

    /// The opcode of the next frame of a message of this kind, if it may come now.
    pub(crate) fn opcode_of(self, kind: Kind) -> Option<Opcode> {
        match self {
            Self::Idle => Some(kind.into()),
            Self::Message(open) if open == kind => Some(Opcode::Continuation),
            Self::Message(_) => None,
        }
    }
}

/// What a peer may send at most (10.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frame_len: u64,
    pub(crate) message_len: u64,
    pub(crate) fragments: u32,
}

/// Where a direction stands between two frames: the flow, and the size of the open message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) flow: Flow,
    /// Frames of the open message so far, empty ones too.
    fragments: u32,
    /// Payload bytes of the open message so far.
    message_len: u64,
}

impl Progress {
    pub(crate) const fn new() -> Self {
        Self { flow: Flow::Idle, fragments: 0, message_len: 0 }
    }

    /// Judges the first byte of a frame; the progress behind it but for its length.
    pub(crate) fn lead(self, lead: Lead, limits: &Limits) -> Result<Self, Error> {
        // 5.2: a reserved bit "MUST be 0 unless an extension is negotiated".
        if lead.rsv1 {
            return Err(Error::ReservedBits);
        }
        let flow = self.flow.step(lead)?;
        if lead.opcode.is_control() {
            return Ok(self);
        }
        if self.fragments >= limits.fragments {
            return Err(Error::TooManyFragments);
        }
        Ok(Self { flow, fragments: self.fragments.saturating_add(1), ..self })
    }

    /// Judges the length of the frame's payload, or the least that it can be.
    pub(crate) fn length(self, lead: Lead, len: u64, limits: &Limits) -> Result<Self, Error> {
        if lead.opcode.is_control() {
            return Ok(self);
        }
        if len > limits.frame_len {
            return Err(Error::FrameTooLong);
        }
        let message_len = self.message_len.saturating_add(len);
        if message_len > limits.message_len {
            return Err(Error::MessageTooLong);
        }
        Ok(if lead.fin { Self::new() } else { Self { message_len, ..self } })
    }
}
