//! Writing to a client: all replies to a read at once, and the rest when the socket has room again.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;

use barews::TransportAction;

use super::Client;
use crate::output::Output;
use crate::worker::Shared;

impl Client {
    pub(super) fn pending(&self) -> usize {
        self.output.as_ref().map_or(0, |output| output.len())
    }

    /// Writes the replies in one call; the echoes are in `buffer`. What the socket does not accept
    /// becomes pending output.
    pub(super) fn answer(&mut self, buffer: &[u8], shared: &mut Shared) -> io::Result<()> {
        let replies = &shared.replies;
        let echoes = &buffer[replies.echoes.clone()];
        let parts = [&replies.first[..], echoes, &replies.last[..]];
        let written = if self.pending() == 0 { self.write(parts)? } else { 0 };
        let mut skip = written;
        for part in parts {
            let rest = &part[skip.min(part.len())..];
            skip -= part.len() - rest.len();
            if !rest.is_empty() {
                Output::append(&mut self.output, rest, &mut shared.pool, &shared.stats);
            }
        }
        shared.replies.clear();
        self.written(written, shared)
    }

    /// Like [`answer`](Self::answer), but keeps `buffer` itself as the pending output.
    pub(super) fn answer_from(&mut self, buffer: Vec<u8>, shared: &mut Shared) -> io::Result<()> {
        let replies = &shared.replies;
        let echoes = replies.echoes.clone();
        let first = replies.first.len();
        let written = self.write([&replies.first[..], &buffer[echoes.clone()], &[]]);
        let written = match written {
            Ok(written) if written >= first => written,
            other => {
                drop(other);
                let result = self.answer(&buffer, shared);
                shared.pool.give(buffer, &shared.stats);
                return result;
            }
        };
        self.output = Output::new(
            buffer,
            echoes.start + written - first..echoes.end,
            &mut shared.pool,
            &shared.stats,
        );
        if !shared.replies.last.is_empty() {
            Output::append(&mut self.output, &shared.replies.last, &mut shared.pool, &shared.stats);
        }
        shared.replies.clear();
        self.written(written, shared)
    }

    /// Sends a frame that is not a reply. False if the client is too slow and must be dropped.
    pub(crate) fn send(&mut self, frame: &[u8], shared: &mut Shared) -> io::Result<bool> {
        if self.session.is_closing() {
            return Ok(true);
        }
        if self.pending() > shared.settings.high {
            shared.stats.dropped.fetch_add(1, Relaxed);
            return Ok(false);
        }
        let written = if self.pending() == 0 { self.write([frame, &[], &[]])? } else { 0 };
        if written < frame.len() {
            Output::append(&mut self.output, &frame[written..], &mut shared.pool, &shared.stats);
        }
        self.keepalive.on_sent(shared.now);
        self.written(written, shared)?;
        Ok(true)
    }

    /// Writes once. Returns 0 if the socket has no room.
    pub(super) fn write(&mut self, parts: [&[u8]; 3]) -> io::Result<usize> {
        if !self.flags.writable || parts.iter().all(|part| part.is_empty()) {
            return Ok(0);
        }
        let len: usize = parts.iter().map(|part| part.len()).sum();
        // Usually only one part is not empty, and `send` costs less than `writev`.
        let result = match parts.iter().find(|part| part.len() == len) {
            Some(part) => self.stream.write(part),
            None => self.stream.write_vectored(&parts.map(IoSlice::new)),
        };
        match result {
            Ok(n) => {
                self.flags.writable = n == len;
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.flags.writable = false;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn flush(&mut self, shared: &mut Shared) -> io::Result<()> {
        let Some(mut output) = self.output.take() else { return self.written(0, shared) };
        let written = match self.write([output.bytes(), &[], &[]]) {
            Ok(written) => written,
            Err(error) => {
                self.output = Some(output);
                return Err(error);
            }
        };
        output.consume(written);
        self.output = Output::or_give(output, &mut shared.pool, &shared.stats);
        self.written(written, shared)
    }

    /// Updates the deadlines after `n` bytes were written, and half-closes the transport if that
    /// was the end.
    pub(super) fn written(&mut self, n: usize, shared: &Shared) -> io::Result<()> {
        if n > 0 {
            self.keepalive.on_written();
        }
        if self.pending() > 0 {
            self.keepalive.on_blocked(shared.now);
            return Ok(());
        }
        if std::mem::take(&mut self.flags.pinged) {
            self.keepalive.on_ping_flushed(shared.now);
        }
        if self.session.is_closing() {
            self.keepalive.on_close(shared.now);
        }
        if self.session.transport_action() != TransportAction::Keep && !self.flags.half_closed {
            self.flags.half_closed = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}
