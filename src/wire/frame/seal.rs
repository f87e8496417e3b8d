//! The kind of a message as one bit.

use super::Kind;

impl Kind {
    pub(crate) const fn is_binary(self) -> bool {
        matches!(self, Self::Binary)
    }

    pub(crate) const fn of(is_binary: bool) -> Self {
        if is_binary { Self::Binary } else { Self::Text }
    }
}
