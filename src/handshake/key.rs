//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455, sections 4.1, 4.2.2 and 11.3).
//!
//! Both have a fixed length, so both are plain arrays. Neither is a secret and neither authenticates anybody: they show
//! that the server understood the request, and that no cache answered in its place.

use core::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use sha1_smol::Sha1;

/// What is summed up: room for the key, and behind it the text that only a WebSocket server adds (RFC 6455, section 1.3).
const SUMMED: &[u8; 60] = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Key`: 16 bytes in base64, 24 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 24]);

impl Key {
    /// The key for a nonce. RFC 6455, section 4.1 demands a nonce chosen at random for each connection; the caller owes
    /// the randomness.
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut bytes = [0; 20];
        for (place, byte) in bytes.iter_mut().zip(nonce) {
            *place = byte;
        }
        // 16 bytes take 22 digits, the last with four zero bits; then padding (RFC 4648, section 4).
        let mut key = [b'='; 24];
        for (place, digit) in key.iter_mut().zip(base64(&bytes)).take(22) {
            *place = digit;
        }
        Self(key)
    }

    /// Checks a field value: exactly 24 characters of canonical base64 that decode to 16 bytes.
    ///
    /// Canonical means that every nonce has one spelling only: padding is there, unused bits are zero.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key = value.first_chunk::<24>().filter(|_| value.len() == 24)?;
        let [digits @ .., b'=', b'='] = key else { return None };
        // The four unused bits of the last digit must be zero (RFC 4648, section 3.5).
        let canonical = matches!(digits, [.., b'A' | b'Q' | b'g' | b'w']);
        (canonical && Base64Unpadded::decode_in_place(&mut { *digits }).is_ok())
            .then_some(Self(*key))
    }

    /// The 24 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The answer that proves that this key was read (RFC 6455, section 4.2.2).
    #[must_use]
    pub fn accept(&self) -> AcceptValue {
        let mut text = *SUMMED;
        for (place, digit) in text.iter_mut().zip(self.0) {
            *place = digit;
        }
        AcceptValue(base64(&digest(&text)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.as_str()).finish()
    }
}

/// The value of `Sec-WebSocket-Accept`: a SHA-1 digest in base64, 28 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcceptValue([u8; 28]);

impl AcceptValue {
    /// The 28 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 28] {
        &self.0
    }
}

impl fmt::Debug for AcceptValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AcceptValue").field(&self.as_str()).finish()
    }
}

// One length for `Base64::encode` and one call of `Sha1::update`: otherwise the compiler does not
// prove that no slice operation in the two crates panics (see `scripts/check/no-panic`).

/// The base64 text of a digest (RFC 4648, section 4).
fn base64(bytes: &[u8; 20]) -> [u8; 28] {
    let mut text = [b'='; 28];
    // The only error is a text that does not fit.
    let _ = Base64::encode(bytes, &mut text);
    text
}

/// The SHA-1 digest of a key and the GUID.
fn digest(text: &[u8; 60]) -> [u8; 20] {
    let mut sum = Sha1::new();
    sum.update(text);
    sum.digest().bytes()
}
