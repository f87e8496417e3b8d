//! Work measured in instructions: a test runs this program again under valgrind.

#[cfg(feature = "deflate")]
mod inflate;
mod receive;
mod short_paths;

#[path = "../support"]
mod support {
    #[cfg(feature = "deflate")]
    pub(crate) mod bits;
    pub(crate) mod callgrind;
    #[cfg(feature = "deflate")]
    pub(crate) mod inflated;
    pub(crate) mod wire;
}
