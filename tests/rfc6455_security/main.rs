//! Behaviours common to all rows (part 0 of the checklist) and RFC 6455 section 10.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "tests may panic"
)]

#[path = "../common/frames.rs"]
mod frames;

mod faults;
mod limits;
mod sources;
