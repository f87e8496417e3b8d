//! Deadlines and delays without a clock: the caller passes the time. Independent of frames.

pub mod backoff;
pub mod keepalive;
mod millis;

pub(crate) use self::millis::floor;
