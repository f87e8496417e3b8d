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
    mask_ascii(bytes, key).0
}

/// Masks in place; returns the key for the byte behind, and whether all masked bytes are ASCII.
///
/// The second comes with the pass for next to nothing.
#[inline]
pub(crate) fn mask_ascii(bytes: &mut [u8], key: [u8; 4]) -> ([u8; 4], bool) {
    // The tail starts `N` before the end, a multiple of four: the key behind the end is its key.
    let after = rotate(key, bytes.len());
    let ascii = match bytes.len() {
        0..4 => bytes.iter_mut().zip(key).fold(true, |ascii, (byte, key)| {
            *byte ^= key;
            ascii && byte.is_ascii()
        }),
        4..8 => ends_4(bytes, key, after),
        8..16 => ends_8(bytes, repeat(key), repeat(after)),
        16..LANE => ends_16(bytes, repeat(key), repeat(after)),
        _ => long(bytes, repeat(key), repeat(after)),
    };
    (after, ascii)
}

/// The first and the last word of a slice of one to two words, which may overlap.
///
/// Words and not lanes of bytes: for so few the compiler would go byte by byte.
macro_rules! ends {
    ($name:ident, $word:ty, $len:literal) => {
        #[inline]
        fn $name(bytes: &mut [u8], key: [u8; $len], tail_key: [u8; $len]) -> bool {
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
    };
}

ends!(ends_4, u32, 4);
ends!(ends_8, u64, 8);
ends!(ends_16, u128, 16);

/// A lane and more; the tail is a lane of its own, which may overlap the one before.
#[inline]
fn long(bytes: &mut [u8], key: [u8; LANE], tail_key: [u8; LANE]) -> bool {
    let Some(mut tail) = bytes.last_chunk::<LANE>().copied() else { return true };
    for (byte, key) in tail.iter_mut().zip(tail_key) {
        *byte ^= key;
    }
    let mut lanes = tail;
    for chunk in bytes.as_chunks_mut::<LANE>().0 {
        for ((byte, key), lane) in chunk.iter_mut().zip(key).zip(&mut lanes) {
            *byte ^= key;
            *lane |= *byte;
        }
    }
    if let Some(last) = bytes.last_chunk_mut::<LANE>() {
        *last = tail;
    }
    lanes.is_ascii()
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
