//! The look-ahead: finds a Ping or Pong ahead of the wire reader.

mod seal;

pub(crate) use self::seal::MAX_LEN;
use crate::bytes::{self, WORD_64};
use crate::protocol::event::ControlOrder;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{HeaderRules, HeaderStatus, MessageProgress};
use crate::protocol::role::Role;
use crate::wire::frame::Opcode;

/// The position of the look-ahead. Distances are in bytes from the wire reader.
#[derive(Debug)]
pub(crate) struct LookAhead {
    /// The next header to read. All control frames before it have been delivered.
    at: u64,
    /// The number of bytes needed to get any further; `u64::MAX` once stopped.
    due: u64,
    progress: MessageProgress,
}

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
            ControlOrder::Wire => u64::MAX,
        };
        Self { at: 0, due, progress: MessageProgress::new() }
    }

    /// Whether `len` bytes suffice to get any further.
    #[inline]
    pub(crate) const fn is_due(&self, len: u64) -> bool {
        len >= self.due
    }

    /// Whether the control frame at which the wire reader stands has been delivered.
    pub(crate) const fn has_passed(&self) -> bool {
        self.at > 0
    }

    /// Stops permanently.
    pub(crate) const fn stop(&mut self) {
        self.due = u64::MAX;
    }

    /// The wire reader has consumed `n` bytes.
    #[inline]
    pub(crate) fn consumed(&mut self, n: usize) {
        let n = bytes::to_u64(n);
        self.at = self.at.saturating_sub(n);
        self.due = self.due.saturating_sub(n);
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
        while here >= self.due {
            if WORD_64 {
                self.hop::<R>(rules, bytes);
            }
            let at = self.at;
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            if rest.is_empty() {
                self.due = at.saturating_add(least);
                continue;
            }
            self.due = match rules.judge::<R>(rest, &self.progress) {
                // The wire reader will reach this header and report the error.
                Err(_) => u64::MAX,
                // The look-ahead must read a header before the wire reader, which takes it
                // once it is complete.
                Ok(HeaderStatus::NeedMore { header, .. }) => here.saturating_add(header),
                Ok(HeaderStatus::Complete { header, len, frame_len }) => {
                    let end = at.saturating_add(frame_len);
                    match header.lead.opcode {
                        Opcode::Close => u64::MAX,
                        Opcode::Ping | Opcode::Pong if end > here => end,
                        // The wire reader stands at this frame and delivers it now.
                        Opcode::Ping | Opcode::Pong if at == 0 => return None,
                        opcode @ (Opcode::Ping | Opcode::Pong) => {
                            self.at = end;
                            self.due = end.saturating_add(least);
                            let end = usize::try_from(frame_len).unwrap_or(usize::MAX);
                            let payload = bytes::part(rest, len..end);
                            let key = header.masking_key.unwrap_or_default();
                            return Some(Found { opcode, payload, key });
                        }
                        Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                            self.at = end;
                            self.progress.pass(header.lead, header.payload_len);
                            end.saturating_add(least)
                        }
                    }
                }
            };
        }
        None
    }

    /// Skips whole messages in one frame, the most frequent case.
    fn hop<R: Role>(&mut self, rules: &HeaderRules, bytes: &[u8]) {
        if self.progress.flow != Fragmentation::Idle {
            return;
        }
        // `self.at` is within `bytes`, since the look-ahead only runs when bytes follow it.
        let mut at = usize::try_from(self.at).unwrap_or(bytes.len());
        while let Some((_, head, len)) =
            bytes.get(at..).and_then(|bytes| rules.whole_head::<R>(bytes))
        {
            at = at.saturating_add(head + len);
        }
        self.at = bytes::to_u64(at);
    }
}
