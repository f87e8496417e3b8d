//! The receiving direction: bytes in, events out.
//!
//! Two readers walk over the same bytes. The *wire* reader delivers in wire order. The *look-ahead*
//! hops from header to header in front of it and delivers Ping and Pong early; the wire reader
//! skips those when it gets there. Both apply the same rules, each to its own [`Progress`], so the
//! look-ahead stops at a header that is not valid where it stands.
//!
//! ```text
//!             wire reader              look-ahead
//!                  v                       v
//! ... consumed ... | data | Ping | data | data ...  (more to come)
//!                          ^ delivered, skipped when the wire reader gets there
//! ```

use core::num::NonZero;
use core::ops::Deref;

use crate::close::CloseFrame;
use crate::error::Error;
use crate::flow::{Flow, Limits, Progress};
use crate::frame::{self, Header, Kind, Lead, Length, MAX_CONTROL_LEN, Opcode, Parsed};
use crate::input::Input;
use crate::mask;
use crate::role::Role;
use crate::utf8::Utf8;

/// What [`Connection::receive`](crate::Connection::receive) found in the bytes.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "no event may be overlooked by a wildcard arm")]
#[must_use = "the event is consumed from the input"]
pub enum Event<'b> {
    /// Bytes of a message.
    Data(Data<'b>),
    /// A Ping (5.5.2). Its Pong is due by itself, unless `auto_pong` is off.
    Ping(ControlPayload),
    /// A Pong (5.5.3), asked for or not.
    Pong(ControlPayload),
    /// The peer's Close, `None` without a code (then the code to report is
    /// [`CloseCode::NO_STATUS`](crate::CloseCode::NO_STATUS), 7.1.5). It is the last event but
    /// [`NeedMore`](Self::NeedMore), and its answer is due by itself.
    Close(Option<CloseFrame<'b>>),
    /// No event until this many more bytes are here; an error may come sooner.
    ///
    /// The number is exact once the header of the frame is complete, so one growth by it is enough.
    /// It passed `max_frame_len` before it is given. After a Close it is 1, and only the end of the
    /// transport is awaited.
    NeedMore(NonZero<usize>),
}

/// A piece of a message, unmasked in place.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Data<'b> {
    /// The kind of the message.
    pub kind: Kind,
    /// The bytes. The pieces of a text are valid UTF-8 when put together, and no byte so far makes
    /// that impossible; a piece may end inside a character.
    pub payload: &'b mut [u8],
    /// This is the first piece of its message.
    pub first: bool,
    /// This is the last piece of its message.
    pub fin: bool,
    /// How many bytes of the same frame are still to come behind this piece.
    pub frame_left: u64,
}

/// The payload of a Ping or Pong: 0 to 125 bytes, owned, because it overtakes the data that lies
/// before it in the same buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlPayload(heapless::Vec<u8, MAX_CONTROL_LEN, u8>);

impl ControlPayload {
    /// Copies `payload`; `None` for more than 125 bytes.
    pub(crate) fn new(payload: &[u8]) -> Option<Self> {
        heapless::Vec::from_slice(payload).ok().map(Self)
    }

    fn unmasked(payload: &[u8], key: Option<[u8; 4]>) -> Option<Self> {
        let mut owned = Self::new(payload)?;
        if let Some(key) = key {
            mask::mask(&mut owned.0, key);
        }
        Some(owned)
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for ControlPayload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl core::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ControlPayload").field(&self.as_ref()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ControlPayload {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(self.as_ref(), f);
    }
}

/// How the payload of data frames is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Delivery {
    /// As it comes: whatever is there is an event. The buffer never has to hold a frame.
    Chunks,
    /// Whole frames only: [`Event::NeedMore`] says how many bytes of the frame are missing.
    Frames,
}

/// Which frames may overtake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ControlOrder {
    /// Every complete Ping or Pong in the input comes before data that is still undelivered.
    Ahead,
    /// Everything comes in the order of the wire.
    Wire,
}

/// Where the wire reader is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// At a header.
    Header,
    /// Inside the payload of a data frame.
    Payload(Payload),
    /// Behind the peer's Close: bytes are discarded (1.4).
    Discard,
    /// Behind the peer's Close and the end of the transport.
    Ended,
    /// Failed (7.1.7).
    Failed(Error),
}

/// The rest of a data frame.
#[derive(Clone, Copy, Debug)]
struct Payload {
    kind: Kind,
    first: bool,
    /// The frame is the last of its message.
    fin: bool,
    /// The masking key for the next byte, if the peer masks.
    key: [u8; 4],
    left: u64,
}

/// Where the look-ahead is; distances are counted from the wire reader.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    /// The header that it looks at next. Control frames before it are delivered.
    at: u64,
    /// How many bytes there must be until it gets any further; `u64::MAX` when it has stopped.
    due: u64,
    progress: Progress,
}

impl Ahead {
    /// The wire reader consumed `n` bytes.
    #[inline]
    fn consumed(&mut self, n: usize) {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        self.at = self.at.saturating_sub(n);
        self.due = self.due.saturating_sub(n);
    }
}

#[derive(Debug)]
pub(crate) struct Receiver {
    state: State,
    progress: Progress,
    ahead: Ahead,
    utf8: Utf8,
    delivery: Delivery,
    /// The longest payload that the short path takes.
    whole_len: u16,
    limits: Limits,
}

/// What stands at a header.
enum Head {
    Complete {
        header: Header,
        /// The length of the header.
        len: usize,
        /// The length of header and payload.
        frame_len: u64,
        /// The progress behind the frame.
        progress: Progress,
    },
    /// At least so many more bytes until the header is complete, and then until an event.
    Partial { header: u64, payload: u64 },
}

impl Receiver {
    pub(crate) fn new(limits: Limits, delivery: Delivery, order: ControlOrder) -> Self {
        let due = match order {
            ControlOrder::Ahead => 0,
            ControlOrder::Wire => u64::MAX,
        };
        let whole_len = limits.frame_len.min(limits.message_len);
        Self {
            state: State::Header,
            progress: Progress::new(),
            ahead: Ahead { at: 0, due, progress: Progress::new() },
            utf8: Utf8::new(),
            delivery,
            whole_len: u16::try_from(whole_len).unwrap_or(u16::MAX),
            limits,
        }
    }

    /// Whether the peer's Close was received.
    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Discard | State::Ended)
    }

    pub(crate) const fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    pub(crate) const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended | State::Failed(Error::UnexpectedEof))
    }

    pub(crate) fn eof(&mut self) -> Result<(), Error> {
        match self.state {
            State::Discard | State::Ended => {
                self.state = State::Ended;
                Ok(())
            }
            State::Failed(error) => Err(error),
            // 7.1.5: "no Close control frame was received", so a message in progress is lost.
            State::Header | State::Payload(_) => Err(self.fail(Error::UnexpectedEof)),
        }
    }

    /// The short path: a whole message in one frame of at most 65,535 bytes, all of it here.
    ///
    /// `None` means that it is something else; nothing was changed then.
    #[inline]
    pub(crate) fn whole_message<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Option<Data<'b>> {
        if !matches!((self.state, self.progress.flow), (State::Header, Flow::Idle))
            || frame::len_u64(input.unread()) >= self.ahead.due
        {
            return None;
        }
        let bytes = input.unread_mut();
        let (kind, head, len) = self.whole_head::<R>(bytes)?;
        let (header, payload) = bytes.get_mut(..head + len)?.split_at_mut_checked(head)?;
        let key = if R::SERVER { *header.last_chunk()? } else { [0; 4] };
        let ascii = R::SERVER && mask::mask_ascii(payload, key).1;
        if kind == Kind::Text && !ascii && Utf8::new().check(payload, true).is_err() {
            // The long path finds the same and says what it is.
            mask::mask(payload, key);
            return None;
        }
        self.ahead.consumed(head + len);
        let (_, payload) = input.take(head + len).split_at_mut_checked(head)?;
        Some(Data { kind, payload, first: true, fin: true, frame_left: 0 })
    }

    /// Kind, header length and payload length of a whole message in a frame of at most 65,535 bytes, if
    /// that is what `bytes` begin with where no message is open.
    #[inline]
    fn whole_head<R: Role>(&self, bytes: &[u8]) -> Option<(Kind, usize, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let kind = match first {
            0x81 => Kind::Text,
            0x82 => Kind::Binary,
            _ => return None,
        };
        let (mask, head) = if R::SERVER { (0x80, 6) } else { (0, 2) };
        let (head, len) = match second ^ mask {
            len @ 0..=125 => (head, u16::from(len)),
            // 5.2: fewer than 126 bytes have a length of one byte.
            126 => match u16::from_be_bytes(*rest.first_chunk()?) {
                0..=125 => return None,
                len => (head + 2, len),
            },
            _ => return None,
        };
        (len <= self.whole_len).then_some((kind, head, usize::from(len)))
    }

    /// Everything else.
    #[inline(never)]
    pub(crate) fn receive<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
    ) -> Result<Event<'b>, Error> {
        if let Some((opcode, payload)) = self.look_ahead::<R>(input.unread()) {
            return Ok(control_event(opcode, payload));
        }
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Discard | State::Ended => {
                    input.take(usize::MAX);
                    return Ok(need_more(1));
                }
                State::Payload(payload) => return self.payload::<R>(payload, input),
                State::Header => match self.header::<R>(input) {
                    Ok(Some(event)) => return Ok(event),
                    Ok(None) => {}
                    Err(error) => return Err(self.fail(error)),
                },
            }
        }
    }

    /// The header that the wire reader stands at; `None` if it only moved on.
    fn header<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Result<Option<Event<'b>>, Error> {
        let bytes = input.unread();
        let here = frame::len_u64(bytes);
        let (header, len, frame_len, progress) = match self.head::<R>(bytes, self.progress)? {
            Head::Complete { header, len, frame_len, progress } => {
                (header, len, frame_len, progress)
            }
            Head::Partial { header, payload } => {
                return Ok(Some(need_more(header.saturating_add(payload))));
            }
        };
        let Lead { opcode, fin, .. } = header.lead;
        let kind = self.progress.flow.kind_of(opcode);
        if frame_len > here && (kind.is_none() || self.delivery == Delivery::Frames) {
            return Ok(Some(need_more(frame_len.saturating_sub(here))));
        }
        if let Some(kind) = kind {
            self.take(input, len);
            let first = self.progress.flow == Flow::Idle;
            self.progress = progress;
            let key = header.masking_key.unwrap_or_default();
            let payload = Payload { kind, first, fin, key, left: header.payload_len };
            return self.payload::<R>(payload, input).map(Some);
        }
        let delivered = self.ahead.at > 0;
        let frame = self.take(input, usize::try_from(frame_len).unwrap_or(usize::MAX));
        let payload = frame.get_mut(len..).unwrap_or_default();
        if let Some(key) = header.masking_key {
            mask::mask(payload, key);
        }
        if opcode == Opcode::Close {
            let close = CloseFrame::parse(payload)?;
            self.stop(State::Discard);
            return Ok(Some(Event::Close(close)));
        }
        if delivered {
            return Ok(None);
        }
        Ok(ControlPayload::new(payload).map(|payload| control_event(opcode, payload)))
    }

    /// The rest of a data frame, as much of it as is here.
    fn payload<'b, R: Role>(
        &mut self,
        frame: Payload,
        input: &mut Input<'b>,
    ) -> Result<Event<'b>, Error> {
        let n = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
        if n == 0 && frame.left > 0 {
            self.state = State::Payload(frame);
            return Ok(need_more(1));
        }
        let bytes = input.unread_mut().get_mut(..n).unwrap_or_default();
        let (key, ascii) =
            if R::SERVER { mask::mask_ascii(bytes, frame.key) } else { (frame.key, false) };
        let left = frame.left.saturating_sub(frame::len_u64(bytes));
        let fin = frame.fin && left == 0;
        if frame.kind == Kind::Text && !(ascii && self.utf8.is_boundary()) {
            match self.utf8.check(bytes, fin) {
                Ok(utf8) => self.utf8 = utf8,
                Err(bad) => return self.invalid_text::<R>(frame, n, bad, input),
            }
        }
        self.state = match left {
            0 => State::Header,
            _ => State::Payload(Payload { first: false, key, left, ..frame }),
        };
        let payload = self.take(input, n);
        let (kind, first) = (frame.kind, frame.first);
        Ok(Event::Data(Data { kind, payload, first, fin, frame_left: left }))
    }

    /// Of the `n` unmasked bytes the one at `bad` cannot be. What comes before it is delivered, the
    /// rest is put back as it was, and the next call gives the error: so the events are the same
    /// however the bytes are cut.
    #[cold]
    fn invalid_text<'b, R: Role>(
        &mut self,
        frame: Payload,
        n: usize,
        bad: usize,
        input: &mut Input<'b>,
    ) -> Result<Event<'b>, Error> {
        let good = if self.delivery == Delivery::Frames { 0 } else { bad };
        let rest = input.unread_mut().get_mut(good..n).unwrap_or_default();
        if R::SERVER {
            mask::mask(rest, mask::rotate(frame.key, good));
        }
        let error = self.fail(Error::InvalidUtf8);
        if good == 0 {
            return Err(error);
        }
        let payload = self.take(input, good);
        let frame_left = frame.left.saturating_sub(frame::len_u64(payload));
        let (kind, first) = (frame.kind, frame.first);
        Ok(Event::Data(Data { kind, payload, first, fin: false, frame_left }))
    }

    /// The next Ping or Pong that the wire reader has not come to.
    fn look_ahead<R: Role>(&mut self, bytes: &[u8]) -> Option<(Opcode, ControlPayload)> {
        let least = if R::SERVER { 6 } else { 2 };
        let here = frame::len_u64(bytes);
        while here >= self.ahead.due {
            self.hop::<R>(bytes);
            let Ahead { at, progress, .. } = self.ahead;
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            if rest.is_empty() {
                self.ahead.due = at.saturating_add(least);
                continue;
            }
            self.ahead.due = match self.head::<R>(rest, progress) {
                // The wire reader comes to this header as well, and reports the error.
                Err(_) => u64::MAX,
                // The wire reader takes a header as soon as it is complete, and must not be first.
                Ok(Head::Partial { header, .. }) => here.saturating_add(header),
                Ok(Head::Complete { header, len, frame_len, progress }) => {
                    let end = at.saturating_add(frame_len);
                    match header.lead.opcode {
                        Opcode::Close => u64::MAX,
                        Opcode::Ping | Opcode::Pong if end > here => end,
                        opcode @ (Opcode::Ping | Opcode::Pong) => {
                            self.ahead.at = end;
                            self.ahead.due = end.saturating_add(least);
                            let end = usize::try_from(frame_len).unwrap_or(usize::MAX);
                            let payload = rest.get(len..end).unwrap_or_default();
                            let payload = ControlPayload::unmasked(payload, header.masking_key)?;
                            return Some((opcode, payload));
                        }
                        Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                            self.ahead.at = end;
                            self.ahead.progress = progress;
                            end.saturating_add(least)
                        }
                    }
                }
            };
        }
        None
    }

    /// Moves the look-ahead over messages that the short path takes, the most frequent frames.
    fn hop<R: Role>(&mut self, bytes: &[u8]) {
        let Ok(mut at) = usize::try_from(self.ahead.at) else { return };
        if self.ahead.progress.flow != Flow::Idle {
            return;
        }
        while let Some((_, head, len)) =
            bytes.get(at..).and_then(|bytes| self.whole_head::<R>(bytes))
        {
            at = at.saturating_add(head + len);
        }
        self.ahead.at = to_u64(at);
    }

    /// Judges the header at the start of `bytes`, as far as it is there.
    ///
    /// Each byte is judged by all that it can break before the next one is looked at, so that the
    /// error does not depend on how the bytes were cut.
    fn head<R: Role>(&self, bytes: &[u8], progress: Progress) -> Result<Head, Error> {
        let key_len = if R::SERVER { 4 } else { 0 };
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(Head::Partial { header: 2 + key_len, payload: 0 });
        };
        let lead = Lead::parse(first)?;
        let progress = progress.lead(lead, &self.limits)?;
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(Head::Partial { header: 1 + key_len, payload: 0 });
        };
        // 5.1: a server "MUST close the connection upon receiving a frame that is not masked", a
        // client "if it detects a masked frame".
        match (R::SERVER, second & 0x80 != 0) {
            (true, false) => return Err(Error::Unmasked),
            (false, true) => return Err(Error::Masked),
            (true, true) | (false, false) => {}
        }
        let judge = |rest: &[u8]| {
            let length = Length::parse(lead.opcode, second, rest)?;
            Ok((length, progress.length(lead, length.least, &self.limits)?))
        };
        let (length, progress) = match judge(rest) {
            Ok(judged) => judged,
            // A byte before may have been enough for an error, and for another one.
            Err(error) => {
                let mut known = (0..rest.len().min(8)).filter_map(|n| rest.get(..n));
                return Err(known.find_map(|rest| judge(rest).err()).unwrap_or(error));
            }
        };
        Ok(match Header::finish(lead, second, length, rest) {
            Parsed::Complete(header, len) => {
                let frame_len = header.payload_len.saturating_add(to_u64(len));
                Head::Complete { header, len, frame_len, progress }
            }
            Parsed::Partial(missing) => {
                let whole = lead.opcode.is_control() || self.delivery == Delivery::Frames;
                let payload = if whole { length.least } else { length.least.min(1) };
                Head::Partial { header: to_u64(missing), payload }
            }
        })
    }

    fn take<'b>(&mut self, input: &mut Input<'b>, n: usize) -> &'b mut [u8] {
        self.ahead.consumed(n);
        input.take(n)
    }

    fn fail(&mut self, error: Error) -> Error {
        self.stop(State::Failed(error));
        error
    }

    /// Nothing is read any more.
    fn stop(&mut self, state: State) {
        self.state = state;
        self.ahead.due = u64::MAX;
    }
}

fn control_event<'b>(opcode: Opcode, payload: ControlPayload) -> Event<'b> {
    if opcode == Opcode::Ping { Event::Ping(payload) } else { Event::Pong(payload) }
}

fn need_more<'b>(missing: u64) -> Event<'b> {
    let missing = usize::try_from(missing).unwrap_or(usize::MAX);
    Event::NeedMore(NonZero::new(missing).unwrap_or(NonZero::<usize>::MIN))
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
