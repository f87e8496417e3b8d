//! The WebSocket protocol (RFC 6455, RFC 7692) as a sans-IO state machine: no I/O, no `std`, no
//! allocation, no `unsafe`, no panic.
//!
//! The caller owns the transport and all buffers. Received bytes go into a [`RecvBuffer`], events come
//! out of [`Connection::receive`], and frames to be sent are written into the caller's slice.
//!
//! # Where to start
//!
//! - [`Connection`] is the protocol after the opening handshake. Its documentation says how to drive
//!   it, step by step, and shows a client's loop.
//! - [`handshake`] is the opening handshake over HTTP/1.1: [`handshake::server`] and
//!   [`handshake::client`].
//! - [`RecvBuffer`] and [`Input`] hold the received bytes; [`Event::NeedMore`] says by how much a
//!   buffer must grow.
//! - [`Assembler`] puts the chunks of a message together; [`Delivery::Frames`] delivers whole frames.
//! - [`deflate`] compresses and inflates messages.
//! - [`keepalive`] and [`backoff`] compute deadlines and delays, without a clock.
//! - [`Connection::seal`] hands a connection over to another process.
//! - [`frame`] and [`mask`] are the stateless layer below, for proxies, tools and broadcasting.
//!
//! # Sending
//!
//! | the payload | call |
//! |---|---|
//! | is copied into the output | [`send_text`](Connection::send_text), [`send_binary`](Connection::send_binary), [`send_fragment`](Connection::send_fragment) |
//! | stays where it is, for a vectored write | [`send_in_place`](Connection::send_in_place) |
//! | comes later, chunk by chunk | [`begin_frame`](Connection::begin_frame), [`mask_next`](Connection::mask_next) |
//! | goes to many clients of a server | [`frame::encode`] once, and one write per client |
//!
//! # Features
//!
//! - `handshake` (default): the module [`handshake`].
//! - `alloc`: `Vec<u8>` as a [`Storage`] that grows with what is received.
//! - `deflate`: the module [`deflate`], and compressed messages in [`Connection`].
//! - `simd`: the widest vectors of the CPU, detected at run time; needs `std`.
//! - `getrandom`: [`OsKeys`], masking keys and nonces from the operating system.
//! - `defmt`: `defmt::Format` for the public types.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "deflate", feature = "getrandom", feature = "handshake")),
    allow(rustdoc::broken_intra_doc_links, reason = "links to feature-gated items")
)]
#![warn(missing_debug_implementations, unnameable_types, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]
// Deny panics and lossy casts.
#![warn(clippy::as_conversions, clippy::indexing_slicing, clippy::panic, clippy::unreachable)]
#![warn(clippy::expect_used, clippy::unwrap_used)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod assembler;
mod buffer;
mod bytes;
#[cfg(feature = "deflate")]
pub mod deflate;
#[cfg(any(feature = "deflate", feature = "handshake"))]
mod deflate_params;
#[cfg(feature = "handshake")]
pub mod handshake;
mod protocol;
#[cfg(feature = "handshake")]
pub mod session;
mod time;
mod wire;

pub use assembler::{AssembleError, Assembler, Message, Messages};
pub use buffer::{Input, MIN_BUFFER_LEN, RecvBuffer, SendBuffer, Storage, StorageFull};
pub use bytes::Status;
pub use bytes::seal::{SealError, UnsealError};
pub use protocol::closing::{State, TransportAction};
pub use protocol::config::Config;
pub use protocol::connection::Connection;
pub use protocol::event::{ControlOrder, ControlPayload, Data, Delivery, Event};
pub use protocol::fragmentation::Fragmentation;
#[cfg(feature = "getrandom")]
pub use protocol::os_keys::OsKeys;
pub use protocol::role::{Client, MaskKeys, NoKey, Role, Server};
pub use time::{backoff, keepalive};
pub use wire::close::{CloseCode, CloseFrame};
pub use wire::error::{Error, SendError};
#[cfg(feature = "deflate")]
pub use wire::frame::Compressed;
pub use wire::frame::{Content, Kind};
pub use wire::{frame, mask};

/// The examples of README.md, which tests/handshake/readme.rs compares and runs, as documentation
/// tests.
#[cfg(all(doctest, feature = "handshake"))]
mod readme {
    #[doc = concat!(
        "```no_run\n",
        include_str!("../tests/handshake/readme/server.rs"),
        "\n```"
    )]
    struct Server;

    #[cfg(feature = "getrandom")]
    #[doc = concat!(
        "```no_run\n",
        include_str!("../tests/handshake/readme/client.rs"),
        "\n```"
    )]
    struct Client;
}
