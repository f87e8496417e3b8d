//! A storage that breaks its contract: it becomes shorter while in use.

use std::cell::Cell;

/// Its length is whatever its owner currently sets.
pub struct Shrinking<'a>(pub Vec<u8>, pub &'a Cell<usize>);

impl AsRef<[u8]> for Shrinking<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0[..self.1.get()]
    }
}

impl AsMut<[u8]> for Shrinking<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0[..self.1.get()]
    }
}

impl barews::Storage for Shrinking<'_> {}
