//! Compression of messages with permessage-deflate (RFC 7692), in storage supplied by the caller.
//!
//! [`Inflate`] decompresses the chunks of messages that a connection receives. [`Deflate`]
//! compresses a message into the payload to send as [`Compressed`](crate::Compressed).
//! Each is created with the [`CompressionContext`] negotiated for its direction.
//!
//! A message can be sent in parts, each of which the receiver inflates when it arrives: see
//! [`Flush::Sync`].
//!
//! The sender decides for each message whether to compress it; an uncompressed message
//! leaves the windows of both sides unchanged. Short messages rarely benefit: see
//! [`Deflate::wants`]. With context takeover, every compressed message must be sent,
//! in the order of compression, or the windows of the two sides diverge: see
//! [`Deflate::forget`].
//!
//! **Secrets.** The length of a compressed message depends on how much of it repeats earlier
//! bytes. An attacker that can place text next to a secret and observe lengths can guess the
//! secret byte by byte (RFC 7692 §8), as in the CRIME and BREACH attacks on TLS and HTTP. Send
//! secrets uncompressed, or without context takeover and in messages that contain nothing else.
//!
//! **Broadcast.** A payload that was compressed without context takeover, with the smallest window
//! of all recipients, is valid for each of them: compress it once, and send it after a header from
//! [`Lead::rsv1`](crate::frame::Lead::rsv1). If the same connection also has a `Deflate`
//! with context takeover, call [`Deflate::forget`] after each broadcast: its window lacks the
//! broadcast that the peer's window contains.

mod compress;
mod inflate;
mod messages;
mod symbols;

pub use crate::deflate_params::{CompressionContext, DeflateParams, WindowBits};
pub use compress::{Deflate, Deflated, Effort, Flush};
pub use inflate::Inflate;
pub use messages::InflateAssembler;
