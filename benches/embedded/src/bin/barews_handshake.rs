//! A `Connection` after the handshake of a server.
#![no_std]
#![no_main]

use core::hint::black_box;

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews_embedded::Column;

#[path = "../connection.rs"]
mod connection;

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

barews_embedded::firmware!(Column { decode, ..connection::COLUMN });

#[inline(never)]
fn decode(bytes: &mut [u8], out: &mut [u8]) {
    if accept(black_box(REQUEST), out).is_some() {
        connection::decode(bytes, &mut []);
    }
}

#[inline(never)]
fn accept(request: &[u8], out: &mut [u8]) -> Option<usize> {
    match RequestReader::new().read(request) {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
            upgrade.accept(Origins::Any).ok()?.write(out).ok()
        }
        Err(error) => error.respond(out).ok(),
        Ok(_) => None,
    }
}
