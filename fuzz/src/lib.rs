//! Shared code of the fuzz targets: generators of almost valid frames, helpers for heads, input
//! sizes, a connection whose contract is checked on every call, and simple models to compare with.

pub mod assemblers;
pub mod buffers;
pub mod drive;
pub mod expected;
pub mod extensions;
pub mod frames;
pub mod heads;
pub mod memory;
pub mod outcome;
pub mod sides;
pub mod sizes;
pub mod walk;
pub mod watch;
#[cfg(feature = "wslay")]
pub mod wslay;
