//! What the fuzz targets share: bytes of near-valid frames, heads, and a watched connection.

pub mod frames;
pub mod heads;
pub mod watch;
