//! Properties that hold for every stream and every sequence of calls (docs/properties.md). Short
//! ones are tested exhaustively, longer ones at random.

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
