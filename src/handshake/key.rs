//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.1, §4.2.2 and §11.3).
//!
//! Both have a fixed length and are stored in arrays. They are not secret and do not authenticate:
//! they show that the server understood the request, and that the response is not from a cache.

use core::fmt;

use base64ct::{Base64, Encoding as _};
use sha1_smol::Sha1;

/// The input of SHA-1: space for the key, then the GUID of the protocol (§1.3).
const DIGEST_INPUT: &[u8; 60] = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Key`: 16 bytes in base64, 24 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 24]);

impl Key {
    /// Creates the key for a nonce, which the caller must choose at random for each connection
    /// (§4.1).
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut bytes = [0; 20];
        for (place, byte) in bytes.iter_mut().zip(nonce) {
            *place = byte;
        }
        // 16 bytes take 22 digits, the last with four zero bits, and padding (RFC 4648 §4).
        let mut key = [b'='; 24];
        for (place, digit) in key.iter_mut().zip(base64(&bytes)).take(22) {
            *place = digit;
        }
        Self(key)
    }

    /// Parses a field value: 24 characters of base64 that decode to 16 bytes (§4.2.1), with padding.
    ///
    /// The four unused bits of the last digit do not matter (RFC 4648 §3.5): in the example of §4.1,
    /// `AQIDBAUGBwgJCgsMDQ4PEC==`, they are not zero. The response depends on the characters.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key = value.first_chunk::<24>().filter(|_| value.len() == 24)?;
        let [digits @ .., b'=', b'='] = key else { return None };
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        digits.iter().all(is_digit).then_some(Self(*key))
    }

    /// The 24 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A digest of `text` that cannot be predicted before the key is sent, to recognise the text
    /// without keeping it.
    pub(crate) fn fingerprint(&self, text: &str) -> [u8; 8] {
        let (blocks, rest) = text.as_bytes().as_chunks::<35>();
        let mut input = [0; 60];
        input.iter_mut().zip(self.0).for_each(|(place, byte)| *place = byte);
        let mut last = [0; 35];
        last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        let mut sum = digest(&input);
        for (block, len) in blocks.iter().map(|block| (block, 35)).chain([(&last, rest.len())]) {
            // The digest of what came before, the length of the block, the block.
            let bytes = sum.into_iter().chain(u32::try_from(len).unwrap_or(0).to_be_bytes());
            input = [0; 60];
            input.iter_mut().zip(bytes.chain(*block)).for_each(|(place, byte)| *place = byte);
            sum = digest(&input);
        }
        let [fingerprint @ .., _, _, _, _, _, _, _, _, _, _, _, _] = sum;
        fingerprint
    }

    /// The value of `Sec-WebSocket-Accept` for this key (§4.2.2).
    #[must_use]
    pub fn accept(&self) -> AcceptValue {
        let mut text = *DIGEST_INPUT;
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

// Base64::encode is called with one length only, and Sha1::update and Sha1::digest once. Otherwise the
// compiler does not prove that the slice operations in the two crates cannot panic
// (`scripts/check/no-panic`).

/// The base64 text of a digest (RFC 4648 §4).
fn base64(bytes: &[u8; 20]) -> [u8; 28] {
    let mut text = [b'='; 28];
    let encoded = Base64::encode(bytes, &mut text);
    debug_assert!(encoded.is_ok(), "20 bytes take 28 characters");
    text
}

/// The SHA-1 digest of a key and the GUID, or of a part of a fingerprint.
#[inline(never)]
fn digest(text: &[u8; 60]) -> [u8; 20] {
    let mut sum = Sha1::new();
    sum.update(text);
    sum.digest().bytes()
}
