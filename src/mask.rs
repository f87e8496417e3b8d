//! Masking (RFC 6455 section 5.3): byte `i` of a payload is combined by XOR with byte
//! `i mod 4` of the key.
//!
//! All kernels work on byte lanes of 32, so that the compiler turns them into the widest vectors
//! that the target has; the last lane overlaps the one before it, so that no byte-wise tail is left.

/// Bytes in a lane of the kernels.
const LANE: usize = 32;

/// Masks or unmasks `bytes` in place and returns the key for the byte behind them.
///
/// The returned key is `key` rotated by the length, so a payload can be masked in any pieces:
///
/// ```
/// let mut whole = *b"any pieces";
/// barews::mask::mask(&mut whole, [1, 2, 3, 4]);
///
/// let mut pieces = *b"any pieces";
/// let (head, tail) = pieces.split_at_mut(3);
/// let key = barews::mask::mask(head, [1, 2, 3, 4]);
/// barews::mask::mask(tail, key);
/// assert_eq!(whole, pieces);
/// ```
pub fn mask(bytes: &mut [u8], key: [u8; 4]) -> [u8; 4] {
    mask_or(bytes, key).0
}

/// Masks in place; returns the key for the byte behind, and the OR of all masked bytes.
///
/// The OR comes with the pass for next to nothing and tells whether all bytes are ASCII.
#[inline]
pub(crate) fn mask_or(bytes: &mut [u8], key: [u8; 4]) -> ([u8; 4], u8) {
    let after = rotate(key, bytes.len());
    let or = if bytes.len() < 16 { short(bytes, key) } else { long(bytes, key, after) };
    (after, or)
}

/// Fewer than 16 bytes: two overlapping words, or single bytes below four.
#[inline]
fn short(bytes: &mut [u8], key: [u8; 4]) -> u8 {
    let len = bytes.len();
    if len >= 8 {
        ends::<8>(bytes, repeat(key), repeat(rotate(key, len)))
    } else if len >= 4 {
        ends::<4>(bytes, key, rotate(key, len))
    } else {
        bytes.iter_mut().zip(key).fold(0, |or, (byte, key)| {
            *byte ^= key;
            or | *byte
        })
    }
}

/// The first and the last `N` of at most `2 * N` bytes, which may overlap.
#[inline]
fn ends<const N: usize>(bytes: &mut [u8], key: [u8; N], tail_key: [u8; N]) -> u8 {
    let Some(mut tail) = bytes.last_chunk::<N>().copied() else { return 0 };
    let mut or = xor(&mut tail, tail_key);
    if let Some(head) = bytes.first_chunk_mut::<N>() {
        or |= xor(head, key);
    }
    if let Some(last) = bytes.last_chunk_mut::<N>() {
        *last = tail;
    }
    or
}

/// 16 bytes or more. `after` is the key behind the last byte: the tail starts a multiple of four
/// before it, so it is the tail's key as well.
#[inline]
fn long(bytes: &mut [u8], key: [u8; 4], after: [u8; 4]) -> u8 {
    let Some(mut tail) = bytes.last_chunk::<16>().copied() else { return 0 };
    let mut or = xor(&mut tail, repeat(after));
    let wide: [u8; LANE] = repeat(key);
    let mut lanes = [0; LANE];
    let (chunks, rest) = bytes.as_chunks_mut::<LANE>();
    for chunk in chunks {
        for ((byte, key), lane) in chunk.iter_mut().zip(wide).zip(&mut lanes) {
            *byte ^= key;
            *lane |= *byte;
        }
    }
    or |= lanes.iter().fold(0, |or, lane| or | lane);
    if let Some(head) = rest.first_chunk_mut::<16>() {
        or |= xor(head, repeat(key));
    }
    if let Some(last) = bytes.last_chunk_mut::<16>() {
        *last = tail;
    }
    or
}

#[inline]
fn xor<const N: usize>(bytes: &mut [u8; N], key: [u8; N]) -> u8 {
    let mut or = 0;
    for (byte, key) in bytes.iter_mut().zip(key) {
        *byte ^= key;
        or |= *byte;
    }
    or
}

/// Copies `from` to `to`, masked; both have the same length.
pub(crate) fn copy_masked(from: &[u8], to: &mut [u8], key: [u8; 4]) {
    let wide: [u8; LANE] = repeat(key);
    let (from_chunks, from_rest) = from.as_chunks::<LANE>();
    let (to_chunks, to_rest) = to.as_chunks_mut::<LANE>();
    for (from, to) in from_chunks.iter().zip(to_chunks) {
        for ((to, from), key) in to.iter_mut().zip(from).zip(wide) {
            *to = from ^ key;
        }
    }
    copy(from_rest, to_rest);
    mask(to_rest, key);
}

/// Copies `from` to `to`, which has the same length; there is no length check that could panic.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// `key` over and over; `N` is a multiple of four.
#[inline]
fn repeat<const N: usize>(key: [u8; 4]) -> [u8; N] {
    let mut wide = [0; N];
    for chunk in wide.as_chunks_mut::<4>().0 {
        *chunk = key;
    }
    wide
}

/// The key for the byte `len` bytes further on.
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
