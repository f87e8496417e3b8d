//! The look-ahead: finds a Ping or Pong ahead of the wire reader.

use crate::bytes::{self, WORD_64};
use crate::protocol::event::ControlOrder;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{HeaderRules, HeaderStatus, MessageProgress};
use crate::protocol::role::Role;
use crate::wire::frame::Opcode;

/// The position of the look-ahead. Distances are in bytes from the wire reader.
///
/// One distance holds the position and what is waited for, so that a whole message is passed with a
/// single subtraction.
#[derive(Debug)]
pub(crate) struct LookAhead {
    /// The number of bytes needed to get any further; once stopped, [`STOPPED`] more than the
    /// position.
    due: u64,
    /// How far the position is before `due`, unless stopped.
    gap: u8,
    progress: MessageProgress,
}

/// More bytes than are ever received, twice.
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
        Self { due, gap: 0, progress: MessageProgress::new() }
    }

    /// Whether `len` bytes suffice to get any further.
    #[inline]
    pub(crate) const fn is_due(&self, len: u64) -> bool {
        len >= self.due
    }

    /// The next header to read. All control frames before it have been delivered.
    fn at(&self) -> u64 {
        if self.due < STOPPED / 2 {
            self.due.saturating_sub(self.gap.into())
        } else {
            self.due.saturating_sub(STOPPED)
        }
    }

    /// Whether the control frame at which the wire reader stands has been delivered.
    pub(crate) fn has_passed(&self) -> bool {
        self.at() > 0
    }

    /// Waits at the header `at` until there are `due` bytes.
    fn wait(&mut self, at: u64, due: u64) {
        self.due = due;
        // At most a control frame.
        self.gap = u8::try_from(due.saturating_sub(at)).unwrap_or(u8::MAX);
    }

    /// Stops permanently at the header `at`.
    const fn stop_at(&mut self, at: u64) {
        self.due = STOPPED.saturating_add(at);
    }

    /// Stops permanently.
    pub(crate) fn stop(&mut self) {
        self.stop_at(self.at());
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
            if rest.is_empty() {
                self.wait(at, at.saturating_add(least));
                continue;
            }
            match rules.judge::<R>(rest, &self.progress) {
                // The wire reader will reach this header and report the error.
                Err(_) => self.stop_at(at),
                // The look-ahead must read a header before the wire reader, which takes it
                // once it is complete.
                Ok(HeaderStatus::NeedMore { header, .. }) => {
                    self.wait(at, here.saturating_add(header));
                }
                Ok(HeaderStatus::Complete { header, len, frame_len }) => {
                    let end = at.saturating_add(frame_len);
                    match header.lead.opcode {
                        Opcode::Close => self.stop_at(at),
                        Opcode::Ping | Opcode::Pong if end > here => self.wait(at, end),
                        // The wire reader stands at this frame and delivers it now.
                        Opcode::Ping | Opcode::Pong if at == 0 => return None,
                        opcode @ (Opcode::Ping | Opcode::Pong) => {
                            self.wait(end, end.saturating_add(least));
                            let end = usize::try_from(frame_len).unwrap_or(usize::MAX);
                            let payload = bytes::part(rest, len..end);
                            let key = header.masking_key.unwrap_or_default();
                            return Some(Found { opcode, payload, key });
                        }
                        Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                            self.progress.pass(header.lead, header.payload_len);
                            at = end;
                            self.wait(at, at.saturating_add(least));
                        }
                    }
                }
            }
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
        while let Some((_, head, len)) = rules.whole_head::<R>(rest) {
            // Cannot wrap within a slice.
            at = at.wrapping_add(head + len);
            // The length last, so that the address of the next header waits for one addition only.
            let Some(next) = rest.get(head..).and_then(|rest| rest.get(len..)) else { break };
            rest = next;
        }
        bytes::to_u64(at)
    }
}
