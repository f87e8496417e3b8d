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
///     let n = transport.write(tx.unsent())?;
///     tx.sent(n);
/// }
/// assert_eq!(transport, b"\x81\x05hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SendBuffer<S> {
    storage: S,
    /// The unsent bytes are those from `start` to `end`.
    start: usize,
    end: usize,
    /// More than `high` bytes are unsent if `end` is greater: `start + high`.
    limit: usize,
    low: usize,
    high: usize,
    /// More than `high` bytes were unsent, and not yet less than `low` since.
    is_over: bool,
    /// The number of bytes that were sent before those of the storage.
    origin: u64,
    /// The number of bytes that were sent when a session asked last.
    #[cfg(feature = "handshake")]
    seen: u64,
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
            end: 0,
            limit: high,
            low,
            high,
            is_over: false,
            origin: 0,
            #[cfg(feature = "handshake")]
            seen: 0,
            tried: false,
        }
    }

    /// The bytes to write next. Then call [`sent`](Self::sent).
    #[inline]
    pub fn unsent(&mut self) -> &[u8] {
        self.tried = true;
        self.storage.as_ref().get(self.start..self.end).unwrap_or_default()
    }

    /// Marks the first `n` unsent bytes as written to the transport. A greater `n` counts as
    /// [`len`](Self::len).
    #[inline]
    pub fn sent(&mut self, n: usize) {
        if self.start > 0 || n < self.end {
            return self.sent_part(n);
        }
        self.origin = self.origin.wrapping_add(bytes::to_u64(self.end));
        self.end = 0;
        self.is_over = false;
    }

    /// Out of line, to keep it off the path on which the transport takes everything.
    #[inline(never)]
    fn sent_part(&mut self, n: usize) {
        self.start += n.min(self.len());
        if self.is_empty() {
            self.move_to_front();
        }
        self.limit = self.start.saturating_add(self.high);
        self.is_over &= self.len() > self.low;
    }

    /// Marks the first `n` bytes of what is unsent followed by `payload` as written, and queues the
    /// rest of `payload`: after a vectored write of both.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] as in [`spare_mut`](Self::spare_mut): the rest of `payload` is not queued, and
    /// without it the stream is broken.
    pub fn sent_with(&mut self, n: usize, payload: &[u8]) -> Result<(), StorageFull> {
        let queued = n.min(self.len());
        self.sent(queued);
        self.push(payload.get(n.saturating_sub(queued)..).unwrap_or_default())
    }

    /// The number of unsent bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// Whether no bytes are unsent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
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
        if self.storage.as_ref().len().saturating_sub(self.end) < n {
            self.make_space(n)?;
        }
        Ok(self.storage.as_mut().get_mut(self.end..).unwrap_or_default())
    }

    /// Queues `n` bytes, which were written to the front of [`spare_mut`](Self::spare_mut).
    #[inline]
    pub fn advance(&mut self, n: usize) {
        let spare = self.storage.as_ref().len().saturating_sub(self.end);
        self.queued(n.min(spare));
    }

    /// Queues `n` bytes, at most those of [`spare_mut`](Self::spare_mut).
    #[inline(always)]
    pub(crate) fn queued(&mut self, n: usize) {
        self.end = self.end.wrapping_add(n);
        if self.end > self.limit {
            self.is_over = true;
        }
    }

    /// Queues the bytes that `write` writes; if it misses space, once more with that space.
    #[cfg(feature = "handshake")]
    pub(crate) fn queue(
        &mut self,
        mut write: impl FnMut(&mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let spare = self.storage.as_mut().get_mut(self.end..).unwrap_or_default();
        let n = match write(spare) {
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
    /// marks stay. Without unsent bytes, `bigger` may be empty.
    ///
    /// # Errors
    ///
    /// Returns `bigger` if it does not hold the unsent bytes; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let unsent = self.storage.as_ref().get(self.start..self.end).unwrap_or_default();
        let Some(to) = bigger.as_mut().get_mut(..unsent.len()) else {
            return Err(bigger);
        };
        bytes::copy(unsent, to);
        self.origin = self.total_sent();
        (self.start, self.end, self.limit) = (0, self.len(), self.high);
        Ok(core::mem::replace(&mut self.storage, bigger))
    }

    /// How many bytes were sent since the beginning.
    pub(crate) const fn total_sent(&self) -> u64 {
        self.origin.wrapping_add(bytes::to_u64(self.start))
    }

    #[cold]
    fn make_space(&mut self, n: usize) -> Result<(), StorageFull> {
        let len = self.len();
        let needed = len.saturating_add(n);
        if needed > self.storage.as_ref().len() {
            grow_over(&mut self.storage, len, needed)?;
        }
        self.move_to_front();
        self.limit = self.high;
        Ok(())
    }

    fn move_to_front(&mut self) {
        let queued = self.storage.as_mut().get_mut(..self.end).unwrap_or_default();
        bytes::move_to_front(queued, self.start);
        self.origin = self.total_sent();
        (self.start, self.end) = (0, self.len());
    }
}

/// For a [`Session`](crate::session::Session).
#[cfg(feature = "handshake")]
impl<S: Storage> SendBuffer<S> {
    /// The space that is free now.
    #[inline(always)]
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.storage.as_mut().get_mut(self.end..).unwrap_or_else(bytes::nothing)
    }

    /// Where the bytes that are unsent now end, counted in bytes from the beginning.
    pub(crate) const fn position(&self) -> u64 {
        self.origin.wrapping_add(bytes::to_u64(self.end))
    }

    /// Whether bytes were sent since [`take_progress`](Self::take_progress).
    pub(crate) const fn has_progressed(&self) -> bool {
        self.total_sent() != self.seen
    }

    /// Whether bytes were sent since this was asked last.
    pub(crate) const fn take_progress(&mut self) -> bool {
        let sent = self.total_sent();
        core::mem::replace(&mut self.seen, sent) != sent
    }
}

/// Prints no bytes: a request may contain credentials, and each frame of a client its masking key.
impl<S> fmt::Debug for SendBuffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsent = self.end.saturating_sub(self.start);
        f.debug_struct("SendBuffer")
            .field("unsent", &unsent)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
