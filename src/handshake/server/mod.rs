//! The server side of the opening handshake (RFC 6455 §4.2).
//!
//! ```
//! use barews::handshake::Status;
//! use barews::handshake::server::{Incoming, Origins, RequestReader, respond};
//!
//! let received = b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\
//!     Upgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
//! let mut out = [0; 512];
//!
//! let mut reader = RequestReader::new();
//! let written = match reader.read(received) {
//!     Ok(Status::NeedMore(_)) => return, // receive more, then call `read` with all of it
//!     Ok(Status::Complete(Incoming::Upgrade(upgrade))) => match upgrade.accept(Origins::Any) {
//!         Ok(accept) => accept.write(&mut out),
//!         Err(refused) => refused.respond(&mut out),
//!     },
//!     Ok(Status::Complete(Incoming::Plain(_))) => respond(404, &[], b"nothing here", &mut out),
//!     Err(error) => error.respond(&mut out),
//! };
//! assert!(out.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
//! # assert_eq!(written, Ok(129));
//! ```

mod accept;
mod origins;
mod reject;
mod request;
mod upgrade;

use crate::bytes::Status;
use crate::handshake::error::Error;
use crate::handshake::http::head::Limits;
use crate::handshake::http::parser::HeadParser;

pub use self::accept::{Accept, FieldValue};
pub use self::origins::Origins;
pub(super) use self::reject::respond_as;
pub use self::reject::{respond, respond_head};
pub use self::request::{Fields, HttpVersion, Request};
pub use self::upgrade::Upgrade;

/// Incrementally reads the head of one request.
#[derive(Clone, Debug)]
pub struct RequestReader {
    parser: HeadParser,
    limits: Limits,
}

impl RequestReader {
    /// Creates a reader with the default [`Limits`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// Creates a reader with the given limits.
    #[must_use]
    pub const fn with_limits(limits: Limits) -> Self {
        Self { parser: HeadParser::request(), limits }
    }

    /// Parses the bytes received so far. `bytes` always begins with the first byte of
    /// the head; between calls it may be moved and extended, but not changed. Bytes
    /// that an earlier call has parsed are not parsed again.
    ///
    /// A complete head is validated against RFC 6455 §4.2.1. Calling this again with a
    /// complete head returns the same result.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first byte that makes the head invalid, or if the complete
    /// head does not meet §4.2.1. Errors are final: every later call returns the same
    /// one. Send [`Error::respond`], then close the transport.
    pub fn read<'b>(&mut self, bytes: &'b [u8]) -> Result<Status<Incoming<'b>>, Error> {
        Ok(match self.parser.parse(bytes, self.limits)? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => {
                let request = Request::new(&head)?;
                Status::Complete(match Upgrade::validate(request, request.line, head.known)? {
                    Some(upgrade) => Incoming::Upgrade(upgrade),
                    None => Incoming::Plain(request),
                })
            }
        })
    }

    /// Finds the end of the head: its length in bytes.
    pub(crate) fn find_end(&mut self, bytes: &[u8]) -> Result<Status<usize>, Error> {
        Ok(match self.parser.parse(bytes, self.limits)? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => Status::Complete(head.len),
        })
    }
}

impl Default for RequestReader {
    fn default() -> Self {
        Self::new()
    }
}

/// A complete request.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a server must handle upgrades and plain requests")]
pub enum Incoming<'b> {
    /// A valid opening handshake.
    Upgrade(Upgrade<'b>),
    /// A valid HTTP request that does not list `websocket` in its `Upgrade` field, or is one of
    /// HTTP/1.0, where that field must be ignored (RFC 9110 §7.8). Answer it with [`respond`], or
    /// with [`Error::UpgradeRequired`] if the server accepts upgrades only.
    Plain(Request<'b>),
}
