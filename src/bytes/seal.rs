//! The format of sealed state: a version, what was sealed, and small integers.
//!
//! Bytes hold meaning, not the layout of a struct, so a later version of the crate can read them.
//! There is one way to write each state: what is read writes the same bytes again.

use core::fmt;

/// The version of the format. A change of meaning needs a new one, which still reads the old. Each
/// state has the first version that can express it, so that an older crate reads what it knows.
const VERSION: u8 = 1;

/// The version of an `Inflate` inside a message.
#[cfg(feature = "deflate")]
pub(crate) const IN_MESSAGE: u8 = 2;

/// The length of [`Writer::begin`] in bytes.
pub(crate) const PREFIX_LEN: usize = 2;

/// The longest encoding of a `u64`, in bytes.
pub(crate) const INT_LEN: usize = 10;

/// What was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Connection {
        is_server: bool,
    },
    #[cfg(feature = "handshake")]
    Session {
        is_server: bool,
    },
    Keepalive,
    #[cfg(feature = "deflate")]
    Inflate,
    #[cfg(feature = "deflate")]
    Deflate,
    Assembler,
    #[cfg(feature = "deflate")]
    InflateAssembler,
}

impl What {
    const fn number(self) -> u8 {
        match self {
            Self::Connection { is_server: false } => 0,
            Self::Connection { is_server: true } => 1,
            #[cfg(feature = "handshake")]
            Self::Session { is_server: false } => 2,
            #[cfg(feature = "handshake")]
            Self::Session { is_server: true } => 3,
            Self::Keepalive => 4,
            #[cfg(feature = "deflate")]
            Self::Inflate => 5,
            #[cfg(feature = "deflate")]
            Self::Deflate => 6,
            Self::Assembler => 7,
            #[cfg(feature = "deflate")]
            Self::InflateAssembler => 8,
        }
    }
}

/// Why a state was not sealed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SealError {
    /// The output slice is too short.
    BufferTooSmall {
        /// The length in bytes with which this call would succeed.
        needed: usize,
    },
    /// The opening handshake is not complete, or there will be no connection; only from a session.
    NotOpen,
    /// A message is being compressed, and not all of it is written; only from `Deflate`.
    MessageInProgress,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => {
                write!(f, "the output slice is too short: {needed} bytes are needed")
            }
            Self::NotOpen => f.write_str("the session is not open"),
            Self::MessageInProgress => f.write_str("a message is being compressed"),
        }
    }
}

impl core::error::Error for SealError {}

/// Why sealed bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UnsealError {
    /// The bytes have a version that this version of the crate does not know.
    Version,
    /// The bytes are the state of another type, or of the other role.
    OtherType,
    /// The bytes are no state: incomplete, too long, or one that cannot be reached.
    Invalid,
    /// The state exceeds a limit of the new [`Config`](crate::Config), or depends on an option that
    /// is different there.
    Config,
    /// The storage is too short.
    StorageFull {
        /// The length in bytes that is needed.
        needed: usize,
    },
}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("the sealed state has an unknown version"),
            Self::OtherType => f.write_str("the sealed state is that of another type or role"),
            Self::Invalid => f.write_str("the sealed state is invalid"),
            Self::Config => f.write_str("the sealed state does not comply with the options"),
            Self::StorageFull { needed } => {
                write!(f, "the storage is too short: {needed} bytes are needed")
            }
        }
    }
}

impl core::error::Error for UnsealError {}

/// Writes into the caller's slice, and counts what it does not hold.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl<'o> Writer<'o> {
    pub(crate) fn begin(what: What, out: &'o mut [u8]) -> Self {
        Self::begin_version(VERSION, what, out)
    }

    pub(crate) fn begin_version(version: u8, what: What, out: &'o mut [u8]) -> Self {
        let mut writer = Self { out, len: 0 };
        writer.byte(version);
        writer.byte(what.number());
        writer
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        if let Some(to) = self.out.get_mut(self.len) {
            *to = byte;
        }
        self.len = self.len.saturating_add(1);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(to) = self.out.get_mut(self.len..end) {
            super::copy(bytes, to);
        }
        self.len = end;
    }

    /// Values of four bits, two per byte, the lower bits first.
    #[cfg(feature = "deflate")]
    pub(crate) fn nibbles(&mut self, values: &[u8]) {
        for pair in values.chunks(2) {
            let (low, high) = (pair.first().copied(), pair.get(1).copied());
            self.byte(low.unwrap_or_default() | high.unwrap_or_default() << 4);
        }
    }

    /// Seven bits per byte, the lowest first; the top bit of a byte is set if another one follows.
    pub(crate) fn int(&mut self, n: u64) {
        let mut n = n;
        while n >= 0x80 {
            self.byte(n.to_le_bytes()[0] | 0x80);
            n >>= 7;
        }
        self.byte(n.to_le_bytes()[0]);
    }

    /// Returns the number of bytes written.
    pub(crate) const fn end(self) -> Result<usize, SealError> {
        if self.len > self.out.len() {
            return Err(SealError::BufferTooSmall { needed: self.len });
        }
        Ok(self.len)
    }
}

/// Reads what a [`Writer`] has written.
#[derive(Debug)]
pub(crate) struct Reader<'i> {
    rest: &'i [u8],
}

impl<'i> Reader<'i> {
    pub(crate) fn begin(what: What, sealed: &'i [u8]) -> Result<Self, UnsealError> {
        Self::begin_version(VERSION, what, sealed).map(|(_, reader)| reader)
    }

    /// The version, up to the newest one that is known, with what follows it.
    pub(crate) fn begin_version(
        newest: u8,
        what: What,
        sealed: &'i [u8],
    ) -> Result<(u8, Self), UnsealError> {
        let mut reader = Self { rest: sealed };
        let version = reader.byte()?;
        if !(VERSION..=newest).contains(&version) {
            return Err(UnsealError::Version);
        }
        if reader.byte()? != what.number() {
            return Err(UnsealError::OtherType);
        }
        Ok((version, reader))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, UnsealError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], UnsealError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(UnsealError::Invalid)?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'i [u8], UnsealError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(UnsealError::Invalid)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// As many values of four bits as fit into `values`.
    #[cfg(feature = "deflate")]
    pub(crate) fn nibbles(&mut self, values: &mut [u8]) -> Result<(), UnsealError> {
        for pair in values.chunks_mut(2) {
            let byte = self.byte()?;
            let mut nibbles = [byte & 15, byte >> 4].into_iter();
            for value in pair {
                *value = nibbles.next().unwrap_or_default();
            }
            valid(nibbles.all(|nibble| nibble == 0))?;
        }
        Ok(())
    }

    /// Refuses an encoding that is not the shortest one.
    pub(crate) fn int(&mut self) -> Result<u64, UnsealError> {
        let byte = self.byte()?;
        if byte < 0x80 { Ok(byte.into()) } else { self.long_int(byte) }
    }

    /// An integer of several bytes.
    fn long_int(&mut self, first: u8) -> Result<u64, UnsealError> {
        let (mut n, mut shift) = (u64::from(first & 0x7F), 7_u32);
        loop {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7F) << (shift & 63);
            // The tenth byte has the top bit of a `u64`.
            if byte < 0x80 || shift >= 63 {
                return if byte == 0 || shift >= 63 && byte > 1 {
                    Err(UnsealError::Invalid)
                } else {
                    Ok(n)
                };
            }
            shift = shift.wrapping_add(7);
        }
    }

    /// An integer that fits into a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, UnsealError> {
        T::try_from(self.int()?).map_err(|_| UnsealError::Invalid)
    }

    /// All bytes that are left.
    pub(crate) const fn into_rest(self) -> &'i [u8] {
        self.rest
    }

    pub(crate) fn end(self) -> Result<(), UnsealError> {
        valid(self.rest.is_empty())
    }
}

/// Several small values in one byte, the first in the lowest bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits {
    byte: u8,
    /// The number of bits in use.
    len: u32,
}

impl Bits {
    pub(crate) const fn new() -> Self {
        Self { byte: 0, len: 0 }
    }

    /// Adds `value`, which has at most `width` bits.
    pub(crate) const fn with(self, width: u32, value: u8) -> Self {
        debug_assert!(value >> width == 0, "a value of that width");
        debug_assert!(self.len + width <= 8, "eight bits");
        let Self { byte, len } = self;
        Self { byte: byte | value << (len & 7), len: len.wrapping_add(width) }
    }

    pub(crate) fn with_flag(self, flag: bool) -> Self {
        self.with(1, u8::from(flag))
    }

    pub(crate) const fn byte(self) -> u8 {
        self.byte
    }

    /// The values of a byte that was read.
    pub(crate) const fn of(byte: u8) -> Self {
        Self { byte, len: 8 }
    }

    /// Takes the value of the next `width` bits, fewer than eight.
    pub(crate) const fn take(&mut self, width: u32) -> u8 {
        let value = self.byte & (1_u8 << (width & 7)).wrapping_sub(1);
        self.byte >>= width & 7;
        value
    }

    pub(crate) const fn take_flag(&mut self) -> bool {
        self.take(1) != 0
    }

    /// Whether all bits that are left are 0.
    pub(crate) const fn are_zero(self) -> bool {
        self.byte == 0
    }

    /// The bits that are left must be 0.
    pub(crate) fn end(self) -> Result<(), UnsealError> {
        valid(self.are_zero())
    }
}

/// Refuses a state that cannot be reached.
pub(crate) fn valid(is_valid: bool) -> Result<(), UnsealError> {
    if is_valid { Ok(()) } else { Err(UnsealError::Invalid) }
}

/// Refuses a state that the new options do not allow.
pub(crate) fn allowed(is_allowed: bool) -> Result<(), UnsealError> {
    if is_allowed { Ok(()) } else { Err(UnsealError::Config) }
}
