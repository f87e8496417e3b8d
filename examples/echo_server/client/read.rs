//! Reading from a client: into the buffer that all clients share, or into its own buffer for a long
//! frame.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::Ordering::Relaxed;

use super::{Client, Unread};
use crate::session::{HEADROOM, Kept, Received};
use crate::worker::Shared;

impl Client {
    /// Reads once and replies.
    pub(super) fn read(&mut self, shared: &mut Shared) -> io::Result<()> {
        // Another client may have left replies behind after an error.
        shared.replies.clear();
        match self.unread.take() {
            None => self.read_shared(HEADROOM, Kept::Raw, 1, shared),
            // Little is needed: copy it to the shared buffer, where one read can return more.
            Some(unread) if unread.end + unread.missing <= shared.buffer.len() / 2 => {
                let range = HEADROOM..unread.end;
                shared.buffer[range.clone()].copy_from_slice(&unread.buffer[range]);
                shared.pool.give(unread.buffer, &shared.stats);
                self.read_shared(unread.end, unread.kept, unread.missing, shared)
            }
            Some(unread) => self.read_long(unread, shared),
        }
    }

    /// Reads once into the shared buffer after its first `end` bytes. If nothing is missing, only
    /// processes those.
    fn read_shared(
        &mut self,
        end: usize,
        kept: Kept,
        missing: usize,
        shared: &mut Shared,
    ) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut shared.buffer);
        let result = if missing == 0 { Ok(0) } else { self.fill(&mut buffer, end, shared) };
        let len = end + *result.as_ref().unwrap_or(&0);
        let received = if result.is_ok() {
            self.session.receive(
                &mut buffer[..len],
                end,
                kept,
                &mut shared.replies,
                &shared.settings,
            )
        } else {
            // The read failed; the kept bytes stay as they are.
            let held = match kept {
                Kept::Raw => None,
                Kept::Payload { first } => Some((HEADROOM..end, first)),
            };
            Received { consumed: HEADROOM, missing, held, ..Received::default() }
        };
        let result = result.and_then(|_| {
            self.update_deadlines(&received, len, shared);
            self.answer(&buffer, shared)
        });
        let (range, kept) = received.kept(len);
        if !range.is_empty() {
            // Take a buffer for the whole frame: its length is known.
            let end = HEADROOM + range.len();
            let mut own = shared.pool.take(end + received.missing, &shared.stats);
            own[HEADROOM..end].copy_from_slice(&buffer[range]);
            self.unread =
                Some(Box::new(Unread { buffer: own, end, kept, missing: received.missing }));
        }
        shared.buffer = buffer;
        result
    }

    /// Reads once into the client's own buffer, which holds the whole frame.
    fn read_long(&mut self, mut unread: Box<Unread>, shared: &mut Shared) -> io::Result<()> {
        let needed = unread.end + unread.missing;
        if needed > unread.buffer.len() {
            let mut longer = shared.pool.take(needed, &shared.stats);
            longer[..unread.end].copy_from_slice(&unread.buffer[..unread.end]);
            shared.pool.give(std::mem::replace(&mut unread.buffer, longer), &shared.stats);
            shared.stats.grown.fetch_add(1, Relaxed);
        }
        let n = match unread.missing {
            0 => Ok(0),
            _ => self.fill(&mut unread.buffer, unread.end, shared),
        };
        let n = match n {
            Ok(n) => n,
            Err(error) => {
                self.unread = Some(unread);
                return Err(error);
            }
        };
        let Unread { mut buffer, end, kept, .. } = *unread;
        let len = end + n;
        let received = self.session.receive(
            &mut buffer[..len],
            end,
            kept,
            &mut shared.replies,
            &shared.settings,
        );
        self.update_deadlines(&received, len, shared);
        let (range, kept) = received.kept(len);
        if range.is_empty() && self.pending() == 0 && shared.replies.len() > len / 2 {
            // Most of the buffer is echo: what cannot be written at once stays in it.
            return self.answer_from(buffer, shared);
        }
        let result = self.answer(&buffer, shared);
        if range.is_empty() {
            shared.pool.give(buffer, &shared.stats);
        } else {
            let end = HEADROOM + range.len();
            if range.start != HEADROOM {
                buffer.copy_within(range, HEADROOM);
            }
            self.unread = Some(Box::new(Unread { buffer, end, kept, missing: received.missing }));
        }
        result
    }

    /// Reads once, after the first `len` bytes.
    fn fill(&mut self, buffer: &mut [u8], len: usize, shared: &mut Shared) -> io::Result<usize> {
        let room = buffer.len() - len;
        match self.stream.read(&mut buffer[len..]) {
            Ok(n) => {
                // A short read has drained the socket, so the read that would return `WouldBlock`
                // is avoided.
                self.flags.readable = n == room || self.flags.hung_up;
                self.flags.ended = n == 0;
                shared.stats.bytes.fetch_add(n as u64, Relaxed);
                if n > 0 {
                    self.keepalive.on_receive(shared.now);
                }
                Ok(n)
            }
            Err(error) => {
                self.flags.readable = error.kind() != ErrorKind::WouldBlock;
                Err(error)
            }
        }
    }

    /// Updates the deadlines after a read.
    fn update_deadlines(&mut self, received: &Received, len: usize, shared: &Shared) {
        if received.opened {
            self.keepalive.on_open(shared.now);
        }
        if received.messages > 0 {
            shared.stats.messages.fetch_add(received.messages, Relaxed);
            self.keepalive.on_message(shared.now);
        }
        self.flags.unended = received.unended.unwrap_or(self.flags.unended);
        let waits = received.missing > 0;
        let partial = received.held.is_some() || waits && received.consumed < len;
        if self.session.is_open() && (self.flags.unended || partial) {
            self.keepalive.on_partial(shared.now);
        } else {
            self.keepalive.on_whole();
        }
    }
}
