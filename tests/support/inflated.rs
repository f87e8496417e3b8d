//! Receives messages through a connection followed by an `Inflate`, as a caller does.
#![allow(dead_code, reason = "each test uses part of it")]

use barews::deflate::{CompressionContext, Inflate, WindowBits};
use barews::{Config, Data, Error, Event, Input, Kind};

use super::endpoint::{Either, Side, Ws};
use super::frame::{BINARY, CONTINUATION, FIN, TEXT, Written, frame, written};

impl Ws {
    pub(crate) fn fail(&mut self, error: Error) {
        match &mut self.either {
            Either::Server(ws) => ws.fail(error),
            Either::Client(ws) => ws.fail(error),
        }
    }
}

/// Set in the first byte of a compressed message.
pub(crate) const RSV1: u8 = 0x40;

/// The contents of memory that has not been written.
pub(crate) const JUNK: u8 = 0xAA;

/// The result of receiving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The complete messages.
    pub(crate) messages: Vec<(Kind, Vec<u8>)>,
    /// The start of the incomplete message after them.
    pub(crate) open: Vec<u8>,
    pub(crate) error: Option<Error>,
}

impl Outcome {
    /// Complete messages, with nothing left over.
    pub(crate) fn whole(messages: &[(Kind, &[u8])]) -> Self {
        let messages = messages.iter().map(|(kind, bytes)| (*kind, bytes.to_vec())).collect();
        Self { messages, ..Self::default() }
    }
}

/// The compression context of a peer with this window.
pub(crate) fn context(window_bits: u8, takeover: bool) -> CompressionContext {
    CompressionContext { window_bits: WindowBits::new(window_bits).unwrap(), takeover }
}

/// Memory for an `Inflate`, filled with junk.
pub(crate) fn memory(context: CompressionContext) -> Vec<u8> {
    vec![JUNK; Inflate::memory(context)]
}

/// A connection followed by an `Inflate`.
pub(crate) struct Receiver<'m> {
    pub(crate) ws: Ws,
    inflate: Inflate<&'m mut Vec<u8>>,
    unread: Vec<u8>,
    out: Vec<u8>,
    /// The kind of the incomplete message, if one is open.
    open: Option<Kind>,
    /// How many of its bytes are validated as whole characters, if it is a text.
    checked: usize,
    pub(crate) seen: Outcome,
}

impl<'m> Receiver<'m> {
    pub(crate) fn new(side: Side, config: Config, inflate: Inflate<&'m mut Vec<u8>>) -> Self {
        let ws = side.ws(config.deflate(true));
        let (unread, out, seen) = (Vec::new(), Vec::new(), Outcome::default());
        Self { ws, inflate, unread, out, open: None, checked: 0, seen }
    }

    /// Receives bytes, inflating into slices of these sizes in turn.
    pub(crate) fn read(&mut self, bytes: &[u8], sizes: &mut impl Iterator<Item = usize>) {
        let mut unread = core::mem::take(&mut self.unread);
        unread.extend(bytes);
        let mut input = Input::new(&mut unread);
        while self.seen.error.is_none() {
            match self.ws.receive(&mut input) {
                Ok(Event::Data(data)) => self.data(data, sizes),
                Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
                Ok(Event::NeedMore(_)) => break,
                Err(error) => self.seen.error = Some(error),
            }
        }
        let consumed = input.consumed();
        unread.drain(..consumed);
        self.unread = unread;
    }

    fn data(&mut self, mut data: Data<'_>, sizes: &mut impl Iterator<Item = usize>) {
        loop {
            let size = sizes.next().unwrap();
            self.out.clear();
            self.out.resize(size, JUNK);
            let piece = match self.inflate.push(&mut data, &mut self.out) {
                Ok(Some(piece)) => piece,
                Ok(None) => {
                    assert!(data.payload.is_empty(), "input is left, but `push` returned no piece");
                    return;
                }
                Err(error) => {
                    let mut out = [JUNK; 8];
                    let again = self.inflate.push(&mut data, &mut out).err();
                    assert_eq!(
                        (again, out),
                        (Some(error), [JUNK; 8]),
                        "the error must be permanent"
                    );
                    self.seen.error = Some(error);
                    return self.ws.fail(error);
                }
            };
            assert_eq!(piece.first, self.open.is_none());
            assert_eq!(*self.open.get_or_insert(piece.kind), piece.kind);
            assert!(!piece.compressed && piece.frame_left == 0);
            assert_eq!(piece.frame_fin, piece.fin);
            assert!(piece.fin || !piece.payload.is_empty(), "an empty piece");
            self.seen.open.extend_from_slice(piece.payload);
            if piece.kind == Kind::Text {
                let unchecked = &self.seen.open[self.checked..];
                let error = core::str::from_utf8(unchecked).err();
                let cut = error.is_none_or(|error| error.error_len().is_none() && !piece.fin);
                assert!(cut, "not UTF-8: {:02X?}", self.seen.open);
                self.checked += error.map_or(unchecked.len(), |error| error.valid_up_to());
            }
            if piece.fin {
                let message = core::mem::take(&mut self.seen.open);
                self.seen.messages.push((piece.kind, message));
                (self.open, self.checked) = (None, 0);
            }
        }
    }
}

/// Receives `wire` cut at `cuts`, inflating into slices of `sizes` in a cycle.
pub(crate) fn run(
    side: Side,
    context: CompressionContext,
    wire: &[u8],
    cuts: &[usize],
    sizes: &[usize],
) -> Outcome {
    run_to(u64::MAX, side, context, wire, cuts, sizes)
}

/// The same with a limit on the message length.
pub(crate) fn run_to(
    max_message_len: u64,
    side: Side,
    context: CompressionContext,
    wire: &[u8],
    cuts: &[usize],
    sizes: &[usize],
) -> Outcome {
    let mut memory = memory(context);
    let inflate = Inflate::new(context, &mut memory).unwrap().max_message_len(max_message_len);
    let mut receiver = Receiver::new(side, Config::new(), inflate);
    let mut sizes = sizes.iter().copied().cycle();
    let mut start = 0;
    for end in cuts.iter().copied().chain([wire.len()]) {
        receiver.read(&wire[start..end], &mut sizes);
        start = end;
    }
    receiver.seen
}

/// The opcode of a message of this kind.
pub(crate) fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    }
}

/// A compressed message as frames, one per part.
pub(crate) fn compressed(side: Side, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let fin = if index + 1 == parts.len() { FIN } else { 0 };
        let first = if index == 0 { RSV1 | opcode(kind) } else { CONTINUATION };
        wire.extend(side.frame(fin | first, part));
    }
    wire
}

/// The outcome of one compressed binary message with a 32 KiB window.
pub(crate) fn alone(message: &[u8]) -> Outcome {
    let wire = compressed(Side::Client, Kind::Binary, &[message]);
    run(Side::Client, context(15, true), &wire, &[], &[1 << 16])
}

/// One frame, unmasked.
pub(crate) fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let [Written { first, payload, .. }] = &written(bytes)[..] else { panic!("no frame") };
    frame(*first, None, payload)
}
