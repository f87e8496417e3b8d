#![no_std]
#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations, unnameable_types, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]
// Nothing that can panic, and no number that changes on its way.
#![warn(clippy::as_conversions, clippy::indexing_slicing, clippy::panic, clippy::unreachable)]
#![warn(clippy::expect_used, clippy::unwrap_used)]

mod assembler;
mod buffer;
#[cfg(feature = "deflate")]
pub mod deflate;
#[cfg(any(feature = "deflate", feature = "handshake"))]
mod deflate_params;
#[cfg(feature = "handshake")]
pub mod handshake;
mod protocol;
mod time;
mod wire;

pub use assembler::{AssembleError, Assembler, Message};
pub use buffer::{Input, MIN_BUFFER_LEN, RecvBuffer, StorageFull};
pub use protocol::config::Config;
pub use protocol::connection::{Connection, State, TransportAction};
pub use protocol::event::{ControlOrder, ControlPayload, Data, Delivery, Event};
pub use protocol::fragmentation::Fragmentation;
pub use protocol::role::{Client, MaskKeys, NoKey, Role, Server};
pub use time::{backoff, keepalive};
pub use wire::close::{CloseCode, CloseFrame};
pub use wire::error::{Error, SendError};
#[cfg(feature = "deflate")]
pub use wire::frame::Compressed;
pub use wire::frame::{Content, Kind};
pub use wire::{frame, mask};
