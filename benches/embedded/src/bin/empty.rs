//! A firmware without a WebSocket crate, to subtract.
#![no_std]
#![no_main]

use barews_embedded::{Column, delivered};

barews_embedded::firmware!(Column { state: 0, decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], _: &mut [u8]) {
    delivered(bytes);
}

#[inline(never)]
fn encode(_: &[u8], _: &mut [u8], _: bool) -> usize {
    0
}
