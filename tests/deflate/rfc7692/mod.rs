//! RFC 7692 except the negotiation, which is tested with the handshake.

mod frames;
mod payload;
#[cfg(feature = "handshake")]
mod sending;
mod wild;
