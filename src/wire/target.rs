//! What the core asks of the machine and the features that it is compiled for.

/// Whether a word has 64 bits. With less, as on microcontrollers, code is what is short: what is there for
/// speed alone is left out, and masking and UTF-8 have kernels of their own. `--cfg word32` compiles these for
/// any machine, for tests.
pub(crate) const WORD_64: bool = cfg!(target_pointer_width = "64") && !cfg!(word32);

/// A flag that is there only with compression, and false without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Deflate {
    #[cfg(feature = "deflate")]
    on: bool,
}

impl Deflate {
    pub(crate) const OFF: Self = Self::new(false);

    #[inline]
    #[cfg_attr(not(feature = "deflate"), expect(unused_variables, reason = "there is no flag"))]
    pub(crate) const fn new(on: bool) -> Self {
        Self {
            #[cfg(feature = "deflate")]
            on,
        }
    }

    #[inline]
    pub(crate) const fn is_on(self) -> bool {
        match self {
            #[cfg(feature = "deflate")]
            Self { on } => on,
            #[cfg(not(feature = "deflate"))]
            Self {} => false,
        }
    }
}
