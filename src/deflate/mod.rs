//! Compression of messages, permessage-deflate (RFC 7692), in memory of the caller.
//!
//! [`Inflate`] takes the pieces of compressed messages that a connection received and gives those of the
//! messages. [`Deflate`] makes of a message the payload that is sent as
//! [`Compressed`](crate::Compressed). Both keep to what the two sides agreed on, a [`Context`] each.

mod bits;
mod block;
mod codes;
mod compress;
mod decode;
mod effort;
mod emit;
mod history;
mod inflate;
mod reader;
mod search;
mod symbols;
mod tables;
mod tokens;
mod window;

pub use crate::agreed::{Context, DeflateParams, WindowBits};
pub use compress::{Deflate, Deflated};
pub use effort::Effort;
pub use inflate::Inflate;
