//! One connection under load: sends the script, and compares every byte of the echoes.

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

/// The length of the read buffer that all connections share, and about how much is encoded per
/// write. A connection whose socket is full keeps about this much unwritten.
pub(crate) const BUFFER_LEN: usize = 256 << 10;
/// After this many reads, the other connections take their turn.
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

/// When a connection can continue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// At the next event of its socket.
    Waiting,
    /// At once, after the other connections had their turn.
    More,
    /// Never: the closing handshake is done, and the server has closed the transport.
    Ended,
}

/// What a connection may send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Sending,
    /// Only messages before this one.
    Draining(u64),
    /// Nothing: our Close was sent.
    Closing,
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    ws: Ws,
    phase: Phase,
    encoder: Encoder,
    /// Encoded but not yet written.
    unwritten: Vec<u8>,
    /// Received but not consumed: an incomplete header or control frame.
    unread: Vec<u8>,
    /// How many messages were echoed. `seen` bytes of the next echo have been received.
    done: u64,
    seen: usize,
    /// The first message whose Ping can still be answered.
    next_pong: u64,
    /// When the messages up to each number were started.
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

    /// Starts no new message from now on.
    pub(crate) fn drain(&mut self) {
        self.phase = Phase::Draining(self.encoder.begun(&self.ws));
    }

    /// Writes and reads as much as possible within one turn.
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
            // The server is gone. What it sent before explains more than this error.
            Err(_) if self.readable => {
                self.writable = false;
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads once. Returns whether that was the end of the stream.
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
        // More bytes cause a new event, but the event for the end of the stream may be over.
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

    /// Checks an echo: its bytes, its place in the sequence and its kind.
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

    /// Checks a Pong. RFC 6455 §5.5.3 allows a server to answer only the newest Ping, but not to
    /// answer one twice, nor one that was not sent.
    fn answered(&mut self, payload: &[u8], script: &Script) -> Result<(), Fault> {
        let message = u64::from_be_bytes(payload.try_into().map_err(|_| Fault::Pong)?);
        let sent = self.next_pong..self.encoder.begun(&self.ws);
        if !sent.contains(&message) || !script.has_ping(message) {
            return Err(Fault::Pong);
        }
        self.next_pong = message + 1;
        Ok(())
    }

    /// Counts the messages from `from` on whose echoes are complete.
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
