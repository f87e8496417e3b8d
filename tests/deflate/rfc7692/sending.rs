//! RFC 7692 §7.2.1: compressed messages on the wire.

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate, WindowBits,
};
use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::DeflateOffer;
use barews::{Compressed, Config, Connection, Event, Input, Kind, SendError};

use crate::support::strict_inflate::StrictInflate;

const EFFORTS: [Effort; 4] = [Effort::TINY, Effort::SMALL, Effort::FAST, Effort::BEST];
/// The bytes that a sender removes.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

fn context(bits: u8, takeover: bool) -> CompressionContext {
    CompressionContext { window_bits: WindowBits::new(bits).unwrap(), takeover }
}

fn deflate(context: CompressionContext, effort: Effort) -> Deflate<Vec<u8>> {
    Deflate::new(context, effort, vec![0; Deflate::memory(context, effort)]).unwrap()
}

fn whole(deflate: &mut Deflate<Vec<u8>>, message: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; Deflate::max_len(message.len())];
    let deflated = deflate.push(message, Flush::Finish, &mut payload);
    assert!(deflated.done);
    payload.truncate(deflated.written);
    payload
}

/// `len` bytes of feed-like text, different for each `seed`.
fn text(seed: usize, len: usize) -> Vec<u8> {
    let line =
        |i: usize| format!("{{\"id\":{},\"value\":{}}},", i * 7 + seed, i * i % 1000).into_bytes();
    (0..).flat_map(line).take(len).collect()
}

/// Random bytes, in which no four bytes repeat.
fn noise(len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(len as u64);
    (0..len).map(|_| rng.u8(..)).collect()
}

/// The first byte and the payload length of a frame under 64 KiB.
fn frame(wire: &[u8]) -> (u8, usize) {
    match wire[1] & 0x7F {
        126 => (wire[0], u16::from_be_bytes([wire[2], wire[3]]).into()),
        short => (wire[0], short.into()),
    }
}

#[test]
fn r9_1_03_nothing_is_compressed_before_the_negotiation() {
    let response = |extension: &str| {
        let offers = [DeflateOffer::new()];
        let mut handshake = Handshake::new([0; 16], "a", "/").deflate(&offers);
        handshake.write_request(&mut [0; 512]).unwrap();
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n{extension}\r\n"
        );
        match handshake.read_response(head.as_bytes()).unwrap() {
            Status::Complete(Response::Accepted(accepted)) => accepted.deflate(),
            other => unreachable!("{other:?}"),
        }
    };
    let negotiated = response("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let declined = response("");
    assert_eq!((negotiated, declined), (Some(DeflateParams::DEFAULT), None));

    let payload = whole(&mut deflate(context(15, true), Effort::FAST), b"Hello");
    let send = |negotiated: Option<DeflateParams>| {
        let mut ws = Connection::client(Config::new().deflate(negotiated.is_some()), || [0; 4]);
        ws.send_fragment(Compressed(Kind::Text), true, &payload, &mut [0; 64])
    };
    assert!(send(negotiated).is_ok());
    assert_eq!(send(declined), Err(SendError::NotNegotiated));
}

#[test]
fn r6_1_06_frames_carry_the_compressed_message() {
    let mut compressor = deflate(context(15, true), Effort::FAST);
    let message = text(0, 5000);
    let payload = whole(&mut compressor, &message);
    let mut ws = Connection::server(Config::new().deflate(true));
    let mut out = vec![0; 6000];
    let n = ws.send_fragment(Compressed(Kind::Binary), true, &payload, &mut out).unwrap();
    assert_eq!(frame(&out), (0xC2, payload.len()));
    assert!(payload.len() < message.len() / 2);
    assert_eq!(out[n - payload.len()..n], payload);
}

#[test]
fn r7692_7_2_1_01_a_message_ends_in_an_empty_stored_block_without_its_last_four_bytes() {
    for effort in EFFORTS {
        for takeover in [true, false] {
            let mut compressor = deflate(context(15, takeover), effort);
            let mut zlib = flate2::Decompress::new(false);
            for message in [&b""[..], b"Hello", &text(0, 3000), &noise(3000), b""] {
                let payload = whole(&mut compressor, message);
                assert!(!payload.ends_with(&TAIL) || message.is_empty());
                if !takeover {
                    zlib.reset(false);
                }
                let mut inflated = Vec::with_capacity(message.len() + 1);
                let all = [&payload[..], &TAIL].concat();
                zlib.decompress_vec(&all, &mut inflated, flate2::FlushDecompress::Sync).unwrap();
                assert!(inflated == message);
                // The tail completes the last block, so a block after it starts at a byte boundary.
                let more = [&payload[..], &TAIL, b"\x00\x01\x00\xFE\xFF!\x00"].concat();
                let mut strict = StrictInflate::new(15, false);
                if !takeover {
                    assert_eq!(strict.message(&more).unwrap(), [message, b"!"].concat());
                }
            }
        }
    }
}

/// Fragments end anywhere, and their payloads add up to the payload of the message.
#[test]
fn r7692_7_2_1_04_only_the_end_of_the_message_loses_four_bytes() {
    for effort in EFFORTS {
        let message = [text(1, 4000), noise(500), text(1, 4000)].concat();
        let at_once = whole(&mut deflate(context(15, true), effort), &message);
        for fragment in [1, 2, 3, 7, 100, 1000] {
            assert_eq!(fragments(effort, &message, fragment), at_once, "{fragment}");
        }
    }
}

/// §6.1: "compressed first and then fragmented".
#[test]
fn r7692_6_05_a_message_is_compressed_and_then_fragmented() {
    let message = text(2, 20_000);
    let payload = fragments(Effort::FAST, &message, 64);
    let mut strict = StrictInflate::new(15, true);
    assert!(strict.message(&payload).unwrap() == message);
    // Compressing each fragment by itself would give a longer payload.
    assert_eq!(payload, whole(&mut deflate(context(15, true), Effort::FAST), &message));
}

/// Sends a message in fragments of `len` bytes, checks their headers and returns their payloads
/// joined.
fn fragments(effort: Effort, message: &[u8], len: usize) -> Vec<u8> {
    let mut compressor = deflate(context(15, true), effort);
    let mut ws = Connection::server(Config::new().deflate(true));
    let (mut rest, mut payload, mut room) = (message, Vec::new(), vec![0; len]);
    let mut first = true;
    loop {
        let deflated = compressor.push(rest, Flush::Finish, &mut room);
        rest = &rest[deflated.consumed..];
        let mut out = vec![0; len + 14];
        let body = &room[..deflated.written];
        ws.send_fragment(Compressed(Kind::Binary), deflated.done, body, &mut out).unwrap();
        let fin = if deflated.done { 0x80 } else { 0 };
        let opcode = if first { 0x42 } else { 0x00 };
        assert_eq!(frame(&out), (fin | opcode, body.len()));
        payload.extend_from_slice(body);
        first = false;
        if deflated.done {
            return payload;
        }
    }
}

/// A message of which two parts are flushed, with any time between them.
#[test]
fn r7692_7_2_1_04_a_flushed_fragment_keeps_its_four_bytes_and_is_inflated_at_once() {
    for (effort, takeover) in EFFORTS.map(|effort| [(effort, true), (effort, false)]).concat() {
        let context = context(15, takeover);
        let mut deflate = deflate(context, effort);
        let mut inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).unwrap();
        let mut server = Connection::server(Config::new().deflate(true));
        let mut client = Connection::client(Config::new().deflate(true), || [0; 4]);
        let mut payload = Vec::new();
        let steps = [("part one", Flush::Sync, &TAIL[..]), ("part two", Flush::Finish, b"\x00")];
        for (part, flush, end) in steps {
            let (mut body, mut wire) = ([0; 64], [0; 64]);
            let deflated = deflate.push(part.as_bytes(), flush, &mut body);
            assert!(deflated.done && body[..deflated.written].ends_with(end));
            payload.extend_from_slice(&body[..deflated.written]);
            let fin = flush == Flush::Finish;
            let body = &body[..deflated.written];
            let n = server.send_fragment(Compressed(Kind::Text), fin, body, &mut wire).unwrap();
            let mut input = Input::new(&mut wire[..n]);
            let Ok(Event::Data(mut data)) = client.receive(&mut input) else { panic!("no data") };
            let mut out = [0; 64];
            let chunk = inflate.push(&mut data, &mut out).unwrap().expect("a chunk");
            assert_eq!((&*chunk.payload, chunk.fin), (part.as_bytes(), fin));
        }
        assert_eq!(
            StrictInflate::new(15, takeover).message(&payload).unwrap(),
            b"part onepart two"
        );
    }
}

#[test]
fn r7692_7_2_1_05_no_distance_exceeds_the_negotiated_window() {
    for effort in EFFORTS {
        for bits in 8..=15 {
            let context = context(bits, true);
            let mut compressor = deflate(context, effort);
            // Rejects a distance over the window, and records the greatest.
            let mut strict = StrictInflate::new(bits, true);
            let block = noise(400);
            for gap in [0, 100, 200, 500, 1000, 3000, 10_000, 40_000] {
                let message = [&block[..], &noise(gap), &block].concat();
                let payload = whole(&mut compressor, &message);
                assert!(strict.message(&payload).unwrap() == message);
            }
            assert!(strict.seen.greatest_distance <= 1 << bits);
        }
    }
}

#[test]
fn r7692_7_2_1_06_without_takeover_a_message_refers_only_to_itself() {
    for effort in EFFORTS {
        let mut compressor = deflate(context(15, false), effort);
        let mut strict = StrictInflate::new(15, false);
        let messages = [text(3, 2000), text(3, 2000), noise(300), text(3, 2000)];
        let payloads: Vec<_> = messages.iter().map(|m| whole(&mut compressor, m)).collect();
        for (payload, message) in payloads.iter().zip(&messages) {
            assert!(strict.message(payload).unwrap() == *message);
        }
        assert_eq!(payloads[0], payloads[1]);
        assert_eq!(payloads[0], payloads[3]);
        // With takeover the second message is tiny if the window is long enough.
        let mut compressor = deflate(context(15, true), Effort::FAST);
        whole(&mut compressor, &messages[0]);
        assert!(whole(&mut compressor, &messages[1]).len() < payloads[0].len() / 4);
    }
}
