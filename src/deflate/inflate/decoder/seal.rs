//! A decoder inside a message as bytes. A prefix code is the lengths from which it is built.

use super::{BackReference, CodeCounts, Codes, Decoder, DecoderState, Stop};
use crate::bytes;
use crate::bytes::seal::{Reader, UnsealError, Writer, valid};
use crate::deflate::inflate::bit_reader::BitReader;
use crate::deflate::inflate::window::{Output, Window};
use crate::deflate::symbols::{
    CODE_LENGTH_ORDER, DISTANCES, END, LENGTHS, LITERALS, OFFSETS, Range,
};

/// The number of symbols of the code length code.
const CODE_LENGTHS: usize = CODE_LENGTH_ORDER.len();

/// The most bytes of [`Decoder::seal`]: three counts, and code lengths of which one is missing.
pub(crate) const MAX_LEN: usize =
    2 + 1 + 2 + CODE_LENGTHS.div_ceil(2) + (LITERALS + DISTANCES).div_ceil(2);

/// What a sealed decoder is doing, in three bits.
mod doing {
    pub(super) const HEADER: u8 = 0;
    pub(super) const STORED_LEN: u8 = 1;
    pub(super) const STORED: u8 = 2;
    pub(super) const COUNTS: u8 = 3;
    pub(super) const CODE_LENGTHS: u8 = 4;
    pub(super) const LENGTHS: u8 = 5;
    pub(super) const SYMBOLS: u8 = 6;
    pub(super) const MATCH: u8 = 7;
}

impl Decoder {
    /// A number of three bits that tells how [`seal`](Self::seal) goes on.
    pub(crate) const fn doing(&self) -> u8 {
        match self.state {
            DecoderState::Header => doing::HEADER,
            DecoderState::StoredLen => doing::STORED_LEN,
            DecoderState::Stored(_) => doing::STORED,
            DecoderState::Counts => doing::COUNTS,
            DecoderState::CodeLengths(..) => doing::CODE_LENGTHS,
            DecoderState::Lengths(..) => doing::LENGTHS,
            DecoderState::Symbols(_) => doing::SYMBOLS,
            DecoderState::Match(..) => doing::MATCH,
        }
    }

    /// BFINAL of the current block.
    pub(crate) const fn is_last(&self) -> bool {
        self.is_last
    }

    /// The bits that are taken from the input, but not consumed.
    pub(crate) const fn bits(&self) -> BitReader {
        self.bits
    }

    /// Writes the state, except the [`bits`](Self::bits).
    pub(crate) fn seal(&self, writer: &mut Writer<'_>) {
        match self.state {
            DecoderState::Header | DecoderState::StoredLen | DecoderState::Counts => {}
            DecoderState::Stored(left) => writer.int(left.into()),
            DecoderState::CodeLengths(counts, at) => {
                counts.seal(writer);
                writer.int(counts.code_lengths.into());
                writer.int(at.into());
                let mut lengths = [0; CODE_LENGTHS];
                for (to, symbol) in lengths.iter_mut().zip(CODE_LENGTH_ORDER) {
                    *to = self.lengths.get(usize::from(symbol)).copied().unwrap_or_default();
                }
                writer.nibbles(lengths.get(..at.into()).unwrap_or_default());
            }
            DecoderState::Lengths(counts, at) => {
                counts.seal(writer);
                writer.int(at.into());
                writer.nibbles(self.distances.lengths().get(..CODE_LENGTHS).unwrap_or_default());
                writer.nibbles(self.lengths.get(..at.into()).unwrap_or_default());
            }
            DecoderState::Symbols(codes) => self.seal_codes(codes, writer),
            DecoderState::Match(codes, BackReference { len, distance }) => {
                writer.int(len.into());
                writer.int(distance.into());
                self.seal_codes(codes, writer);
            }
        }
    }

    fn seal_codes(&self, codes: Codes, writer: &mut Writer<'_>) {
        match codes {
            Codes::Fixed => writer.byte(0),
            Codes::Dynamic => {
                writer.byte(1);
                let mut lengths = [0; LITERALS + DISTANCES];
                let (literals, distances) =
                    lengths.split_at_mut_checked(LITERALS).unwrap_or_default();
                copy(&self.literals.lengths(), literals);
                copy(&self.distances.lengths(), distances);
                writer.nibbles(&lengths);
            }
        }
    }

    /// Reads the state into this one, which is new. `doing` has three bits.
    pub(crate) fn unseal(
        &mut self,
        doing: u8,
        is_last: bool,
        bits: BitReader,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        (self.is_last, self.bits) = (is_last, bits);
        let is_aligned = bits.len().is_multiple_of(8);
        self.state = match doing {
            doing::HEADER => {
                // After the last block, the rest of its byte is discarded.
                valid(!is_last || bits.len() == 0)?;
                DecoderState::Header
            }
            doing::STORED_LEN => {
                valid(is_aligned)?;
                DecoderState::StoredLen
            }
            doing::STORED => {
                valid(is_aligned)?;
                DecoderState::Stored(reader.small()?)
            }
            doing::COUNTS => DecoderState::Counts,
            doing::CODE_LENGTHS => self.unseal_code_lengths(reader)?,
            doing::LENGTHS => self.unseal_lengths(reader)?,
            doing::SYMBOLS => DecoderState::Symbols(self.unseal_codes(reader)?),
            _ => {
                let rest = BackReference { len: reader.small()?, distance: reader.small()? };
                DecoderState::Match(self.unseal_codes(reader)?, rest)
            }
        };
        Ok(())
    }

    fn unseal_code_lengths(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<DecoderState, UnsealError> {
        let mut counts = CodeCounts::unseal(reader)?;
        counts.code_lengths = reader.small()?;
        let at: u16 = reader.small()?;
        valid((4..=19).contains(&counts.code_lengths) && at < counts.code_lengths)?;
        let mut lengths = [0; CODE_LENGTHS];
        let lengths = lengths.get_mut(..at.into()).unwrap_or_default();
        reader.nibbles(lengths)?;
        for (len, symbol) in lengths.iter().zip(CODE_LENGTH_ORDER) {
            valid(*len < 8)?;
            let to = self.lengths.get_mut(usize::from(symbol));
            bytes::set(Some([*len]), to.map(core::array::from_mut));
        }
        Ok(DecoderState::CodeLengths(counts, at))
    }

    fn unseal_lengths(&mut self, reader: &mut Reader<'_>) -> Result<DecoderState, UnsealError> {
        let counts = CodeCounts::unseal(reader)?;
        let at: u16 = reader.small()?;
        valid(at < counts.literals + counts.distances)?;
        let mut code = [0; CODE_LENGTHS];
        reader.nibbles(&mut code)?;
        valid(code.iter().all(|len| *len < 8) && self.distances.build(&code).is_some())?;
        let lengths = self.lengths.get_mut(..at.into()).unwrap_or_default();
        reader.nibbles(lengths)?;
        valid(can_be_read(lengths, &code))?;
        Ok(DecoderState::Lengths(counts, at))
    }

    fn unseal_codes(&mut self, reader: &mut Reader<'_>) -> Result<Codes, UnsealError> {
        let kind = reader.byte()?;
        if kind == 0 {
            return Ok(Codes::Fixed);
        }
        valid(kind == 1)?;
        let mut lengths = [0; LITERALS + DISTANCES];
        reader.nibbles(&mut lengths)?;
        let (literals, distances) = lengths.split_at_checked(LITERALS).unwrap_or_default();
        valid(literals.get(usize::from(END)).is_some_and(|len| *len > 0))?;
        valid(self.literals.build(literals).is_some())?;
        valid(self.distances.build(distances).is_some())?;
        Ok(Codes::Dynamic)
    }

    /// Why decoding has stopped in this state, with the bits that are held: it would stop there again
    /// without further input and output. `total` bytes have been decompressed so far, or more.
    pub(crate) fn stop(
        &mut self,
        total: u64,
        window: Window,
        memory: &[u8],
    ) -> Result<Stop, UnsealError> {
        if let DecoderState::Match(codes, rest) = self.state {
            let is_in_window = u64::from(rest.distance) <= window.size();
            valid(is_in_window && self.has_match(codes, rest, total))?;
        }
        let before = (self.state, self.bits);
        let stop = self.decode(&mut &[][..], &mut Output::new(window, memory, &mut []));
        valid(stop != Stop::Invalid && before == (self.state, self.bits))?;
        Ok(stop)
    }

    /// Whether the codes have a match of which this can be left, with `total` bytes before its rest.
    fn has_match(&self, codes: Codes, rest: BackReference, total: u64) -> bool {
        let (mut lengths, mut distances) = ([1; LITERALS], [1; DISTANCES]);
        if codes == Codes::Dynamic {
            copy(&self.literals.lengths(), &mut lengths);
            copy(&self.distances.lengths(), &mut distances);
        }
        let lengths = lengths.iter().skip(usize::from(END) + 1).zip(LENGTHS);
        // The shortest one: of a longer one, more bytes would have been written.
        let shortest = lengths
            .filter(|(len, range)| **len > 0 && range.last() >= rest.len)
            .map(|(_, range)| range.base.max(rest.len))
            .min();
        let mut distances = distances.iter().zip(OFFSETS);
        distances
            .any(|(len, range)| *len > 0 && (range.base..=range.last()).contains(&rest.distance))
            && shortest.is_some_and(|shortest| {
                u64::from(rest.distance) + u64::from(shortest - rest.len) <= total
            })
    }
}

impl CodeCounts {
    fn seal(self, writer: &mut Writer<'_>) {
        writer.int(self.literals.into());
        writer.int(self.distances.into());
    }

    fn unseal(reader: &mut Reader<'_>) -> Result<Self, UnsealError> {
        let (literals, distances) = (reader.small()?, reader.small()?);
        valid((257..=286).contains(&literals) && (1..=30).contains(&distances))?;
        Ok(Self { literals, distances, code_lengths: 0 })
    }
}

impl Range {
    /// The greatest value of the symbol.
    const fn last(self) -> u16 {
        self.base + ((1 << self.extra) - 1)
    }
}

/// Whether code lengths can be read with a code of these lengths (RFC 1951 §3.2.7).
fn can_be_read(lengths: &[u8], code: &[u8; CODE_LENGTHS]) -> bool {
    let has = |symbol: usize| code.get(symbol).is_some_and(|len| *len > 0);
    // Whether a symbol can end before each of them, and after the last one.
    let mut ends = [false; LITERALS + DISTANCES + 1];
    ends[0] = true;
    for (at, len) in lengths.iter().enumerate() {
        if !ends.get(at).is_some_and(|ends| *ends) {
            continue;
        }
        let rest = lengths.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|next| *next == len).count();
        let before = at.checked_sub(1).and_then(|before| lengths.get(before));
        for (symbol, is_possible, least, most) in [
            (usize::from(*len), true, 1, 1),
            (16, before == Some(len), 3, 6),
            (17, *len == 0, 3, 10),
            (18, *len == 0, 11, 138),
        ] {
            if is_possible && has(symbol) {
                let after = ends.get_mut(at + least..=at + run.min(most));
                after.unwrap_or_default().fill(true);
            }
        }
    }
    ends.get(lengths.len()).is_some_and(|ends| *ends)
}

/// Copies as many as fit.
fn copy(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
