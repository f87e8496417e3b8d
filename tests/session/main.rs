//! `Session`: from the transport's first byte to its last, clause by clause.

mod closing;
#[cfg(feature = "deflate")]
mod compressed;
mod deadlines;
mod edges;
mod forwarding;
mod memory;
mod opening;
mod pausing;
mod sending;
mod size;
mod standstill;
mod turn;
