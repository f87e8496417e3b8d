//! What the core asks of the machine and the features that it is compiled for.

/// Whether a word has 64 bits. With less, as on microcontrollers, code is what is short: what is there for
/// speed alone is left out, and masking and UTF-8 have kernels of their own.
pub(crate) const WIDE: bool = cfg!(target_pointer_width = "64");

/// Whether messages may be compressed. If not, nothing of it is compiled.
pub(crate) const DEFLATE: bool = cfg!(feature = "deflate");
