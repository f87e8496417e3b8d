//! How one side compresses, as four bits.

use super::{CompressionContext, WindowBits};
use crate::bytes::seal::{Bits, UnsealError};

impl CompressionContext {
    pub(crate) fn seal(self) -> Bits {
        let size = self.window_bits.get().saturating_sub(WindowBits::MIN.get());
        Bits::new().with(3, size).with_flag(self.takeover)
    }

    pub(crate) fn unseal(bits: &mut Bits) -> Result<Self, UnsealError> {
        let size = bits.take(3).saturating_add(WindowBits::MIN.get());
        let window_bits = WindowBits::new(size).ok_or(UnsealError::Invalid)?;
        Ok(Self { window_bits, takeover: bits.take_flag() })
    }
}
