#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations, unreachable_pub)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod accept;
mod codec;
mod compression;
mod connect;
mod driver;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod message;
mod options;
mod pool;
mod pooled;
mod serve;
mod split;
#[cfg(feature = "hyper")]
pub mod upgrade;
mod websocket;

pub use accept::Acceptor;
pub use connect::Connector;
pub use driver::{Clock, Driver};
pub use error::Error;
#[cfg(feature = "axum")]
pub use extract::WebSocketUpgrade;
pub use message::{Chunk, CloseFrame, Message};
pub use options::Options;
pub use serve::serve;
pub use split::{WebSocketReceiver, WebSocketSender};
pub use websocket::WebSocket;

pub use barews::{CloseCode, Kind};
