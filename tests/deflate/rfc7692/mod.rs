//! RFC 7692 but for the negotiation, which is the handshake's.

mod frames;
mod payload;
#[cfg(feature = "handshake")]
mod sending;
