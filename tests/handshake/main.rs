//! The opening handshake of both sides.
#![cfg(feature = "handshake")]

mod accept;
mod client;
mod extension;
mod forward;
mod heads;
mod http;
mod oracles;
mod readme;
mod server;

#[path = "../support"]
mod support {
    pub(crate) mod base64;
    pub(crate) mod heads;
    pub(crate) mod parts;
}
