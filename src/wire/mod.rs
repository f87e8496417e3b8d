//! The wire format: masking, frame headers, UTF-8, close codes (RFC 6455 §5, §7.4). Everything here
//! is independent of a connection.

pub mod frame;
pub mod mask;

pub(crate) mod close;
pub(crate) mod error;
pub(crate) mod masking_key;
pub(crate) mod utf8;
mod utf8_lanes;
