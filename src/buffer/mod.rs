//! Received bytes: a cursor over them ([`Input`]), and a buffer on the caller's memory to keep what
//! is not consumed yet ([`RecvBuffer`]).

mod input;
mod recv_buffer;
mod storage;

pub use self::input::Input;
pub use self::recv_buffer::{MIN_BUFFER_LEN, RecvBuffer};
pub use self::storage::StorageFull;
