//! How much an input may make of itself: little, so that there are many of them, and at times much.

/// So many bytes: 1 KiB, of one input in sixteen 8 KiB, and of one in 256 128 KiB.
///
/// A sum of all bytes chooses. A byte that does would soon be found and kept: long inputs show more
/// than short ones, and most of the corpus would be slow.
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
