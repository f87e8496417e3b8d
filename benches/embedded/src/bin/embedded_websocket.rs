//! embedded-websocket: unmasks into a second buffer.
#![no_std]
#![no_main]

use core::hint::black_box;

use barews_embedded::{Column, KEY, delivered};
use embedded_websocket::{
    WebSocketClient, WebSocketReceiveMessageType as Received, WebSocketSendMessageType as Sent,
    WebSocketServer, WebSocketState,
};
use rand_core_06::{Error, RngCore};

barews_embedded::firmware!(Column { state: size_of::<WebSocketServer>(), decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], scratch: &mut [u8]) {
    let mut ws = WebSocketServer::new_server();
    ws.state = WebSocketState::Open;
    let ws = black_box(&mut ws);
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let Ok(part) = ws.read(rest, scratch) else { return };
        if !matches!(part.message_type, Received::CloseMustReply | Received::CloseCompleted) {
            delivered(scratch.get(..part.len_to).unwrap_or_default());
        }
        rest = rest.get(part.len_from..).unwrap_or_default();
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let written = if client {
        let mut ws = WebSocketClient::new_client(Keys);
        ws.state = WebSocketState::Open;
        black_box(&mut ws).write(Sent::Binary, true, payload, out)
    } else {
        let mut ws = WebSocketServer::new_server();
        ws.state = WebSocketState::Open;
        black_box(&mut ws).write(Sent::Binary, true, payload, out)
    };
    written.unwrap_or_default()
}

struct Keys;

impl RngCore for Keys {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(KEY)
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32())
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        for (to, key) in to.iter_mut().zip(KEY) {
            *to = key;
        }
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(to);
        Ok(())
    }
}
