//! Frames as what they carry.

use barews::CloseCode;

use super::end::{Bytes, close_number, part};

/// The parts of short frames. `is_masked` is whether all must be masked.
pub(crate) fn parts(frames: &[u8], is_masked: bool) -> Bytes {
    let (mut parts, mut rest) = (Bytes::new(), frames);
    while let [first, len, after @ ..] = rest {
        assert_eq!(len & 0x80 != 0, is_masked);
        let (key, after) = after.split_at(if is_masked { 4 } else { 0 });
        let (payload, after) = after.split_at(usize::from(len & 0x7F));
        let byte = |(at, byte): (usize, &u8)| byte ^ key.get(at % 4).unwrap_or(&0);
        let payload: Bytes = payload.iter().enumerate().map(byte).collect();
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x7F);
        assert!(is_last || opcode < 8, "a control frame in fragments");
        let number = || payload.first().copied().unwrap_or_default();
        let mut push = |part: u8| parts.push(part).expect("short frames");
        match opcode {
            0 => {}
            1 => push(part::TEXT),
            2 => push(part::BINARY),
            8 => {
                let code = payload[..].try_into().map_or(0, u16::from_be_bytes);
                push(part::CLOSE | close_number(CloseCode::new(code)));
            }
            9 => push(part::PING | number()),
            10 => push(part::PONG | number()),
            _ => panic!("no such opcode: {opcode}"),
        }
        if opcode < 8 {
            payload.iter().for_each(|byte| push(*byte));
            push(if is_last { part::END_OF_MESSAGE } else { part::END_OF_FRAME });
        }
        rest = after;
    }
    assert!(rest.is_empty(), "a part of a frame");
    parts
}
