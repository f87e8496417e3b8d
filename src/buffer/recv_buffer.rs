//! A receive buffer on the caller's memory.

use super::input::Input;
use super::storage::StorageFull;
use crate::wire::mask;

/// A buffer of this many bytes always makes progress with [`Delivery::Chunks`](crate::Delivery):
/// it holds the longest control frame, 2 + 4 + 125 bytes (RFC 6455 section 5.5).
pub const MIN_BUFFER_LEN: usize = 131;

/// A receive buffer on memory of the caller: an array, `&mut [u8]`, a `Vec<u8>`, a pooled block.
///
/// All of the storage is used: a `Vec<u8>` counts by its length, not its capacity.
///
/// ```
/// use barews::{Config, Connection, Event, RecvBuffer};
///
/// let mut ws = Connection::server(Config::new());
/// let mut rx = RecvBuffer::new([0; 256]);
/// # let incoming = [0x89, 0x80, 1, 2, 3, 4];
/// # let mut socket = &incoming[..];
/// # use std::io::Read;
/// let n = socket.read(rx.spare_mut())?;
/// rx.advance(n);
/// let mut input = rx.input();
/// assert!(matches!(ws.receive(&mut input), Ok(Event::Ping(_))));
/// assert!(matches!(ws.receive(&mut input), Ok(Event::NeedMore(n)) if n.get() == 6));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RecvBuffer<S> {
    storage: S,
    /// The end of the received bytes.
    end: usize,
    /// How many bytes before `end` are not consumed; [`Input`] writes it.
    unread: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> RecvBuffer<S> {
    /// An empty buffer. [`MIN_BUFFER_LEN`] bytes always do with chunk delivery.
    pub const fn new(storage: S) -> Self {
        Self { storage, end: 0, unread: 0 }
    }

    /// The length of the storage in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// How many received bytes are not consumed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.unread
    }

    /// Whether all received bytes are consumed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unread == 0
    }

    /// The room behind the received bytes, to read into; then call [`advance`](Self::advance).
    ///
    /// Bytes are moved only if there would be no room otherwise. It is empty if the storage is full.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.unread == 0 || self.end >= self.capacity() {
            self.compact();
        }
        self.storage.as_mut().get_mut(self.end..).unwrap_or_default()
    }

    /// Makes room for `n` more bytes behind the received ones, moving them once if that is needed.
    ///
    /// Call it with the number of [`Event::NeedMore`](crate::Event): then no read comes too short. As
    /// long as not even the header of a frame is here, that number is the least that can be, and a
    /// second call may ask for more.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] with the length of a storage for [`grow`](Self::grow).
    pub fn reserve(&mut self, n: usize) -> Result<(), StorageFull> {
        let needed = self.unread.saturating_add(n);
        if needed > self.capacity() {
            return Err(StorageFull { needed });
        }
        if self.end.saturating_add(n) > self.capacity() || self.unread == 0 {
            self.compact();
        }
        Ok(())
    }

    /// Counts `n` bytes, at most those of [`spare_mut`](Self::spare_mut), as received.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.capacity().saturating_sub(self.end));
        self.end += n;
        self.unread += n;
    }

    /// The received bytes; what is consumed of them is consumed here.
    pub fn input(&mut self) -> Input<'_> {
        let start = self.end.saturating_sub(self.unread);
        let bytes = self.storage.as_mut().get_mut(start..self.end).unwrap_or_default();
        Input { total: bytes.len(), bytes, unread: Some(&mut self.unread) }
    }

    /// Moves the unread bytes into `bigger` and returns the old storage.
    ///
    /// # Errors
    ///
    /// `bigger`, if the unread bytes do not fit into it; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let unread = self.unread();
        let Some(to) = bigger.as_mut().get_mut(..unread.len()) else {
            return Err(bigger);
        };
        mask::copy(unread, to);
        self.end = unread.len();
        Ok(core::mem::replace(&mut self.storage, bigger))
    }

    /// The received bytes that are not consumed, for instance the head of a handshake.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        let start = self.end.saturating_sub(self.unread);
        self.storage.as_ref().get(start..self.end).unwrap_or_default()
    }

    /// Consumes `n` bytes, at most all, that something else than a connection has read.
    pub fn consume(&mut self, n: usize) {
        self.unread = self.unread.saturating_sub(n);
    }

    fn compact(&mut self) {
        let start = self.end.saturating_sub(self.unread);
        let received = self.storage.as_mut().get_mut(..self.end).unwrap_or_default();
        mask::move_to_front(received, start);
        self.end = self.unread;
    }
}
