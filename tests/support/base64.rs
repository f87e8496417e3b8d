//! Bit-by-bit base64 (RFC 4648), a reference for the keys that the library accepts.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes text in the alphabet of §4. `None` unless it is padded (§3.2). Unused bits are ignored, as
/// §3.5 allows.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bits = Vec::new();
    for digit in digits {
        let value = ALPHABET.iter().position(|letter| letter == digit)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let (bytes, unused) = bits.as_chunks::<8>();
    let whole = text.len().is_multiple_of(4) && unused.len() < 6;
    whole.then(|| {
        bytes.iter().map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect()
    })
}
