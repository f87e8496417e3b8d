//! Writes DEFLATE streams (RFC 1951) bit by bit, valid or not.
#![allow(dead_code, reason = "each test uses part of it")]

/// A DEFLATE bit writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// The unused bits of the last byte.
    free: u32,
}

/// The order in which the lengths of the code length code are written (§3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A code length code with all 19 symbols: 13 codes of 4 bits, 6 of 5.
pub(crate) const ALL_CODE_LENGTHS: [u8; 19] =
    [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5];

/// The canonical codes for these lengths (§3.2.2), each with its length.
pub(crate) fn codes(lengths: &[u8]) -> Vec<(u16, u8)> {
    let mut next = [0_u16; 17];
    for len in 1..16 {
        let count = lengths.iter().filter(|&&one| usize::from(one) == len).count();
        next[len + 1] = (next[len].wrapping_add(count.try_into().unwrap())) << 1;
    }
    let code = |&len: &u8| {
        let code = next[usize::from(len)];
        next[usize::from(len)] = code.wrapping_add(1);
        (code, len)
    };
    lengths.iter().map(code).collect()
}

/// The symbol, extra bits and extra bit count of a value, where the ranges start at `first` and the
/// extra bit count grows every `1 << group` symbols (§3.2.5).
fn range(value: u32, first: u32, group: u32) -> (u32, u32, u32) {
    let mut base = first;
    (0..30)
        .find_map(|symbol: u32| {
            let extra = (symbol >> group).saturating_sub(1);
            let here = value < base + (1 << extra);
            let found = here.then(|| (symbol, value - base, extra));
            base += 1 << extra;
            found
        })
        .unwrap()
}

impl BitWriter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Writes `count` bits, lowest first.
    pub(crate) fn bits(&mut self, value: u32, count: u32) -> &mut Self {
        for bit in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::from(value >> bit & 1 == 1) << (8 - self.free);
            self.free -= 1;
        }
        self
    }

    /// Writes a prefix code, highest bit first (§3.1.1).
    pub(crate) fn code(&mut self, (code, len): (u16, u8)) -> &mut Self {
        for bit in (0..len).rev() {
            self.bits(u32::from(code >> bit & 1), 1);
        }
        self
    }

    /// Pads with zeros to a byte boundary.
    pub(crate) fn align(&mut self) -> &mut Self {
        self.free = 0;
        self
    }

    /// Writes a stored block.
    pub(crate) fn stored(&mut self, last: bool, bytes: &[u8]) -> &mut Self {
        self.bits(u32::from(last), 3).align();
        let len = u16::try_from(bytes.len()).unwrap();
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend((!len).to_le_bytes());
        self.bytes.extend(bytes);
        self
    }

    /// Starts a block with the fixed codes.
    pub(crate) fn fixed(&mut self, last: bool) -> &mut Self {
        self.bits(u32::from(last), 1).bits(1, 2)
    }

    /// Writes a symbol of the fixed literal/length code (§3.2.6).
    pub(crate) fn fixed_symbol(&mut self, symbol: u16) -> &mut Self {
        self.code(match symbol {
            0..=143 => (0x30 + symbol, 8),
            144..=255 => (0x190 + symbol - 144, 9),
            256..=279 => (symbol - 256, 7),
            _ => (0xC0 + symbol - 280, 8),
        })
    }

    /// Writes literals in the fixed code.
    pub(crate) fn literals(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.fixed_symbol(byte.into());
        }
        self
    }

    /// Writes a match in the fixed codes: 3 to 258 bytes at a distance of 1 to 32,768.
    pub(crate) fn repeat(&mut self, len: u32, distance: u32) -> &mut Self {
        if len == 258 {
            self.fixed_symbol(285);
        } else {
            let (symbol, extra, count) = range(len, 3, 2);
            self.fixed_symbol(257 + u16::try_from(symbol).unwrap()).bits(extra, count);
        }
        let (symbol, extra, count) = range(distance, 1, 1);
        self.code((symbol.try_into().unwrap(), 5)).bits(extra, count)
    }

    /// Ends a block with the fixed codes.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.fixed_symbol(256)
    }

    /// Writes the header of a dynamic block: the counts, the lengths of the code length code by
    /// symbol, and the given code length symbols with their extra bits.
    pub(crate) fn dynamic_head(
        &mut self,
        last: bool,
        literals: u32,
        distances: u32,
        code_lengths: &[u8; 19],
        items: &[(usize, u32)],
    ) -> &mut Self {
        self.bits(u32::from(last), 1).bits(2, 2);
        self.bits(literals - 257, 5).bits(distances - 1, 5).bits(15, 4);
        for place in ORDER {
            self.bits(code_lengths[place].into(), 3);
        }
        let codes = codes(code_lengths);
        for &(symbol, extra) in items {
            let count = [2, 3, 7].get(symbol.wrapping_sub(16)).copied().unwrap_or(0);
            self.code(codes[symbol]).bits(extra, count);
        }
        self
    }

    /// Writes the header of a dynamic block with codes of these lengths.
    pub(crate) fn dynamic(&mut self, last: bool, literals: &[u8], distances: &[u8]) -> &mut Self {
        let items: Vec<_> =
            literals.iter().chain(distances).map(|&len| (usize::from(len), 0)).collect();
        let counts = [literals.len(), distances.len()].map(|n| u32::try_from(n).unwrap());
        self.dynamic_head(last, counts[0], counts[1], &ALL_CODE_LENGTHS, &items)
    }

    /// The bytes written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The bytes as a message: RFC 7692 §7.2.1 ends it with an empty stored block without its last
    /// four bytes.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut all = self.clone();
        all.bits(0, 3);
        all.bytes
    }
}
