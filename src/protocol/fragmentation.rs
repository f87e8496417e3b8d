//! Which frame may follow which in one direction (RFC 6455 §5.4, §5.5). The same for both roles.
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

/// Whether a message is open between two frames (RFC 6455 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 §5.4 defines these two cases")]
pub enum Fragmentation {
    /// No message is open.
    Idle,
    /// A message of this kind is open: its first frame has passed, its last has not.
    Message(Kind),
}

impl Fragmentation {
    /// The state after a frame with this first byte.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedContinuation`] for a continuation while no message is open,
    /// [`Error::ExpectedContinuation`] for a text or binary frame while one is.
    #[expect(clippy::match_same_arms, reason = "one arm per transition of the diagram")]
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
            // §5.4: control frames "MAY be injected in the middle of a fragmented message".
            (_, Opcode::Close | Opcode::Ping | Opcode::Pong, _) => Ok(self),
        }
    }

    /// The kind of the message to which a data frame with this opcode belongs.
    pub(crate) const fn kind_of(self, opcode: Opcode) -> Option<Kind> {
        match (self, opcode) {
            (_, Opcode::Text) => Some(Kind::Text),
            (_, Opcode::Binary) => Some(Kind::Binary),
            // §5.4: fragments have the type of the message's first frame.
            (Self::Message(kind), Opcode::Continuation) => Some(kind),
            (Self::Idle, Opcode::Continuation)
            | (_, Opcode::Close | Opcode::Ping | Opcode::Pong) => None,
        }
    }

    /// The opcode of the next frame of a message of this kind, or `None` if another
    /// message is open.
    pub(crate) fn opcode_of(self, kind: Kind) -> Option<Opcode> {
        match self {
            Self::Idle => Some(kind.into()),
            Self::Message(open) if open == kind => Some(Opcode::Continuation),
            Self::Message(_) => None,
        }
    }
}
