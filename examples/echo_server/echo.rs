//! The echo of a message: as one frame, once all of it has arrived.
//!
//! A client that sends a whole message before it reads is served, too: what has arrived of a message
//! is not output yet, so it does not count for the high mark. A message in one chunk is echoed from
//! the receive buffer; any other is assembled in memory of its own, which then becomes the output.

use std::io::{self, ErrorKind, IoSlice, Write};

use barews::session::Session;
use barews::{Data, Kind, SendBuffer, SendError, Server, Storage, StorageFull};
use mio::net::TcpStream;

use crate::handover::{Body, Parts, invalid};
use crate::memory::{Memory, Pool, SHORT};

/// A payload of this length, in bytes, is written from where it is: the copy would cost more than
/// the system call.
const LONG: usize = 32 << 10;
/// With at least this much of a frame missing, in bytes, it is read to where it is assembled.
const MISSING: usize = 32 << 10;
/// The shortest storage, in bytes.
const LEAST: usize = 4 << 10;
/// The most to read at once, in bytes, so that the other clients take their turn.
const READ: usize = 1 << 20;
/// A message in fragments with more bytes than this is echoed in several frames, so that a client
/// which never ends it and never reads takes little memory.
pub(crate) const WHOLE: usize = 10 << 20;

/// The part of a message that has arrived.
pub(crate) struct Partial {
    kind: Kind,
    memory: Memory,
    len: usize,
    /// How many bytes are missing from the current frame.
    missing: usize,
}

impl Partial {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, memory: Memory::default(), len: 0, missing: 0 }
    }

    /// Appends it to what is handed over of its client.
    pub(crate) fn seal(&self, body: &mut Body) {
        let is_text = u8::from(self.kind == Kind::Text);
        let arrived = self.memory.as_ref().get(..self.len).unwrap_or_default();
        body.part(&[is_text]).number(self.missing as u64).part(arrived);
    }

    pub(crate) fn unseal(parts: &mut Parts<'_>) -> io::Result<Self> {
        let kind = match parts.bytes()? {
            [0] => Kind::Binary,
            [1] => Kind::Text,
            _ => return Err(invalid()),
        };
        let missing = usize::try_from(parts.number()?).map_err(|_| invalid())?;
        let arrived = parts.part()?;
        let memory = Memory::copy(arrived).map_err(io::Error::other)?;
        Ok(Self { kind, memory, len: arrived.len(), missing })
    }

    /// Appends a chunk. True if the storage has grown.
    pub(crate) fn push(&mut self, data: &Data<'_>, pool: &mut Pool) -> Result<bool, StorageFull> {
        self.missing = usize::try_from(data.frame_left).unwrap_or(usize::MAX);
        let has_grown = self.reserve(data.payload.len(), self.missing, pool)?;
        let end = self.len.saturating_add(data.payload.len());
        if let Some(to) = self.memory.as_mut().get_mut(self.len..end) {
            to.copy_from_slice(data.payload);
        }
        self.len = end;
        Ok(has_grown)
    }

    /// Whether to read to [`spare`](Self::spare): all of it belongs to the message.
    pub(crate) fn is_long(&self) -> bool {
        self.missing >= MISSING
    }

    /// The memory after what has arrived, for the rest of the frame, and whether it has grown.
    pub(crate) fn spare(&mut self, pool: &mut Pool) -> Result<(&mut [u8], bool), StorageFull> {
        let has_grown = self.reserve(1, self.missing.saturating_sub(1), pool)?;
        let spare = self.memory.as_mut().get_mut(self.len..).unwrap_or_default();
        let len = spare.len().min(self.missing).min(READ);
        Ok((spare.get_mut(..len).unwrap_or_default(), has_grown))
    }

    /// Appends the first `n` bytes of [`spare`](Self::spare).
    pub(crate) fn advance(&mut self, n: usize) {
        self.len = self.len.saturating_add(n);
        self.missing = self.missing.saturating_sub(n);
    }

    /// Whether it is to be echoed: it is complete, or a long part in whole frames.
    pub(crate) fn is_due(&self, fin: bool) -> bool {
        fin || self.missing == 0 && self.len > WHOLE
    }

    /// Makes space for `n` bytes, of which `missing` more may follow. A free storage is taken if it
    /// is long enough for all of them; a new one is paid for by what has arrived.
    fn reserve(&mut self, n: usize, missing: usize, pool: &mut Pool) -> Result<bool, StorageFull> {
        let needed = self.len.saturating_add(n);
        if needed <= self.memory.len() {
            return Ok(false);
        }
        let whole = needed.saturating_add(missing);
        // Powers of two fit the next message, too. At the end of a frame, more than `WHOLE` bytes are
        // echoed, so no more is needed than that or the end of this frame.
        let most = whole.max(WHOLE);
        let longer = needed.next_power_of_two().max(LEAST).min(most);
        let Some(mut memory) = pool.find(whole).or_else(|| pool.find(longer)) else {
            // Near the budget's end, the steps are shorter.
            let least = needed.saturating_add(missing.min(SHORT));
            self.memory.try_grow(longer).or_else(|_| {
                pool.clear();
                self.memory.try_grow(least)
            })?;
            return Ok(true);
        };
        let held = self.memory.as_ref().get(..self.len).unwrap_or_default();
        if let Some(to) = memory.as_mut().get_mut(..self.len) {
            to.copy_from_slice(held);
        }
        pool.give(std::mem::replace(&mut self.memory, memory));
        Ok(true)
    }

    /// Echoes it.
    pub(crate) fn echo(self, fin: bool, out: &mut Output<'_>, pool: &mut Pool) -> io::Result<()> {
        let Self { kind, mut memory, len, .. } = self;
        let payload = memory.as_mut().get_mut(..len).unwrap_or_default();
        let written = out.send(kind, fin, payload)?;
        let left = len.saturating_sub(written);
        if out.tx.is_empty() && left >= LONG {
            // What is left is not copied.
            memory.skip(written);
            pool.give(out.tx.grow(memory).unwrap_or_else(|refused| refused));
            out.tx.advance(left);
            return Ok(());
        }
        let left = memory.as_ref().get(written..len).unwrap_or_default();
        out.tx.push(left).map_err(io::Error::other)?;
        pool.give(memory);
        Ok(())
    }
}

/// Where echoes go.
pub(crate) struct Output<'a> {
    pub(crate) ws: &'a mut Session<Server>,
    pub(crate) tx: &'a mut SendBuffer<Memory>,
    pub(crate) stream: &'a mut TcpStream,
    pub(crate) writable: &'a mut bool,
}

impl Output<'_> {
    /// Echoes a message that has arrived in one chunk.
    pub(crate) fn whole(&mut self, data: &mut Data<'_>) -> io::Result<()> {
        if data.payload.len() < LONG {
            return self
                .ws
                .send_fragment(data.kind, true, data.payload, self.tx)
                .map_err(io::Error::other);
        }
        let written = self.send(data.kind, true, data.payload)?;
        let left = data.payload.get(written..).unwrap_or_default();
        self.tx.push(left).map_err(io::Error::other)
    }

    /// Queues the header, and returns how many bytes of the payload were written. The rest is to be
    /// queued. After this side's Close there is no rest.
    fn send(&mut self, kind: Kind, fin: bool, payload: &mut [u8]) -> io::Result<usize> {
        match self.ws.send_in_place(kind, fin, payload, self.tx) {
            Err(SendError::Closed) => return Ok(payload.len()),
            result => result.map_err(io::Error::other)?,
        }
        if payload.len() < LONG || !*self.writable {
            return Ok(0);
        }
        let queued = self.tx.len();
        let parts = [IoSlice::new(self.tx.unsent()), IoSlice::new(payload)];
        let written = match self.stream.write_vectored(&parts) {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            Err(error) => return Err(error),
        };
        *self.writable = written == queued.saturating_add(payload.len());
        self.tx.sent(written.min(queued));
        Ok(written.saturating_sub(queued))
    }
}
