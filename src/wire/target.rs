//! What the core asks of the target machine and of the features.

/// Whether a word has 64 bits. With less, as on microcontrollers, code is what is short: what is there for
/// speed alone is left out, and masking and UTF-8 have kernels of their own. `--cfg word32` compiles these for
/// any machine, for tests.
pub(crate) const WORD_64: bool = cfg!(target_pointer_width = "64") && !cfg!(word32);

/// Whether compression is compiled in. Flags of compression are constants without it.
pub(crate) const DEFLATE: bool = cfg!(feature = "deflate");
