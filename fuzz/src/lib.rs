//! What the fuzz targets share: bytes of near-valid frames, heads, lists of extensions, how long things may be, a
//! watched connection, and slow readers to hold others against.

pub mod extensions;
pub mod frames;
pub mod heads;
pub mod outcome;
pub mod sizes;
pub mod walk;
pub mod watch;
#[cfg(feature = "wslay")]
pub mod wslay;
