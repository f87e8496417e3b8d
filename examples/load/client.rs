//! One connection under load: sends the script, and compares every byte that comes back.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use barews::{CloseCode, Data, Event, Input};
use mio::net::TcpStream;

use crate::fault::Fault;
use crate::open;
use crate::report::Stats;
use crate::script::{self, Encoder, Script, Ws};

/// The length of the read buffer that all connections share, and how much is encoded for a write.
/// A connection that cannot write keeps about this much.
pub(crate) const BUFFER_LEN: usize = 256 << 10;
/// After so many reads it is the turn of the other connections.
const READS: usize = 16;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) script: Script,
    /// Messages in flight on each connection.
    pub(crate) pipeline: u64,
    pub(crate) stats: Stats,
    pub(crate) buffer: Vec<u8>,
    pub(crate) out: Vec<u8>,
}

/// Whether a connection can go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not before the next event of its socket.
    Waiting,
    /// At once, but it is the turn of the others.
    More,
    /// The closing handshake is done, and the server has closed the transport.
    Ended,
}

/// How far a connection may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Sending,
    /// Only the messages before this one.
    Draining(u64),
    /// Our Close is sent.
    Closing,
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    ws: Ws,
    phase: Phase,
    encoder: Encoder,
    /// Encoded and not written.
    unwritten: Vec<u8>,
    /// Received and not consumed: an incomplete header or control frame.
    unread: Vec<u8>,
    /// The message whose echo is awaited, and how many bytes of it are here.
    done: u64,
    seen: usize,
    /// The first message whose Ping can still be answered.
    next_pong: u64,
    /// When the messages before each number were begun.
    begun: VecDeque<(u64, Instant)>,
    readable: bool,
    read_closed: bool,
    writable: bool,
}

impl Client {
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Fault> {
        let (stream, unread) = open::open(address)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            ws: script::client(),
            phase: Phase::Sending,
            encoder: Encoder::new(),
            unwritten: Vec::new(),
            unread,
            done: 0,
            seen: 0,
            next_pong: 0,
            begun: VecDeque::new(),
            readable: false,
            read_closed: false,
            writable: true,
        })
    }

    pub(crate) fn notify(&mut self, event: &mio::event::Event) {
        self.read_closed |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.read_closed;
        self.writable |= event.is_writable();
    }

    /// No new message from now on.
    pub(crate) fn drain(&mut self) {
        self.phase = Phase::Draining(self.encoder.begun(&self.ws));
    }

    /// Writes and reads as much as it can, but for its turn only.
    pub(crate) fn proceed(&mut self, shared: &mut Shared) -> Result<Progress, Fault> {
        for _ in 0..READS {
            self.flush(shared)?;
            if !self.readable {
                return Ok(Progress::Waiting);
            }
            let done = self.done;
            if self.read(shared)? {
                return Ok(Progress::Ended);
            }
            if self.done > done {
                self.count(done, &mut shared.stats);
            }
        }
        Ok(Progress::More)
    }

    fn flush(&mut self, shared: &mut Shared) -> Result<(), Fault> {
        while self.writable {
            if self.unwritten.is_empty() {
                shared.out.clear();
                self.encode(shared)?;
                if shared.out.is_empty() {
                    return Ok(());
                }
                let n = self.write(&shared.out)?;
                shared.stats.moved += n as u64;
                self.unwritten.extend_from_slice(&shared.out[n..]);
            } else {
                let unwritten = std::mem::take(&mut self.unwritten);
                let n = self.write(&unwritten)?;
                shared.stats.moved += n as u64;
                self.unwritten = unwritten;
                self.unwritten.drain(..n);
            }
            if self.unwritten.is_empty() {
                self.unwritten = Vec::new();
            }
        }
        Ok(())
    }

    /// Appends to `shared.out` what may be sent now.
    fn encode(&mut self, shared: &mut Shared) -> Result<(), Fault> {
        let Shared { script, pipeline, out, .. } = shared;
        let until = match self.phase {
            Phase::Sending => self.done + *pipeline,
            Phase::Draining(until) => until,
            Phase::Closing => self.encoder.encoded().0,
        };
        let before = self.encoder.begun(&self.ws);
        self.encoder.fill(script, until, BUFFER_LEN, &mut self.ws, out)?;
        let begun = self.encoder.begun(&self.ws);
        if begun > before {
            self.begun.push_back((begun, Instant::now()));
        }
        if self.phase == Phase::Draining(self.done) {
            let mut frame = [0; 2 * barews::MIN_BUFFER_LEN];
            let n = self.ws.send_close(CloseCode::NORMAL, "", &mut frame)?;
            out.extend_from_slice(&frame[..n]);
            self.phase = Phase::Closing;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self.stream.write(bytes) {
            Ok(n) => Ok(n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            // What the server said before it went tells more than that it went.
            Err(_) if self.readable => {
                self.writable = false;
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads once; says whether that was the end.
    fn read(&mut self, shared: &mut Shared) -> Result<bool, Fault> {
        let Shared { script, stats, buffer, .. } = shared;
        let kept = self.unread.len();
        buffer[..kept].copy_from_slice(&self.unread);
        let n = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => {
                self.ws.receive_eof()?;
                return Ok(true);
            }
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        // The next byte will be a new event; the end of the stream may have been one already.
        self.readable = kept + n == buffer.len() || self.read_closed;
        stats.moved += n as u64;
        let mut input = Input::new(&mut buffer[..kept + n]);
        loop {
            match self.ws.receive(&mut input)? {
                Event::Data(data) => self.compare(&data, script)?,
                Event::Ping(_) => {}
                Event::Pong(payload) => {
                    self.answered(&payload, script)?;
                    stats.pongs += 1;
                }
                Event::Close(close) => {
                    let code = close.map_or(CloseCode::NO_STATUS, |close| close.code);
                    if self.phase != Phase::Closing {
                        return Err(Fault::Closed(code));
                    }
                    if script.last_ping(self.done).is_some_and(|last| last >= self.next_pong) {
                        return Err(Fault::NoPong);
                    }
                }
                Event::NeedMore(_) => break,
            }
        }
        self.unread.clear();
        self.unread.extend_from_slice(input.unread());
        Ok(false)
    }

    /// Of an echo every byte, its place in the sequence and its kind must be right.
    fn compare(&mut self, data: &Data<'_>, script: &Script) -> Result<(), Fault> {
        let message = self.done;
        if data.kind != script.shape.kind {
            return Err(Fault::Kind { message });
        }
        let end = self.seen + data.payload.len();
        let (whole, part) = self.encoder.encoded();
        if message >= self.encoder.begun(&self.ws) || (message == whole && end > part) {
            return Err(Fault::Unasked);
        }
        if !script.matches(message, self.seen, data.payload) {
            return Err(Fault::Payload { message });
        }
        self.seen = end;
        if data.fin {
            if end < script.shape.len {
                return Err(Fault::TooShort { message });
            }
            (self.done, self.seen) = (message + 1, 0);
        }
        Ok(())
    }

    /// 5.5.2 allows to answer only the newest Ping, but not one twice, nor one that was not sent.
    fn answered(&mut self, payload: &[u8], script: &Script) -> Result<(), Fault> {
        let message = u64::from_be_bytes(payload.try_into().map_err(|_| Fault::Pong)?);
        let sent = self.next_pong..self.encoder.begun(&self.ws);
        if !sent.contains(&message) || !script.has_ping(message) {
            return Err(Fault::Pong);
        }
        self.next_pong = message + 1;
        Ok(())
    }

    /// Counts the messages from `from` on whose echoes are here now.
    fn count(&mut self, mut from: u64, stats: &mut Stats) {
        let now = Instant::now();
        stats.messages += self.done - from;
        while let Some(&(until, begun)) = self.begun.front() {
            let upto = until.min(self.done);
            stats.round_trips(now.saturating_duration_since(begun), upto - from);
            from = upto;
            if until > self.done {
                break;
            }
            self.begun.pop_front();
        }
    }
}
