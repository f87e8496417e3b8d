//! Slices without panics: lengths, parts and copies; and the result of parsing an incomplete slice.
//!
//! The compiler cannot prove every length, so an index would link a panic. These functions check
//! the length, return nothing where it is wrong, and assert in debug builds that it never is.

pub(crate) mod seal;

use core::hint::black_box;
use core::iter::zip;
use core::num::NonZero;
use core::slice::SliceIndex;

/// Whether the target has 64-bit words. On smaller targets, such as microcontrollers, code size
/// comes first: code that serves speed alone is left out, and copying, masking and UTF-8 have
/// kernels of their own. `--cfg word32` selects these on any target, for tests.
pub(crate) const WORD_64: bool = cfg!(target_pointer_width = "64") && !cfg!(word32);

/// The result of parsing the bytes received so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a caller handles both cases")]
pub enum Status<T> {
    /// Incomplete; at least this many more bytes are needed.
    NeedMore(NonZero<usize>),
    /// Complete.
    Complete(T),
}

impl<T> Status<T> {
    /// Incomplete by `missing` bytes, which is not 0.
    #[inline]
    pub(crate) fn need_more(missing: usize) -> Self {
        debug_assert_ne!(missing, 0);
        Self::NeedMore(NonZero::new(missing).unwrap_or(NonZero::<usize>::MIN))
    }
}

/// The length of a slice, as the wire counts it.
#[inline]
pub(crate) fn len_u64(bytes: &[u8]) -> u64 {
    to_u64(bytes.len())
}

/// A number of bytes, as the wire counts it.
#[inline]
#[expect(clippy::as_conversions, reason = "lossless, and `From` is not const")]
pub(crate) const fn to_u64(n: usize) -> u64 {
    const { assert!(usize::BITS <= u64::BITS) };
    n as u64
}

/// `bytes[range]`, for a range that is within `bytes`.
#[inline(always)]
pub(crate) fn part<R: SliceIndex<[u8], Output = [u8]>>(bytes: &[u8], range: R) -> &[u8] {
    let part = bytes.get(range);
    debug_assert!(part.is_some(), "out of range");
    part.unwrap_or_default()
}

/// `&mut bytes[range]`, for a range that is within `bytes`.
#[inline(always)]
pub(crate) fn part_mut<R: SliceIndex<[u8], Output = [u8]>>(
    bytes: &mut [u8],
    range: R,
) -> &mut [u8] {
    let part = bytes.get_mut(range);
    debug_assert!(part.is_some(), "out of range");
    part.unwrap_or_default()
}

/// No bytes, for a range that the compiler cannot prove to be valid.
///
/// A cold call instead of `unwrap_or_default`, for which the compiler computes both results and then
/// selects one: about six instructions on a path that has few more.
#[cold]
#[inline(never)]
pub(crate) fn nothing<'b>() -> &'b mut [u8] {
    // If the compiler knew this result, it would drop the call and select again.
    black_box(&mut [])
}

/// Copies `from` to `to`, which has the same length.
///
/// Short slices are copied in two words that may overlap, which costs less than a call.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    debug_assert_eq!(from.len(), to.len());
    if !WORD_64 {
        return copy_words(from, to, [0; 4]);
    }
    match from.len() {
        32.. | 0..4 => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        16.. => copy_ends::<16>(from, to),
        8.. => copy_ends::<8>(from, to),
        4.. => copy_ends::<4>(from, to),
    }
}

/// Copies the first and the last `N` of `N` to `2 * N` bytes.
#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    set(from.first_chunk::<N>().copied(), to.first_chunk_mut());
    set(from.last_chunk::<N>().copied(), to.last_chunk_mut());
}

/// Writes the `N` bytes at a place that a slice has.
#[inline]
pub(crate) fn set<const N: usize>(bytes: Option<[u8; N]>, to: Option<&mut [u8; N]>) {
    if let (Some(bytes), Some(to)) = (bytes, to) {
        *to = bytes;
    }
}

/// Copies `from` to `to`, word by word, combined with `key` by XOR. On 32-bit machines, copying and
/// masking share this loop, because code size matters more than speed there.
pub(crate) fn copy_words(from: &[u8], to: &mut [u8], key: [u8; 4]) {
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks(), to.as_chunks_mut());
    for (from, to) in zip(from, to) {
        *to = (u32::from_ne_bytes(*from) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for ((from, to), key) in zip(zip(from_rest, to_rest), &key) {
        *to = from ^ key;
    }
}

/// Moves the bytes from `start` on to the front.
///
/// This is the only caller of `copy_within`, so that the compiler sees the whole of it and drops
/// its panic at every opt-level.
pub(crate) fn move_to_front(bytes: &mut [u8], start: usize) {
    if start <= bytes.len() {
        bytes.copy_within(start.., 0);
    }
}
