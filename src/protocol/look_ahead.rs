//! The look-ahead: finds a Ping or Pong ahead of the wire reader.

mod seal;

pub(crate) use self::seal::MAX_LEN;
use crate::bytes::{self, WORD_64};
use crate::protocol::event::ControlOrder;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{HeaderRules, HeaderStatus, MessageProgress, WholeHead};
use crate::protocol::role::Role;
use crate::wire::frame::Opcode;

/// The position of the look-ahead. Distances are in bytes from the wire reader.
#[derive(Debug)]
pub(crate) struct LookAhead {
    /// The number of bytes needed to get any further; at least [`STOPPED`] once stopped.
    due: u64,
    /// How far the next header to read is before `due`. All control frames before that header have
    /// been delivered. Not the position itself, so that only `due` changes with every message.
    gap: u64,
    progress: MessageProgress,
}

/// More bytes than are ever received.
const STOPPED: u64 = 1 << 63;

/// A Ping or Pong ahead of the wire reader.
pub(crate) struct Found<'a> {
    pub(crate) opcode: Opcode,
    /// As it is on the wire.
    pub(crate) payload: &'a [u8],
    /// Zeros for a frame from a server, which is not masked.
    pub(crate) key: [u8; 4],
}

impl LookAhead {
    pub(crate) const fn new(order: ControlOrder) -> Self {
        let due = match order {
            ControlOrder::Ahead => 0,
            ControlOrder::Wire => STOPPED,
        };
        Self { due, gap: due, progress: MessageProgress::new() }
    }

    /// Whether `len` bytes suffice to get any further.
    #[inline]
    pub(crate) const fn is_due(&self, len: u64) -> bool {
        len >= self.due
    }

    /// The next header to read. Out of line, to be small on 32-bit targets.
    #[inline(never)]
    fn at(&self) -> u64 {
        self.due.saturating_sub(self.gap)
    }

    /// Whether the control frame at which the wire reader stands has been delivered.
    pub(crate) fn has_passed(&self) -> bool {
        self.at() > 0
    }

    /// Waits at the header `at` until `missing` bytes follow its start.
    ///
    /// Cannot wrap: `at` is at most a frame after the bytes in memory, and a frame and `missing` are at
    /// most 2^63.
    fn wait(&mut self, at: u64, missing: u64) {
        self.due = at.wrapping_add(missing);
        self.gap = missing;
    }

    /// Stops permanently. The wire reader reads no more headers either.
    pub(crate) const fn stop(&mut self) {
        self.due = u64::MAX;
    }

    /// The wire reader has consumed `n` bytes.
    #[inline]
    pub(crate) fn consumed(&mut self, n: usize) {
        self.due = self.due.saturating_sub(bytes::to_u64(n));
    }

    /// The same for a message of which [`is_due`](Self::is_due) is false.
    #[inline]
    pub(crate) fn consumed_before_due(&mut self, n: usize) {
        debug_assert!(!self.is_due(bytes::to_u64(n)));
        self.due = self.due.wrapping_sub(bytes::to_u64(n));
    }

    /// The next Ping or Pong that the wire reader has not reached.
    #[inline(never)]
    pub(crate) fn look<'a, R: Role>(
        &mut self,
        rules: &HeaderRules,
        bytes: &'a [u8],
    ) -> Option<Found<'a>> {
        let least = if R::SERVER { 6 } else { 2 };
        let here = bytes::len_u64(bytes);
        let mut at = self.at();
        while here >= self.due {
            if WORD_64 {
                at = self.hop::<R>(rules, bytes, at);
            }
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            let missing = match rules.judge::<R>(rest, &self.progress) {
                _ if WORD_64 && rest.is_empty() => least,
                // The wire reader will reach this header and report the error.
                Err(_) => STOPPED,
                // The look-ahead must read a header before the wire reader, which takes it
                // once it is complete.
                Ok(HeaderStatus::NeedMore { header, .. }) => {
                    bytes::len_u64(rest).saturating_add(header)
                }
                Ok(HeaderStatus::Complete { header, len, frame_len }) => {
                    match header.lead.opcode {
                        Opcode::Close => STOPPED,
                        Opcode::Ping | Opcode::Pong if frame_len > bytes::len_u64(rest) => {
                            frame_len
                        }
                        // The wire reader stands at this frame and delivers it now.
                        Opcode::Ping | Opcode::Pong if at == 0 => return None,
                        opcode @ (Opcode::Ping | Opcode::Pong) => {
                            self.wait(at.wrapping_add(frame_len), least);
                            let end = usize::try_from(frame_len).unwrap_or(usize::MAX);
                            let payload = bytes::part(rest, len..end);
                            let key = header.masking_key.unwrap_or_default();
                            return Some(Found { opcode, payload, key });
                        }
                        Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                            self.progress.pass(header.lead, header.payload_len);
                            at = at.wrapping_add(frame_len);
                            least
                        }
                    }
                }
            };
            self.wait(at, missing);
        }
        None
    }

    /// Skips whole messages in one frame from `at` on, the most frequent case.
    fn hop<R: Role>(&self, rules: &HeaderRules, bytes: &[u8], at: u64) -> u64 {
        if self.progress.flow != Fragmentation::Idle {
            return at;
        }
        // `at` is within `bytes`, since the look-ahead only runs when bytes follow it.
        let mut at = usize::try_from(at).unwrap_or(bytes.len());
        let mut rest = bytes.get(at..).unwrap_or_default();
        let below = rules.whole_below();
        while let Some(WholeHead { head, len, .. }) = rules.whole_head::<R, true>(rest, below) {
            // Cannot wrap within a slice.
            at = at.wrapping_add(head + len);
            // The length last, so that the address of the next header waits for one addition only.
            let Some(next) = rest.get(head..).and_then(|rest| rest.get(len..)) else { break };
            rest = next;
        }
        bytes::to_u64(at)
    }
}
