//! Deadlines and delays without a clock: the caller passes the time. Independent of frames.

pub mod backoff;
pub mod keepalive;
mod millis;

#[cfg(feature = "handshake")]
pub(crate) use self::millis::{NONE, deadline, floor};
