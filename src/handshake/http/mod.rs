//! Parser and writer for HTTP/1.1 heads (RFC 9112 §2 to §5).

pub(crate) mod authority;
mod end_to_end;
pub(crate) mod grammar;
pub(crate) mod head;
pub(crate) mod known_fields;
pub(crate) mod parser;
mod swar;
pub(crate) mod writer;
