//! How much data a target generates from an input: mostly little, for speed, and sometimes much.

/// At most this many bytes: 1 KiB, but 8 KiB for one input in sixteen and 128 KiB for one in 256.
///
/// A hash of all bytes decides. With a single byte, the fuzzer would learn to make most inputs
/// large, because they cover more code, and the corpus would become slow.
pub fn most(data: &[u8]) -> usize {
    match sum(data) {
        0 => 128 << 10,
        1..16 => 8 << 10,
        _ => 1 << 10,
    }
}

/// FNV-1a, folded to a byte.
fn sum(data: &[u8]) -> u8 {
    let sum = data
        .iter()
        .fold(0x811C_9DC5_u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (sum ^ sum >> 8 ^ sum >> 16 ^ sum >> 24) as u8
}
