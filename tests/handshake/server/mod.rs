//! The server's side of the opening handshake: the rows of RFC 6455 §4.2.1, §4.4 and §11.3.

mod parts;
mod request;
mod response;

use barews::handshake::Error;

use crate::support::heads::read;

#[track_caller]
fn refused(head: &str, error: Error, status: u16) {
    assert_eq!(read(head.as_bytes()).unwrap_err(), error, "{head}");
    assert_eq!(error.status(), status);
}
