//! Frame headers: parsing and encoding, without state (RFC 6455 §5.2).
//!
//! ```text
//!   byte 0        byte 1       0, 2 or 8 bytes    0 or 4 bytes
//! +-+-+-+-+----+-+-----------+------------------+-------------+
//! |F|R|R|R| op |M|  length   | extended length, | masking key |
//! |I|1|2|3|code|A|  0 to 125 | big-endian       |             |
//! |N| | | |    |S| 126, 127  | (126: 2, 127: 8) |             |
//! +-+-+-+-+----+-+-----------+------------------+-------------+
//! ```

use core::ops::Deref;

use crate::bytes::{self, Status, WORD_64};
use crate::wire::error::{Error, SendError};
use crate::wire::mask;

/// The length of the longest header in bytes.
pub const MAX_HEADER_LEN: usize = 14;

/// The length of the longest payload of a control frame in bytes (§5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// The longest payload of a data frame in bytes (§5.2: "the most significant bit MUST be 0").
pub(crate) const MAX_PAYLOAD_LEN: u64 = u64::MAX >> 1;

/// The kind of a message, which is the opcode of its first frame (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 §5.6 defines these two")]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Arbitrary bytes.
    Binary,
}

/// The kind of a message, and whether its payload is compressed (RFC 7692 §6).
///
/// The sending methods accept it, a [`Kind`] or, with the feature `deflate`, a `Compressed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Content {
    /// The kind of the message.
    pub kind: Kind,
    /// Whether the payload is the output of a `Deflate`: RSV1 is set on the first frame.
    pub compressed: bool,
}

#[cfg(feature = "deflate")]
impl Content {
    /// Creates the content of a message. A relay passes on that of the
    /// [`Data`](crate::Data) it received: `Content::new(data.kind, data.compressed)`.
    #[must_use]
    pub const fn new(kind: Kind, compressed: bool) -> Self {
        Self { kind, compressed }
    }
}

impl From<Kind> for Content {
    #[inline]
    fn from(kind: Kind) -> Self {
        Self { kind, compressed: false }
    }
}

/// A message of this kind whose payload is the output of a [`Deflate`](crate::deflate::Deflate).
///
/// The payload is sent as it is. Whether the original of a text was UTF-8 is not checked.
#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "complete: a kind and whether it is compressed")]
pub struct Compressed(pub Kind);

#[cfg(feature = "deflate")]
impl From<Compressed> for Content {
    fn from(Compressed(kind): Compressed) -> Self {
        Self::new(kind, true)
    }
}

/// The opcode of a frame (§5.2). Reserved opcodes cannot be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 §5.2 reserves all others")]
pub enum Opcode {
    /// 0x0: a fragment after the first of its message.
    Continuation,
    /// 0x1: a text message, or its first fragment.
    Text,
    /// 0x2: a binary message, or its first fragment.
    Binary,
    /// 0x8: Close.
    Close,
    /// 0x9: Ping.
    Ping,
    /// 0xA: Pong.
    Pong,
}

impl Opcode {
    /// Parses the opcode in the low four bits of `byte`; the high four bits are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::ReservedOpcode`] for 0x3 to 0x7 and 0xB to 0xF.
    pub const fn parse(byte: u8) -> Result<Self, Error> {
        match byte & 0x0F {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Error::ReservedOpcode),
        }
    }

    /// Returns the four bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether this is Close, Ping or Pong (§5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl From<Kind> for Opcode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Binary => Self::Binary,
        }
    }
}

/// The first byte of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "the eight bits of one byte")]
pub struct Lead {
    /// Whether the frame is the last of its message.
    pub fin: bool,
    /// The first reserved bit, to which only an extension gives a meaning.
    pub rsv1: bool,
    /// The opcode.
    pub opcode: Opcode,
}

impl Lead {
    /// Parses the first byte of a header.
    ///
    /// # Errors
    ///
    /// [`Error::ReservedBits`] for RSV2 or RSV3, [`Error::ReservedOpcode`],
    /// [`Error::FragmentedControl`] for a control frame without FIN.
    pub const fn parse(byte: u8) -> Result<Self, Error> {
        // §5.2: no registered extension gives RSV2 or RSV3 a meaning.
        if byte & 0x30 != 0 {
            return Err(Error::ReservedBits);
        }
        let opcode = match Opcode::parse(byte) {
            Ok(opcode) => opcode,
            Err(error) => return Err(error),
        };
        let fin = byte & 0x80 != 0;
        // §5.5: control frames "MUST NOT be fragmented".
        if opcode.is_control() && !fin {
            return Err(Error::FragmentedControl);
        }
        Ok(Self { fin, rsv1: byte & 0x40 != 0, opcode })
    }

    const fn encode(self) -> u8 {
        let fin = if self.fin { 0x80 } else { 0 };
        let rsv1 = if self.rsv1 { 0x40 } else { 0 };
        fin | rsv1 | self.opcode.bits()
    }
}

/// A payload length whose bytes may be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    /// A lower bound of the payload length in bytes; the length itself once `missing` is 0.
    pub(crate) least: u64,
    /// The size of the extended-length field in bytes: 0, 2 or 8.
    pub(crate) field: usize,
    /// How many of its bytes are missing.
    pub(crate) missing: usize,
}

impl Length {
    /// Parses byte 1, except its mask bit, and what `rest` holds of the extended-length field.
    #[inline]
    pub(crate) fn parse(opcode: Opcode, byte: u8, rest: &[u8]) -> Result<Self, Error> {
        let short = byte & 0x7F;
        // §5.5: control frames "MUST have a payload length of 125 bytes or less".
        if opcode.is_control() && short > 125 {
            return Err(Error::ControlTooLong);
        }
        match short {
            // The most frequent extended length skips the loop.
            126 => match rest.first_chunk().map(|len| u16::from_be_bytes(*len)) {
                Some(len @ 126..) => Ok(Self { least: len.into(), field: 2, missing: 0 }),
                Some(_) | None => Self::extended(rest, 2, 126),
            },
            127 => Self::extended(rest, 8, 0x1_0000),
            _ => Ok(Self { least: u64::from(short), field: 0, missing: 0 }),
        }
    }

    #[inline(never)]
    fn extended(rest: &[u8], field: usize, minimum: u64) -> Result<Self, Error> {
        // §5.2: "the most significant bit MUST be 0".
        if field == 8 && rest.first().is_some_and(|byte| *byte >= 0x80) {
            return Err(Error::LengthTopBit);
        }
        let behind = |length: u64, byte: u8| length << 8 | u64::from(byte);
        // Missing bytes are zeros for the lower bound and ones for the upper.
        let (mut least, mut most) = (0_u64, 0_u64);
        let missing = field.saturating_sub(rest.len());
        for place in 0..field {
            let byte = rest.get(place).copied();
            least = behind(least, byte.unwrap_or(0x00));
            most = behind(most, byte.unwrap_or(0xFF));
        }
        // §5.2: "the minimal number of bytes MUST be used to encode the length".
        if most < minimum {
            return Err(Error::NonMinimalLength);
        }
        Ok(Self { least: least.max(minimum), field, missing })
    }
}

/// How many bytes of extended length a header has for this payload length: the minimal number
/// (§5.2).
#[inline]
const fn extended_len(payload_len: u64) -> usize {
    match payload_len {
        0..=125 => 0,
        126..=0xFFFF => 2,
        _ => 8,
    }
}

/// A frame header. Its `Debug` output leaves out the masking key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the fields of RFC 6455 §5.2")]
pub struct Header {
    /// FIN, RSV1 and the opcode.
    pub lead: Lead,
    /// The masking key, if the payload is masked.
    pub masking_key: Option<[u8; 4]>,
    /// The length of the payload in bytes: 0 to 2^63 - 1, at most 125 for a control frame.
    pub payload_len: u64,
}

impl Header {
    /// Parses the header at the start of `bytes`, and returns it with its length, 2 to 14 bytes.
    ///
    /// If it is incomplete, at least [`NeedMore`](Status::NeedMore) bytes are missing: 1 to 12,
    /// exact once two bytes are available.
    ///
    /// An error is returned at the earliest byte that makes it certain. The rules of a
    /// connection are not checked: whether the frame must be masked, may have RSV1, or may
    /// follow the frame before it.
    ///
    /// # Errors
    ///
    /// Those of [`Lead::parse`]; [`Error::ControlTooLong`] for a control frame of more than 125
    /// bytes; [`Error::NonMinimalLength`] or [`Error::LengthTopBit`] for an invalid length.
    pub fn parse(bytes: &[u8]) -> Result<Status<(Self, usize)>, Error> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(Status::need_more(2));
        };
        let lead = Lead::parse(first)?;
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(Status::need_more(1));
        };
        let length = Length::parse(lead.opcode, second, rest)?;
        Ok(Self::finish(lead, second, length, rest))
    }

    /// Builds the header from its first two bytes and its length, which have been checked.
    #[inline]
    pub(crate) fn finish(
        lead: Lead,
        second: u8,
        length: Length,
        rest: &[u8],
    ) -> Status<(Self, usize)> {
        let masked = second & 0x80 != 0;
        let len = 2 + length.field + if masked { 4 } else { 0 };
        let key = rest.get(length.field..).unwrap_or_default().first_chunk::<4>();
        if length.missing > 0 || (masked && key.is_none()) {
            return Status::need_more((len - 2).saturating_sub(rest.len()));
        }
        let masking_key = if masked { key.copied() } else { None };
        Status::Complete((Self { lead, masking_key, payload_len: length.least }, len))
    }

    /// Encodes the header, with its length in the shortest form (§5.2).
    ///
    /// The top bit of `payload_len` cannot be encoded and is lost.
    #[must_use]
    pub fn encode(&self) -> HeaderBytes {
        let payload_len = self.payload_len & MAX_PAYLOAD_LEN;
        // Reuses `write` to be small. On 64-bit targets the array costs more than the forms below.
        if !WORD_64 {
            let mut bytes = [0; MAX_HEADER_LEN];
            let header = Self { payload_len, ..*self };
            let spare = header.write(&mut bytes).map_or(0, |rest| rest.len());
            let [len, ..] = MAX_HEADER_LEN.wrapping_sub(spare).to_le_bytes();
            return HeaderBytes { bytes, len };
        }
        let key = u128::from(u32::from_le_bytes(self.masking_key.unwrap_or_default()));
        let length = u128::from(payload_len.swap_bytes());
        let second = |length| u128::from(self.second(length)) << 8;
        let (word, len) = match extended_len(payload_len) {
            0 => (second(payload_len.to_le_bytes()[0]) | key << 16, 2),
            2 => (second(126) | length >> 48 << 16 | key << 32, 4),
            _ => (second(127) | length << 16 | key << 80, 10),
        };
        let [bytes @ .., _, _] = (word | u128::from(self.lead.encode())).to_le_bytes();
        HeaderBytes { bytes, len: if self.masking_key.is_some() { len + 4 } else { len } }
    }

    /// Writes the header and returns the rest of `out`; `None` if it does not fit.
    ///
    /// The same bytes as [`encode`](Self::encode), written in place: copying `HeaderBytes` would be
    /// a copy of variable length. Tests compare the two.
    #[inline]
    fn write(self, out: &mut [u8]) -> Option<&mut [u8]> {
        let first = self.lead.encode();
        let [b0, b1, b2, b3, b4, b5, b6, b7] = self.payload_len.to_be_bytes();
        // Not by `extended_len`, which costs 3 instructions per frame here.
        let out = match self.payload_len {
            0..=125 => put(out, [first, self.second(b7)])?,
            126..=0xFFFF => put(out, [first, self.second(126), b6, b7])?,
            _ => put(out, [first, self.second(127), b0, b1, b2, b3, b4, b5, b6, b7])?,
        };
        match self.masking_key {
            Some(key) => put(out, key),
            None => Some(out),
        }
    }

    /// Byte 1: the mask bit and the 7-bit length (§5.2).
    #[inline]
    const fn second(&self, length: u8) -> u8 {
        if self.masking_key.is_some() { length | 0x80 } else { length }
    }

    /// Returns the length of the encoded header, 2 to 14 bytes.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let mask = if self.masking_key.is_some() { 4 } else { 0 };
        2 + extended_len(self.payload_len & MAX_PAYLOAD_LEN) + mask
    }
}

#[inline]
fn put<const N: usize>(out: &mut [u8], bytes: [u8; N]) -> Option<&mut [u8]> {
    let (to, rest) = out.split_first_chunk_mut()?;
    *to = bytes;
    Some(rest)
}

/// An encoded header of 2 to 14 bytes. Its `Debug` output leaves out the masking key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderBytes {
    bytes: [u8; MAX_HEADER_LEN],
    len: u8,
}

impl HeaderBytes {
    /// The length in bytes of the longest header.
    pub const MAX_LEN: usize = MAX_HEADER_LEN;
}

impl Deref for HeaderBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        bytes::part(&self.bytes, ..usize::from(self.len))
    }
}

impl AsRef<[u8]> for HeaderBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[doc = include_str!("encode.md")]
pub fn encode(
    opcode: Opcode,
    fin: bool,
    payload: &[u8],
    out: &mut [u8],
) -> Result<usize, SendError> {
    if opcode.is_control() && payload.len() > MAX_CONTROL_LEN {
        return Err(SendError::ControlTooLong);
    }
    let needed = frame_len(payload.len(), false);
    if out.len() < needed {
        return Err(SendError::BufferTooSmall { needed });
    }
    let lead = Lead { fin: fin || opcode.is_control(), rsv1: false, opcode };
    write(Header { lead, masking_key: None, payload_len: bytes::len_u64(payload) }, payload, out);
    Ok(needed)
}

/// Returns the length in bytes of a frame, `masked` if a client sends it. It is the room that
/// [`encode`] needs; for a connection, see [`send_len`](crate::Connection::send_len).
#[inline]
#[must_use]
pub const fn frame_len(payload_len: usize, masked: bool) -> usize {
    let header = 2 + extended_len(bytes::to_u64(payload_len));
    payload_len.saturating_add(if masked { header + 4 } else { header })
}

/// As [`write_inline`], where size counts.
#[inline]
pub(crate) fn write(header: Header, payload: &[u8], out: &mut [u8]) {
    write_inline(header, payload, out);
}

/// Writes `header` and the masked or unmasked `payload` to `out`, into which they must fit.
#[inline(always)]
pub(crate) fn write_inline(header: Header, payload: &[u8], out: &mut [u8]) {
    let Some(to) = header.write(out).and_then(|to| to.get_mut(..payload.len())) else { return };
    match header.masking_key {
        Some(key) => mask::copy_masked(payload, to, key),
        None => bytes::copy(payload, to),
    }
}
