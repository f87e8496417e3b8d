//! Masking (RFC 6455 §5.3): byte `i` of a payload is combined by XOR with byte `i mod 4` of
//! the masking key.
//!
//! Below 32 bytes the kernels work on words (SWAR), above on lanes of 32 bytes, which the compiler
//! vectorises to the widest registers of the target. The last word or lane overlaps the one before
//! it, so no bytewise tail is left.
//!
//! 32-bit targets have a loop over words instead: the compiler would split lanes into bytes there,
//! and code size comes first.

use core::iter::zip;

use crate::bytes::{self, WORD_64};

/// The length of a vectorised lane in bytes.
const LANE: usize = 32;

/// Masks or unmasks `bytes` in place and returns the key for the byte that follows them.
///
/// That key is `key` rotated by the length, so a payload can be masked in chunks of any length:
///
/// ```
/// let mut whole = *b"any chunks";
/// barews::mask::mask(&mut whole, [1, 2, 3, 4]);
///
/// let mut chunks = *b"any chunks";
/// let (head, tail) = chunks.split_at_mut(3);
/// let key = barews::mask::mask(head, [1, 2, 3, 4]);
/// barews::mask::mask(tail, key);
/// assert_eq!(whole, chunks);
/// ```
pub fn mask(bytes: &mut [u8], key: [u8; 4]) -> [u8; 4] {
    mask_ascii(bytes, key).0
}

/// Masks in place. Returns the key for the byte that follows, and whether all results are ASCII,
/// which costs next to nothing in the same pass.
#[inline]
pub(crate) fn mask_ascii(bytes: &mut [u8], key: [u8; 4]) -> ([u8; 4], bool) {
    let after = rotate(key, bytes.len());
    #[cfg(feature = "simd")]
    if bytes.len() >= LANE {
        return (after, vectors::mask(bytes, key, after));
    }
    (after, baseline(bytes, key, after))
}

/// Masks in place with the baseline instructions of the target; returns whether all
/// results are ASCII.
///
/// A tail starts a multiple of four bytes before the end, so its key is `after`.
#[inline(always)]
fn baseline(bytes: &mut [u8], key: [u8; 4], after: [u8; 4]) -> bool {
    match bytes.len() {
        _ if !WORD_64 => words(bytes, key),
        LANE.. => long(bytes, repeat(key), repeat(after)),
        16.. => ends_16(bytes, repeat_16(key), repeat_16(after)),
        8.. => ends_8(bytes, repeat_8(key), repeat_8(after)),
        4.. => ends_4(bytes, key, after),
        0.. => bytes.iter_mut().zip(key).fold(true, |ascii, (byte, key)| {
            *byte ^= key;
            ascii && byte.is_ascii()
        }),
    }
}

fn words(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let (words, rest) = bytes.as_chunks_mut();
    let mut or = 0;
    for word in words {
        let masked = u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key);
        or |= masked;
        *word = masked.to_ne_bytes();
    }
    for (byte, key) in zip(rest, &key) {
        *byte ^= key;
        or |= u32::from(*byte);
    }
    or & u32::from_ne_bytes([0x80; 4]) == 0
}

/// The first and the last word of a slice of one to two words, in place and copied. They may overlap.
///
/// Words instead of lanes, for which the compiler would emit bytewise code at this length.
macro_rules! ends {
    ($ends:ident, $copy_ends:ident, $word:ty, $len:literal) => {
        #[inline]
        fn $ends(bytes: &mut [u8], key: [u8; $len], tail_key: [u8; $len]) -> bool {
            let Some(tail) = bytes.last_chunk() else { return true };
            let tail = <$word>::from_ne_bytes(*tail) ^ <$word>::from_ne_bytes(tail_key);
            let Some(start) = bytes.first_chunk_mut() else { return true };
            let head = <$word>::from_ne_bytes(*start) ^ <$word>::from_ne_bytes(key);
            *start = head.to_ne_bytes();
            if let Some(end) = bytes.last_chunk_mut() {
                *end = tail.to_ne_bytes();
            }
            (head | tail) & <$word>::from_ne_bytes([0x80; $len]) == 0
        }

        #[inline]
        fn $copy_ends(from: &[u8], to: &mut [u8], key: [u8; $len], tail_key: [u8; $len]) {
            let xor = |from: &[u8; $len], key| {
                (<$word>::from_ne_bytes(*from) ^ <$word>::from_ne_bytes(key)).to_ne_bytes()
            };
            bytes::set(from.first_chunk().map(|from| xor(from, key)), to.first_chunk_mut());
            bytes::set(from.last_chunk().map(|from| xor(from, tail_key)), to.last_chunk_mut());
        }
    };
}

ends!(ends_4, copy_ends_4, u32, 4);
ends!(ends_8, copy_ends_8, u64, 8);
ends!(ends_16, copy_ends_16, u128, 16);

/// The length in bytes from which a call of [`blocks`] pays.
const BLOCKS_LEN: usize = 512;

/// At least one lane. The tail is a lane that may overlap the one before it.
#[inline]
fn long(bytes: &mut [u8], key: [u8; LANE], tail_key: [u8; 16]) -> bool {
    let tail = mask_words(bytes.last_chunk().copied().unwrap_or_default(), tail_key);
    let mut or = [0; LANE];
    let mut rest = &mut *bytes;
    if rest.len() >= BLOCKS_LEN {
        let (whole, behind) = rest.as_chunks_mut();
        blocks(whole, key, &mut or);
        rest = behind;
    }
    for lane in rest.as_chunks_mut().0 {
        mask_lane(lane, key, &mut or);
    }
    bytes::set(Some(tail), bytes.last_chunk_mut());
    or.is_ascii() && tail.is_ascii()
}

/// Masks a lane as two words: with the key in bytes the compiler emits bytewise code.
#[inline]
fn mask_words(mut lane: [u8; LANE], key: [u8; 16]) -> [u8; LANE] {
    let key = u128::from_ne_bytes(key);
    for word in lane.as_chunks_mut().0 {
        *word = (u128::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    lane
}

/// Masks four lanes at a time. Each has its own OR, so that none depends on the one before.
#[inline(never)]
fn blocks(blocks: &mut [[u8; 4 * LANE]], key: [u8; LANE], or: &mut [u8; LANE]) {
    let mut four = [[0; LANE]; 4];
    for block in blocks {
        for (lane, or) in block.as_chunks_mut().0.iter_mut().zip(&mut four) {
            mask_lane(lane, key, or);
        }
    }
    for one in &four {
        for (or, byte) in or.iter_mut().zip(one) {
            *or |= byte;
        }
    }
}

#[inline]
fn mask_lane(lane: &mut [u8; LANE], key: [u8; LANE], or: &mut [u8; LANE]) {
    for ((byte, key), or) in lane.iter_mut().zip(key).zip(or) {
        *byte ^= key;
        *or |= *byte;
    }
}

/// Masking with the widest vectors of the processor, detected at run time.
#[cfg(feature = "simd")]
mod vectors {
    use pulp::{Arch, Simd, WithSimd};

    use super::{baseline, repeat, rotate};

    /// The length in bytes from which the call, which cannot be inlined, pays.
    const LEAST: usize = 256;

    /// Not inlined, so that the code for payloads shorter than a lane is.
    #[inline(never)]
    pub(super) fn mask(bytes: &mut [u8], key: [u8; 4], after: [u8; 4]) -> bool {
        if bytes.len() < LEAST {
            return baseline(bytes, key, after);
        }
        dispatch(bytes, key)
    }

    /// Not inlined, so that a call of [`mask`] saves no registers for it.
    #[inline(never)]
    fn dispatch(bytes: &mut [u8], key: [u8; 4]) -> bool {
        Arch::new().dispatch(Mask { bytes, key })
    }

    struct Mask<'a> {
        bytes: &'a mut [u8],
        key: [u8; 4],
    }

    impl WithSimd for Mask<'_> {
        type Output = bool;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> bool {
            // A vector that straddles two cache lines costs two accesses.
            let start = self.bytes.as_ptr().align_offset(64).min(self.bytes.len());
            let (head, rest) = self.bytes.split_at_mut_checked(start).unwrap_or_default();
            let key = rotate(self.key, start);
            let head_is_ascii = baseline(head, self.key, key);
            let after = rotate(key, rest.len());
            // With a multiple of four lanes per vector, each vector has the same key. Without
            // vectors there is one lane.
            let wide = repeat::<64>(key);
            let wide = match S::as_simd_u8s(&wide).0 {
                [wide, ..] if S::U8_LANES.is_multiple_of(4) => *wide,
                _ => return baseline(rest, key, after) && head_is_ascii,
            };
            let (vectors, tail) = S::as_mut_simd_u8s(rest);
            let (blocks, rest) = vectors.as_chunks_mut::<4>();
            // Each vector of a block has its own OR, so that none depends on the one before.
            let mut ors = [simd.splat_u8s(0); 4];
            for block in blocks {
                for (vector, or) in block.iter_mut().zip(&mut ors) {
                    *vector = simd.xor_u8s(*vector, wide);
                    *or = simd.or_u8s(*or, *vector);
                }
            }
            let mut or = ors.into_iter().fold(simd.splat_u8s(0), |or, one| simd.or_u8s(or, one));
            for vector in rest {
                *vector = simd.xor_u8s(*vector, wide);
                or = simd.or_u8s(or, *vector);
            }
            let tail_is_ascii = baseline(tail, key, after);
            head_is_ascii && pulp::bytemuck::bytes_of(&or).is_ascii() && tail_is_ascii
        }
    }

    #[cfg(test)]
    #[allow(clippy::indexing_slicing, reason = "tests may panic")]
    mod tests {
        use super::super::mask_ascii;
        use super::*;

        /// With the vectors of this processor, and without vectors.
        #[test]
        fn all_machines_mask_the_same() {
            const KEY: [u8; 4] = [0x01, 0x40, 0x7F, 0x22];
            let plain: [u8; 700] = core::array::from_fn(|i| (i % 126).to_le_bytes()[0]);
            for (start, len) in (0..5).flat_map(|start| (0_usize..600).map(move |len| (start, len)))
            {
                // No byte, the first, one in the middle and the last.
                for bad in [len, 0, len / 2, len.saturating_sub(1)] {
                    let mut masked = plain;
                    let bytes = &mut masked[start..start + len];
                    bytes.iter_mut().skip(bad).take(1).for_each(|byte| *byte |= 0x80);
                    let wanted = masked;
                    let bytes = &mut masked[start..start + len];
                    bytes.iter_mut().zip(KEY.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                    let is_ascii = bad >= len;
                    let mut again = masked;
                    assert_eq!(
                        mask_ascii(&mut again[start..start + len], KEY).1,
                        is_ascii,
                        "{start} {len}"
                    );
                    assert_eq!(again, wanted);
                    let bytes = &mut masked[start..start + len];
                    let scalar = Mask { bytes, key: KEY }.with_simd(pulp::Scalar);
                    assert_eq!(scalar, is_ascii, "{start} {len}");
                    assert_eq!(masked, wanted);
                }
            }
        }
    }
}

/// Copies `from`, masked, to `to`, which has the same length.
#[inline]
pub(crate) fn copy_masked(from: &[u8], to: &mut [u8], key: [u8; 4]) {
    let after = rotate(key, from.len());
    match from.len() {
        _ if !WORD_64 => bytes::copy_words(from, to, key),
        LANE.. => copy_long(from, to, key, after),
        16.. => copy_ends_16(from, to, repeat_16(key), repeat_16(after)),
        8.. => copy_ends_8(from, to, repeat_8(key), repeat_8(after)),
        4.. => copy_ends_4(from, to, key, after),
        0.. => {
            for ((to, from), key) in to.iter_mut().zip(from).zip(key) {
                *to = from ^ key;
            }
        }
    }
}

#[inline(never)]
fn copy_long(from: &[u8], to: &mut [u8], key: [u8; 4], after: [u8; 4]) {
    let wide: [u8; LANE] = repeat(key);
    for (from, to) in from.as_chunks::<LANE>().0.iter().zip(to.as_chunks_mut::<LANE>().0) {
        *to = xor(from, wide);
    }
    bytes::set(from.last_chunk().map(|from| mask_words(*from, repeat(after))), to.last_chunk_mut());
}

#[inline]
fn xor<const N: usize>(bytes: &[u8; N], key: [u8; N]) -> [u8; N] {
    let mut out = *bytes;
    for (byte, key) in out.iter_mut().zip(key) {
        *byte ^= key;
    }
    out
}

/// Repeats `key`; `N` is a multiple of four, at most 64.
#[inline]
fn repeat<const N: usize>(key: [u8; 4]) -> [u8; N] {
    // A copy of four bytes at a time takes 14 instructions instead of one.
    let keys = [key; 16];
    keys.as_flattened().first_chunk().copied().unwrap_or([0; N])
}

/// Repeats `key` with a shift. Bytes would become two multiplications, or many moves.
#[inline]
fn repeat_8(key: [u8; 4]) -> [u8; 8] {
    let key = u64::from(u32::from_ne_bytes(key));
    (key | key << 32).to_ne_bytes()
}

#[inline]
fn repeat_16(key: [u8; 4]) -> [u8; 16] {
    let key = u128::from(u64::from_ne_bytes(repeat_8(key)));
    (key | key << 64).to_ne_bytes()
}

/// The key for the byte `len` bytes later.
#[inline]
pub(crate) fn rotate(key: [u8; 4], len: usize) -> [u8; 4] {
    let bits = match len % 4 {
        0 => 0,
        1 => 8,
        2 => 16,
        _ => 24,
    };
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}
