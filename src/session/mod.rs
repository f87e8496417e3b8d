//! A WebSocket from the transport's first byte to its last.
#![doc = include_str!("session.md")]

mod answer;
mod clock;
mod event;
mod forward;
mod opening;
mod receive;
mod send;
mod state;

pub use self::event::{Failure, SessionEvent};
pub use self::opening::SessionRole;
pub use self::state::Session;
