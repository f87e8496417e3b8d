//! Extensions and permessage-deflate negotiation: RFC 6455 §4.3 and §9, RFC 7692 §5 and §7.1.

mod list;
mod negotiation;
mod parameters;
mod proxy;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::{
    DeflateConfig, DeflateOffer, DeflateParams, WindowBits, confirm, negotiate,
};
use barews::handshake::extension::{Extension, parse};
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::handshake::{Error, Status};

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

fn elements(value: &str) -> Vec<Extension<'_>> {
    parse(value.as_bytes()).map(Result::unwrap).collect()
}

/// The server's answer to these offers.
fn negotiated(offers: &str, config: DeflateConfig) -> Option<String> {
    negotiate(elements(offers), &config).map(|answer| answer.to_string())
}

/// The parameters that a client accepts from this answer.
fn confirmed(answer: &str, offers: &[DeflateOffer]) -> Option<DeflateParams> {
    confirm(elements(answer).remove(0), offers)
}

fn params(server_reset: bool, client_reset: bool, server: u8, client: u8) -> DeflateParams {
    DeflateParams {
        server_no_context_takeover: server_reset,
        client_no_context_takeover: client_reset,
        server_max_window_bits: bits(server),
        client_max_window_bits: bits(client),
    }
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The extensions in the response to a request with this header value.
fn request(value: &str) -> Result<Option<String>, Error> {
    let head = format!("{REQUEST}Sec-WebSocket-Extensions: {value}\r\n\r\n");
    match RequestReader::new().read(head.as_bytes())? {
        Status::Complete(Incoming::Upgrade(upgrade)) => {
            let answer = upgrade.negotiate_deflate(&DeflateConfig::new());
            let mut accept = upgrade.accept(Origins::Any).unwrap();
            if let Some(answer) = answer {
                accept = accept.deflate(answer);
            }
            let mut out = [0; 512];
            let len = accept.write(&mut out).unwrap();
            let text = str::from_utf8(&out[..len]).unwrap();
            Ok(text
                .lines()
                .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
                .map(str::to_owned))
        }
        other => panic!("{other:?}"),
    }
}

/// The parameters that a client accepts from a response with this header value.
fn response(value: &str, offers: &[DeflateOffer]) -> Result<Option<DeflateParams>, Error> {
    let head = format!("{RESPONSE}Sec-WebSocket-Extensions: {value}\r\n\r\n");
    match Handshake::new(*b"the sample nonce", "a", "/")
        .deflate(offers)
        .read_response(head.as_bytes())?
    {
        Status::Complete(Response::Accepted(accepted)) => Ok(accepted.deflate()),
        other => panic!("{other:?}"),
    }
}
