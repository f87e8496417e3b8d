//! Bytes for a receiver: those of the fuzzer as they are, or frames that are mostly valid.

use arbitrary::{Arbitrary, Result, Unstructured};

/// The first byte says which: an even one that the rest is the wire, an odd one that frames are to
/// be made of the rest. So seeds and dictionary can hold plain bytes of the wire. With `deflate` a quarter of
/// the messages made are marked as compressed; their payload is not.
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

/// Adds one frame; about one in sixteen has a fault.
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
    // One of the greatest length is enough for a wire, and few wires need it.
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

/// Adds byte 1 and the length behind it, or a length that is wrong.
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

/// Adds a payload: bytes of the fuzzer, filled up to the length; a Close mostly gets a sound one.
fn body(u: &mut Unstructured<'_>, first: u8, len: usize, wire: &mut Vec<u8>) -> Result<()> {
    let some = u.bytes(len.min(16).min(u.len()))?;
    if first == 0x88 && len >= 2 && some.first().is_some_and(|byte| byte % 4 != 0) {
        let start = wire.len();
        wire.extend(1000_u16.to_be_bytes());
        wire.resize(start + len, b'r');
    } else {
        // Text that is not even ASCII would end most wires at their first frame.
        let most = if some.first().is_some_and(|byte| *byte < 0xC0) { 0x7F } else { 0xFF };
        wire.extend(some.iter().map(|byte| byte & most));
        wire.resize(wire.len() + len - some.len(), b'a');
    }
    Ok(())
}
