//! Messages through a connection and an `Inflate` behind it, as a caller has them.
#![allow(dead_code, reason = "each test uses a part of it")]

use barews::deflate::{Context, Inflate, WindowBits};
use barews::{Config, Data, Error, Event, Input, Kind};

use super::endpoint::{Either, Side, Ws};
use super::frame::{BINARY, CONTINUATION, FIN, TEXT, Written, frame, written};

/// On the first byte of a frame: the message is compressed.
pub(crate) const RSV1: u8 = 0x40;

/// What stands in memory that nothing was written to.
pub(crate) const JUNK: u8 = 0xAA;

impl Ws {
    pub(crate) fn fail(&mut self, error: Error) {
        match &mut self.either {
            Either::Server(ws) => ws.fail(error),
            Either::Client(ws) => ws.fail(error),
        }
    }
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The whole messages.
    pub(crate) messages: Vec<(Kind, Vec<u8>)>,
    /// What is here of the message behind them.
    pub(crate) open: Vec<u8>,
    pub(crate) error: Option<Error>,
}

impl Outcome {
    /// Whole messages and nothing else.
    pub(crate) fn whole(messages: &[(Kind, &[u8])]) -> Self {
        let messages = messages.iter().map(|(kind, bytes)| (*kind, bytes.to_vec())).collect();
        Self { messages, ..Self::default() }
    }
}

/// How a peer with this window compresses.
pub(crate) fn context(window_bits: u8, takeover: bool) -> Context {
    Context { window_bits: WindowBits::new(window_bits).unwrap(), takeover }
}

/// Memory for an `Inflate`, full of junk.
pub(crate) fn memory(context: Context) -> Vec<u8> {
    vec![JUNK; Inflate::memory(context)]
}

/// A connection with an `Inflate` behind it.
pub(crate) struct Receiver<'m> {
    pub(crate) ws: Ws,
    inflate: Inflate<&'m mut Vec<u8>>,
    unread: Vec<u8>,
    out: Vec<u8>,
    /// The message behind the whole ones.
    open: Option<Kind>,
    /// So many bytes of it are whole characters, if it is a text.
    checked: usize,
    pub(crate) seen: Outcome,
}

impl<'m> Receiver<'m> {
    pub(crate) fn new(side: Side, config: Config, inflate: Inflate<&'m mut Vec<u8>>) -> Self {
        let ws = side.ws(config.deflate(true));
        let (unread, out, seen) = (Vec::new(), Vec::new(), Outcome::default());
        Self { ws, inflate, unread, out, open: None, checked: 0, seen }
    }

    /// Takes bytes of the wire, into slices of these sizes one after the other.
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
                    assert!(data.payload.is_empty(), "bytes are left, and no piece comes");
                    return;
                }
                Err(error) => {
                    let mut out = [JUNK; 8];
                    let again = self.inflate.push(&mut data, &mut out).err();
                    assert_eq!((again, out), (Some(error), [JUNK; 8]), "the error stays");
                    self.seen.error = Some(error);
                    return self.ws.fail(error);
                }
            };
            assert_eq!(piece.first, self.open.is_none());
            assert_eq!(*self.open.get_or_insert(piece.kind), piece.kind);
            assert!(!piece.compressed && piece.frame_left == 0);
            assert!(piece.fin || !piece.payload.is_empty(), "a piece of nothing");
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

/// All of `wire`, cut at `cuts`, into slices of `sizes` again and again.
pub(crate) fn run(
    side: Side,
    context: Context,
    wire: &[u8],
    cuts: &[usize],
    sizes: &[usize],
) -> Outcome {
    run_to(u64::MAX, side, context, wire, cuts, sizes)
}

/// The same with a limit of the length of a message.
pub(crate) fn run_to(
    max_message_len: u64,
    side: Side,
    context: Context,
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

/// The first byte of a message of this kind.
pub(crate) fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    }
}

/// Frames of a compressed message, one for each part.
pub(crate) fn compressed(side: Side, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let fin = if index + 1 == parts.len() { FIN } else { 0 };
        let first = if index == 0 { RSV1 | opcode(kind) } else { CONTINUATION };
        wire.extend(side.frame(fin | first, part));
    }
    wire
}

/// What a whole window of 32 KiB makes of one compressed binary message.
pub(crate) fn alone(message: &[u8]) -> Outcome {
    let wire = compressed(Side::Client, Kind::Binary, &[message]);
    run(Side::Client, context(15, true), &wire, &[], &[1 << 16])
}

/// One frame without its mask.
pub(crate) fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let [Written { first, payload, .. }] = &written(bytes)[..] else { panic!("no frame") };
    frame(*first, None, payload)
}
