//! Bytes for a receiver: the raw bytes of the fuzzer, or frames that are mostly valid.

use arbitrary::{Arbitrary, Result, Unstructured};

/// If the first byte is even, the rest is the wire itself, so seeds and dictionary can contain
/// frames. If it is odd, frames are generated from the rest. With `deflate`, a quarter of the
/// generated messages are marked as compressed, although their payload is not.
pub fn wire(u: &mut Unstructured<'_>, masked: bool, deflate: bool) -> Result<Vec<u8>> {
    if u8::arbitrary(u)? % 2 == 0 {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let mut wire = Vec::with_capacity(4 * u.len());
    let mut open = false;
    while !u.is_empty() {
        frame(u, masked, deflate, &mut open, &mut wire)?;
    }
    Ok(wire)
}

/// Appends one frame. About one in sixteen is invalid.
fn frame(
    u: &mut Unstructured<'_>,
    masked: bool,
    deflate: bool,
    open: &mut bool,
    wire: &mut Vec<u8>,
) -> Result<()> {
    let [kind, fault] = <[u8; 2]>::arbitrary(u)?;
    let fault = if fault < 240 { 0 } else { fault - 239 };
    let fin = kind & 0x80 != 0;
    let control = kind & 0x70 == 0x70 || kind & 0x70 == 0x60;
    let mut first = match (control, *open) {
        (true, _) => [0x89, 0x8A, 0x89, 0x8A, 0x89, 0x89, 0x8A, 0x88][usize::from(kind & 7)],
        (false, true) => 0x00,
        (false, false) => 1 + (kind & 1),
    };
    if !control {
        if deflate && !*open && kind & 0x12 == 0x12 {
            first |= 0x40;
        }
        first |= if fin { 0x80 } else { 0 };
        *open = !fin;
    }
    // At most one frame of the largest length per wire, and in few wires.
    let greatest = kind & 0x3F == 0x0F && wire.len() < 1024 && u8::arbitrary(u)? % 8 == 0;
    let len = match kind & 0x0C {
        0x00 => usize::from(u8::arbitrary(u)? % 8),
        0x04 => usize::from(u8::arbitrary(u)? % 126),
        0x08 if control => 125,
        0x08 => usize::from(u16::arbitrary(u)?) % 700,
        _ if greatest => 65_536,
        _ => 0,
    };
    match fault {
        1 => first ^= 0x40,
        2 => first ^= 0x10,
        3 => first ^= 0x80,
        4 => first = u8::arbitrary(u)?,
        _ => {}
    }
    let extra = match fault {
        5 => &[0xFF][..],
        6 => &[0; 126],
        _ => &[],
    };
    let (masked, payload_len) = (masked ^ (fault == 7), len + extra.len());
    wire.push(first);
    length(u, if masked { 0x80 } else { 0 }, payload_len, fault, wire)?;
    let key = if masked { <[u8; 4]>::arbitrary(u)? } else { [0; 4] };
    if masked {
        wire.extend(key);
    }
    let start = wire.len();
    body(u, first, len, wire)?;
    wire.extend(extra);
    if key != [0; 4] {
        wire[start..].iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }
    if fault == 11 {
        wire.pop();
    }
    Ok(())
}

/// Appends byte 1 and the extended length, possibly invalid.
fn length(
    u: &mut Unstructured<'_>,
    bit: u8,
    len: usize,
    fault: u8,
    wire: &mut Vec<u8>,
) -> Result<()> {
    match (len, fault) {
        (0..126, 8) => wire.extend([bit | 126, 0, len as u8]),
        (0..65_536, 9) => {
            wire.push(bit | 127);
            wire.extend((len as u64).to_be_bytes());
        }
        (_, 10) => {
            wire.push(bit | 127);
            wire.extend(u64::arbitrary(u)?.to_be_bytes());
        }
        (0..126, _) => wire.push(bit | len as u8),
        (126..65_536, _) => {
            wire.push(bit | 126);
            wire.extend((len as u16).to_be_bytes());
        }
        _ => {
            wire.push(bit | 127);
            wire.extend((len as u64).to_be_bytes());
        }
    }
    Ok(())
}

/// Appends a payload: bytes of the fuzzer, padded to the length. That of a Close is mostly valid.
fn body(u: &mut Unstructured<'_>, first: u8, len: usize, wire: &mut Vec<u8>) -> Result<()> {
    let some = u.bytes(len.min(16).min(u.len()))?;
    if first == 0x88 && len >= 2 && some.first().is_some_and(|byte| byte % 4 != 0) {
        let start = wire.len();
        wire.extend(1000_u16.to_be_bytes());
        wire.resize(start + len, b'r');
    } else {
        // Mostly ASCII, because invalid text would end most wires at the first frame.
        let most = if some.first().is_some_and(|byte| *byte < 0xC0) { 0x7F } else { 0xFF };
        wire.extend(some.iter().map(|byte| byte & most));
        wire.resize(wire.len() + len - some.len(), b'a');
    }
    Ok(())
}
