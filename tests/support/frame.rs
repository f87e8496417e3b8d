//! Builds and parses frames straight from RFC 6455 §5.2, without the library's own encoder.
#![allow(dead_code, reason = "each program uses part of it")]

/// The masking key of RFC 6455 §5.7, used for all frames sent to a server.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// RFC 6455 §5.3, literally.
pub(crate) fn xor(bytes: &mut [u8], key: [u8; 4]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[i % 4];
    }
}

/// The size of the shortest extended length field: 0, 2 or 8 bytes.
pub(crate) fn field(len: u64) -> usize {
    match len {
        0..=125 => 0,
        126..=0xFFFF => 2,
        _ => 8,
    }
}

/// A header with an extended length field of `field` bytes.
pub(crate) fn header_in(field: usize, first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let be = len.to_be_bytes();
    let short = match field {
        0 => be[7],
        2 => 126,
        _ => 127,
    };
    let mut bytes = vec![first, mask | short];
    bytes.extend(&be[8 - field..]);
    bytes.extend(key.iter().flatten());
    bytes
}

/// A header with the shortest length form.
pub(crate) fn header(first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    header_in(field(len), first, key, len)
}

pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, key, payload.len().try_into().unwrap());
    let head = bytes.len();
    bytes.extend(payload);
    if let Some(key) = key {
        xor(&mut bytes[head..], key);
    }
    bytes
}

/// A written frame, with its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

/// Parses written bytes. Lengths must be in their shortest form, with no bytes left over.
pub(crate) fn written(mut wire: &[u8]) -> Vec<Written> {
    let mut frames = Vec::new();
    while !wire.is_empty() {
        let first = wire[0];
        let field = [0, 2, 8][usize::from(wire[1] & 127).saturating_sub(125)];
        let len = match field {
            0 => u64::from(wire[1] & 127),
            2 => u64::from(u16::from_be_bytes([wire[2], wire[3]])),
            _ => u64::from_be_bytes(wire[2..10].try_into().unwrap()),
        };
        let end = 2 + field;
        let key: Option<[u8; 4]> =
            (wire[1] & 0x80 != 0).then(|| wire[end..end + 4].try_into().unwrap());
        let head = header(first, key, len);
        assert_eq!(wire[..head.len()], head, "not the shortest header");
        let end = head.len() + usize::try_from(len).unwrap();
        let mut payload = wire[head.len()..end].to_vec();
        if let Some(key) = key {
            xor(&mut payload, key);
        }
        frames.push(Written { first, key, payload });
        wire = &wire[end..];
    }
    frames
}

/// The first byte and payload of each written frame.
pub(crate) fn plain(wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    written(wire).into_iter().map(|frame| (frame.first, frame.payload)).collect()
}
