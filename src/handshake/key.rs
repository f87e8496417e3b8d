//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455, sections 4.1, 4.2.2 and 11.3).
//!
//! Both have a fixed length, so both are plain arrays. Neither is a secret and neither
//! authenticates anybody: they show that the server understood the request, and that no cache
//! answered in its place.

use core::fmt;

use super::sha1;

/// RFC 6455, section 1.3: the text that only a WebSocket server adds to the key.
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Key`: 16 bytes in base64, 24 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 24]);

impl Key {
    /// The key for a nonce. RFC 6455, section 4.1 demands a nonce chosen at random for each
    /// connection; the caller owes the randomness.
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        Self(base64(&nonce))
    }

    /// Checks a field value: exactly 24 characters of canonical base64 that decode to 16 bytes.
    ///
    /// Sixteen bytes leave four bits of the 22nd character unused. They must be zero, so that every
    /// nonce has one spelling only.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key = value.first_chunk::<24>().filter(|_| value.len() == 24)?;
        let (digits, padding) = key.split_last_chunk::<2>()?;
        let (last, digits) = digits.split_last()?;
        let canonical = digits
            .iter()
            .all(|digit| matches!(digit, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'))
            && matches!(last, b'A' | b'Q' | b'g' | b'w')
            && padding == b"==";
        canonical.then_some(Self(*key))
    }

    /// The 24 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The answer that proves that this key was read (RFC 6455, section 4.2.2).
    #[must_use]
    pub fn accept(&self) -> Accept {
        let mut text = [0; 60];
        for (to, from) in text.iter_mut().zip(self.0.iter().chain(GUID)) {
            *to = *from;
        }
        Accept(base64(&sha1::digest(&text)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.as_str()).finish()
    }
}

/// The value of `Sec-WebSocket-Accept`: a SHA-1 digest in base64, 28 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Accept([u8; 28]);

impl Accept {
    /// The 28 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accept").field(&self.as_str()).finish()
    }
}

/// Base64 with padding (RFC 4648, section 4). `M` must be the encoded length of `N` bytes.
fn base64<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    const { assert!(M == N.div_ceil(3) * 4) };
    let mut text = [b'='; M];
    let mut bytes = bytes.iter().copied();
    for digits in text.as_chunks_mut::<4>().0 {
        // One byte makes two digits, two make three, three make four; the rest stays padding.
        let len = bytes.len().saturating_add(1);
        let group = bytes
            .by_ref()
            .chain([0, 0])
            .take(3)
            .fold(0, |bits, byte| (bits << 8) | u32::from(byte));
        for (digit, shift) in digits.iter_mut().zip([18, 12, 6, 0]).take(len) {
            *digit = base64_digit(group >> shift);
        }
    }
    text
}

/// The digit for the lowest six bits.
fn base64_digit(bits: u32) -> u8 {
    let [.., byte] = bits.to_be_bytes();
    match byte & 0x3F {
        six @ 0..=25 => b'A' + six,
        six @ 26..=51 => b'a' + (six - 26),
        six @ 52..=61 => b'0' + (six - 52),
        62 => b'+',
        _ => b'/',
    }
}
