//! One direction of a connection: which frame may follow which (RFC 6455 sections 5.4 and 5.5).
//! Knows no role.
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

use crate::wire::error::Error;
use crate::wire::frame::{Kind, Lead, Opcode};

/// Whether a message is open between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 section 5.4 has these two cases")]
pub enum Fragmentation {
    /// No message is open.
    Idle,
    /// The first frame of a message of this kind was seen, the last was not.
    Message(Kind),
}

impl Fragmentation {
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
