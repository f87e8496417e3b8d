//! What the fuzz targets share: bytes of near-valid frames, and a watched connection.

pub mod frames;
pub mod watch;
