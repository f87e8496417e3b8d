//! One connection after its opening handshake (RFC 6455 §5 to §7): the receiving direction, the
//! sending direction, and the state they share.

pub(crate) mod closing;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod event;
pub(crate) mod fragmentation;
mod header_rules;
mod look_ahead;
#[cfg(feature = "getrandom")]
pub(crate) mod os_keys;
mod pending;
mod receiver;
pub(crate) mod role;
mod sender;
