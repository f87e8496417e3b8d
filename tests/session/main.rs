//! `Session`: from the transport's first byte to its last, clause by clause.

mod clock;
mod closing;
#[cfg(feature = "deflate")]
mod compressed;
mod deadlines;
mod edges;
mod forwarding;
#[path = "../support/hex.rs"]
mod hex;
mod memory;
mod opening;
mod pausing;
mod sealed;
mod sealed_limits;
mod sending;
#[cfg(not(reseal))]
mod size;
mod standstill;
mod turn;
