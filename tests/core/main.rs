//! The protocol of RFC 6455: connections, frames, messages, buffers and deadlines.
#![allow(clippy::cast_possible_truncation, reason = "a truncated number fails the test")]

mod assembler;
mod backoff;
mod buffers;
#[cfg(feature = "deflate")]
mod connection_fail;
mod control_ahead;
mod control_send;
mod first_fault;
mod floors;
mod header_forms;
mod keepalive;
mod known_faults;
mod lengths;
mod logs;
mod need_more;
mod open_message;
#[cfg(feature = "getrandom")]
mod os_keys;
mod pair;
mod relay;
mod rfc6455;
mod seal;
// With `--cfg reseal`, a connection keeps its options.
#[cfg(not(reseal))]
mod size;
mod small_buffer;
mod transcripts;
mod utf8;

#[path = "../support"]
mod support {
    #[cfg(feature = "deflate")]
    pub(crate) mod bits;
    #[cfg(feature = "handshake")]
    pub(crate) mod callgrind;
    pub(crate) mod driver;
    pub(crate) mod endpoint;
    pub(crate) mod event;
    pub(crate) mod frame;
    #[cfg(feature = "handshake")]
    pub(crate) mod heads;
    #[cfg(feature = "deflate")]
    pub(crate) mod inflated;
    pub(crate) mod parts;
    pub(crate) mod reference;
    pub(crate) mod shrinking;
    pub(crate) mod transcript;
}
