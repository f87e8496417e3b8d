//! A decoder of DEFLATE blocks (RFC 1951 §3.2.3) that can stop and resume at any byte
//! of the input and the output.
//!
//! ```text
//!            +--------+  stored   +-------------+      +--------+
//!  start --> | Header | --------> | StoredLen   | ---> | Stored | ---+
//!            +--------+           +-------------+      +--------+    |
//!              ^ |  | dynamic     +--------+ +-------------+ +---------+
//!              | |  +-----------> | Counts | | CodeLengths | | Lengths |
//!              | |                +--------+ +-------------+ +---------+
//!              | | fixed          +---------+     +-------+     |    |
//!              | +--------------> | Symbols | <-> | Match |     |    |
//!              |                  +---------+ <-----------------+    |
//!              +----- end of block ----+-----------------------------+
//! ```

mod seal;

pub(super) use self::seal::MAX_LEN as MAX_SEALED_LEN;

use super::bit_reader::BitReader;
use super::huffman::{
    DistanceTable, Distances, FIXED_DISTANCES, FIXED_LITERALS, LiteralTable, Literals, Missing,
};
use super::window::Output;
use crate::deflate::symbols::{CODE_LENGTH_ORDER, DISTANCES, END, LENGTHS, LITERALS, OFFSETS};

/// The position in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecoderState {
    /// Before a block header, or at the end of a message.
    Header,
    /// Before the length of a stored block.
    StoredLen,
    /// In a stored block with this many bytes left.
    Stored(u16),
    /// Before the three counts of a dynamic block.
    Counts,
    /// After this many lengths of the code length code.
    CodeLengths(CodeCounts, u16),
    /// After this many lengths of the literal/length and distance codes.
    Lengths(CodeCounts, u16),
    /// Before a symbol.
    Symbols(Codes),
    /// Inside a match.
    Match(Codes, BackReference),
}

/// The number of code lengths of each alphabet in a dynamic block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CodeCounts {
    literals: u16,
    distances: u16,
    code_lengths: u16,
}

/// The prefix codes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codes {
    Fixed,
    Dynamic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BackReference {
    len: u16,
    distance: u16,
}

/// A literal, a match with its distance, or the end of the block.
enum Decoded {
    Literal(u8),
    Match(BackReference),
    End,
}

/// Why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The input is exhausted.
    Input,
    /// The output is full, and at least one more byte follows.
    Output,
    /// The input is not valid DEFLATE.
    Invalid,
}

impl From<Missing> for Stop {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Bits => Self::Input,
            Missing::Code => Self::Invalid,
        }
    }
}

#[derive(Debug)]
pub(super) struct Decoder {
    state: DecoderState,
    /// BFINAL of the current block. Before the first one it is set: nothing has to follow.
    is_last: bool,
    bits: BitReader,
    literals: Literals,
    /// The distance code or, while code lengths are read, the code length code.
    distances: Distances,
    /// The code lengths of a dynamic block: those of the code length code, then those
    /// of the literal/length code followed by those of the distance code.
    lengths: [u8; LITERALS + DISTANCES],
}

impl Decoder {
    pub(super) const fn new() -> Self {
        Self {
            state: DecoderState::Header,
            is_last: true,
            bits: BitReader::new(),
            literals: Literals::new(),
            distances: Distances::new(),
            lengths: [0; LITERALS + DISTANCES],
        }
    }

    /// Returns to the start of a block.
    pub(super) fn restart(&mut self) {
        self.state = DecoderState::Header;
        self.is_last = true;
        self.bits.clear();
    }

    /// Whether a message can end here: no block is open and no bits are left.
    pub(super) const fn is_at_end(&self) -> bool {
        matches!(self.state, DecoderState::Header) && self.bits.len() == 0
    }

    /// Whether the message has ended although its sender has removed no empty block: there is no
    /// block, or the last one is final.
    pub(super) const fn has_ended(&self) -> bool {
        self.is_last && self.is_at_end()
    }

    /// Completes the empty stored block at the end of a message, whose length its sender has removed;
    /// `false` if the message does not end in one. This is the same as to decode the length.
    pub(super) fn end_with_empty_block(&mut self) -> bool {
        let ends = matches!(self.state, DecoderState::StoredLen) && self.bits.len() == 0;
        if ends {
            self.state = DecoderState::Header;
        }
        ends
    }

    /// Decodes until the input is exhausted, the output is full or the input is invalid.
    pub(super) fn decode(&mut self, input: &mut &[u8], out: &mut Output<'_>) -> Stop {
        loop {
            self.bits.refill(input);
            let next = match self.state {
                DecoderState::Header => self.header(),
                DecoderState::StoredLen => self.stored_len(),
                DecoderState::Stored(left) => self.stored(left, input, out),
                DecoderState::Counts => self.counts(),
                DecoderState::CodeLengths(counts, at) => self.code_lengths(counts, at, input),
                DecoderState::Lengths(counts, at) => self.read_lengths(counts, at, input),
                DecoderState::Symbols(codes) => self.symbols(codes, input, out),
                DecoderState::Match(codes, rest) => repeat(codes, rest, out),
            };
            match next {
                Ok(state) => self.state = state,
                Err(stop) => return stop,
            }
        }
    }

    /// BFINAL and BTYPE (§3.2.3).
    fn header(&mut self) -> Result<DecoderState, Stop> {
        let bits = self.bits.take(3).ok_or(Stop::Input)?;
        self.is_last = bits & 1 != 0;
        match bits >> 1 {
            0 => {
                self.bits.align();
                Ok(DecoderState::StoredLen)
            }
            1 => Ok(DecoderState::Symbols(Codes::Fixed)),
            2 => Ok(DecoderState::Counts),
            _ => Err(Stop::Invalid),
        }
    }

    /// LEN and NLEN (§3.2.4).
    fn stored_len(&mut self) -> Result<DecoderState, Stop> {
        let mut bits = self.bits;
        let len = bits.take(16).ok_or(Stop::Input)?;
        let complement = bits.take(16).ok_or(Stop::Input)?;
        if len != !complement {
            return Err(Stop::Invalid);
        }
        self.bits = bits;
        Ok(DecoderState::Stored(len))
    }

    fn stored(
        &mut self,
        left: u16,
        input: &mut &[u8],
        out: &mut Output<'_>,
    ) -> Result<DecoderState, Stop> {
        let mut left = left;
        while left > 0 {
            self.state = DecoderState::Stored(left);
            let mut bits = self.bits;
            if let Some(byte) = bits.byte() {
                out.push(byte).ok_or(Stop::Output)?;
                self.bits = bits;
                left -= 1;
                continue;
            }
            self.bits.clear();
            if input.is_empty() {
                return Err(Stop::Input);
            }
            let here = input.get(..left.into()).unwrap_or(input);
            let written = out.extend(here);
            if written == 0 {
                return Err(Stop::Output);
            }
            *input = input.get(written..).unwrap_or_default();
            left = left.saturating_sub(u16::try_from(written).unwrap_or(u16::MAX));
        }
        Ok(self.end_of_block())
    }

    /// HLIT, HDIST and HCLEN (§3.2.7).
    fn counts(&mut self) -> Result<DecoderState, Stop> {
        let mut bits = self.bits;
        let literals = bits.take(5).ok_or(Stop::Input)? + 257;
        let distances = bits.take(5).ok_or(Stop::Input)? + 1;
        let code_lengths = bits.take(4).ok_or(Stop::Input)? + 4;
        if usize::from(literals) > LITERALS || usize::from(distances) > DISTANCES {
            return Err(Stop::Invalid);
        }
        self.bits = bits;
        self.lengths = [0; LITERALS + DISTANCES];
        Ok(DecoderState::CodeLengths(CodeCounts { literals, distances, code_lengths }, 0))
    }

    fn code_lengths(
        &mut self,
        counts: CodeCounts,
        mut at: u16,
        input: &mut &[u8],
    ) -> Result<DecoderState, Stop> {
        for &place in CODE_LENGTH_ORDER.get(at.into()..counts.code_lengths.into()).unwrap_or(&[]) {
            self.state = DecoderState::CodeLengths(counts, at);
            // The 19 lengths have 57 bits, one more than a refill guarantees.
            self.bits.refill(input);
            let len = self.bits.take(3).ok_or(Stop::Input)?.to_le_bytes()[0];
            *self.lengths.get_mut(usize::from(place)).ok_or(Stop::Invalid)? = len;
            at += 1;
        }
        let lengths = self.lengths.first_chunk::<19>().unwrap_or(&[0; 19]);
        self.distances.build(lengths).ok_or(Stop::Invalid)?;
        Ok(DecoderState::Lengths(counts, 0))
    }

    fn read_lengths(
        &mut self,
        counts: CodeCounts,
        mut at: u16,
        input: &mut &[u8],
    ) -> Result<DecoderState, Stop> {
        let end = counts.literals + counts.distances;
        while at < end {
            self.state = DecoderState::Lengths(counts, at);
            self.bits.refill(input);
            let mut bits = self.bits;
            let symbol = self.distances.take(&mut bits)?;
            let before = usize::from(at).checked_sub(1);
            let before = before.and_then(|before| self.lengths.get(before).copied());
            let (len, times) = match symbol {
                16 => (before.ok_or(Stop::Invalid)?, 3 + bits.take(2).ok_or(Stop::Input)?),
                17 => (0, 3 + bits.take(3).ok_or(Stop::Input)?),
                18 => (0, 11 + bits.take(7).ok_or(Stop::Input)?),
                len => (len.to_le_bytes()[0], 1),
            };
            if at + times > end {
                return Err(Stop::Invalid);
            }
            self.bits = bits;
            let to = self.lengths.get_mut(at.into()..(at + times).into()).unwrap_or_default();
            to.fill(len);
            at += times;
        }
        let (literals, distances) =
            self.lengths.split_at_checked(counts.literals.into()).unwrap_or_default();
        let distances = distances.get(..counts.distances.into()).unwrap_or_default();
        // §3.2.7: without a code for symbol 256, the block could not end.
        if literals.get(usize::from(END)).is_none_or(|&len| len == 0) {
            return Err(Stop::Invalid);
        }
        self.literals.build(literals).ok_or(Stop::Invalid)?;
        self.distances.build(distances).ok_or(Stop::Invalid)?;
        Ok(DecoderState::Symbols(Codes::Dynamic))
    }

    #[inline]
    fn symbols(
        &mut self,
        codes: Codes,
        input: &mut &[u8],
        out: &mut Output<'_>,
    ) -> Result<DecoderState, Stop> {
        self.state = DecoderState::Symbols(codes);
        // In registers, not in memory.
        let mut bits = self.bits;
        let end = self.tokens(codes, &mut bits, input, out);
        self.bits = bits;
        Ok(match end? {
            None => self.end_of_block(),
            Some(rest) => DecoderState::Match(codes, rest),
        })
    }

    /// Decodes until the end of the block, or until the output is full inside a match: returns its rest.
    #[inline(always)]
    fn tokens(
        &self,
        codes: Codes,
        bits: &mut BitReader,
        input: &mut &[u8],
        out: &mut Output<'_>,
    ) -> Result<Option<BackReference>, Stop> {
        /// The maximum length of a match in bits: 15 + 5 for its length, 15 + 13 for its distance.
        const LONGEST: u32 = 48;
        let (literals, distances) = match codes {
            Codes::Fixed => (&FIXED_LITERALS, &FIXED_DISTANCES),
            Codes::Dynamic => (self.literals.table(), self.distances.table()),
        };
        loop {
            if bits.len() < LONGEST {
                bits.refill(input);
            }
            let mut next = *bits;
            match self.token(literals, distances, &mut next)? {
                Decoded::Literal(byte) => out.push(byte).ok_or(Stop::Output)?,
                Decoded::Match(BackReference { len, distance }) => {
                    if !out.reaches(distance.into()) {
                        return Err(Stop::Invalid);
                    }
                    let written = u16::try_from(out.repeat(distance.into(), len.into()));
                    let left = len.saturating_sub(written.unwrap_or_default());
                    if left > 0 {
                        *bits = next;
                        return Ok(Some(BackReference { len: left, distance }));
                    }
                }
                Decoded::End => {
                    *bits = next;
                    return Ok(None);
                }
            }
            *bits = next;
        }
    }

    /// Decodes a literal, a complete match or the end of the block.
    #[inline(always)]
    fn token(
        &self,
        literals: &LiteralTable,
        distances: &DistanceTable,
        bits: &mut BitReader,
    ) -> Result<Decoded, Missing> {
        let symbol = self.literals.take_with(literals, bits)?;
        if let Ok(byte) = u8::try_from(symbol) {
            return Ok(Decoded::Literal(byte));
        }
        if symbol == END {
            return Ok(Decoded::End);
        }
        let index = usize::from(symbol - (END + 1));
        let length = LENGTHS.get(index).filter(|_| index < LITERALS - 257).ok_or(Missing::Code)?;
        let len = length.base + bits.take(length.extra.into()).ok_or(Missing::Bits)?;
        let symbol = self.distances.take_with(distances, bits)?;
        let index = usize::from(symbol);
        let offset = OFFSETS.get(index).filter(|_| index < DISTANCES).ok_or(Missing::Code)?;
        let distance = offset.base + bits.take(offset.extra.into()).ok_or(Missing::Bits)?;
        Ok(Decoded::Match(BackReference { len, distance }))
    }

    /// RFC 7692 §7.2.3.4: after a block with BFINAL, the next one begins at a byte boundary.
    fn end_of_block(&mut self) -> DecoderState {
        if self.is_last {
            self.bits.align();
        }
        DecoderState::Header
    }
}

/// Copies the rest of a match.
fn repeat(codes: Codes, rest: BackReference, out: &mut Output<'_>) -> Result<DecoderState, Stop> {
    let written = u16::try_from(out.repeat(rest.distance.into(), rest.len.into()));
    match rest.len.saturating_sub(written.unwrap_or_default()) {
        0 => Ok(DecoderState::Symbols(codes)),
        _ if written == Ok(0) => Err(Stop::Output),
        len => Ok(DecoderState::Match(codes, BackReference { len, ..rest })),
    }
}
