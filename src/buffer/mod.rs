//! Received bytes: a cursor over them ([`Input`]), and a buffer in the caller's storage that keeps
//! the unread ones ([`RecvBuffer`]).

mod input;
mod recv_buffer;
mod storage;

pub use self::input::Input;
pub use self::recv_buffer::{MIN_BUFFER_LEN, RecvBuffer};
pub use self::storage::StorageFull;
