//! Message compression: `Inflate`, `Deflate` and RFC 7692.
#![cfg(feature = "deflate")]

mod assembled;
mod exact_output;
mod flush;
mod forget;
mod inflate;
mod limits;
mod oracles;
mod rfc7692;
mod roundtrip;
mod sealed;

#[path = "../support"]
mod support {
    pub(crate) mod bits;
    pub(crate) mod endpoint;
    pub(crate) mod event;
    pub(crate) mod frame;
    pub(crate) mod inflated;
    pub(crate) mod oracles;
    pub(crate) mod shrinking;
    pub(crate) mod strict_inflate;
}
