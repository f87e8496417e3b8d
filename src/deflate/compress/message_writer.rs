//! Writes the blocks of a message, as far as the output has room.

use super::bit_writer::{BitWriter, Out, low};
use super::block::{
    self, Before, BlockKind, DYNAMIC, FIXED, FIXED_END_LEN, HEADER_LEN, STORED, STORED_LEN,
};
use super::block_writer::TokenCursor;
use super::effort::{Effort, Layout};
use super::hash_chain::{HashChains, Seen};
use super::history::History;
use super::huffman::{Alphabets, CodeSizes, Codes, Entry};
use super::match_finder::{Span, tokenize};
use super::tokens::{Run, Tokens};
use crate::deflate::symbols::{CODE_LENGTH_ORDER, END};

/// How much of its input a call of [`Deflate::push`](super::Deflate::push) must write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Flush {
    /// Nothing: bytes may be held back until a later call, which compresses best.
    None,
    /// All input so far, so that the receiver can inflate it at once. The message goes on.
    ///
    /// The output ends with an empty stored block, `00 00 FF FF`, as after `Z_SYNC_FLUSH` of
    /// zlib. These bytes are sent: only the end of a message loses them (RFC 7692 §7.2.1). If
    /// there was no input since the last `Sync` or the start of the message, nothing is written.
    Sync,
    /// All input, and the end of the message. The next call begins another message.
    Finish,
}

/// The result of [`Deflate::push`](super::Deflate::push).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "complete: two counts and a flag")]
#[must_use]
pub struct Deflated {
    /// The number of input bytes consumed.
    pub consumed: usize,
    /// The number of output bytes written.
    pub written: usize,
    /// Whether all input was consumed and everything that the [`Flush`] requires was written:
    /// with `None` nothing, with `Sync` all input so far, with `Finish` the whole message.
    /// If `false`, the output is full: call again with more room.
    pub done: bool,
}

/// The maximum number of bits between two blocks: an end of block, a header, padding
/// and a stored length.
const BETWEEN: u32 = FIXED_END_LEN + HEADER_LEN + 7 + STORED_LEN;

/// The state of a compressor between two calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeflateState {
    content: Content,
    progress: BlockProgress,
}

/// What the storage holds.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// The number of bytes in the history, and of tokens in the block.
    history: usize,
    tokens: usize,
    seen: Seen,
}

impl DeflateState {
    pub(super) const NEW: Self = Self {
        content: Content { history: 0, tokens: 0, seen: Seen::NOTHING },
        progress: BlockProgress::NEW,
    };

    /// Whether a new compressor can go on: all input is written, and the output ends with a whole
    /// byte, or the history is dropped.
    pub(super) const fn is_flushed(&self) -> bool {
        matches!(self.progress.write, WriteState::Flushed | WriteState::Forget)
    }

    /// Lets the next message begin without history. The storage is not needed until then.
    pub(super) const fn forget(&mut self) {
        self.progress.write = WriteState::Forget;
    }
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

impl BlockProgress {
    const NEW: Self =
        Self { block: 0, at: 0, bits: BitWriter::NONE, open: false, write: WriteState::Flushed };
}

/// What to write next.
#[derive(Clone, Copy, Debug)]
enum WriteState {
    /// Nothing, but drop the history, and what is left of a message, first.
    Forget,
    /// Nothing: all input is written, up to the end of a byte.
    Flushed,
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
    /// The tokens of a block with the fixed codes, or with its own.
    Tokens { cursor: TokenCursor, dynamic: bool },
    /// The empty stored block after all input; with `fin`, the message ends.
    Empty { fin: bool },
    /// The last bytes of that block.
    Last { fin: bool },
}

/// A compressor with its storage split into parts.
pub(super) struct MessageWriter<'m> {
    history: History<'m>,
    chains: HashChains<'m>,
    tokens: Tokens<'m>,
    codes: &'m mut [Entry],
    effort: &'m Effort,
    takeover: bool,
    /// Up to date after [`Self::push`] only.
    content: &'m mut Content,
    progress: &'m mut BlockProgress,
}

impl<'m> MessageWriter<'m> {
    /// `None` only if the storage has become shorter.
    pub(super) fn new(
        memory: &'m mut [u8],
        layout: &Layout,
        effort: &'m Effort,
        takeover: bool,
        state: &'m mut DeflateState,
    ) -> Option<Self> {
        let DeflateState { content, progress } = state;
        let (bytes, memory) = memory.split_at_mut_checked(layout.window + layout.span)?;
        let (heads, memory) = memory.split_at_mut_checked(2 * layout.heads)?;
        let (chain, memory) = memory.split_at_mut_checked(2 * layout.chain)?;
        let (tokens, memory) = memory.split_at_mut_checked(4 * layout.tokens)?;
        let codes = memory.get_mut(..4 * layout.codes)?;
        let (heads, chain) = (heads.as_chunks_mut().0, chain.as_chunks_mut().0);
        Some(Self {
            history: History::new(bytes, content.history, layout.window),
            chains: HashChains::new(heads, chain, content.seen, effort),
            effort,
            tokens: Tokens::new(tokens.as_chunks_mut().0, content.tokens),
            codes: codes.as_chunks_mut().0,
            takeover,
            content,
            progress,
        })
    }

    pub(super) fn push(&mut self, input: &[u8], flush: Flush, out: &mut [u8]) -> Deflated {
        let mut rest = input;
        let mut out = Out::new(out);
        let done = loop {
            let last = matches!(self.progress.write, WriteState::Last { fin: true });
            if !self.write(&mut out) {
                break false;
            }
            if last {
                break rest.is_empty();
            }
            if matches!(self.progress.write, WriteState::Flushed | WriteState::Search) {
                rest = self.fill(rest);
                let all = rest.is_empty();
                match (flush, self.progress.write) {
                    (Flush::None, _) | (Flush::Sync, WriteState::Flushed) if all => break true,
                    _ => self.make_block(all, flush == Flush::Finish),
                }
            }
        };
        *self.content =
            Content { history: self.history.len, tokens: self.tokens.len, seen: self.chains.seen };
        Deflated { consumed: input.len() - rest.len(), written: out.written, done }
    }

    /// Appends as much of `input` as the history has room for, and returns the rest.
    fn fill<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        if !input.is_empty() {
            self.progress.write = WriteState::Search;
        }
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

    /// Begins a block, or the empty one if no bytes are left. If `all`, no more bytes follow
    /// before the empty block; with `fin`, the message ends there.
    fn make_block(&mut self, all: bool, fin: bool) {
        let bytes = self.history.bytes();
        let end = if all { bytes.len() } else { bytes.len().saturating_sub(self.history.ahead()) };
        let span = Span { bytes, window: self.history.window(), end };
        let mut run = Run::new(&mut self.tokens, self.progress.at);
        tokenize(span, self.effort, &mut self.chains, &mut run);
        self.progress.at = run.at;
        let Some(bytes @ [_, ..]) = bytes.get(self.progress.block..self.progress.at) else {
            self.progress.write = WriteState::Empty { fin };
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
            WriteState::Forget => self.forget(),
            WriteState::Flushed | WriteState::Search => {}
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
                    self.progress.write =
                        WriteState::Tokens { cursor: TokenCursor::START, dynamic: true };
                }
            }
            WriteState::Tokens { cursor, dynamic } => {
                let codes = if *dynamic {
                    let own = Alphabets::new(self.codes);
                    debug_assert!(own.is_some(), "a block with its own codes has room for them");
                    own.map_or(Codes::FIXED, Alphabets::codes)
                } else {
                    Codes::FIXED
                };
                if !cursor.emit(codes, bytes, &self.tokens, &mut self.progress.bits, out) {
                    return false;
                }
                if *dynamic {
                    if !self.progress.bits.reserve(15, out) {
                        return false;
                    }
                    let end = codes.symbol(usize::from(END));
                    self.progress.bits.put(end.bits, end.len);
                }
                self.next_block();
            }
            WriteState::Empty { fin } => {
                if !self.progress.bits.reserve(BETWEEN, out) {
                    return false;
                }
                let fin = *fin;
                self.stored();
                // RFC 7692 §7.2.1: only the end of the message loses its last four bytes.
                if !fin {
                    self.stored_len(0);
                }
                self.progress.write = WriteState::Last { fin };
            }
            WriteState::Last { fin } => {
                if !self.progress.bits.drain(out) {
                    return false;
                }
                self.progress.write =
                    if *fin && !self.takeover { WriteState::Forget } else { WriteState::Flushed };
            }
        }
        true
    }

    fn header(&mut self, kind: BlockKind) {
        match kind {
            BlockKind::Stored => {
                self.stored();
                self.stored_len(low(self.progress.at - self.progress.block));
                self.progress.write = WriteState::Bytes;
            }
            BlockKind::Fixed => {
                if !self.progress.open {
                    self.progress.bits.put(FIXED, HEADER_LEN);
                    self.progress.open = true;
                }
                self.progress.write =
                    WriteState::Tokens { cursor: TokenCursor::START, dynamic: false };
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

    /// Begins a stored block.
    fn stored(&mut self) {
        self.close();
        self.progress.bits.put(STORED, HEADER_LEN);
        self.progress.bits.align();
    }

    fn stored_len(&mut self, len: u16) {
        self.progress.bits.put(u32::from(len), 16);
        self.progress.bits.put(u32::from(!len), 16);
    }

    /// Ends an open fixed block.
    fn close(&mut self) {
        if self.progress.open {
            let end = Codes::FIXED.symbol(usize::from(END));
            self.progress.bits.put(end.bits, end.len);
            self.progress.open = false;
        }
    }

    fn next_block(&mut self) {
        self.progress.block = self.progress.at;
        self.tokens.clear();
        self.progress.write = WriteState::Search;
    }

    fn forget(&mut self) {
        let dropped = self.history.clear();
        self.chains.clear(dropped, self.history.capacity());
        self.tokens.clear();
        *self.progress = BlockProgress::NEW;
    }
}
