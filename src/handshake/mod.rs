//! The opening handshake (RFC 6455 §4): parses and writes HTTP/1.1 heads, without I/O.
//!
//! - [`server`] reads a request, checks whether it asks for a WebSocket, and writes the response.
//! - [`client`] writes a request and validates the response.
//! - [`key`], [`extension`] and [`deflate`] are usable on their own.
//!
//! A server with another HTTP/1.1 implementation, such as hyper, validates its requests with
//! [`Upgrade::from_parts`](server::Upgrade::from_parts), and those for a WebSocket over HTTP/2 (RFC
//! 8441) or HTTP/3 (RFC 9220) with [`Upgrade::from_connect`](server::Upgrade::from_connect).
//!
//! Both readers take *all bytes received so far*. Each call resumes where the previous
//! one stopped, so small reads do not make parsing slower. The readers are stricter
//! than HTTP requires, because leniency enables request smuggling: every line ends
//! with CR LF, and obsolete line folding and whitespace before a colon are rejected.
//!
//! The first frame directly follows the head. [`Request::head_len`](server::Request::head_len)
//! and [`Accepted::head_len`](client::Accepted::head_len) return the length of the head in
//! bytes; the readers ignore the bytes after it.

pub mod client;
pub mod deflate;
mod error;
pub mod extension;
mod forward;
mod http;
pub mod key;
pub mod server;

pub use crate::bytes::Status;
pub use error::{BuildError, Error, Field};
pub use forward::ForwardedRequest;
pub use http::head::{HeaderField, HeaderFields, Limits};
