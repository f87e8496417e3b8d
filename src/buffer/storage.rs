//! The caller's memory, and what is said when it is too short.

use core::fmt;

/// The caller's memory is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct StorageFull {
    /// The length in bytes of the memory that would do.
    pub needed: usize,
}

impl fmt::Display for StorageFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the storage is too short: {} bytes are needed", self.needed)
    }
}

impl core::error::Error for StorageFull {}
