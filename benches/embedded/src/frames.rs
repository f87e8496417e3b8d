//! The bytes to decode, and the expected result.

/// The masking key of all frames.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The payload of the long frame.
const BIG: usize = 1024;

/// Enough for a frame with a payload of [`BIG`] bytes, and some extra room that a crate may need.
pub(crate) const SCRATCH: usize = BIG + 256;

const PING: usize = 5;
const TEXT: usize = 100;
const CLOSE: [u8; 2] = 1000_u16.to_be_bytes();

const SHORT_HEADER: usize = 6;
const LONG_HEADER: usize = 8;
const MASKED_LEN: usize = LONG_HEADER + BIG;
pub(crate) const FOUR_LEN: usize = 3 * SHORT_HEADER + PING + TEXT + CLOSE.len() + MASKED_LEN;

/// Bytes with a fixed alignment of eight, on which the number of instructions depends.
#[repr(C, align(8))]
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

pub(crate) static PAYLOAD: Bytes<BIG> = Bytes(letters());

/// A Binary frame.
pub(crate) static MASKED: [u8; MASKED_LEN] = frame(0x82, &letters::<BIG>());

/// A Ping, a Text, a Binary and a Close.
pub(crate) static FOUR: [u8; FOUR_LEN] = {
    let mut out = [0; FOUR_LEN];
    let (ping, rest) = out.split_at_mut(SHORT_HEADER + PING);
    ping.copy_from_slice(&frame::<{ SHORT_HEADER + PING }>(0x89, &letters::<PING>()));
    let (text, rest) = rest.split_at_mut(SHORT_HEADER + TEXT);
    text.copy_from_slice(&frame::<{ SHORT_HEADER + TEXT }>(0x81, &letters::<TEXT>()));
    let (binary, close) = rest.split_at_mut(MASKED_LEN);
    binary.copy_from_slice(&frame::<MASKED_LEN>(0x82, &letters::<BIG>()));
    close.copy_from_slice(&frame::<{ SHORT_HEADER + 2 }>(0x88, &CLOSE));
    out
};

/// The sum of all payloads of [`FOUR`] except that of the Close.
pub(crate) const SUM: u32 = sum(&letters::<PING>())
    .wrapping_add(sum(&letters::<TEXT>()))
    .wrapping_add(sum(&letters::<BIG>()));

pub(crate) const fn sum(bytes: &[u8]) -> u32 {
    let mut sum: u32 = 0;
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        sum = sum.wrapping_mul(31).wrapping_add(byte as u32);
        rest = behind;
    }
    sum
}

/// Whether the first `n` bytes are the long frame, masked or not.
pub(crate) fn is_frame(bytes: &[u8], n: usize, masked: bool) -> bool {
    let Some((&[0x82, second, 0x04, 0x00], rest)) =
        bytes.get(..n).and_then(|bytes| bytes.split_first_chunk())
    else {
        return false;
    };
    let (key, payload) = match (second, rest.split_first_chunk()) {
        (0x7E, _) if !masked => ([0; 4], rest),
        (0xFE, Some((key, payload))) if masked => (*key, payload),
        _ => return false,
    };
    let unmasked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    unmasked.eq(PAYLOAD.0.iter().copied())
}

const fn letters<const N: usize>() -> [u8; N] {
    let mut letters = [0; N];
    let mut i = 0;
    while i < N {
        letters[i] = b'a' + (i % 26) as u8;
        i += 1;
    }
    letters
}

/// A masked frame of `N` bytes.
const fn frame<const N: usize>(first: u8, payload: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out[0] = first;
    let header = N - payload.len();
    if header == SHORT_HEADER {
        out[1] = 0x80 | payload.len() as u8;
    } else {
        [out[2], out[3]] = (payload.len() as u16).to_be_bytes();
        out[1] = 0xFE;
    }
    let mut i = 0;
    while i < 4 {
        out[header - 4 + i] = KEY[i];
        i += 1;
    }
    i = 0;
    while i < payload.len() {
        out[header + i] = payload[i] ^ KEY[i % 4];
        i += 1;
    }
    out
}
