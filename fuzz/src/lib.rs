//! What the fuzz targets share: bytes of near-valid frames, heads, a watched connection, and a slow reader of frames to
//! hold others against.

pub mod frames;
pub mod heads;
pub mod walk;
pub mod watch;
