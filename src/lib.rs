#![no_std]
#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations, unnameable_types, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]
// Nothing that can panic, and no number that changes on its way.
#![warn(clippy::as_conversions, clippy::indexing_slicing, clippy::panic, clippy::unreachable)]
#![warn(clippy::expect_used, clippy::unwrap_used)]

pub mod backoff;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod frame;
#[cfg(feature = "handshake")]
pub mod handshake;
pub mod keepalive;
pub mod mask;

#[cfg(any(feature = "deflate", feature = "handshake"))]
mod agreed;
mod ahead;
mod answer;
mod close;
mod config;
mod connection;
mod error;
mod event;
mod flow;
mod input;
mod machine;
mod message;
mod receive;
mod role;
mod rules;
mod send;
mod utf8;

pub use close::{CloseCode, CloseFrame};
pub use config::Config;
pub use connection::{Advice, Connection, State};
pub use error::{Error, SendError};
pub use event::{ControlOrder, ControlPayload, Data, Delivery, Event};
pub use flow::Flow;
#[cfg(feature = "deflate")]
pub use frame::Compressed;
pub use frame::{Content, Kind};
pub use input::{Input, MIN_BUFFER_LEN, RecvBuffer, StorageFull};
pub use message::{AssembleError, Assembler, Message};
pub use role::{Client, MaskKeys, NoKey, Role, Server};
