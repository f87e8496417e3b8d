//! The error for storage that is too short.

use core::fmt;

/// The caller's storage is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "complete: a single number")]
pub struct StorageFull {
    /// The length of a sufficient storage in bytes.
    pub needed: usize,
}

impl fmt::Display for StorageFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the storage is too short: {} bytes are needed", self.needed)
    }
}

impl core::error::Error for StorageFull {}
