//! Buffers in the caller's storage: received bytes, with a cursor over them ([`Input`],
//! [`RecvBuffer`]), and bytes to be sent ([`SendBuffer`]).

mod input;
mod recv_buffer;
mod send_buffer;
mod storage;

pub use self::input::Input;
#[cfg(feature = "handshake")]
pub(crate) use self::recv_buffer::Reads;
pub use self::recv_buffer::{MIN_BUFFER_LEN, RecvBuffer};
pub use self::send_buffer::SendBuffer;
pub(crate) use self::storage::grow_over;
pub use self::storage::{Storage, StorageFull};
