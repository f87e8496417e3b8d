#![no_std]
#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations, unnameable_types, unreachable_pub)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]
// Nothing that can panic, and no number that changes on its way.
#![warn(clippy::as_conversions, clippy::indexing_slicing, clippy::panic, clippy::unreachable)]
#![warn(clippy::expect_used, clippy::unwrap_used)]

pub mod frame;
#[cfg(feature = "handshake")]
pub mod handshake;
pub mod mask;

mod close;
mod connection;
mod error;
mod flow;
mod input;
mod message;
mod receive;
mod role;
mod send;
mod utf8;

pub use close::{CloseCode, CloseFrame};
pub use connection::{Advice, Config, Connection, State};
pub use error::{Error, SendError};
pub use flow::Flow;
pub use frame::Kind;
pub use input::{Input, MIN_BUFFER_LEN, RecvBuffer, StorageFull};
pub use message::{AssembleError, Assembler, Message};
pub use receive::{ControlOrder, ControlPayload, Data, Delivery, Event};
pub use role::{Client, MaskKeys, NoKey, Role, Server};
