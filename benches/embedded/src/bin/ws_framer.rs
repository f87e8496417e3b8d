//! ws-framer: messages in a buffer, in which it moves the remaining bytes.
#![no_std]
#![no_main]

use core::hint::black_box;

use barews_embedded::{Column, delivered};
use ws_framer::{WsFrame, WsRxFramer, WsTxFramer};

barews_embedded::firmware!(Column { state: size_of::<WsRxFramer<'_>>(), decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], _: &mut [u8]) {
    let len = bytes.len();
    let mut framer = WsRxFramer::new(bytes);
    let framer = black_box(&mut framer);
    framer.advance(len);
    while let Some(Ok(frame)) = framer.next_frame() {
        if !matches!(frame, WsFrame::Close(..)) {
            delivered(frame.data());
        }
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let mut framer = WsTxFramer::new(client, out);
    black_box(&mut framer).frame(WsFrame::Binary(payload)).map_or(0, <[u8]>::len)
}
