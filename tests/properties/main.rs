//! What holds for all streams and all sequences of calls (docs/properties.md): of short ones all there are, of longer
//! ones those that are drawn.

mod receiving;
mod sending;
mod streams;

#[path = "../support"]
mod support {
    pub(crate) mod driver;
    pub(crate) mod endpoint;
    pub(crate) mod event;
    pub(crate) mod frame;
    pub(crate) mod reference;
    pub(crate) mod short;
    pub(crate) mod stream;
    pub(crate) mod transcript;
}
