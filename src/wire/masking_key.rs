//! Masking keys are not printed: an attacker that knows the key when it chooses the payload can
//! choose the bytes on the wire (RFC 6455 §10.3).

use core::fmt;

use crate::wire::frame::{Header, HeaderBytes};

/// A masking key, printed as `..`.
#[derive(Clone, Copy)]
pub(crate) struct MaskingKey(pub(crate) [u8; 4]);

impl fmt::Debug for MaskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for MaskingKey {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "..");
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("lead", &self.lead)
            .field("masking_key", &self.masking_key.map(MaskingKey))
            .field("payload_len", &self.payload_len)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Header {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { lead, masking_key, payload_len: len } = *self;
        let key = masking_key.map(MaskingKey);
        defmt::write!(f, "Header {{ lead: {}, masking_key: {}, payload_len: {} }}", lead, key, len);
    }
}

impl fmt::Debug for HeaderBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, key) = split_key(self);
        f.debug_struct("HeaderBytes").field("bytes", &bytes).field("masking_key", &key).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for HeaderBytes {
    fn format(&self, f: defmt::Formatter<'_>) {
        let (bytes, key) = split_key(self);
        defmt::write!(f, "HeaderBytes {{ bytes: {}, masking_key: {} }}", bytes, key);
    }
}

/// An encoded header without its masking key, and the key.
fn split_key(header: &HeaderBytes) -> (&[u8], Option<MaskingKey>) {
    match header.split_last_chunk() {
        // §5.2: the second byte has the mask bit.
        Some((rest @ [_, 0x80..=0xFF, ..], key)) => (rest, Some(MaskingKey(*key))),
        Some(_) | None => (header, None),
    }
}
