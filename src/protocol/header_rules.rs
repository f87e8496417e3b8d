//! The header rules: what RFC 6455 and the [`Config`] allow at a header. The wire reader and the
//! look-ahead both apply them.

mod seal;

pub(crate) use self::seal::MAX_PROGRESS_LEN;
use crate::bytes::{self, Status};
use crate::protocol::config::Config;
use crate::protocol::config::DEFLATE;
use crate::protocol::event::Delivery;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::role::Role;
use crate::wire::error::Error;
use crate::wire::frame::{Header, Kind, Lead, Length, Opcode};

/// The progress of a direction between two frames: its fragmentation, and the size of
/// the open message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageProgress {
    pub(crate) flow: Fragmentation,
    /// The frames of the open message so far, empty ones included.
    fragments: u32,
    /// The payload bytes of the open message so far; if none is open, of the last one.
    message_len: u64,
    /// Whether the open message is compressed.
    compressed: bool,
}

impl MessageProgress {
    pub(crate) const fn new() -> Self {
        Self { flow: Fragmentation::Idle, fragments: 0, message_len: 0, compressed: false }
    }

    /// Whether a data frame with this first byte belongs to a compressed message.
    #[inline]
    pub(crate) const fn is_compressed(&self, lead: Lead) -> bool {
        DEFLATE && (self.compressed || lead.rsv1)
    }

    /// Advances past an accepted data frame.
    #[inline]
    pub(crate) fn pass(&mut self, lead: Lead, len: u64) {
        let message_len = self.open_len().saturating_add(len);
        self.flow = self.flow.step(lead).unwrap_or(self.flow);
        if self.flow == Fragmentation::Idle {
            *self = Self { message_len, ..Self::new() };
            return;
        }
        self.compressed |= DEFLATE && lead.rsv1;
        self.fragments = self.fragments.saturating_add(1);
        self.message_len = message_len;
    }

    /// The payload bytes of the open message so far.
    #[inline]
    fn open_len(&self) -> u64 {
        if self.flow == Fragmentation::Idle { 0 } else { self.message_len }
    }

    /// The position in its message of the next payload byte, if `left` bytes of the frame that was
    /// passed last are still to come.
    #[inline]
    pub(crate) const fn offset(&self, left: u64) -> u64 {
        self.message_len.saturating_sub(left)
    }
}

/// The result of [`HeaderRules::judge`].
pub(crate) enum HeaderStatus {
    Complete {
        header: Header,
        /// The length of the header in bytes.
        len: usize,
        /// The length of header and payload in bytes.
        frame_len: u64,
    },
    /// At least `header` more bytes complete the header; an event takes at least
    /// `payload` bytes more.
    NeedMore { header: u64, payload: u64 },
}

/// The result of [`HeaderRules::whole_head`].
pub(crate) struct WholeHead {
    pub(crate) kind: Kind,
    pub(crate) compressed: bool,
    /// The length of the header in bytes.
    pub(crate) head: usize,
    /// The length of the payload in bytes.
    pub(crate) len: usize,
}

/// The options that decide whether a header is accepted.
#[derive(Debug)]
pub(crate) struct HeaderRules {
    max_frame_len: u64,
    max_message_len: u64,
    max_fragments: u32,
    /// The longest payload of a [`whole_head`](Self::whole_head).
    whole_len: u16,
    pub(crate) delivery: Delivery,
    deflate: bool,
}

impl HeaderRules {
    pub(crate) fn new(config: &Config) -> Self {
        let whole_len = config.max_frame_len.min(config.max_message_len);
        Self {
            max_frame_len: config.max_frame_len,
            max_message_len: config.max_message_len,
            max_fragments: config.max_fragments,
            whole_len: u16::try_from(whole_len).unwrap_or(u16::MAX),
            delivery: config.delivery,
            deflate: config.deflate,
        }
    }

    /// Whether compressed messages are accepted.
    pub(crate) const fn may_compress(&self) -> bool {
        DEFLATE && self.deflate
    }

    /// Checks the header at the start of `bytes`, which may be incomplete.
    ///
    /// Each byte is checked against every rule that it can break before the next byte is read, so
    /// the error does not depend on how the bytes are split.
    pub(crate) fn judge<R: Role>(
        &self,
        bytes: &[u8],
        progress: &MessageProgress,
    ) -> Result<HeaderStatus, Error> {
        let key_len = if R::SERVER { 4 } else { 0 };
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(HeaderStatus::NeedMore { header: 2 + key_len, payload: 0 });
        };
        let lead = Lead::parse(first)?;
        self.lead(progress, lead)?;
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(HeaderStatus::NeedMore { header: 1 + key_len, payload: 0 });
        };
        // §5.1: a server "MUST close the connection upon receiving a frame that is not masked", a
        // client "if it detects a masked frame".
        match (R::SERVER, second & 0x80 != 0) {
            (true, false) => return Err(Error::Unmasked),
            (false, true) => return Err(Error::Masked),
            (true, true) | (false, false) => {}
        }
        let judge_length = |rest: &[u8]| {
            let length = Length::parse(lead.opcode, second, rest)?;
            self.length(progress, lead, length.least)?;
            Ok(length)
        };
        let length = match judge_length(rest) {
            Ok(length) => length,
            // A shorter prefix may already have been an error, and a different one.
            Err(error) => {
                let mut known = (0..rest.len().min(8)).filter_map(|n| rest.get(..n));
                return Err(known.find_map(|rest| judge_length(rest).err()).unwrap_or(error));
            }
        };
        Ok(match Header::finish(lead, second, length, rest) {
            Status::Complete((header, len)) => {
                let frame_len = header.payload_len.saturating_add(bytes::to_u64(len));
                HeaderStatus::Complete { header, len, frame_len }
            }
            Status::NeedMore(missing) => {
                let whole = lead.opcode.is_control() || self.delivery == Delivery::Frames;
                let payload = if whole { length.least } else { length.least.min(1) };
                HeaderStatus::NeedMore { header: bytes::to_u64(missing.get()), payload }
            }
        })
    }

    /// Checks the first byte of a frame.
    fn lead(&self, progress: &MessageProgress, lead: Lead) -> Result<(), Error> {
        // §5.2: a reserved bit "MUST be 0 unless an extension is negotiated". RFC 7692 §6.1: RSV1
        // is set only on the first frame of a message.
        let may_compress =
            self.may_compress() && matches!(lead.opcode, Opcode::Text | Opcode::Binary);
        if lead.rsv1 && !may_compress {
            return Err(Error::ReservedBits);
        }
        progress.flow.step(lead)?;
        if !lead.opcode.is_control()
            && progress.fragments >= self.max_fragments
            && self.max_fragments != Config::UNLIMITED_FRAGMENTS
        {
            return Err(Error::TooManyFragments);
        }
        Ok(())
    }

    /// Checks the payload length, or its lower bound.
    fn length(&self, progress: &MessageProgress, lead: Lead, len: u64) -> Result<(), Error> {
        if lead.opcode.is_control() {
            return Ok(());
        }
        if len > self.max_frame_len {
            return Err(Error::FrameTooLong);
        }
        if progress.open_len().saturating_add(len) > self.max_message_len {
            return Err(Error::MessageTooLong);
        }
        Ok(())
    }

    /// Whole messages with fewer payload bytes than this are accepted: 1 to 65,536.
    #[inline]
    #[expect(clippy::as_conversions, reason = "u16 to u32, in a const fn")]
    pub(crate) const fn whole_below(&self) -> u32 {
        (self.whole_len as u32).wrapping_add(1)
    }

    /// The header of a whole message in one frame of fewer than `below` payload bytes, if `bytes` start
    /// with one; with `COMPRESSED`, also of a compressed one. Valid only while no message is open.
    #[inline(always)]
    pub(crate) fn whole_head<R: Role, const COMPRESSED: bool>(
        &self,
        bytes: &[u8],
        below: u32,
    ) -> Option<WholeHead> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (kind, compressed) = match first {
            0x81 => (Kind::Text, false),
            0x82 => (Kind::Binary, false),
            0xC1 if COMPRESSED && self.may_compress() => (Kind::Text, true),
            0xC2 if COMPRESSED && self.may_compress() => (Kind::Binary, true),
            _ => return None,
        };
        let (mask, head) = if R::SERVER { (0x80, 6) } else { (0, 2) };
        let (head, len) = match second ^ mask {
            len @ 0..=125 => (head, u16::from(len)),
            // §5.2: fewer than 126 bytes have a length of one byte.
            126 => match u16::from_be_bytes(*rest.first_chunk()?) {
                0..=125 => return None,
                len => (head + 2, len),
            },
            _ => return None,
        };
        let whole = WholeHead { kind, compressed, head, len: usize::from(len) };
        (u32::from(len) < below).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No test could send enough frames to exhaust a 32-bit counter.
    #[test]
    fn unlimited_fragments_have_no_last_one() {
        for (limit, judged) in [(u32::MAX, Ok(())), (u32::MAX - 1, Err(Error::TooManyFragments))] {
            let rules = HeaderRules::new(&Config::new().max_fragments(limit));
            let lead = Lead { fin: false, rsv1: false, opcode: Opcode::Continuation };
            let mut progress = MessageProgress {
                flow: Fragmentation::Message(Kind::Text),
                ..MessageProgress::new()
            };
            progress.fragments = u32::MAX - 1;
            for _ in 0..2 {
                assert_eq!(rules.lead(&progress, lead), judged);
                progress.pass(lead, 0);
            }
        }
    }
}
