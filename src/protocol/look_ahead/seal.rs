//! The position of the look-ahead as bytes. What it has found is that position; how many bytes it
//! needs to get any further, it finds again.

use super::{LookAhead, STOPPED};
use crate::bytes::seal::{Bits, INT_LEN, Reader, UnsealError, Writer, allowed, valid};
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{HeaderRules, MAX_PROGRESS_LEN, MessageProgress};
use crate::wire::frame::Kind;

/// The most bytes of [`LookAhead::seal`].
pub(crate) const MAX_LEN: usize = INT_LEN + 1 + MAX_PROGRESS_LEN;

/// More bytes than a memory holds.
const MEMORY: u64 = 1 << 48;

impl LookAhead {
    /// Whether it has read a header that the wire reader, with `left` bytes to the next one, has not.
    pub(crate) fn is_ahead(&self, left: u64) -> bool {
        self.at() > left
    }

    pub(crate) fn seal(&self, left: u64, writer: &mut Writer<'_>) {
        writer.int(self.at().saturating_sub(left));
        let (is_open, kind) = match self.progress.flow {
            Fragmentation::Idle => (false, Kind::Text),
            Fragmentation::Message(kind) => (true, kind),
        };
        let compressed = is_open && self.progress.is_compressed_message();
        let bits = Bits::new().with_flag(is_open).with_flag(kind.is_binary());
        writer.byte(bits.with_flag(compressed).byte());
        if is_open {
            self.progress.seal(writer);
        }
    }

    /// Begins at the header that the wire reader reaches after `left` bytes, with its progress.
    pub(crate) const fn begin_at(&mut self, left: u64, wire: MessageProgress) {
        // A new one is due at its header, or never.
        (self.due, self.progress) = (left.saturating_add(self.gap), wire);
    }

    /// Begins at a later header. `least` is the length of the shortest frame in bytes.
    pub(crate) fn unseal(
        &mut self,
        left: u64,
        wire: MessageProgress,
        least: u64,
        rules: &HeaderRules,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let ahead = reader.int()?;
        let mut bits = Bits::of(reader.byte()?);
        let (is_open, is_binary) = (bits.take_flag(), bits.take_flag());
        let compressed = bits.take_flag();
        bits.end()?;
        let progress = if is_open {
            MessageProgress::unseal(Kind::of(is_binary), compressed, rules, reader)?
        } else {
            valid(!is_binary && !compressed)?;
            MessageProgress::new()
        };
        let needed = match progress.flow {
            Fragmentation::Idle => least,
            Fragmentation::Message(_) => bytes_between(&wire, &progress, least).max(least),
        };
        valid(ahead >= needed)?;
        let at = left.saturating_add(ahead);
        // A frame after the bytes in memory, and beyond that not even a stopped one counts.
        valid(at <= STOPPED.saturating_add(MEMORY))?;
        allowed(at < STOPPED || self.gap < STOPPED)?;
        self.begin_at(at, progress);
        Ok(())
    }
}

/// The fewest bytes of the frames from one progress to a later one with an open message.
fn bytes_between(from: &MessageProgress, to: &MessageProgress, least: u64) -> u64 {
    let frames_len =
        |frames: u32, payload: u64| least.saturating_mul(frames.into()).saturating_add(payload);
    let anew = frames_len(to.fragments(), to.message_len());
    if from.flow == Fragmentation::Idle {
        return anew;
    }
    // The open message ends before the new one.
    let anew = anew.saturating_add(least);
    let is_same =
        from.flow == to.flow && from.is_compressed_message() == to.is_compressed_message();
    let more = (
        to.fragments().checked_sub(from.fragments()),
        to.message_len().checked_sub(from.message_len()),
    );
    match more {
        (Some(frames), Some(len)) if is_same && (frames > 0 || len == 0) => {
            frames_len(frames, len).min(anew)
        }
        _ => anew,
    }
}
