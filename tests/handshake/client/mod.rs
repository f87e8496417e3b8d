//! The client's side of the opening handshake: the rows of RFC 6455 §4.1, §4.4 and §11.3.

mod request;
mod response;

use barews::handshake::client::Handshake;

const NONCE: [u8; 16] = *b"the sample nonce";

fn client() -> Handshake<'static> {
    Handshake::new(NONCE, "example.com", "/chat")
}
