//! What may stand at a header: the rules that both readers of the receiving direction apply.

use crate::protocol::config::Config;
use crate::protocol::event::Delivery;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::role::Role;
use crate::wire::error::Error;
use crate::wire::frame::{self, Header, Kind, Lead, Length, Opcode, Parsed};
use crate::wire::target::DEFLATE;

/// Where a direction stands between two frames: the flow, and the size of the open message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageProgress {
    pub(crate) flow: Fragmentation,
    /// Frames of the open message so far, empty ones too.
    fragments: u32,
    /// Payload bytes of the open message so far.
    message_len: u64,
    /// The open message is compressed.
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

    /// Moves behind a data frame that was judged.
    #[inline]
    pub(crate) fn pass(&mut self, lead: Lead, len: u64) {
        self.flow = self.flow.step(lead).unwrap_or(self.flow);
        if self.flow == Fragmentation::Idle {
            *self = Self::new();
            return;
        }
        self.compressed |= lead.rsv1;
        self.fragments = self.fragments.saturating_add(1);
        self.message_len = self.message_len.saturating_add(len);
    }
}

/// What stands at a header.
pub(crate) enum HeaderStatus {
    Complete {
        header: Header,
        /// The length of the header.
        len: usize,
        /// The length of header and payload.
        frame_len: u64,
    },
    /// At least so many more bytes until the header is complete, and then until an event.
    NeedMore { header: u64, payload: u64 },
}

/// The caller's choices that decide about a header.
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

    /// Judges the header at the start of `bytes`, as far as it is there.
    ///
    /// Each byte is judged by all that it can break before the next one is looked at, so that the
    /// error does not depend on how the bytes were cut.
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
        // 5.1: a server "MUST close the connection upon receiving a frame that is not masked", a
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
            // A byte before may have been enough for an error, and for another one.
            Err(error) => {
                let mut known = (0..rest.len().min(8)).filter_map(|n| rest.get(..n));
                return Err(known.find_map(|rest| judge_length(rest).err()).unwrap_or(error));
            }
        };
        Ok(match Header::finish(lead, second, length, rest) {
            Parsed::Complete(header, len) => {
                let frame_len = header.payload_len.saturating_add(frame::to_u64(len));
                HeaderStatus::Complete { header, len, frame_len }
            }
            Parsed::Partial(missing) => {
                let whole = lead.opcode.is_control() || self.delivery == Delivery::Frames;
                let payload = if whole { length.least } else { length.least.min(1) };
                HeaderStatus::NeedMore { header: frame::to_u64(missing), payload }
            }
        })
    }

    /// Judges the first byte of a frame.
    fn lead(&self, progress: &MessageProgress, lead: Lead) -> Result<(), Error> {
        // 5.2: a reserved bit "MUST be 0 unless an extension is negotiated". RFC 7692, 6.1: RSV1 is for
        // the first frame of a message.
        let may_compress =
            DEFLATE && self.deflate && matches!(lead.opcode, Opcode::Text | Opcode::Binary);
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

    /// Judges the length of the frame's payload, or the least that it can be.
    fn length(&self, progress: &MessageProgress, lead: Lead, len: u64) -> Result<(), Error> {
        if lead.opcode.is_control() {
            return Ok(());
        }
        if len > self.max_frame_len {
            return Err(Error::FrameTooLong);
        }
        if progress.message_len.saturating_add(len) > self.max_message_len {
            return Err(Error::MessageTooLong);
        }
        Ok(())
    }

    /// Kind, header length and payload length of a whole message in a frame of at most 65,535 bytes, if
    /// that is what `bytes` begin with where no message is open.
    #[inline(always)]
    pub(crate) fn whole_head<R: Role>(&self, bytes: &[u8]) -> Option<(Kind, usize, usize)> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A count of 32 bits ends somewhere: no test could send so many.
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
