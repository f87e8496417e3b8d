//! The opening handshake (RFC 6455, section 4): two HTTP/1.1 heads, read and written without I/O.
//!
//! - [`server`] reads a request, says whether it asks for a WebSocket, and writes the answer.
//! - [`client`] writes a request and judges the answer.
//! - [`key`], [`extension`] and [`deflate`] are the parts of it that stand alone. A caller who
//!   brings his own HTTP (RFC 8441 over HTTP/2, RFC 9220 over HTTP/3) needs only the last two.
//!
//! Both readers take *all bytes received so far*, and remember how far they have looked: a call
//! does not search again what an earlier one has passed, however small the pieces are. They are
//! stricter than HTTP asks for, because leniency in a head is how requests get smuggled: line ends
//! are CR LF and nothing else, folded lines are refused, and so is whitespace before a colon.
//!
//! A head ends where the frames begin. [`Request::head_len`](server::Request::head_len) counts its
//! bytes; what lies behind them is never read here.

mod authority;
pub mod client;
pub mod deflate;
mod error;
pub mod extension;
mod grammar;
mod head;
pub mod key;
mod known;
mod request;
mod respond;
mod response;
mod scan;
pub mod server;
mod words;
mod write;

pub use error::{BuildError, Error, Field};
pub use head::{Header, Headers, Limits, Status};
