//! The server's side of the opening handshake: RFC 6455, sections 4.2.1, 4.4 and 11.3, row by
//! row.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/base64.rs"]
mod base64;
#[path = "../common/heads.rs"]
mod heads;

mod answer;
mod request;

use barews::handshake::Error;

use heads::read;

#[track_caller]
fn refused(head: &str, error: Error, status: u16) {
    assert_eq!(read(head.as_bytes()).unwrap_err(), error, "{head}");
    assert_eq!(error.status(), status);
}
