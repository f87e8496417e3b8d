//! Compression of messages, permessage-deflate (RFC 7692).

mod params;
#[cfg(feature = "deflate")]
mod symbols;

pub use params::{Context, DeflateParams, WindowBits};
