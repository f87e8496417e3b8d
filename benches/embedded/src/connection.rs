//! `Connection` of barews, shared by the programs with and without handshake.

use core::hint::black_box;

use barews::{Config, Connection, Event, Input, Server};
use barews_embedded::{Column, KEY, delivered};

pub const COLUMN: Column = Column { state: size_of::<Connection<Server>>(), decode, encode };

#[inline(never)]
pub fn decode(bytes: &mut [u8], _: &mut [u8]) {
    let mut ws = Connection::server(Config::new());
    let ws = black_box(&mut ws);
    let mut input = Input::new(bytes);
    loop {
        match ws.receive(&mut input) {
            Ok(Event::Data(data)) => delivered(data.payload),
            // Bound by reference to avoid a copy.
            Ok(Event::Ping(ref payload) | Event::Pong(ref payload)) => delivered(payload),
            Ok(Event::Close(_)) => {}
            Ok(Event::NeedMore(_)) | Err(_) => return,
        }
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let written = if client {
        black_box(&mut Connection::client(Config::new(), || KEY)).send_binary(payload, out)
    } else {
        black_box(&mut Connection::server(Config::new())).send_binary(payload, out)
    };
    written.unwrap_or_default()
}
