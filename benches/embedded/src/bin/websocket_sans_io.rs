//! websocket-sans-io: delivers frames in pieces.
#![no_std]
#![no_main]

use core::hint::black_box;

use barews_embedded::{Column, KEY, delivered};
use websocket_sans_io::{
    FrameInfo, Opcode, WebsocketFrameDecoder, WebsocketFrameEncoder, WebsocketFrameEvent as Event,
};

barews_embedded::firmware!(Column { state: size_of::<WebsocketFrameDecoder>(), decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], _: &mut [u8]) {
    let mut decoder = WebsocketFrameDecoder::new();
    let decoder = black_box(&mut decoder);
    let mut rest = bytes;
    loop {
        let Ok(step) = decoder.add_data(rest);
        if step.event.is_none() && step.consumed_bytes == 0 {
            return;
        }
        let Some((piece, behind)) = rest.split_at_mut_checked(step.consumed_bytes) else { return };
        if let Some(Event::PayloadChunk { original_opcode }) = step.event
            && original_opcode != Opcode::ConnectionClose
        {
            delivered(piece);
        }
        rest = behind;
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let mask = client.then_some(KEY);
    let mut encoder = WebsocketFrameEncoder::new();
    let encoder = black_box(&mut encoder);
    let header = encoder.start_frame(&FrameInfo {
        opcode: Opcode::Binary,
        payload_length: payload.len().try_into().unwrap_or_default(),
        mask,
        fin: true,
        reserved: 0,
    });
    let whole = header.len().saturating_add(payload.len());
    let Some((head, body)) =
        out.get_mut(..whole).and_then(|out| out.split_at_mut_checked(header.len()))
    else {
        return 0;
    };
    for (to, from) in head.iter_mut().zip(&header) {
        *to = *from;
    }
    body.copy_from_slice(payload);
    if mask.is_some() {
        encoder.transform_frame_payload(body);
    }
    whole
}
