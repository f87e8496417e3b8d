//! Checks every call of `receive` against its contract, and every event against the wire.

use std::cell::RefCell;

use allocation_counter::measure;
use arbitrary::{Arbitrary, Unstructured};
use barews::Status;
use barews::frame::Header;
use barews::{
    CloseFrame, Config, Connection, ControlOrder, Data, Delivery, Error, Event, Input, Kind, Role,
};

use crate::walk::{self, Frame};

/// A bit of the byte for [`config`]: compression is negotiated.
pub const DEFLATE: u8 = 0x20;

/// A configuration from one byte.
pub fn config(byte: u8) -> Config {
    let delivery = if byte & 1 == 0 { Delivery::Chunks } else { Delivery::Frames };
    let order = if byte & 2 == 0 { ControlOrder::Ahead } else { ControlOrder::Wire };
    let config = Config::new().delivery(delivery).control_order(order).auto_pong(byte & 4 == 0);
    let Limits { frame_len, message_len, fragments } = Limits::of(byte);
    let config = config.max_frame_len(frame_len).max_message_len(message_len);
    config.max_fragments(fragments).deflate(byte & DEFLATE != 0)
}

/// The limits of a [`config`].
#[derive(Clone, Copy)]
struct Limits {
    frame_len: u64,
    message_len: u64,
    fragments: u32,
}

impl Limits {
    fn of(byte: u8) -> Self {
        let (frame_len, message_len, fragments) = match byte >> 6 {
            0 | 1 => (16 << 20, 64 << 20, 1 << 16),
            2 => (300, 700, 5),
            _ => (Config::UNLIMITED, Config::UNLIMITED, 1 << 16),
        };
        Self { frame_len, message_len, fragments }
    }
}

/// The state of the checks.
struct Watch<'w> {
    wire: &'w [u8],
    limits: Limits,
    /// The number of calls of `receive`, and of reads.
    calls: usize,
    reads: usize,
    /// All bytes before this position were consumed.
    consumed: usize,
    /// The last `NeedMore`: the number of bytes before which there is no event, and whether it is
    /// exact.
    needed: Option<(usize, bool)>,
    closed: bool,
    /// Whether compression is negotiated, and whether the open message is compressed.
    deflate: bool,
    compressed: bool,
    /// Where the frame after the last data frame starts, and where the one after the last Ping or
    /// Pong does.
    next: usize,
    next_control: usize,
    /// The data frame that is not completely delivered, and how much of it is.
    frame: Option<(Frame, usize)>,
    /// The open message: its kind, its length so far, its frames so far.
    kind: Kind,
    message_len: u64,
    fragments: u32,
    /// The incomplete character at the end of the open text.
    text: Vec<u8>,
}

/// Feeds bytes to the connection from `make`, in reads whose sizes the fuzzer chooses.
pub fn run<R: Role>(data: &[u8], masked: bool, make: impl FnOnce(Config) -> Connection<R>) {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let mut u = Unstructured::new(data);
    let Ok([flags, step]) = <[u8; 2]>::arbitrary(&mut u) else { return };
    let Ok(wire) = crate::frames::wire(&mut u, masked, flags & DEFLATE != 0) else { return };
    let mut ws = make(config(flags));
    let mut watch = Watch {
        wire: &wire,
        limits: Limits::of(flags),
        calls: 0,
        reads: 0,
        consumed: 0,
        needed: None,
        closed: false,
        deflate: flags & DEFLATE != 0,
        compressed: false,
        next: 0,
        next_control: 0,
        frame: None,
        kind: Kind::Binary,
        message_len: 0,
        fragments: 0,
        text: Vec::new(),
    };
    // Each read copies the unread bytes, so limit the number of reads of a long wire.
    let least = wire.len() / if wire.len() > 4096 { 16 } else { 256 };
    let mut end = 0;
    BYTES.with_borrow_mut(|bytes| {
        loop {
            if let Err(error) = read(&mut ws, &mut watch, end, bytes) {
                watch.fault(error, end);
                return poisoned(&mut ws, error, &wire);
            }
            if flags & 8 != 0 {
                let _ = ws.transmit(&mut [0; 131]);
            }
            if end == wire.len() {
                break;
            }
            let step = if step == 0 { wire.len() } else { usize::from(step) + end % 3 };
            end = wire.len().min(end + step.max(least));
        }
        let clean = ws.receive_eof();
        assert_eq!(clean, if watch.closed { Ok(()) } else { Err(Error::UnexpectedEof) });
    });
}

/// One read: all bytes up to `end` are received.
fn read<R: Role>(
    ws: &mut Connection<R>,
    watch: &mut Watch<'_>,
    end: usize,
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    let wire = watch.wire;
    // Each read moves the unread bytes to another address and alignment.
    bytes.clear();
    bytes.resize(end % 7, 0);
    bytes.extend_from_slice(&wire[watch.consumed..end]);
    let mut input = Input::new(&mut bytes[end % 7..]);
    watch.reads += 1;
    let mut awaited = watch.needed.take();
    let start = watch.consumed;
    loop {
        let before = input.consumed();
        let mut event = Ok(Event::Close(None));
        let memory = measure(|| event = ws.receive(&mut input));
        assert_eq!(memory.count_total, 0, "receive allocated memory");
        let after = input.consumed();
        assert!(after >= before);
        watch.calls += 1;
        assert!(watch.calls <= 2 * end + watch.reads + 1, "too many calls for the number of bytes");
        watch.consumed = start + after;
        assert_eq!(input.len(), end - watch.consumed);
        // If later events of this read consume bytes, they show whether those were modified.
        if matches!(event, Err(_) | Ok(Event::NeedMore(_))) {
            assert_eq!(input.unread(), &wire[watch.consumed..end], "unread bytes were modified");
        }
        match event? {
            Event::NeedMore(n) => {
                if let Some((needed, true)) = awaited {
                    assert!(end < needed || watch.closed, "NeedMore was not exact");
                }
                let unread = &wire[watch.consumed..end];
                assert!(!watch.closed || (n.get() == 1 && unread.is_empty()));
                let head = matches!(Header::parse(unread), Ok(Status::Complete(_)));
                let exact = head || (unread.is_empty() && n.get() == 1);
                watch.needed = Some((end.saturating_add(n.get()), exact));
                if let Some((needed, _)) = awaited.filter(|(needed, _)| *needed > end) {
                    let now = end.saturating_add(n.get());
                    assert!(now >= needed, "NeedMore must not decrease");
                }
                watch.wait(end);
                return Ok(());
            }
            Event::Data(data) => {
                assert!(after > before, "data is consumed");
                watch.data(&data);
            }
            Event::Ping(payload) => watch.control(0x9, &payload, end),
            Event::Pong(payload) => watch.control(0xA, &payload, end),
            Event::Close(close) => {
                assert!(after > before);
                watch.close(close);
            }
        }
        if let Some((needed, _)) = awaited.take() {
            assert!(end >= needed, "an event came before NeedMore said");
        }
    }
}

impl Watch<'_> {
    /// Compares a piece with the bytes of the wire.
    fn data(&mut self, data: &Data<'_>) {
        assert!(!self.closed);
        let (frame, done) = match self.frame.take() {
            Some(open) => open,
            None => (self.begin(data), 0),
        };
        assert_eq!(data.first, frame.opcode() != 0 && done == 0);
        assert_eq!((data.kind, data.compressed), (self.kind, self.compressed));
        assert!(frame.holds(self.wire, done, data.payload), "the payload differs from the wire");
        let done = done + data.payload.len();
        assert_eq!(self.consumed, frame.start + done);
        assert_eq!(data.frame_left, frame.len - done as u64);
        assert_eq!(data.fin, frame.first & 0x80 != 0 && data.frame_left == 0);
        if data.kind == Kind::Text && !data.compressed {
            self.text(data.payload, data.fin);
        }
        if data.frame_left > 0 {
            self.frame = Some((frame, done));
        } else if data.fin {
            (self.message_len, self.fragments) = (0, 0);
        }
    }

    /// The frame that starts with this piece.
    fn begin(&mut self, data: &Data<'_>) -> Frame {
        let at = self.skip(self.wire.len());
        let frame = Frame::at(self.wire, at).expect("data of a frame with an incomplete header");
        assert!(frame.first & 0x30 == 0 && !frame.is_control());
        if data.first {
            assert_eq!((self.message_len, self.fragments), (0, 0));
            self.kind = if frame.opcode() == 1 { Kind::Text } else { Kind::Binary };
            self.compressed = frame.first & 0x40 != 0;
            assert!(self.deflate || !self.compressed);
            self.text.clear();
        } else {
            assert!(frame.first & 0x4F == 0 && self.fragments > 0);
        }
        self.next = frame.end();
        self.message_len = self.message_len.saturating_add(frame.len);
        self.fragments += 1;
        assert!(frame.len <= self.limits.frame_len);
        assert!(self.message_len <= self.limits.message_len);
        assert!(self.fragments <= self.limits.fragments);
        frame
    }

    /// The position of the next frame that is not a complete Ping or Pong before `end`.
    fn skip(&mut self, end: usize) -> usize {
        while let Some(frame) = Frame::at(&self.wire[..end], self.next)
            && matches!(frame.opcode(), 0x9 | 0xA)
            && frame.end() <= end
        {
            self.next = frame.end();
        }
        self.next
    }

    /// Checks that a Ping or Pong is the next one of the wire. It may have overtaken data frames.
    fn control(&mut self, opcode: u8, payload: &[u8], end: usize) {
        assert!(!self.closed);
        let frame = loop {
            let frame = Frame::at(self.wire, self.next_control).expect("there is no such frame");
            self.next_control = frame.end();
            assert!(self.next_control <= end || !frame.is_control());
            if frame.is_control() {
                break frame;
            }
        };
        assert_eq!((frame.first, frame.len), (0x80 | opcode, payload.len() as u64));
        assert!(frame.holds(self.wire, 0, payload), "the payload differs from the wire");
    }

    fn close(&mut self, close: Option<CloseFrame<'_>>) {
        assert!(!self.closed);
        self.closed = true;
        let at = self.skip(self.wire.len());
        let frame = Frame::at(self.wire, at).expect("there is no Close");
        assert_eq!((frame.first, frame.end()), (0x88, self.consumed));
        let body = close.map_or(vec![], |close| {
            let code = close.code.as_u16();
            assert!(walk::is_close_code(code));
            [&code.to_be_bytes(), close.reason.as_bytes()].concat()
        });
        assert_eq!(body, frame.payload(self.wire));
    }

    /// When `receive` needs more bytes, the received part of the next header must not exceed a
    /// limit.
    fn wait(&mut self, end: usize) {
        if !self.closed && self.frame.is_none() {
            let broken = self.broken_limits(end);
            assert!(!broken.contains(&true), "a limit is exceeded without an error");
        }
    }

    /// Whether the next frame exceeds the limits of frame length, message length and fragments.
    fn broken_limits(&mut self, end: usize) -> [bool; 3] {
        let at = self.skip(end);
        let here = &self.wire[..end];
        if here.get(at).is_none_or(|first| first & 0x08 != 0) {
            return [false; 3];
        }
        let len = walk::least_len(here, at).unwrap_or(0);
        [
            len > self.limits.frame_len,
            self.message_len.saturating_add(len) > self.limits.message_len,
            self.fragments >= self.limits.fragments,
        ]
    }

    /// Checks the error, if its cause is directly visible in the wire.
    fn fault(&mut self, error: Error, end: usize) {
        let [frame, message, fragments] = match &self.frame {
            None => self.broken_limits(end),
            Some(_) => [false; 3],
        };
        match error {
            Error::FrameTooLong => assert!(frame),
            Error::MessageTooLong => assert!(message),
            Error::TooManyFragments => assert!(fragments),
            Error::InvalidCloseCode => {
                let at = self.skip(end);
                let close = Frame::at(self.wire, at).expect("there is no Close");
                let body = close.payload(self.wire);
                assert!(!walk::is_close_code(u16::from_be_bytes([body[0], body[1]])));
            }
            _ => {}
        }
    }

    fn text(&mut self, payload: &[u8], fin: bool) {
        self.text.extend_from_slice(payload);
        let whole = match std::str::from_utf8(&self.text) {
            Ok(_) => self.text.len(),
            Err(error) => {
                assert!(error.error_len().is_none() && !fin, "not UTF-8");
                error.valid_up_to()
            }
        };
        self.text.drain(..whole);
    }
}

/// Checks the state after an error: the error stays, nothing is consumed or modified, and one Close
/// is queued.
fn poisoned<R: Role>(ws: &mut Connection<R>, error: Error, wire: &[u8]) {
    assert!(ws.wants_write() || ws.state() == barews::State::Closed);
    let mut out = [0; 131];
    if ws.wants_write() {
        let n = ws.transmit(&mut out).expect("131 bytes are enough");
        assert_eq!(out[0], 0x88);
        let key = if R::SERVER { [0; 4] } else { [out[2], out[3], out[4], out[5]] };
        let code = [out[n - 2] ^ key[0], out[n - 1] ^ key[1]];
        assert_eq!(u16::from_be_bytes(code), error.close_code().as_u16());
    }
    let wire = &wire[..wire.len().min(64)];
    let mut bytes = [0; 64];
    bytes[..wire.len()].copy_from_slice(wire);
    for _ in 0..2 {
        let mut input = Input::new(&mut bytes[..wire.len()]);
        assert_eq!(ws.receive(&mut input), Err(error));
        assert_eq!((input.consumed(), input.unread()), (0, wire));
        assert_eq!(ws.transmit(&mut out), Ok(0));
    }
    assert_eq!(ws.receive_eof(), Err(error));
}
