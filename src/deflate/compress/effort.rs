//! How much memory and time a compressor uses, and the layout of its storage.

use super::huffman;
use crate::deflate_params::{CompressionContext, WindowBits};

/// A trade-off between memory, speed and compression ratio.
///
/// Start from a preset and adjust it. [`Deflate::memory`](super::Deflate::memory)
/// returns the length of the storage:
///
/// ```
/// use barews::deflate::{Deflate, DeflateParams, Effort};
///
/// let context = DeflateParams::DEFAULT.server();
/// assert_eq!(Deflate::memory(context, Effort::SMALL), 5504);
/// assert_eq!(Deflate::memory(context, Effort::SMALL.dynamic(true)), 7988);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Effort {
    window_bits: WindowBits,
    table_bits: u8,
    block_bits: u8,
    pub(super) min_match: u8,
    pub(super) dynamic: bool,
    /// The length of a block in the fixed code, in bits, from which dynamic codes are considered.
    pub(super) codes_from: u16,
    /// Whether only the end of a match is entered into the hash table, which is faster.
    pub(super) sparse: bool,
    /// Whether only every other position is entered, so that a small hash table
    /// reaches back twice as far.
    pub(super) every_other: bool,
    pub(super) depth: u16,
    pub(super) lazy: u16,
    pub(super) nice: u16,
    pub(super) threshold: usize,
}

impl Effort {
    /// 512 bytes of storage: for messages that resemble the ones just before.
    pub const TINY: Self = Self {
        window_bits: WindowBits::MIN,
        table_bits: 6,
        block_bits: 6,
        min_match: 4,
        dynamic: false,
        codes_from: 256,
        sparse: false,
        every_other: true,
        depth: 1,
        lazy: 0,
        nice: 258,
        threshold: LEAST_LEN,
    };

    /// 5.4 KiB of storage: for microcontrollers, and for very many connections.
    pub const SMALL: Self = Self {
        window_bits: KIB_2,
        table_bits: 10,
        block_bits: 10,
        every_other: false,
        ..Self::TINY
    };

    /// Highest speed, in 73 KiB of storage: one candidate for each match, and dynamic
    /// codes only where they save most.
    pub const FAST: Self = Self {
        window_bits: WindowBits::MAX,
        table_bits: 13,
        block_bits: 14,
        dynamic: true,
        codes_from: 2048,
        sparse: true,
        every_other: false,
        ..Self::TINY
    };

    /// Best compression, in 70 KiB of storage.
    pub const BEST: Self = Self {
        window_bits: KIB_16,
        table_bits: 12,
        block_bits: 13,
        min_match: 3,
        dynamic: true,
        codes_from: 256,
        sparse: false,
        every_other: false,
        depth: 128,
        lazy: 32,
        nice: 128,
        threshold: LEAST_LEN,
    };

    /// The largest window to use. A smaller negotiated one takes precedence.
    #[must_use]
    pub const fn window_bits(mut self, bits: WindowBits) -> Self {
        self.window_bits = bits;
        self
    }

    /// The size of the hash table: `1 << bits` entries of 2 bytes. `bits` is clamped
    /// to the range 4 to 15.
    #[must_use]
    pub const fn table_bits(mut self, bits: u8) -> Self {
        self.table_bits = clamp(bits, 4, 15);
        self
    }

    /// The size of a block: `1 << bits` bytes of a message, which are stored in addition
    /// to the window and compressed at a time. `bits` is clamped to the range 6 to 14.
    ///
    /// The tokens of a block take another three eighths of its size, or 64 bytes if
    /// `bits` is less than 8.
    #[must_use]
    pub const fn block_bits(mut self, bits: u8) -> Self {
        self.block_bits = clamp(bits, 6, 14);
        self
    }

    /// The maximum number of candidates to examine for each match; 0 is treated as 1.
    /// More than 1 requires hash chains, which take 2 bytes for each byte of the window.
    ///
    /// On average of a message or block, at most 32 candidates are examined for each byte, so that
    /// a peer whose text is compressed cannot multiply the work.
    #[must_use]
    pub const fn depth(mut self, candidates: u16) -> Self {
        self.depth = candidates;
        self
    }

    /// Enables lazy matching: a match of fewer than `len` bytes is discarded if a
    /// longer one begins at the next byte. 0 disables it.
    #[must_use]
    pub const fn lazy(mut self, len: u16) -> Self {
        self.lazy = len;
        self
    }

    /// A match of at least `len` bytes is taken without a search for a longer one.
    #[must_use]
    pub const fn nice(mut self, len: u16) -> Self {
        self.nice = len;
        self
    }

    /// Whether a block may have its own prefix codes (RFC 1951 §3.2.7). They take
    /// 2,484 bytes of storage, and pay off in messages of some hundred bytes or more.
    #[must_use]
    pub const fn dynamic(mut self, yes: bool) -> Self {
        self.dynamic = yes;
        self
    }

    /// The minimum length in bytes of a message that is worth compressing, for
    /// [`Deflate::wants`](super::Deflate::wants).
    #[must_use]
    pub const fn threshold(mut self, len: usize) -> Self {
        self.threshold = len;
        self
    }

    pub(super) const fn layout(&self, context: CompressionContext) -> Layout {
        let (ours, agreed) = (self.window_bits.get(), context.window_bits.get());
        let window = 1 << if ours < agreed { ours } else { agreed };
        let span = 1 << self.block_bits;
        Layout {
            window,
            span,
            heads: 1 << self.table_bits,
            chain: if self.depth > 1 { window } else { 0 },
            tokens: if span < 256 { 16 } else { span / 32 * 3 },
            codes: if self.dynamic { huffman::ENTRIES } else { 0 },
        }
    }
}

/// The parts of the storage, in items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The bytes that a match can refer to.
    pub(super) window: usize,
    /// The bytes not written yet.
    pub(super) span: usize,
    pub(super) heads: usize,
    pub(super) chain: usize,
    pub(super) tokens: usize,
    pub(super) codes: usize,
}

impl Layout {
    pub(super) const fn memory(&self) -> usize {
        // Saturates where addresses have 16 bits: no storage is that long.
        let pairs = self.heads.saturating_add(self.chain).saturating_mul(2);
        let quads = (self.tokens + self.codes).saturating_mul(4);
        self.window.saturating_add(self.span).saturating_add(pairs).saturating_add(quads)
    }
}

/// Shorter messages cannot shrink: a header, a match, the end of the block and the
/// header of the empty block are 25 bits.
const LEAST_LEN: usize = 5;

const KIB_2: WindowBits = match WindowBits::new(11) {
    Some(bits) => bits,
    None => WindowBits::MAX,
};
const KIB_16: WindowBits = match WindowBits::new(14) {
    Some(bits) => bits,
    None => WindowBits::MAX,
};

const fn clamp(value: u8, least: u8, most: u8) -> u8 {
    if value < least {
        least
    } else if value > most {
        most
    } else {
        value
    }
}
