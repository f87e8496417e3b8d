//! Bytes for a receiver: those of the fuzzer as they are, or frames that are mostly valid.

use arbitrary::{Arbitrary, Result, Unstructured};

/// The first byte says which: an even one that the rest is the wire, an odd one that frames are to
/// be made of the rest. So seeds and dictionary can hold plain bytes of the wire. With `deflate` a quarter of
/// the messages made are marked as compressed; their payload is not.
pub fn wire(u: &mut Unstructured<'_>, masked: bool, deflate: bool) -> Result<Vec<u8>> {
    if u8::arbitrary(u)? % 2 == 0 {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let mut wire = Vec::new();
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
    let len = u64::from(match kind & 0x0C {
        0x00 => u8::arbitrary(u)? % 8,
        0x04 => u8::arbitrary(u)? % 126,
        0x08 if control => 125,
        _ => 0,
    });
    let len = match kind & 0x0C {
        0x08 if !control => u64::from(u16::arbitrary(u)?) % 700,
        0x0C if kind & 0x3F == 0x0F => 65_536,
        _ => len,
    };
    let mut payload = body(u, first, usize::try_from(len).unwrap_or(0))?;
    match fault {
        1 => first ^= 0x40,
        2 => first ^= 0x10,
        3 => first ^= 0x80,
        4 => first = u8::arbitrary(u)?,
        5 => payload.push(0xFF),
        6 => payload.extend([0; 126]),
        _ => {}
    }
    let masked = masked ^ (fault == 7);
    wire.push(first);
    let bit = if masked { 0x80 } else { 0 };
    let len = payload.len();
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
    let key = if masked { <[u8; 4]>::arbitrary(u)? } else { [0; 4] };
    if masked {
        wire.extend(key);
    }
    wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    if fault == 11 {
        wire.pop();
    }
    Ok(())
}

/// A payload: bytes of the fuzzer, repeated to the length; a Close gets a code.
fn body(u: &mut Unstructured<'_>, first: u8, len: usize) -> Result<Vec<u8>> {
    let some = u.bytes(len.min(16).min(u.len()))?;
    let mut body = vec![b'a'; len];
    body[..some.len()].copy_from_slice(some);
    if first == 0x88 && len >= 2 && some.first().is_some_and(|byte| byte % 4 != 0) {
        body[..2].copy_from_slice(&1000_u16.to_be_bytes());
        body[2..].fill(b'r');
    }
    Ok(body)
}
