//! The receiving direction: bytes in, events out (RFC 6455 §5, §7).
//!
//! Two readers pass over the same bytes. The *wire reader* delivers in wire order. The *look-ahead*
//! skips ahead of it from header to header and delivers a Ping or Pong early; the wire reader drops
//! that frame when it gets there. Both apply the same header rules, each to its own
//! [`MessageProgress`], so the look-ahead stops at the first invalid header.
//!
//! ```text
//!             wire reader              look-ahead
//!                  v                       v
//! ... consumed ... | data | Ping | data | data ...  (more to come)
//!                          ^ delivered, skipped when the wire reader gets there
//! ```

mod seal;

pub(crate) use self::seal::MAX_LEN;
use crate::buffer::Input;
use crate::bytes::{self, WORD_64};
use crate::protocol::closing::Remote;
use crate::protocol::config::Config;
use crate::protocol::config::DEFLATE;
use crate::protocol::event::{Data, Delivery, Event};
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{HeaderRules, HeaderStatus, MessageProgress, WholeHead};
use crate::protocol::look_ahead::{Found, LookAhead};
use crate::protocol::pending::Pending;
use crate::protocol::role::Role;
use crate::wire::close::CloseFrame;
use crate::wire::error::Error;
use crate::wire::frame::{Kind, Lead, Opcode};
use crate::wire::mask;
use crate::wire::masking_key::MaskingKey;
use crate::wire::utf8::{self, Utf8};

/// The state of the wire reader.
#[derive(Clone, Copy, Debug)]
enum ReceiveState {
    /// At a header.
    Header,
    /// Inside the payload of a data frame: [`Receiver::frame`].
    Payload,
    /// After the peer's Close: received bytes are discarded (§1.4).
    Discard,
    /// After the peer's Close and the end of the transport.
    Ended,
    /// After the valid part of an invalid text: the next call fails the connection.
    Failing(Error),
    /// Failed (§7.1.7). `ended` is whether the transport has ended, too.
    Failed { error: Error, ended: bool },
}

/// The rest of a data frame. Beside the state, not in it: it is changed in place.
#[derive(Clone, Copy, Debug)]
struct Payload {
    kind: Kind,
    first: bool,
    /// Whether the frame is the last of its message.
    fin: bool,
    compressed: bool,
    /// The masking key for the next byte; zeros for an unmasked frame.
    key: MaskingKey,
    left: u64,
}

/// The next step of the wire reader, at a header.
enum Step {
    NeedMore(u64),
    Data,
    /// A control frame of this length that the look-ahead has delivered.
    Skip(usize),
    Control {
        opcode: Opcode,
        /// The length of the header in bytes.
        len: usize,
        /// The length of header and payload in bytes.
        frame_len: usize,
        key: [u8; 4],
    },
}

#[derive(Debug)]
pub(crate) struct Receiver {
    state: ReceiveState,
    /// The frame of [`ReceiveState::Payload`].
    frame: Payload,
    progress: MessageProgress,
    look_ahead: LookAhead,
    utf8: Utf8,
    /// [`whole_message`](Self::whole_message) takes messages with fewer payload bytes than this: none
    /// unless the wire reader is at a header, no message is open, and nothing is held. One number
    /// instead of all that it depends on, because every message is compared with it.
    whole_below: u32,
    rules: HeaderRules,
}

impl Receiver {
    pub(crate) fn new(config: &Config) -> Self {
        let rules = HeaderRules::new(config);
        Self {
            whole_below: if WORD_64 { rules.whole_below() } else { 0 },
            state: ReceiveState::Header,
            frame: Payload {
                kind: Kind::Text,
                first: false,
                fin: false,
                compressed: false,
                key: MaskingKey([0; 4]),
                left: 0,
            },
            progress: MessageProgress::new(),
            look_ahead: LookAhead::new(config.control_order),
            utf8: Utf8::new(),
            rules,
        }
    }

    pub(crate) const fn remote(&self) -> Remote {
        match self.state {
            ReceiveState::Header | ReceiveState::Payload | ReceiveState::Failing(_) => Remote::Open,
            ReceiveState::Discard => Remote::Closed,
            ReceiveState::Ended => Remote::Ended,
            ReceiveState::Failed { ended: false, .. } => Remote::Failed,
            ReceiveState::Failed { ended: true, .. } => Remote::FailedEnded,
        }
    }

    /// Why the connection has failed, if it has.
    pub(crate) const fn error(&self) -> Option<Error> {
        match self.state {
            ReceiveState::Failed { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Whether a message has begun and its end has not been delivered.
    pub(crate) const fn in_message(&self) -> bool {
        match self.state {
            ReceiveState::Header => matches!(self.progress.flow, Fragmentation::Message(_)),
            ReceiveState::Payload | ReceiveState::Failing(_) => true,
            ReceiveState::Discard | ReceiveState::Ended | ReceiveState::Failed { .. } => false,
        }
    }

    pub(crate) fn eof(&mut self) -> Result<(), Error> {
        match self.state {
            ReceiveState::Discard | ReceiveState::Ended => {
                self.state = ReceiveState::Ended;
                Ok(())
            }
            ReceiveState::Failing(error) | ReceiveState::Failed { error, .. } => {
                self.state = ReceiveState::Failed { error, ended: true };
                Err(error)
            }
            // §7.1.5: "no Close control frame was received", so a message in progress is lost.
            ReceiveState::Header | ReceiveState::Payload => {
                self.fail(Error::UnexpectedEof);
                Err(Error::UnexpectedEof)
            }
        }
    }

    /// Leaves all to the slow path, or no longer.
    pub(crate) const fn hold(&mut self, is_held: bool) {
        if WORD_64 {
            let is_idle = matches!(
                (self.state, self.progress.flow),
                (ReceiveState::Header, Fragmentation::Idle)
            );
            self.whole_below = if is_idle && !is_held { self.rules.whole_below() } else { 0 };
        }
    }

    /// The fast path: a whole message in one frame of at most 65,535 bytes, complete in `input`.
    ///
    /// Anything else is `None`, and nothing is changed. Inlined, because a call would return the
    /// event through memory, which costs more than all the work here. Compressed messages, which
    /// take longer anyway, are left to [`receive`](Self::receive).
    #[inline(always)]
    pub(crate) fn whole_message<'b, R: Role, const COMPRESSED: bool>(
        &mut self,
        input: &mut Input<'b>,
    ) -> Option<Data<'b>> {
        let bytes = input.unread_mut();
        if self.look_ahead.is_due(bytes::len_u64(bytes)) {
            return None;
        }
        let WholeHead { kind, compressed, head, len } =
            self.rules.whole_head::<R, COMPRESSED>(bytes, self.whole_below)?;
        let (header, payload) = bytes.get_mut(..head + len)?.split_at_mut_checked(head)?;
        let key = if R::SERVER { *header.last_chunk()? } else { [0; 4] };
        // RFC 7692 §6.2: for a compressed message it is the inflated payload that must be UTF-8.
        let is_text = kind == Kind::Text && !compressed;
        let ascii = if R::SERVER {
            mask::mask_ascii(payload, key).1
        } else {
            is_text && utf8::is_plain(payload)
        };
        if is_text && !ascii && !Utf8::is_valid(payload) {
            // The slow path finds the same error and reports it.
            mask_again::<R>(bytes, head, len);
            return None;
        }
        self.look_ahead.consumed_before_due(head + len);
        let (_, payload) = input.take_exact(head + len)?.split_at_mut_checked(head)?;
        Some(Data {
            kind,
            payload,
            first: true,
            fin: true,
            frame_left: 0,
            offset: 0,
            frame_fin: true,
            compressed,
        })
    }

    /// The slow path: everything else.
    ///
    /// An event has room for a control frame, so copying it from call to call would cost more than
    /// all the checks. The readers therefore return small values, and the event is built last.
    #[inline(never)]
    pub(crate) fn receive<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
        pending: &mut Pending,
    ) -> Result<Event<'b>, Error> {
        let is_due = self.look_ahead.is_due(bytes::len_u64(input.unread()));
        if is_due
            && let Some(Found { opcode, payload, key }) =
                self.look_ahead.look::<R>(&self.rules, input.unread())
        {
            return pending.control(opcode, payload, key);
        }
        // The first message of a read, for which the look-ahead was due, and compressed ones.
        if WORD_64
            && (is_due || self.rules.may_compress())
            && let Some(data) = self.whole_message::<R, true>(input)
        {
            return Ok(Event::Data(data));
        }
        while !matches!(self.state, ReceiveState::Payload) {
            let step = match self.state {
                ReceiveState::Failing(error) => {
                    self.fail(error);
                    pending.fault(error);
                    return Err(error);
                }
                ReceiveState::Failed { error, .. } => {
                    pending.fault(error);
                    return Err(error);
                }
                ReceiveState::Discard | ReceiveState::Ended => {
                    input.take(usize::MAX);
                    return Ok(Event::need_more(1));
                }
                ReceiveState::Header | ReceiveState::Payload => self.header::<R>(input),
            };
            match step {
                Ok(Step::Data) => {}
                Ok(Step::NeedMore(missing)) => return Ok(Event::need_more(missing)),
                Ok(Step::Skip(n)) => drop(self.take(input, n)),
                Ok(Step::Control { opcode, len, frame_len, key }) => {
                    let payload = bytes::part_mut(self.take(input, frame_len), len..);
                    if opcode != Opcode::Close {
                        return pending.control(opcode, payload, key);
                    }
                    mask::mask(payload, key);
                    match CloseFrame::parse(payload) {
                        Ok(close) => {
                            self.stop(ReceiveState::Discard);
                            pending.close_received(close.map(|close| close.code));
                            return Ok(Event::Close(close));
                        }
                        Err(error) => self.fail(error),
                    }
                }
                Err(error) => self.fail(error),
            }
        }
        self.payload::<R>(input, pending)
    }

    /// Checks the header at the wire reader, and consumes it if it is that of a data frame.
    fn header<R: Role>(&mut self, input: &mut Input<'_>) -> Result<Step, Error> {
        let bytes = input.unread();
        let here = bytes::len_u64(bytes);
        let (header, len, frame_len) = match self.rules.judge::<R>(bytes, &self.progress)? {
            HeaderStatus::Complete { header, len, frame_len } => (header, len, frame_len),
            HeaderStatus::NeedMore { header, payload } => {
                return Ok(Step::NeedMore(header.saturating_add(payload)));
            }
        };
        let Lead { opcode, fin, .. } = header.lead;
        let key = header.masking_key.unwrap_or_default();
        let kind = self.progress.flow.kind_of(opcode);
        if frame_len > here && (kind.is_none() || self.rules.delivery == Delivery::Frames) {
            return Ok(Step::NeedMore(frame_len.saturating_sub(here)));
        }
        let Some(kind) = kind else {
            let frame_len = usize::try_from(frame_len).unwrap_or(usize::MAX);
            return Ok(if self.look_ahead.has_passed() {
                Step::Skip(frame_len)
            } else {
                Step::Control { opcode, len, frame_len, key }
            });
        };
        self.take(input, len);
        let first = self.progress.flow == Fragmentation::Idle;
        let compressed = self.progress.is_compressed(header.lead);
        self.progress.pass(header.lead, header.payload_len);
        if WORD_64 {
            self.whole_below = 0;
        }
        let (key, left) = (MaskingKey(key), header.payload_len);
        self.frame = Payload { kind, first, fin, compressed, key, left };
        self.state = ReceiveState::Payload;
        Ok(Step::Data)
    }

    /// Delivers what is available of a data frame.
    fn payload<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
        pending: &mut Pending,
    ) -> Result<Event<'b>, Error> {
        let Payload { kind, first, fin: frame_fin, compressed, key, left } = self.frame;
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if n == 0 && left > 0 {
            return Ok(Event::need_more(1));
        }
        let compressed = DEFLATE && compressed;
        // RFC 7692 §6.2: for a compressed message it is the inflated payload that must be UTF-8.
        let is_text = kind == Kind::Text && !compressed;
        let bytes = bytes::part_mut(input.unread_mut(), ..n);
        let (next_key, ascii) = if R::SERVER {
            mask::mask_ascii(bytes, key.0)
        } else {
            (key.0, is_text && utf8::is_plain(bytes))
        };
        let frame_left = left.saturating_sub(bytes::len_u64(bytes));
        (self.frame.first, self.frame.key, self.frame.left) =
            (false, MaskingKey(next_key), frame_left);
        if frame_left == 0 {
            self.state = ReceiveState::Header;
            self.hold(false);
        }
        let mut valid = n;
        if is_text && !(ascii && self.utf8.is_boundary()) {
            match self.utf8.check(bytes, frame_fin && frame_left == 0) {
                Ok(utf8) => self.utf8 = utf8,
                Err(bad) => {
                    valid = if self.rules.delivery == Delivery::Frames { 0 } else { bad };
                    self.invalid_text::<R>(bytes::part_mut(bytes, valid..), key, valid);
                    if valid == 0 {
                        self.fail(Error::InvalidUtf8);
                        pending.fault(Error::InvalidUtf8);
                        return Err(Error::InvalidUtf8);
                    }
                }
            }
        }
        let payload = self.take(input, valid);
        let frame_left = left.saturating_sub(bytes::len_u64(payload));
        let offset = self.progress.offset(left);
        let fin = frame_fin && frame_left == 0;
        Ok(Event::Data(Data {
            kind,
            payload,
            first,
            fin,
            offset,
            frame_left,
            frame_fin,
            compressed,
        }))
    }

    /// Handles the unmasked bytes from the first invalid one on: `rest`, after `valid` bytes. `key` is
    /// for the first of these.
    ///
    /// The valid part before it is delivered, the rest is masked again, and the next call returns
    /// the error. The events are therefore the same for every split of the bytes.
    #[cold]
    fn invalid_text<R: Role>(&mut self, rest: &mut [u8], key: MaskingKey, valid: usize) {
        if R::SERVER {
            mask::mask(rest, mask::rotate(key.0, valid));
        }
        self.stop(ReceiveState::Failing(Error::InvalidUtf8));
    }

    fn take<'b>(&mut self, input: &mut Input<'b>, n: usize) -> &'b mut [u8] {
        self.look_ahead.consumed(n);
        input.take(n)
    }

    /// Fails the connection (§7.1.7).
    pub(crate) fn fail(&mut self, error: Error) {
        self.stop(ReceiveState::Failed { error, ended: error == Error::UnexpectedEof });
    }

    /// Enters `state`, in which no more frames are read.
    fn stop(&mut self, state: ReceiveState) {
        self.state = state;
        if WORD_64 {
            self.whole_below = 0;
        }
        self.look_ahead.stop();
    }
}

/// Masks the payload of a frame whose header has `head` bytes. Reads the key once more, which would
/// otherwise have to be kept while the text is checked.
#[cold]
fn mask_again<R: Role>(frame: &mut [u8], head: usize, len: usize) {
    let (header, rest) = frame.split_at_mut_checked(head).unwrap_or_default();
    if R::SERVER {
        let key = header.last_chunk().copied().unwrap_or_default();
        mask::mask(bytes::part_mut(rest, ..len), key);
    }
}
