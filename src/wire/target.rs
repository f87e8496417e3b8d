//! What the core needs to know of the target and of the enabled features.

/// Whether the target has 64-bit words. On smaller targets, such as microcontrollers, code size
/// comes first: code that serves speed alone is left out, and masking and UTF-8 have kernels of
/// their own. `--cfg word32` selects these on any target, for tests.
pub(crate) const WORD_64: bool = cfg!(target_pointer_width = "64") && !cfg!(word32);

/// A flag that exists only with the feature `deflate`; without it, always false.
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
