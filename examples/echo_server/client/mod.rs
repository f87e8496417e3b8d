//! The socket side of one client: its turn, its deadlines, and the end of the connection.

mod read;
mod write;

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use barews::CloseCode;
use barews::keepalive::{Action, Keepalive, Reason};
use mio::event::Event;
use mio::net::TcpStream;

use crate::broadcast::BroadcastMessage;
use crate::output::Output;
use crate::session::{Kept, Service, Session};
use crate::timers::Scheduled;
use crate::worker::Shared;

/// After this many reads, the other clients take their turn.
const READS: usize = 4;

/// When a client can continue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// At the next event of its socket.
    Waiting,
    /// At once, after the other clients had their turn.
    More,
    /// Never.
    Ended,
}

pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) session: Session,
    keepalive: Keepalive,
    pub(crate) scheduled: Scheduled,
    /// Both are `None` most of the time: an idle connection holds no buffer.
    unread: Option<Box<Unread>>,
    output: Option<Box<Output>>,
    flags: Flags,
}

/// An incomplete frame or request head. It starts at [`HEADROOM`].
struct Unread {
    buffer: Vec<u8>,
    end: usize,
    kept: Kept,
    /// How many more bytes are needed to make progress. 0 if the session only waited for the output
    /// to be written.
    missing: usize,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
struct Flags {
    /// There may be something to read.
    readable: bool,
    /// There may be room to write.
    writable: bool,
    /// The client has closed its half: after a short read there is still the end of the stream to
    /// read.
    hung_up: bool,
    /// The end of the stream was read.
    ended: bool,
    /// Our half is closed.
    half_closed: bool,
    /// Too much output is pending. Nothing is read until it falls to the low-water mark.
    stopped: bool,
    /// A Ping is among the pending output.
    pinged: bool,
    /// The last frame left its message unfinished.
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

    /// Writes and reads as much as possible within one turn.
    pub(crate) fn proceed(&mut self, shared: &mut Shared) -> Progress {
        match self.try_proceed(shared) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            // Mostly a reset: no one is left to notify.
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
            // Many clients do not read until they have sent a whole message, so inside a message
            // the high-water mark is the longest message.
            let settings = &shared.settings;
            let mark = match (self.flags.unended, self.flags.stopped) {
                (true, _) => settings.max_message_len,
                (false, true) => settings.low,
                (false, false) => settings.high,
            };
            self.flags.stopped = pending > mark;
            if self.flags.ended
                || self.flags.stopped
                || !(self.flags.readable || self.has_unprocessed())
            {
                return Ok(Progress::Waiting);
            }
            self.read(shared)?;
        }
        Ok(Progress::More)
    }

    /// Handles an expired timer.
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

    /// Sends a control frame, or appends it to the pending output without checking the high-water
    /// mark.
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

    /// Before the socket is dropped, sends a Close with the reason, unless output is pending.
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

    /// Starts the closing handshake. `Ended` if there is no WebSocket to close.
    pub(crate) fn close(&mut self, code: CloseCode, shared: &mut Shared) -> Progress {
        let mut frame = Vec::new();
        if !self.session.close(code, &mut frame) {
            return Progress::Ended;
        }
        self.control(&frame, shared)
    }

    /// Sends a broadcast message, if the client receives those.
    pub(crate) fn send_broadcast(
        &mut self,
        message: &BroadcastMessage,
        shared: &mut Shared,
    ) -> Progress {
        let Some(Service::Broadcast(publisher)) = self.session.service() else {
            return Progress::Waiting;
        };
        let compressed = publisher.is_compressed;
        match self.send(message.frames(compressed), shared) {
            Ok(true) => Progress::Waiting,
            Ok(false) | Err(_) => Progress::Ended,
        }
    }

    /// Sends the messages of the feed that the client has not got yet.
    pub(crate) fn feed(&mut self, shared: &mut Shared) -> Progress {
        let Some(Service::Feed { seen }) = self.session.service() else { return Progress::Waiting };
        let (frames, newest) = shared.feed.after(*seen);
        *seen = newest;
        for frame in frames {
            match self.send(&frame, shared) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Progress::Ended,
            }
        }
        Progress::Waiting
    }

    /// Whether received bytes can be processed before more are read.
    fn has_unprocessed(&self) -> bool {
        self.unread.as_ref().is_some_and(|unread| unread.missing == 0)
    }

    /// Returns the buffers to the pool.
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
