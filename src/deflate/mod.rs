//! Compression of messages, permessage-deflate (RFC 7692), in memory of the caller.
//!
//! [`Inflate`] takes the pieces of compressed messages that a connection received and gives those of the
//! messages. [`Deflate`] makes of a message the payload that is sent as
//! [`Compressed`](crate::Compressed). Both keep to what the two sides agreed on, a [`CompressionContext`] each.
//!
//! Each message is compressed or not, as the caller likes, and a plain one leaves the other side's window
//! as it is. Short ones are seldom worth it: [`Deflate::wants`]. With context takeover a message that was
//! compressed must also be sent, in this order, or the other side loses step.
//!
//! **Secrets.** How long a compressed message is tells how much of it was said before. Who can put words
//! of his own beside a secret, and see lengths, finds the secret letter by letter (RFC 7692 section 8).
//! Send what is secret plain, or through a `Deflate` without context takeover that sees nothing else.
//!
//! **One message to many.** A payload that was compressed without context takeover, and for the smallest
//! window of all who get it, is the same for everybody: compress it once, and put a header in front with
//! [`Lead::rsv1`](crate::frame::Lead::rsv1).

mod compress;
mod inflate;
mod symbols;

pub use crate::deflate_params::{CompressionContext, DeflateParams, WindowBits};
pub use compress::{Deflate, Deflated, Effort};
pub use inflate::Inflate;
