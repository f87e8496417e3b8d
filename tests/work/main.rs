//! Work measured in instructions: a test runs this program again under valgrind.

#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "deflate")]
mod inflate;
mod receive;
#[cfg(feature = "deflate")]
mod relay;
mod short_paths;

#[path = "../support"]
mod support {
    #[cfg(feature = "deflate")]
    pub(crate) mod bits;
    pub(crate) mod callgrind;
    pub(crate) mod endpoint;
    pub(crate) mod event;
    pub(crate) mod frame;
    #[cfg(feature = "deflate")]
    pub(crate) mod inflated;
}
