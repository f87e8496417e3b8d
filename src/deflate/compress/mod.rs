//! Compression of messages (RFC 7692 §7.2.1).

mod bit_writer;
mod block;
mod block_writer;
mod effort;
mod hash_chain;
mod history;
mod huffman;
mod match_finder;
mod tokens;

pub use self::effort::Effort;

use self::bit_writer::{BitWriter, Out, low};
use self::block::{
    Before, BlockKind, DYNAMIC, FIXED, FIXED_END_LEN, HEADER_LEN, STORED, STORED_LEN,
};
use self::block_writer::TokenCursor;
use self::effort::Layout;
use self::hash_chain::{HashChains, Seen};
use self::history::History;
use self::huffman::{Alphabets, CodeSizes, Coder, Entry, FixedCode};
use self::match_finder::{Span, tokenize};
use self::tokens::{Run, Tokens};
use crate::buffer::StorageFull;
use crate::deflate::symbols::{CODE_LENGTH_ORDER, END};
use crate::deflate_params::CompressionContext;

/// The result of [`Deflate::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "complete: two counts and a flag")]
#[must_use]
pub struct Deflated {
    /// The number of input bytes consumed.
    pub consumed: usize,
    /// The number of output bytes written.
    pub written: usize,
    /// Whether all input was consumed and, with `fin`, the whole message was written.
    /// If `false`, the output is full: call again with more room.
    pub done: bool,
}

/// Compresses messages into permessage-deflate payloads (RFC 7692 §7.2.1), in storage
/// supplied by the caller: an array, `&mut [u8]`, `Vec<u8>` or pooled block.
///
/// ```
/// use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort};
///
/// const SERVER: CompressionContext = DeflateParams::DEFAULT.server();
/// let storage = [0; Deflate::memory(SERVER, Effort::SMALL)];
/// let mut deflate = Deflate::new(SERVER, Effort::SMALL, storage)?;
/// let mut out = [0; Deflate::max_len(5)];
/// let first = deflate.push(b"Hello", true, &mut out);
/// assert_eq!(out[..first.written], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
/// let second = deflate.push(b"Hello", true, &mut out); // refers to the first message
/// assert_eq!(out[..second.written], [0xf2, 0x00, 0x11, 0x00, 0x00]);
/// # Ok::<(), barews::StorageFull>(())
/// ```
#[derive(Debug)]
pub struct Deflate<S> {
    storage: S,
    layout: Layout,
    effort: Effort,
    takeover: bool,
    state: DeflateState,
}

/// The maximum number of bits between two blocks: an end of block, a header, padding
/// and a stored length.
const BETWEEN: u32 = FIXED_END_LEN + HEADER_LEN + 7 + STORED_LEN;

/// The state of a compressor between two calls.
#[derive(Clone, Copy, Debug)]
struct DeflateState {
    /// The number of bytes in the history, and of tokens in the block.
    history: usize,
    tokens: usize,
    seen: Seen,
    progress: BlockProgress,
}

/// The progress of the current block.
#[derive(Clone, Copy, Debug)]
struct BlockProgress {
    /// The start of the block in the history.
    block: usize,
    /// The end of its tokens in the history.
    at: usize,
    bits: BitWriter,
    /// A fixed block has not been ended.
    open: bool,
    write: WriteState,
}

/// What to write next.
#[derive(Clone, Copy, Debug)]
enum WriteState {
    /// Nothing: the tokens of the block are not complete.
    Search,
    /// The header of the block.
    Header(BlockKind),
    /// The bytes of a stored block.
    Bytes,
    /// The lengths of the code length code, from this index in their order.
    Order(CodeSizes, u16),
    /// The code lengths of a dynamic block, from this symbol.
    Lengths(CodeSizes, u16),
    /// The tokens of a dynamic block.
    Dynamic(TokenCursor),
    /// The tokens of a fixed block.
    Fixed(TokenCursor),
    /// The end of the message.
    End,
    /// The last bytes of the message.
    Last,
}

impl Deflate<&mut [u8]> {
    /// The length in bytes of the storage that [`Deflate::new`] requires.
    #[must_use]
    pub const fn memory(context: CompressionContext, effort: Effort) -> usize {
        effort.layout(context).memory()
    }

    /// The maximum compressed length, in bytes, of a message of `len` bytes that is
    /// pushed in one call, for any [`Effort`].
    #[must_use]
    pub const fn max_len(len: usize) -> usize {
        // The fixed code has at most nine bits per byte. Added to that are at most two headers
        // and ends of block, the header of the empty block, and padding: any further block
        // saves more than it costs, because all blocks but the last have at least 40 bytes.
        len.saturating_add(len.div_ceil(8)).saturating_add(3)
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Deflate<S> {
    /// Creates a compressor that uses `context`: on a server,
    /// [`DeflateParams::server`](super::DeflateParams::server); on a client,
    /// [`DeflateParams::client`](super::DeflateParams::client). Of `storage` it uses
    /// the first [`memory`](Deflate::memory) bytes.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if `storage` is shorter than that.
    pub fn new(
        context: CompressionContext,
        effort: Effort,
        mut storage: S,
    ) -> Result<Self, StorageFull> {
        let layout = effort.layout(context);
        let needed = layout.memory();
        storage.as_mut().get_mut(..needed).ok_or(StorageFull { needed })?.fill(0);
        let state = DeflateState {
            history: 0,
            tokens: 0,
            seen: Seen::NOTHING,
            progress: BlockProgress {
                block: 0,
                at: 0,
                bits: BitWriter::new(),
                open: false,
                write: WriteState::Search,
            },
        };
        Ok(Self { storage, layout, effort, takeover: context.takeover, state })
    }

    /// Compresses the next part of a message into `out`. `fin` marks the last part.
    ///
    /// If the result is not [`done`](Deflated::done), `out` is full: call this again
    /// with the rest of `input`, the same `fin` and more room. Without `fin`, bytes
    /// may be held back until a later call; `push(b"", true, out)` ends the message.
    /// The bytes of `out` after those written are unspecified.
    ///
    /// The compressed message does not depend on how `input` and `out` are split into calls.
    pub fn push(&mut self, input: &[u8], fin: bool, out: &mut [u8]) -> Deflated {
        let Some(mut work) = Work::new(self) else {
            return Deflated { consumed: 0, written: 0, done: false };
        };
        let deflated = work.push(input, fin, out);
        self.state = work.state();
        deflated
    }

    /// Whether a message of `len` bytes reaches the [`Effort::threshold`] for compression.
    #[must_use]
    pub const fn wants(&self, len: usize) -> bool {
        len >= self.effort.threshold
    }
}

/// A compressor with its storage split into parts.
struct Work<'m> {
    history: History<'m>,
    chains: HashChains<'m>,
    tokens: Tokens<'m>,
    codes: &'m mut [Entry],
    effort: &'m Effort,
    takeover: bool,
    progress: BlockProgress,
}

impl<'m> Work<'m> {
    /// `None` only if the storage has become shorter.
    fn new<S: AsMut<[u8]>>(deflate: &'m mut Deflate<S>) -> Option<Self> {
        let Deflate { storage, layout, effort, takeover, state } = deflate;
        let memory = storage.as_mut();
        let (bytes, memory) = memory.split_at_mut_checked(layout.window + layout.span)?;
        let (heads, memory) = memory.split_at_mut_checked(2 * layout.heads)?;
        let (chain, memory) = memory.split_at_mut_checked(2 * layout.chain)?;
        let (tokens, memory) = memory.split_at_mut_checked(4 * layout.tokens)?;
        let codes = memory.get_mut(..4 * layout.codes)?;
        let (heads, chain) = (heads.as_chunks_mut().0, chain.as_chunks_mut().0);
        Some(Self {
            history: History::new(bytes, state.history, layout.window),
            chains: HashChains::new(heads, chain, state.seen, effort),
            effort,
            tokens: Tokens::new(tokens.as_chunks_mut().0, state.tokens),
            codes: codes.as_chunks_mut().0,
            takeover: *takeover,
            progress: state.progress,
        })
    }

    fn state(&self) -> DeflateState {
        DeflateState {
            history: self.history.len,
            tokens: self.tokens.len,
            seen: self.chains.seen,
            progress: self.progress,
        }
    }

    fn push(&mut self, input: &[u8], fin: bool, out: &mut [u8]) -> Deflated {
        let mut rest = input;
        let mut out = Out::new(out);
        let done = loop {
            let last = matches!(self.progress.write, WriteState::Last);
            if !self.write(&mut out) {
                break false;
            }
            if last {
                break rest.is_empty();
            }
            if matches!(self.progress.write, WriteState::Search) {
                rest = self.fill(rest);
                if rest.is_empty() && !fin {
                    break true;
                }
                self.make_block(rest.is_empty());
            }
        };
        Deflated { consumed: input.len() - rest.len(), written: out.written, done }
    }

    fn fill<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let rest = self.history.fill(input);
        if rest.is_empty() {
            return rest;
        }
        let dropped = self.history.slide(self.progress.block);
        self.chains.slide(dropped, self.history.capacity());
        self.progress.block -= dropped;
        self.progress.at -= dropped;
        self.history.fill(rest)
    }

    fn make_block(&mut self, last: bool) {
        let bytes = self.history.bytes();
        let end = if last { bytes.len() } else { bytes.len().saturating_sub(self.history.ahead()) };
        let span = Span { bytes, window: self.history.window(), end };
        let mut run = Run::new(&mut self.tokens, self.progress.at);
        tokenize(span, self.effort, &mut self.chains, &mut run);
        self.progress.at = run.at;
        let Some(bytes @ [_, ..]) = bytes.get(self.progress.block..self.progress.at) else {
            self.progress.write = WriteState::End;
            return;
        };
        let before = Before { held: self.progress.bits.len(), open: self.progress.open };
        self.progress.write = WriteState::Header(block::choose(
            before,
            bytes,
            &self.tokens,
            self.codes,
            self.effort.codes_from,
        ));
    }

    /// Writes the next item or a part of it; `false` if `out` is full.
    fn write(&mut self, out: &mut Out<'_>) -> bool {
        let bytes =
            self.history.bytes().get(self.progress.block..self.progress.at).unwrap_or_default();
        match &mut self.progress.write {
            WriteState::Search => {}
            WriteState::Header(kind) => {
                if !self.progress.bits.reserve(BETWEEN, out) {
                    return false;
                }
                let kind = *kind;
                self.header(kind);
            }
            WriteState::Bytes => {
                if !self.progress.bits.drain(out) {
                    return false;
                }
                let written = out.write(bytes);
                self.progress.block += written;
                if written < bytes.len() {
                    return false;
                }
                self.next_block();
            }
            WriteState::Order(counts, at) => {
                if !self.progress.bits.reserve(3, out) {
                    return false;
                }
                let codes = Alphabets::new(self.codes);
                let symbol =
                    CODE_LENGTH_ORDER.get(usize::from(*at)).copied().map_or(0, usize::from);
                let len = codes.map_or(0, |codes| codes.code_length(symbol).len);
                self.progress.bits.put(len, 3);
                *at += 1;
                if *at >= counts.code_lengths {
                    self.progress.write = WriteState::Lengths(*counts, 0);
                }
            }
            WriteState::Lengths(counts, at) => {
                // A code of at most 7 bits and at most 7 extra bits.
                if !self.progress.bits.reserve(14, out) {
                    return false;
                }
                let Some(codes) = Alphabets::new(self.codes) else { return false };
                let repeat = codes.repeat(*counts, *at);
                let code = codes.code_length(repeat.symbol);
                self.progress.bits.put(code.bits, code.len);
                self.progress.bits.put(repeat.extra, repeat.extra_len);
                *at += repeat.run;
                if *at >= counts.symbols() {
                    self.progress.write = WriteState::Dynamic(TokenCursor::START);
                }
            }
            WriteState::Dynamic(cursor) => {
                let Some(codes) = Alphabets::new(self.codes) else { return false };
                let all = cursor.emit(&codes, bytes, &self.tokens, &mut self.progress.bits, out);
                if !all || !self.progress.bits.reserve(15, out) {
                    return false;
                }
                let end = codes.symbol(usize::from(END));
                self.progress.bits.put(end.bits, end.len);
                self.next_block();
            }
            WriteState::Fixed(cursor) => {
                if !cursor.emit(&FixedCode, bytes, &self.tokens, &mut self.progress.bits, out) {
                    return false;
                }
                self.next_block();
            }
            WriteState::End => {
                if !self.progress.bits.reserve(BETWEEN, out) {
                    return false;
                }
                self.close();
                self.progress.bits.put(STORED, HEADER_LEN);
                self.progress.bits.align();
                self.progress.write = WriteState::Last;
            }
            WriteState::Last => {
                if !self.progress.bits.drain(out) {
                    return false;
                }
                self.next_message();
            }
        }
        true
    }

    fn header(&mut self, kind: BlockKind) {
        match kind {
            BlockKind::Stored => {
                self.close();
                self.progress.bits.put(STORED, HEADER_LEN);
                self.progress.bits.align();
                let len = low(self.progress.at - self.progress.block);
                self.progress.bits.put(u32::from(len), 16);
                self.progress.bits.put(u32::from(!len), 16);
                self.progress.write = WriteState::Bytes;
            }
            BlockKind::Fixed => {
                if !self.progress.open {
                    self.progress.bits.put(FIXED, HEADER_LEN);
                    self.progress.open = true;
                }
                self.progress.write = WriteState::Fixed(TokenCursor::START);
            }
            BlockKind::Dynamic(counts) => {
                self.close();
                self.progress.bits.put(DYNAMIC, HEADER_LEN);
                for (count, least, len) in [
                    (counts.literals, 257, 5),
                    (counts.distances, 1, 5),
                    (counts.code_lengths, 4, 4),
                ] {
                    self.progress.bits.put(u32::from(count - least), len);
                }
                self.progress.write = WriteState::Order(counts, 0);
            }
        }
    }

    /// Ends an open fixed block.
    fn close(&mut self) {
        if self.progress.open {
            let end = FixedCode.symbol(usize::from(END));
            self.progress.bits.put(end.bits, end.len);
            self.progress.open = false;
        }
    }

    fn next_block(&mut self) {
        self.progress.block = self.progress.at;
        self.tokens.clear();
        self.progress.write = WriteState::Search;
    }

    fn next_message(&mut self) {
        if !self.takeover {
            let dropped = self.history.clear();
            self.chains.clear(dropped, self.history.capacity());
            self.progress.block = 0;
            self.progress.at = 0;
        }
        self.progress.write = WriteState::Search;
    }
}
