//! Time as data: deadlines and delays without a clock. Nothing here knows of frames.

pub mod backoff;
pub mod keepalive;
