//! What is on the wire: bytes, headers, codes. Nothing here has a state.

pub mod frame;
pub mod mask;

pub(crate) mod close;
pub(crate) mod error;
pub(crate) mod target;
pub(crate) mod utf8;
