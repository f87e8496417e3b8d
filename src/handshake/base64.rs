//! Base64 with padding (RFC 4648, section 4), for the two fixed lengths that a handshake has.
//!
//! What is written here is sent in the clear, so nothing has to take the same time for all bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING: u8 = b'=';

/// The text of `N` bytes, which has `M`.
pub(super) fn encode<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    const { assert!(M == N.div_ceil(3) * 4) };
    let mut text = [PADDING; M];
    for (bytes, place) in bytes.chunks(3).zip(text.as_chunks_mut::<4>().0) {
        let byte = |n| bytes.get(n).copied().unwrap_or_default();
        let digits = digits([byte(0), byte(1), byte(2)]);
        // One digit more than there are bytes.
        for (place, digit) in place.iter_mut().zip(digits).take(bytes.len() + 1) {
            *place = digit;
        }
    }
    text
}

/// Whether this is the text of sixteen bytes. They leave four bits of the last digit unused, which
/// must be zero (RFC 4648, section 3.5), so that all bytes have one text only.
pub(super) fn is_of_sixteen(text: &[u8; 24]) -> bool {
    let [digits @ .., last, PADDING, PADDING] = text else { return false };
    matches!(last, b'A' | b'Q' | b'g' | b'w') && digits.iter().copied().all(is_digit)
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// The four digits of three bytes.
fn digits([a, b, c]: [u8; 3]) -> [u8; 4] {
    [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, c]
        .map(|bits| ALPHABET.get(usize::from(bits & 0x3F)).copied().unwrap_or(PADDING))
}
