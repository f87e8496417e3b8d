//! How much memory and work a compressor may take, and how its memory is laid out.

use super::huffman;
use crate::deflate_params::{CompressionContext, WindowBits};

/// How much memory and work compression may take.
///
/// Start from a preset and change what does not fit; [`Deflate::memory`](super::Deflate::memory)
/// says what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Effort {
    window_bits: WindowBits,
    table_bits: u8,
    block_bits: u8,
    pub(super) min_match: u8,
    pub(super) dynamic: bool,
    /// How many bits a block has in the fixed code at least to be worth codes of its own.
    pub(super) codes_from: u16,
    /// Of a match only the end can be found again: that is fast.
    pub(super) sparse: bool,
    /// Only every other position can be found again: so a small table reaches back twice as far.
    pub(super) every_other: bool,
    pub(super) depth: u16,
    pub(super) lazy: u16,
    pub(super) nice: u16,
    pub(super) threshold: usize,
}

impl Effort {
    /// 512 bytes of memory: for messages that are much like the ones just before.
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

    /// 5.4 KiB of memory: for microcontrollers and for very many connections.
    pub const SMALL: Self = Self {
        window_bits: KIB_2,
        table_bits: 10,
        block_bits: 10,
        every_other: false,
        ..Self::TINY
    };

    /// As fast as it goes, in 73 KiB of memory: one candidate for each match, and codes of a block's own
    /// only where they save most.
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

    /// As small as it gets in 70 KiB of memory.
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

    /// The greatest window; one that was agreed on may be smaller, and then counts.
    #[must_use]
    pub const fn window_bits(mut self, bits: WindowBits) -> Self {
        self.window_bits = bits;
        self
    }

    /// The number of places to look for a match, as an exponent from 4 to 15 (what is beyond
    /// counts as the nearest): 2 bytes each.
    #[must_use]
    pub const fn table_bits(mut self, bits: u8) -> Self {
        self.table_bits = clamp(bits, 4, 15);
        self
    }

    /// The bytes of a message that are kept beside the window, as an exponent from 6 to 14 (what is
    /// beyond counts as the nearest): what is compressed at a time. The matches in them take three
    /// eighths more, or 64 bytes below an exponent of 8.
    #[must_use]
    pub const fn block_bits(mut self, bits: u8) -> Self {
        self.block_bits = clamp(bits, 6, 14);
        self
    }

    /// How many candidates for a match are looked at; 0 counts as 1. More than one costs 2 bytes for each byte of
    /// the window.
    #[must_use]
    pub const fn depth(mut self, candidates: u16) -> Self {
        self.depth = candidates;
        self
    }

    /// A match of fewer bytes than that is dropped if one byte later a longer one begins; 0 takes each.
    #[must_use]
    pub const fn lazy(mut self, len: u16) -> Self {
        self.lazy = len;
        self
    }

    /// A match of that many bytes is taken without looking for a longer one.
    #[must_use]
    pub const fn nice(mut self, len: u16) -> Self {
        self.nice = len;
        self
    }

    /// Whether a block may bring codes of its own (RFC 1951 section 3.2.7): 2.5 KiB for messages of
    /// some hundred bytes and more.
    #[must_use]
    pub const fn dynamic(mut self, yes: bool) -> Self {
        self.dynamic = yes;
        self
    }

    /// A message of fewer bytes than that is better sent as it is.
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

/// Numbers of items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The bytes that a match may refer to.
    pub(super) window: usize,
    /// The bytes that are not written yet.
    pub(super) span: usize,
    pub(super) heads: usize,
    pub(super) chain: usize,
    pub(super) tokens: usize,
    pub(super) codes: usize,
}

impl Layout {
    pub(super) const fn memory(&self) -> usize {
        // More than memory can have where addresses have 16 bits.
        let pairs = self.heads.saturating_add(self.chain).saturating_mul(2);
        let quads = (self.tokens + self.codes).saturating_mul(4);
        self.window.saturating_add(self.span).saturating_add(pairs).saturating_add(quads)
    }
}

/// What is shorter never becomes shorter: a header, one match, the end of the block and the header of
/// the empty one are 25 bits.
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
