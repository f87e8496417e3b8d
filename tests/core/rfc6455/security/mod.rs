//! Behaviour common to all rows (part 0 of the checklist), and RFC 6455 §10.

mod faults;
mod limits;
mod sources;
