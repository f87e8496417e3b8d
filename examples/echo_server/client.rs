//! The socket side of one client: reads, writes, deadlines, and the end of the connection.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use barews::keepalive::{Action, Keepalive, Reason};
use barews::{Advice, CloseCode};
use mio::event::Event;
use mio::net::TcpStream;

use crate::output::Output;
use crate::session::{HEADROOM, Kept, Received, Service, Session};
use crate::timers::Scheduled;
use crate::worker::Shared;

/// After so many reads it is the turn of the other clients.
const READS: usize = 4;

/// Whether a client can go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not before the next event of its socket.
    Waiting,
    /// At once, but it is the turn of the others.
    More,
    /// Never.
    Ended,
}

pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) session: Session,
    keepalive: Keepalive,
    pub(crate) scheduled: Scheduled,
    /// Most clients have neither: an idle connection holds no buffer.
    unread: Option<Box<Unread>>,
    output: Option<Box<Output>>,
    flags: Flags,
}

/// What is here of a frame or of a request head, from [`HEADROOM`] on.
struct Unread {
    buffer: Vec<u8>,
    end: usize,
    kept: Kept,
    /// So many more bytes are needed until anything happens.
    missing: usize,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Flags {
    /// There may be something to read.
    readable: bool,
    /// There may be room to write.
    writable: bool,
    /// The client's half is closed: reading goes on to the end, short reads or not.
    hung_up: bool,
    /// The client will send no more.
    ended: bool,
    /// Our half is closed.
    half_closed: bool,
    /// Too much output is pending; nothing is read until little is.
    stopped: bool,
    /// A Ping is among the pending output.
    pinged: bool,
    /// The last frame has not ended its message.
    unended: bool,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, shared: &Shared) -> Self {
        Self {
            stream,
            session: Session::new(),
            keepalive: Keepalive::new(shared.settings.timeouts, shared.now),
            scheduled: Scheduled::default(),
            unread: None,
            output: None,
            flags: Flags::default(),
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.keepalive.next_deadline()
    }

    pub(crate) fn notify(&mut self, event: &Event) {
        self.flags.hung_up |= event.is_read_closed() || event.is_error();
        self.flags.readable |= event.is_readable() || self.flags.hung_up;
        self.flags.writable |= event.is_writable();
    }

    /// Writes and reads as much as it can, but for its turn only.
    pub(crate) fn proceed(&mut self, shared: &mut Shared) -> Progress {
        match self.try_proceed(shared) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            // A reset, most often: there is nobody left to tell.
            Err(_) => Progress::Ended,
        }
    }

    fn try_proceed(&mut self, shared: &mut Shared) -> io::Result<Progress> {
        for _ in 0..READS {
            self.flush(shared)?;
            let pending = self.pending();
            if self.flags.ended && pending == 0 {
                return Ok(Progress::Ended);
            }
            // Many clients do not read before they have sent all of a message: within one, its limit is the mark.
            let settings = &shared.settings;
            let mark = match (self.flags.unended, self.flags.stopped) {
                (true, _) => settings.max_message_len,
                (false, true) => settings.low,
                (false, false) => settings.high,
            };
            self.flags.stopped = pending > mark;
            if self.flags.ended || self.flags.stopped || !self.flags.readable {
                return Ok(Progress::Waiting);
            }
            self.read(shared)?;
        }
        Ok(Progress::More)
    }

    /// Reads once and answers.
    fn read(&mut self, shared: &mut Shared) -> io::Result<()> {
        // Whatever became of another client's.
        shared.replies.clear();
        match self.unread.take() {
            None => self.read_shared(HEADROOM, shared),
            // A header, or a control frame, is not all here: on with the buffer that all share.
            Some(unread)
                if unread.kept == Kept::Raw
                    && unread.end + unread.missing <= shared.buffer.len() / 2 =>
            {
                let raw = HEADROOM..unread.end;
                shared.buffer[raw.clone()].copy_from_slice(&unread.buffer[raw]);
                shared.pool.give(unread.buffer, &shared.stats);
                self.read_shared(unread.end, shared)
            }
            Some(unread) => self.read_long(unread, shared),
        }
    }

    /// Reads once into the shared buffer, behind its first `end` bytes.
    fn read_shared(&mut self, end: usize, shared: &mut Shared) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut shared.buffer);
        let result = self.fill(&mut buffer, end, shared);
        let len = end + *result.as_ref().unwrap_or(&0);
        let received = if result.is_ok() {
            self.session.receive(
                &mut buffer[..len],
                end,
                Kept::Raw,
                &mut shared.replies,
                &shared.settings,
            )
        } else {
            Received { consumed: HEADROOM, missing: 1, ..Received::default() }
        };
        let result = result.and_then(|_| {
            self.heard(&received, len, shared);
            self.answer(&buffer, shared)
        });
        let (range, kept) = received.kept(len);
        if !range.is_empty() {
            // As long as it will be: of a frame the length is known.
            let end = HEADROOM + range.len();
            let mut own = shared.pool.take(end + received.missing, &shared.stats);
            own[HEADROOM..end].copy_from_slice(&buffer[range]);
            self.unread =
                Some(Box::new(Unread { buffer: own, end, kept, missing: received.missing }));
        }
        shared.buffer = buffer;
        result
    }

    /// Reads once to where a long frame stays, into memory that is long enough for all of it.
    fn read_long(&mut self, mut unread: Box<Unread>, shared: &mut Shared) -> io::Result<()> {
        let needed = unread.end + unread.missing;
        if needed > unread.buffer.len() {
            let mut longer = shared.pool.take(needed, &shared.stats);
            longer[..unread.end].copy_from_slice(&unread.buffer[..unread.end]);
            shared.pool.give(std::mem::replace(&mut unread.buffer, longer), &shared.stats);
            shared.stats.grown.fetch_add(1, Relaxed);
        }
        let n = match self.fill(&mut unread.buffer, unread.end, shared) {
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
        self.heard(&received, len, shared);
        let (range, kept) = received.kept(len);
        if range.is_empty() && self.pending() == 0 && shared.replies.len() > len / 2 {
            // Most of it goes back where it came from: what cannot be written at once waits where it is.
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

    /// Reads once behind the first `len` bytes.
    fn fill(&mut self, buffer: &mut [u8], len: usize, shared: &mut Shared) -> io::Result<usize> {
        let room = buffer.len() - len;
        match self.stream.read(&mut buffer[len..]) {
            Ok(n) => {
                // A short read has taken all there was: no second one to hear that there is no more.
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

    /// Tells the deadlines what was received.
    fn heard(&mut self, received: &Received, len: usize, shared: &Shared) {
        if received.opened {
            self.keepalive.on_open(shared.now);
        }
        if received.messages > 0 {
            shared.stats.messages.fetch_add(received.messages, Relaxed);
            self.keepalive.on_message(shared.now);
        }
        self.flags.unended = received.unended.unwrap_or(self.flags.unended);
        let partial = received.held.is_some() || received.consumed < len;
        if self.session.is_open() && (self.flags.unended || partial) {
            self.keepalive.on_partial(shared.now);
        } else {
            self.keepalive.on_whole();
        }
    }

    fn pending(&self) -> usize {
        self.output.as_ref().map_or(0, |output| output.len())
    }

    /// Writes the replies, those of them that were echoed in `buffer` from there, in one call; what the socket does not
    /// take waits.
    fn answer(&mut self, buffer: &[u8], shared: &mut Shared) -> io::Result<()> {
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

    /// The same, where the memory itself can wait.
    fn answer_from(&mut self, buffer: Vec<u8>, shared: &mut Shared) -> io::Result<()> {
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

    /// Sends what is not an answer; false if the client is too slow for it.
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

    /// Writes once; 0 if there is no room.
    fn write(&mut self, parts: [&[u8]; 3]) -> io::Result<usize> {
        if !self.flags.writable || parts.iter().all(|part| part.is_empty()) {
            return Ok(0);
        }
        let len: usize = parts.iter().map(|part| part.len()).sum();
        match self.stream.write_vectored(&parts.map(IoSlice::new)) {
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

    fn flush(&mut self, shared: &mut Shared) -> io::Result<()> {
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

    /// So much was written: what that means for the deadlines and for the end.
    fn written(&mut self, n: usize, shared: &Shared) -> io::Result<()> {
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
        if self.session.advice() != Advice::Keep && !self.flags.half_closed {
            self.flags.half_closed = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Does what the deadlines say.
    pub(crate) fn on_timer(&mut self, shared: &mut Shared) -> Progress {
        match self.keepalive.poll(shared.now) {
            Action::None => Progress::Waiting,
            Action::SendPing => {
                self.flags.pinged = true;
                let mut frame = Vec::new();
                self.session.ping(&mut frame);
                self.control(&frame, shared)
            }
            Action::Expired(reason) => {
                let stats = &shared.stats;
                let count = if reason == Reason::Write { &stats.dropped } else { &stats.reaped };
                count.fetch_add(1, Relaxed);
                self.give_up(reason);
                Progress::Ended
            }
        }
    }

    /// Sends what must go out whatever is pending.
    fn control(&mut self, frame: &[u8], shared: &mut Shared) -> Progress {
        let sent = if self.pending() == 0 { self.write([frame, &[], &[]]) } else { Ok(0) };
        let Ok(written) = sent else { return Progress::Ended };
        if written < frame.len() {
            Output::append(&mut self.output, &frame[written..], &mut shared.pool, &shared.stats);
        }
        match self.written(written, shared) {
            Ok(()) => Progress::Waiting,
            Err(_) => Progress::Ended,
        }
    }

    /// Tells the client why, if it will hear it, before the socket is dropped.
    fn give_up(&mut self, reason: Reason) {
        let code = match reason {
            Reason::Idle => CloseCode::GOING_AWAY,
            Reason::Message => CloseCode::POLICY,
            _ => return,
        };
        let mut frame = Vec::new();
        if self.pending() == 0 && self.session.close(code, &mut frame) {
            let _ = self.write([&frame, &[], &[]]);
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Begins the closing handshake; ended if there is none to be had.
    pub(crate) fn close(&mut self, code: CloseCode, shared: &mut Shared) -> Progress {
        let mut frame = Vec::new();
        if !self.session.close(code, &mut frame) {
            return Progress::Ended;
        }
        self.control(&frame, shared)
    }

    /// What is missing of the feed.
    pub(crate) fn feed(&mut self, shared: &mut Shared) -> Progress {
        let Some(Service::Feed { seen }) = self.session.service() else { return Progress::Waiting };
        let (frames, newest) = shared.feed.behind(*seen);
        *seen = newest;
        for frame in frames {
            match self.send(&frame, shared) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Progress::Ended,
            }
        }
        Progress::Waiting
    }

    /// Gives its memory back.
    pub(crate) fn end(self, shared: &mut Shared) {
        if let Some(unread) = self.unread {
            shared.pool.give(unread.buffer, &shared.stats);
        }
        if let Some(output) = self.output {
            shared.pool.give(output.into_buffer(), &shared.stats);
        }
        shared.stats.connections.fetch_sub(1, Relaxed);
    }
}
