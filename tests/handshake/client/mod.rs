//! The client's side of the opening handshake: RFC 6455, sections 4.1, 4.4 and 11.3, row by row.

mod answer;
mod request;

use barews::handshake::client::Handshake;

const NONCE: [u8; 16] = *b"the sample nonce";

fn client() -> Handshake<'static> {
    Handshake::new(NONCE, "example.com", "/chat")
}
