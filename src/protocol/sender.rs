//! The sending direction: which frame may be sent when (RFC 6455 §5.4, §5.5.1), and the queued
//! control frame before it.
//!
//! Each `send` first checks everything, then writes the queued control frame and its own, then
//! changes the state. A refused call changes nothing.

mod seal;

pub(crate) use self::seal::MAX_LEN;
use crate::bytes::{self, WORD_64};
use crate::protocol::closing::{Local, LocalEvent};
use crate::protocol::config::Config;
use crate::protocol::config::DEFLATE;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::pending::{Pending, Reply};
use crate::protocol::role::{NoKey, Role};
use crate::wire::close::CloseCode;
use crate::wire::error::{Error, SendError};
use crate::wire::frame::{self, Content, Header, HeaderBytes, Kind, Lead, MAX_CONTROL_LEN, Opcode};
use crate::wire::mask;
use crate::wire::masking_key::MaskingKey;
use crate::wire::utf8::Utf8;

/// A frame whose header has been written and whose payload is incomplete.
#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    content: Content,
    fin: bool,
    /// The masking key for the next byte, if this side masks.
    key: Option<MaskingKey>,
    left: u64,
}

#[derive(Debug)]
pub(crate) struct Sender<R> {
    role: R,
    flow: Fragmentation,
    utf8: Utf8,
    /// Whether text is checked.
    validate: bool,
    /// Whether compressed messages may be sent.
    deflate: bool,
    /// Whether the open message is compressed.
    compressed: bool,
    frame: Option<OpenFrame>,
    pub(crate) pending: Pending,
}

impl<R: Role> Sender<R> {
    pub(crate) const fn new(config: &Config, role: R) -> Self {
        Self {
            role,
            flow: Fragmentation::Idle,
            utf8: Utf8::new(),
            validate: config.validate_sent_text,
            deflate: config.deflate,
            compressed: false,
            frame: None,
            pending: Pending::new(config),
        }
    }

    #[cfg(all(reseal, feature = "handshake"))]
    pub(super) fn into_role(self) -> R {
        self.role
    }

    /// The state of a new connection.
    #[cfg(reseal)]
    pub(super) fn reset(&mut self, config: &Config) {
        let Sender { flow, utf8, validate, deflate, compressed, frame, pending, .. } =
            Sender::new(config, crate::protocol::role::Server);
        (self.flow, self.utf8, self.compressed, self.frame) = (flow, utf8, compressed, frame);
        (self.validate, self.deflate, self.pending) = (validate, deflate, pending);
    }

    pub(crate) const fn local(&self) -> Local {
        self.pending.local
    }

    const fn is_broken(&self) -> bool {
        matches!(self.pending.local, Local::Broken)
    }

    pub(crate) const fn wants_write(&self) -> bool {
        self.pending.is_due() && self.frame.is_none() && !self.is_broken()
    }

    /// Whether a message has begun and its end can still be sent.
    pub(crate) const fn in_message(&self) -> bool {
        self.frame.is_some()
            || matches!(self.flow, Fragmentation::Message(_)) && self.local().may_send().is_ok()
    }

    /// Writes a whole message in one frame.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub(crate) fn message(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.may_send()?;
        if self.flow != Fragmentation::Idle {
            return Err(SendError::MessageInProgress);
        }
        let lead = Lead { fin: true, rsv1: false, opcode: kind.into() };
        self.write(lead, payload, out)
    }

    /// Writes one fragment of a message.
    pub(crate) fn fragment(
        &mut self,
        content: Content,
        fin: bool,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.may_send()?;
        let (lead, flow) = self.data_lead(content, fin)?;
        let utf8 = self.text(content, payload, fin)?;
        let n = self.write(lead, payload, out)?;
        (self.flow, self.utf8, self.compressed) = (flow, utf8, content.compressed);
        Ok(n)
    }

    /// Masks `payload` in place and returns its header.
    pub(crate) fn in_place(
        &mut self,
        content: Content,
        fin: bool,
        payload: &mut [u8],
    ) -> Result<HeaderBytes, SendError> {
        self.may_send_header()?;
        let (lead, flow) = self.data_lead(content, fin)?;
        let utf8 = self.text(content, payload, fin)?;
        let header = self.header(lead, bytes::len_u64(payload))?;
        (self.flow, self.utf8, self.compressed) = (flow, utf8, content.compressed);
        if let Some(key) = header.masking_key {
            mask::mask(payload, key);
        }
        Ok(header.encode())
    }

    /// Starts a frame of `len` bytes for [`mask_next`](Self::mask_next).
    pub(crate) fn begin(
        &mut self,
        content: Content,
        fin: bool,
        len: u64,
    ) -> Result<HeaderBytes, SendError> {
        self.may_send_header()?;
        let (lead, flow) = self.data_lead(content, fin)?;
        if len > frame::MAX_PAYLOAD_LEN {
            return Err(SendError::FrameTooLong);
        }
        if len == 0 {
            self.text(content, &[], fin)?;
        }
        let header = self.header(lead, len)?;
        (self.flow, self.compressed) = (flow, content.compressed);
        let key = header.masking_key.map(MaskingKey);
        self.frame = (len > 0).then_some(OpenFrame { content, fin, key, left: len });
        Ok(header.encode())
    }

    /// Masks the next chunk of the frame in progress.
    pub(crate) fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        if self.is_broken() {
            return Err(SendError::NoMaskingKey);
        }
        let Some(frame) = self.frame else { return Err(SendError::PastFrameEnd) };
        let Some(left) = frame.left.checked_sub(bytes::len_u64(chunk)) else {
            return Err(SendError::PastFrameEnd);
        };
        self.utf8 = self.text(frame.content, chunk, frame.fin && left == 0)?;
        let key = frame.key.map(|MaskingKey(key)| MaskingKey(mask::mask(chunk, key)));
        self.frame = (left > 0).then_some(OpenFrame { key, left, ..frame });
        Ok(())
    }

    /// The number of payload bytes that the frame in progress still expects.
    pub(crate) fn frame_left(&self) -> u64 {
        self.frame.map_or(0, |frame| frame.left)
    }

    /// Writes a Ping or Pong.
    pub(crate) fn ping_or_pong(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        self.may_send()?;
        if payload.len() > MAX_CONTROL_LEN {
            return Err(SendError::ControlTooLong);
        }
        self.write(Lead { fin: true, rsv1: false, opcode }, payload, out)
    }

    /// Writes this side's Close; does nothing if one has been sent. `fault` is the peer's error.
    pub(crate) fn send_close(
        &mut self,
        code: CloseCode,
        reason: &str,
        is_reply: bool,
        fault: Option<Error>,
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let mut body = [0; MAX_CONTROL_LEN];
        // §5.5.1: a reply may echo any code, also one that only a client starts with.
        let by_server = R::SERVER && !(is_reply && self.pending.local == Local::Open);
        let body = close_body(code, reason, by_server, &mut body)?;
        match self.pending.local {
            Local::Open => {
                self.may_send()?;
                let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Close };
                let n = self.write(lead, body, out)?;
                self.pending.local = self.pending.local.next(LocalEvent::CloseWritten);
                Ok(n)
            }
            // §5.5.1: both sides may close at once; then the queued reply is this side's Close.
            Local::Held | Local::Queued if self.frame.is_some() => Err(SendError::FrameInProgress),
            Local::Held | Local::Queued => {
                self.pending.release(fault.map(Error::close_code));
                self.transmit(out)
            }
            Local::Closed => Ok(0),
            Local::Broken => Err(SendError::NoMaskingKey),
        }
    }

    /// Writes the queued control frame, if there is one and no frame is in progress.
    pub(crate) fn transmit(&mut self, out: &mut [u8]) -> Result<usize, SendError> {
        if self.is_broken() {
            return Err(SendError::NoMaskingKey);
        }
        if self.frame.is_some() {
            return Ok(0);
        }
        self.transmit_due(out)
    }

    /// Whether a frame may be started.
    #[inline]
    fn may_send(&self) -> Result<(), SendError> {
        self.pending.local.may_send()?;
        if self.frame.is_some() { Err(SendError::FrameInProgress) } else { Ok(()) }
    }

    /// Whether a header may be returned by value: nothing can then be written before it.
    fn may_send_header(&self) -> Result<(), SendError> {
        self.may_send()?;
        if self.pending.is_due() { Err(SendError::ControlDue) } else { Ok(()) }
    }

    /// The first byte of the message's next frame, and the fragmentation after it.
    fn data_lead(&self, content: Content, fin: bool) -> Result<(Lead, Fragmentation), SendError> {
        let Content { kind, compressed } = content;
        let compressed = DEFLATE && compressed;
        let opcode = self.flow.opcode_of(kind).ok_or(SendError::MessageInProgress)?;
        if compressed && !self.deflate {
            return Err(SendError::NotNegotiated);
        }
        let first = self.flow == Fragmentation::Idle;
        if !first && compressed != self.compressed {
            return Err(SendError::MessageInProgress);
        }
        // RFC 7692 §6.1: RSV1 is set only on the first frame of a message.
        let lead = Lead { fin, rsv1: first && compressed, opcode };
        Ok((lead, self.flow.step(lead).map_err(|_| SendError::MessageInProgress)?))
    }

    /// §5.6: the fragments of a text are valid UTF-8 when joined.
    fn text(&self, content: Content, payload: &[u8], last: bool) -> Result<Utf8, SendError> {
        match content.kind {
            _ if DEFLATE && content.compressed => Ok(self.utf8),
            Kind::Text if self.validate => {
                self.utf8.check(payload, last).map_err(|_| SendError::InvalidUtf8)
            }
            Kind::Text | Kind::Binary => Ok(self.utf8),
        }
    }

    /// A header with a fresh masking key, if this side masks (§5.3).
    #[inline]
    fn header(&mut self, lead: Lead, payload_len: u64) -> Result<Header, SendError> {
        let masking_key = masking_key(&mut self.role, &mut self.pending.local)?;
        Ok(Header { lead, masking_key, payload_len })
    }

    /// Writes the queued control frame, then a frame.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn write(&mut self, lead: Lead, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        if self.pending.is_due() {
            return self.write_after_due(lead, payload, out);
        }
        let needed = frame::frame_len(payload.len(), !R::SERVER);
        if out.len() < needed {
            return Err(SendError::BufferTooSmall { needed });
        }
        let header = self.header(lead, bytes::len_u64(payload))?;
        if WORD_64 {
            frame::write_inline(header, payload, out);
        } else {
            frame::write(header, payload, out);
        }
        Ok(needed)
    }

    /// Out of line, to keep it off the path on which nothing is queued.
    #[inline(never)]
    fn write_after_due(
        &mut self,
        lead: Lead,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let due = self.due_len();
        let needed = due.saturating_add(frame::frame_len(payload.len(), !R::SERVER));
        if out.len() < needed {
            return Err(SendError::BufferTooSmall { needed });
        }
        self.transmit_due(out)?;
        let header = self.header(lead, bytes::len_u64(payload))?;
        frame::write(header, payload, bytes::part_mut(out, due..));
        Ok(needed)
    }

    #[inline(never)]
    fn transmit_due(&mut self, out: &mut [u8]) -> Result<usize, SendError> {
        let Some(due) = &self.pending.due else { return Ok(0) };
        let payload = due.payload.as_ref();
        let needed = frame::frame_len(payload.len(), !R::SERVER);
        if out.len() < needed {
            return Err(SendError::BufferTooSmall { needed });
        }
        let masking_key = masking_key(&mut self.role, &mut self.pending.local)?;
        let opcode = match due.reply {
            Reply::Pong => Opcode::Pong,
            Reply::Close => Opcode::Close,
        };
        let lead = Lead { fin: true, rsv1: false, opcode };
        let header = Header { lead, masking_key, payload_len: bytes::len_u64(payload) };
        frame::write(header, payload, out);
        if due.reply == Reply::Close {
            self.pending.local = self.pending.local.next(LocalEvent::CloseWritten);
        }
        self.pending.due = None;
        Ok(needed)
    }

    /// The length of the queued control frame in bytes; 0 if there is none.
    fn due_len(&self) -> usize {
        let due = self.pending.due.as_ref();
        due.map_or(0, |due| frame::frame_len(due.payload.len(), !R::SERVER))
    }
}

/// The masking key for the next frame. Without a key no further frame can be sent.
#[inline]
fn masking_key<R: Role>(role: &mut R, local: &mut Local) -> Result<Option<[u8; 4]>, SendError> {
    role.masking_key().map_err(|NoKey| {
        *local = local.next(LocalEvent::NoMaskingKey);
        SendError::NoMaskingKey
    })
}

/// The body of a Close (§5.5.1): empty, or the code and the reason.
fn close_body<'o>(
    code: CloseCode,
    reason: &str,
    by_server: bool,
    out: &'o mut [u8; MAX_CONTROL_LEN],
) -> Result<&'o [u8], SendError> {
    // §7.1.5: 1005 is the code of a Close without one.
    if code == CloseCode::NO_STATUS && reason.is_empty() {
        return Ok(&[]);
    }
    if !code.is_sendable(by_server) {
        return Err(SendError::InvalidCloseCode);
    }
    let [high, low, rest @ ..] = &mut *out;
    [*high, *low] = code.as_u16().to_be_bytes();
    let Some(to) = rest.get_mut(..reason.len()) else { return Err(SendError::ControlTooLong) };
    bytes::copy(reason.as_bytes(), to);
    Ok(bytes::part(out, ..2 + reason.len()))
}
