//! Compression of messages, permessage-deflate (RFC 7692).

#[cfg(feature = "deflate")]
mod decode;
#[cfg(feature = "deflate")]
mod inflate;
mod params;
#[cfg(feature = "deflate")]
mod reader;
#[cfg(feature = "deflate")]
mod symbols;
#[cfg(feature = "deflate")]
mod tables;
#[cfg(feature = "deflate")]
mod window;

#[cfg(feature = "deflate")]
pub use inflate::Inflate;

pub use params::{Context, DeflateParams, WindowBits};
