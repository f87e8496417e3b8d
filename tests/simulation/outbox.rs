//! Sent messages: uses every way to send one.

#[cfg(feature = "deflate")]
use barews::Compressed;
#[cfg(feature = "deflate")]
use barews::deflate::{CompressionContext, Deflate, Effort, Flush};
use barews::{Connection, Content, Kind, Role, SendError};

use super::content::Stream;
use super::counts::Count;
use super::ledger::Ledger;
use super::network::Net;
use super::wire::Wire;

/// The most frames of one message.
pub(crate) const MAX_FRAGMENTS: u32 = 12;
/// Space for a header and for the pending control frame before it.
const ROOM: usize = 14 + barews::MIN_BUFFER_LEN;

pub(crate) struct Outbox {
    /// The number of the next message.
    next: u64,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate<Vec<u8>>>,
    open: Option<Open>,
}

/// A message in progress.
struct Open {
    content: Content,
    payload: Vec<u8>,
    /// How much of it has been sent.
    at: usize,
    frames_left: u32,
    is_first: bool,
    /// The current frame is the last one.
    is_last: bool,
}

/// How a frame is written.
#[derive(Clone, Copy)]
enum Form {
    Slice,
    InPlace,
    Begun,
}

impl Outbox {
    pub(crate) fn new(next: u64) -> Self {
        Self {
            next,
            #[cfg(feature = "deflate")]
            deflate: None,
            open: None,
        }
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn deflate(&mut self, context: CompressionContext, net: &mut Net) {
        let effort = match net.rng.u8(..8) {
            0..5 => Effort::TINY.table_bits(8),
            5 => Effort::SMALL,
            6 => Effort::FAST.table_bits(9).block_bits(9),
            _ => Effort::BEST.table_bits(9).block_bits(8).depth(8),
        };
        let memory = vec![0x5A; Deflate::memory(context, effort)];
        let deflate =
            Deflate::new(context, effort, memory).expect("the memory has the required length");
        self.deflate = Some(deflate);
    }

    /// Whether all messages have been sent.
    pub(crate) const fn is_done(&self, stream: &Stream) -> bool {
        self.open.is_none() && self.next > stream.last
    }

    /// Whether a message is in progress.
    pub(crate) const fn is_partial(&self) -> bool {
        self.open.is_some()
    }

    /// The kind of the fragmented message in progress on the wire.
    pub(crate) fn open_kind(&self) -> Option<Kind> {
        self.open.as_ref().filter(|open| !open.is_first).map(|open| open.content.kind)
    }

    /// Sends the next piece; after the last one, returns the number and the length of the message.
    pub(crate) fn send<R: Role>(
        &mut self,
        ws: &mut Connection<R>,
        wire: &mut Wire,
        own: &mut Ledger,
        stream: &Stream,
        net: &mut Net,
    ) -> Result<Option<(u64, usize)>, SendError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start(stream, net),
        };
        let done = if ws.frame_left() > 0 {
            open.go_on(ws, wire, net)?;
            ws.frame_left() == 0 && open.is_last
        } else {
            open.frame(ws, wire, own, net)?
        };
        if !done {
            self.open = Some(open);
            return Ok(None);
        }
        assert_eq!(open.at, open.payload.len());
        self.next += 1;
        Ok(Some((self.next - 1, open.at)))
    }

    fn start(&mut self, stream: &Stream, net: &mut Net) -> Open {
        let (kind, payload) = stream.message(self.next);
        let frames_left = match net.rng.u8(..4) {
            0 => net.rng.u32(2..=MAX_FRAGMENTS),
            _ => 1,
        };
        if frames_left > 1 {
            net.counts.one(Count::FragmentedMessages);
        }
        let (content, payload) = self.compress(kind, payload, net);
        Open { content, payload, at: 0, frames_left, is_first: true, is_last: false }
    }

    #[cfg(feature = "deflate")]
    fn compress(&mut self, kind: Kind, message: Vec<u8>, net: &mut Net) -> (Content, Vec<u8>) {
        let Some(deflate) = self.deflate.as_mut().filter(|_| net.rng.u8(..8) > 0) else {
            return (kind.into(), message);
        };
        net.counts.one(Count::CompressedMessages);
        let (mut rest, mut payload) = (&message[..], Vec::new());
        let most = Deflate::max_len(message.len());
        loop {
            // Cuts of the input or the output must not matter.
            let is_cut = net.rng.u8(..4) == 0;
            let len = if is_cut { net.rng.usize(0..=rest.len()) } else { rest.len() };
            let room = if is_cut { net.rng.usize(1..64) } else { 4096 };
            let start = payload.len();
            payload.resize(start + room, 0);
            let fin = len == rest.len();
            let flush = if fin { Flush::Finish } else { Flush::None };
            let deflated = deflate.push(&rest[..len], flush, &mut payload[start..]);
            payload.truncate(start + deflated.written);
            assert!(deflated.done || deflated.written == room || deflated.consumed < len);
            rest = &rest[deflated.consumed..];
            if fin && deflated.done {
                assert!(rest.is_empty() && payload.len() <= most, "{} of {most}", payload.len());
                return (Compressed(kind).into(), payload);
            }
        }
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "it is used with the feature")]
    fn compress(&mut self, kind: Kind, message: Vec<u8>, _net: &mut Net) -> (Content, Vec<u8>) {
        (kind.into(), message)
    }
}

impl Open {
    /// Sends or begins the next frame; returns true if the message is complete.
    fn frame<R: Role>(
        &mut self,
        ws: &mut Connection<R>,
        wire: &mut Wire,
        own: &mut Ledger,
        net: &mut Net,
    ) -> Result<bool, SendError> {
        let rest = self.payload.len() - self.at;
        let fin = self.frames_left == 1;
        let len = if fin { rest } else { net.rng.usize(0..=rest) };
        let form = [Form::Slice, Form::Slice, Form::InPlace, Form::Begun][net.rng.usize(..4)];
        match form {
            Form::Slice => self.slice(ws, wire, fin, len, net)?,
            Form::InPlace | Form::Begun => {
                if ws.wants_write() {
                    // These calls have no output slice for the control frame.
                    let refused = ws.send_in_place(self.content, fin, &mut []);
                    assert_eq!(refused.err(), Some(SendError::ControlDue));
                    net.counts.one(Count::ControlDueFirst);
                    append(&mut wire.out, ROOM, |out| ws.transmit(out))?;
                    own.pong_written();
                }
                if matches!(form, Form::Begun) {
                    let header = ws.begin_frame(self.content, fin, len as u64)?;
                    wire.out.extend_from_slice(&header);
                    net.counts.one(Count::FramesBegun);
                } else {
                    let start = self.at;
                    let payload = &mut self.payload[start..start + len];
                    let header = ws.send_in_place(self.content, fin, payload)?;
                    wire.out.extend_from_slice(&header);
                    wire.out.extend_from_slice(payload);
                    self.at += len;
                    net.counts.one(Count::FramesInPlace);
                }
            }
        }
        self.is_first = false;
        self.is_last = fin;
        self.frames_left -= 1;
        Ok(fin && ws.frame_left() == 0)
    }

    /// Sends the next bytes of the current frame.
    fn go_on<R: Role>(
        &mut self,
        ws: &mut Connection<R>,
        wire: &mut Wire,
        net: &mut Net,
    ) -> Result<(), SendError> {
        let left = usize::try_from(ws.frame_left()).expect("the frame fits in memory");
        let len = match net.rng.u8(..4) {
            0 => net.rng.usize(0..=left.min(16)),
            1 => net.rng.usize(0..=left),
            _ => left,
        };
        let piece = &mut self.payload[self.at..self.at + len];
        ws.mask_next(piece)?;
        wire.out.extend_from_slice(piece);
        self.at += len;
        Ok(())
    }

    fn slice<R: Role>(
        &mut self,
        ws: &mut Connection<R>,
        wire: &mut Wire,
        fin: bool,
        len: usize,
        net: &mut Net,
    ) -> Result<(), SendError> {
        let (content, payload) = (self.content, &self.payload[self.at..self.at + len]);
        let whole = self.is_first && fin && !content.compressed && net.rng.bool();
        let mut send = |out: &mut [u8]| match content.kind {
            Kind::Text if whole => {
                ws.send_text(std::str::from_utf8(payload).expect("the payload is text"), out)
            }
            Kind::Binary if whole => ws.send_binary(payload, out),
            Kind::Text | Kind::Binary => ws.send_fragment(content, fin, payload, out),
        };
        let mut room = ROOM + len;
        if net.rng.u8(..8) == 0 {
            let short = net.rng.usize(0..2 + len);
            match send(&mut vec![0; short]) {
                Err(SendError::BufferTooSmall { needed }) if needed > short => room = needed,
                other => panic!("{other:?} for {len} bytes in {short}"),
            }
            net.counts.one(Count::SlicesTooShort);
        }
        let n = append(&mut wire.out, room, send)?;
        assert!(n == room || room == ROOM + len, "{n} of the {room} bytes that were needed");
        self.at += len;
        net.counts.one(Count::FramesFromSlices);
        Ok(())
    }
}

/// Appends the output of `write`, which gets `room` bytes.
pub(crate) fn append(
    out: &mut Vec<u8>,
    room: usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, SendError>,
) -> Result<usize, SendError> {
    let start = out.len();
    out.resize(start + room, 0);
    let written = write(&mut out[start..]);
    out.truncate(start + written.unwrap_or(0));
    written
}
