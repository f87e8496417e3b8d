//! A send buffer in the caller's storage.

use core::fmt;

use super::storage::{Storage, StorageFull, grow_over};
use crate::bytes;
#[cfg(feature = "handshake")]
use crate::wire::error::SendError;

/// The bytes that wait to be written to the transport, in the caller's [`Storage`], with two marks
/// for backpressure.
///
/// A [`Session`](crate::session::Session) stops delivering, and so reading, while more than the high
/// mark is unsent, and goes on below the low mark. A peer that does not read therefore costs at
/// most the high mark, the longest reply to one event, and a control frame: a fixed storage must
/// have that length.
///
/// ```
/// use barews::{Config, Connection, SendBuffer};
///
/// let mut ws = Connection::server(Config::new());
/// let mut tx = SendBuffer::new([0; 1024]);
/// let n = ws.send_text("hello", tx.spare_mut(2 + 5)?)?;
/// tx.advance(n);
///
/// # let mut transport = Vec::new();
/// # use std::io::Write;
/// while !tx.is_empty() {
///     tx.write_with(|bytes| transport.write(bytes))?;
/// }
/// assert_eq!(transport, b"\x81\x05hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SendBuffer<S> {
    storage: S,
    /// The unsent bytes are the `len` bytes from `start` on.
    start: usize,
    len: usize,
    low: usize,
    high: usize,
    /// More than `high` bytes were unsent, and not yet less than `low` since.
    is_over: bool,
    /// The number of bytes that were sent.
    total_sent: u64,
    /// The number of bytes that were sent when a session asked last.
    #[cfg(feature = "handshake")]
    seen: u64,
    /// Where the Ping of a session ends, counted in bytes from the beginning.
    #[cfg(feature = "handshake")]
    ping: u64,
    /// Whether the caller has looked at the unsent bytes, to write them, since a session asked.
    pub(crate) tried: bool,
}

impl<S: Storage> SendBuffer<S> {
    /// The high mark of a storage that grows, in bytes.
    const HIGH: usize = 64 << 10;

    /// Creates an empty buffer. The high mark is half of a fixed storage, or 64 KiB of one that
    /// grows further than that; the low mark is half of the high one.
    pub fn new(storage: S) -> Self {
        let high = (storage.max_len() / 2).min(Self::HIGH);
        Self::with_marks(storage, high / 2, high)
    }

    /// Creates an empty buffer with these marks, in bytes.
    pub const fn with_marks(storage: S, low: usize, high: usize) -> Self {
        Self {
            storage,
            start: 0,
            len: 0,
            low,
            high,
            is_over: false,
            total_sent: 0,
            #[cfg(feature = "handshake")]
            seen: 0,
            #[cfg(feature = "handshake")]
            ping: 0,
            tried: false,
        }
    }

    /// The bytes to write next. Then call [`sent`](Self::sent).
    #[inline]
    pub fn unsent(&mut self) -> &[u8] {
        self.tried = true;
        self.storage.as_ref().get(self.start..self.end()).unwrap_or_default()
    }

    /// Marks the first `n` unsent bytes as written to the transport. A greater `n` counts as
    /// [`len`](Self::len).
    #[inline]
    pub fn sent(&mut self, n: usize) {
        if n < self.len {
            return self.sent_part(n);
        }
        self.total_sent = self.total_sent.wrapping_add(bytes::to_u64(self.len));
        (self.start, self.len) = (0, 0);
        self.is_over = false;
    }

    /// Out of line, to keep it off the path on which the transport takes everything.
    #[inline(never)]
    fn sent_part(&mut self, n: usize) {
        self.total_sent = self.total_sent.wrapping_add(bytes::to_u64(n));
        (self.start, self.len) = (self.start.wrapping_add(n), self.len.wrapping_sub(n));
        self.is_over &= self.len > self.low;
    }

    /// Writes once: passes what is [`unsent`](Self::unsent) to `write`, and marks the number of bytes
    /// that it returns as written. Returns that number. Without unsent bytes, `write` is not called.
    ///
    /// # Errors
    ///
    /// The error of `write`, which has written nothing.
    pub fn write_with<E>(
        &mut self,
        write: impl FnOnce(&[u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        if self.is_empty() {
            return Ok(0);
        }
        let n = write(self.unsent())?.min(self.len());
        self.sent(n);
        Ok(n)
    }

    /// Marks the first `n` bytes of what is unsent followed by `payload` as written, and queues the
    /// rest of `payload`: after a vectored write of both.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] as in [`spare_mut`](Self::spare_mut): the rest of `payload` is not queued, and
    /// without it the stream is broken.
    pub fn sent_with(&mut self, n: usize, payload: &[u8]) -> Result<(), StorageFull> {
        let queued = n.min(self.len);
        self.sent(queued);
        self.push(payload.get(n.saturating_sub(queued)..).unwrap_or_default())
    }

    /// The number of unsent bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no bytes are unsent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the peer reads too slowly for more to be queued: true once more than the high mark
    /// is unsent, until at most the low mark is.
    #[inline]
    #[must_use]
    pub const fn is_over_mark(&self) -> bool {
        self.is_over
    }

    /// Space for at least `n` bytes after the unsent ones. Then call [`advance`](Self::advance).
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if the storage is too short and cannot grow.
    #[inline]
    pub fn spare_mut(&mut self, n: usize) -> Result<&mut [u8], StorageFull> {
        if self.storage.as_ref().len().saturating_sub(self.end()) < n {
            self.make_space(n)?;
        }
        let end = self.end();
        Ok(self.storage.as_mut().get_mut(end..).unwrap_or_default())
    }

    /// Queues `n` bytes, which were written to the front of [`spare_mut`](Self::spare_mut).
    #[inline]
    pub fn advance(&mut self, n: usize) {
        let spare = self.storage.as_ref().len().saturating_sub(self.end());
        self.queued(n.min(spare));
    }

    /// Queues `n` bytes, at most those of [`spare_mut`](Self::spare_mut).
    #[inline(always)]
    pub(crate) fn queued(&mut self, n: usize) {
        self.len = self.len.wrapping_add(n);
        if self.len > self.high {
            self.is_over = true;
        }
    }

    /// Queues the bytes that `write` writes; if it misses space, once more with that space.
    #[cfg(feature = "handshake")]
    pub(crate) fn queue(
        &mut self,
        mut write: impl FnMut(&mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let n = match write(self.spare()) {
            Err(SendError::BufferTooSmall { needed }) => {
                let too_small =
                    |full: StorageFull| SendError::BufferTooSmall { needed: full.needed };
                write(self.spare_mut(needed).map_err(too_small)?)?
            }
            result => result?,
        };
        self.queued(n);
        Ok(())
    }

    /// Queues a copy of `bytes`, for instance the rest of a payload that a vectored write has not
    /// taken.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] as in [`spare_mut`](Self::spare_mut); nothing is queued then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), StorageFull> {
        let to = bytes::part_mut(self.spare_mut(bytes.len())?, ..bytes.len());
        bytes::copy(bytes, to);
        self.advance(bytes.len());
        Ok(())
    }

    /// Moves the unsent bytes into `bigger` and returns the old storage, for instance to a pool. The
    /// marks stay. A shorter one is possible, too: it gives back the memory of a long message, which a
    /// `Vec<u8>` keeps otherwise. Without unsent bytes, it may be empty.
    ///
    /// # Errors
    ///
    /// Returns `bigger` if it does not hold the unsent bytes; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let unsent = self.storage.as_ref().get(self.start..self.end()).unwrap_or_default();
        let Some(to) = bigger.as_mut().get_mut(..unsent.len()) else {
            return Err(bigger);
        };
        bytes::copy(unsent, to);
        self.start = 0;
        Ok(core::mem::replace(&mut self.storage, bigger))
    }

    /// Where the unsent bytes end in the storage.
    #[inline(always)]
    const fn end(&self) -> usize {
        self.start.wrapping_add(self.len)
    }

    #[cold]
    fn make_space(&mut self, n: usize) -> Result<(), StorageFull> {
        let needed = self.len.saturating_add(n);
        if needed > self.storage.as_ref().len() {
            grow_over(&mut self.storage, self.len, needed)?;
        }
        let end = self.end();
        let queued = self.storage.as_mut().get_mut(..end).unwrap_or_default();
        bytes::move_to_front(queued, self.start);
        self.start = 0;
        Ok(())
    }
}

/// For a [`Session`](crate::session::Session).
#[cfg(feature = "handshake")]
impl<S: Storage> SendBuffer<S> {
    /// The space that is free now.
    #[inline(always)]
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        let end = self.end();
        self.storage.as_mut().get_mut(end..).unwrap_or_else(bytes::nothing)
    }

    /// What was queued last is the session's Ping.
    pub(crate) const fn mark_ping(&mut self) {
        self.ping = self.total_sent.wrapping_add(bytes::to_u64(self.len));
    }

    /// Whether the Ping, if one was queued here, was sent.
    pub(crate) const fn has_sent_ping(&self) -> bool {
        self.total_sent >= self.ping
    }

    /// Whether bytes were sent since [`forget_progress`](Self::forget_progress).
    pub(crate) const fn has_progressed(&self) -> bool {
        self.total_sent != self.seen
    }

    /// From now on, only what is sent later is progress.
    pub(crate) const fn forget_progress(&mut self) {
        self.seen = self.total_sent;
    }
}

/// Prints no bytes: a request may contain credentials, and each frame of a client its masking key.
impl<S> fmt::Debug for SendBuffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBuffer")
            .field("unsent", &self.len)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
