//! The socket side of one client: reads, writes, and the end of the connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};

use barews::Advice;
use mio::event::Event;
use mio::net::TcpStream;

use crate::session::{Session, Settings};

/// Nothing is read from a client that has more output than this pending. What belongs to a message
/// that has not ended is not counted: many clients do not read before they have sent all of it.
const HIGH_WATER: usize = 256 << 10;
/// After so many reads it is the turn of the other clients.
const READS: usize = 16;
/// How long a client may take to close its half after we closed ours.
const LINGER: Duration = Duration::from_secs(5);

/// Whether a client can go on.
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
    session: Session,
    /// Received and not consumed: an incomplete frame header, control frame or request head.
    unread: Vec<u8>,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    readable: bool,
    writable: bool,
    /// The client will send no more.
    ended: bool,
    /// When our half was closed.
    half_closed: Option<Instant>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, settings: Rc<Settings>) -> Self {
        Self {
            stream,
            session: Session::new(settings),
            unread: Vec::new(),
            out: Vec::new(),
            written: 0,
            readable: false,
            writable: false,
            ended: false,
            half_closed: None,
        }
    }

    pub(crate) fn notify(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable();
    }

    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.half_closed.is_some_and(|since| now.duration_since(since) > LINGER)
    }

    /// Writes and reads as much as it can, but for its turn only.
    pub(crate) fn proceed(&mut self, buffer: &mut [u8]) -> Progress {
        match self.try_proceed(buffer) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            // A reset, most often: there is nobody left to tell.
            Err(_) => Progress::Ended,
        }
    }

    fn try_proceed(&mut self, buffer: &mut [u8]) -> io::Result<Progress> {
        for _ in 0..READS {
            self.flush()?;
            if self.ended && self.pending() == 0 {
                return Ok(Progress::Ended);
            }
            let full = self.pending() > HIGH_WATER + self.session.unended_len();
            if self.ended || full || !self.readable {
                return Ok(Progress::Waiting);
            }
            self.read(buffer)?;
        }
        Ok(Progress::More)
    }

    fn pending(&self) -> usize {
        self.out.len() - self.written
    }

    /// Reads once and answers into `out`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let kept = self.unread.len();
        buffer[..kept].copy_from_slice(&self.unread);
        let n = match self.stream.read(&mut buffer[kept..]) {
            Ok(n) => n,
            Err(error) => {
                self.readable = error.kind() != ErrorKind::WouldBlock;
                return Err(error);
            }
        };
        self.ended = n == 0;
        if self.ended || self.half_closed.is_some() {
            return Ok(());
        }
        let consumed = self.session.receive(&mut buffer[..kept + n], &mut self.out);
        self.unread.clear();
        self.unread.extend_from_slice(&buffer[consumed..kept + n]);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.writable && self.pending() > 0 {
            match self.stream.write(&self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        if self.written > self.pending() {
            self.out.drain(..self.written);
            self.written = 0;
            // Behind a large message the memory goes back.
            self.out.shrink_to(HIGH_WATER);
        }
        let ends = self.session.advice() != Advice::Keep && self.half_closed.is_none();
        if ends && self.pending() == 0 {
            self.stream.shutdown(Shutdown::Write)?;
            self.half_closed = Some(Instant::now());
        }
        Ok(())
    }
}
