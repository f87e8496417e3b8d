//! What the core needs to know of the target and of the enabled features.

/// Whether the target has 64-bit words. On smaller targets, such as microcontrollers, code size
/// comes first: code that serves speed alone is left out, and masking and UTF-8 have kernels of
/// their own. `--cfg word32` selects these on any target, for tests.
pub(crate) const WORD_64: bool = cfg!(target_pointer_width = "64") && !cfg!(word32);

/// Whether the feature `deflate` is enabled. Without it, the flags of compression are constants.
pub(crate) const DEFLATE: bool = cfg!(feature = "deflate");
