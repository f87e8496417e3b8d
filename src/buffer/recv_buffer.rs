//! A receive buffer in the caller's storage.

use super::input::Input;
use super::storage::StorageFull;
use crate::bytes;

/// The length in bytes of the smallest buffer that always makes progress with
/// [`Delivery::Chunks`](crate::Delivery::Chunks): it holds the longest control frame, 2 + 4 + 125
/// bytes (RFC 6455 §5.5).
pub const MIN_BUFFER_LEN: usize = 131;

/// A receive buffer in the caller's storage: an array, a `&mut [u8]`, a `Vec<u8>`, a pooled block.
///
/// The whole length of the storage is used; of a `Vec<u8>` that is its length, not its capacity.
///
/// ```
/// use barews::{Config, Connection, Event, RecvBuffer};
///
/// let mut ws = Connection::server(Config::new());
/// let mut rx = RecvBuffer::new([0; 256]);
/// # let incoming = [0x89, 0x80, 1, 2, 3, 4];
/// # let mut transport = &incoming[..];
/// # use std::io::Read;
/// let n = transport.read(rx.spare_mut())?;
/// rx.advance(n);
/// let mut input = rx.input();
/// assert!(matches!(ws.receive(&mut input), Ok(Event::Ping(_))));
/// assert!(matches!(ws.receive(&mut input), Ok(Event::NeedMore(n)) if n.get() == 6));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RecvBuffer<S> {
    storage: S,
    /// The end of the received bytes in the storage.
    end: usize,
    /// The number of unread bytes, which end at `end`; written by [`Input`].
    unread: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> RecvBuffer<S> {
    /// Creates an empty buffer. With [`Delivery::Chunks`](crate::Delivery::Chunks), a storage of
    /// [`MIN_BUFFER_LEN`] bytes suffices.
    pub const fn new(storage: S) -> Self {
        Self { storage, end: 0, unread: 0 }
    }

    /// The length of the storage in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// The number of unread bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.unread
    }

    /// Whether all received bytes have been consumed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unread == 0
    }

    /// The free space after the received bytes, to read into. Then call [`advance`](Self::advance).
    ///
    /// It is empty if the storage is full. The unread bytes are moved only if there is no
    /// space otherwise.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.unread == 0 || self.end >= self.capacity() {
            self.compact();
        }
        self.storage.as_mut().get_mut(self.end..).unwrap_or_default()
    }

    /// Makes space for `n` more bytes, moving the unread bytes at most once.
    ///
    /// Call it with the number of [`Event::NeedMore`](crate::Event::NeedMore): the buffer then
    /// holds the whole next event. While the header of a frame is incomplete, that number is only a
    /// lower bound, and a second call may follow.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if the storage is too short: [`grow`](Self::grow) into one of
    /// `needed` bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use barews::{Config, Connection, Delivery, Event, RecvBuffer};
    /// # use std::io::Read;
    /// # let frame = [&[0x82, 126, 1, 44], &[7; 300][..]].concat();
    /// # let mut transport = &frame[..];
    ///
    /// let mut ws = Connection::client(Config::new().delivery(Delivery::Frames), || [0; 4]);
    /// let mut rx = RecvBuffer::new(vec![0; 16]);
    /// loop {
    ///     match ws.receive(&mut rx.input())? {
    ///         Event::NeedMore(n) => {
    ///             if let Err(full) = rx.reserve(n.get()) {
    ///                 let old = rx.grow(vec![0; full.needed]).expect("long enough");
    ///                 assert_eq!((old.len(), rx.capacity()), (16, 304));
    ///             }
    ///             match transport.read(rx.spare_mut())? {
    ///                 0 => ws.receive_eof()?,
    ///                 n => rx.advance(n),
    ///             }
    ///         }
    ///         Event::Data(data) => break assert_eq!(data.payload.len(), 300),
    ///         Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Marks `n` bytes of [`spare_mut`](Self::spare_mut) as received. A greater `n`
    /// counts as its length.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.capacity().saturating_sub(self.end));
        self.end += n;
        self.unread += n;
    }

    /// A cursor over the unread bytes. What it consumes is consumed here.
    pub fn input(&mut self) -> Input<'_> {
        let start = self.end.saturating_sub(self.unread);
        let bytes = self.storage.as_mut().get_mut(start..self.end).unwrap_or_default();
        Input { total: bytes.len(), bytes, unread: Some(&mut self.unread) }
    }

    /// Moves the unread bytes into `bigger` and returns the old storage.
    ///
    /// # Errors
    ///
    /// Returns `bigger` if it does not hold the unread bytes; nothing has changed then.
    pub fn grow(&mut self, mut bigger: S) -> Result<S, S> {
        let unread = self.unread();
        let Some(to) = bigger.as_mut().get_mut(..unread.len()) else {
            return Err(bigger);
        };
        bytes::copy(unread, to);
        self.end = unread.len();
        Ok(core::mem::replace(&mut self.storage, bigger))
    }

    /// The unread bytes, for instance the head of an opening handshake.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        let start = self.end.saturating_sub(self.unread);
        self.storage.as_ref().get(start..self.end).unwrap_or_default()
    }

    /// Consumes `n` unread bytes, or all if there are fewer, that were read by other means than an
    /// [`input`](Self::input).
    pub fn consume(&mut self, n: usize) {
        self.unread = self.unread.saturating_sub(n);
    }

    fn compact(&mut self) {
        let start = self.end.saturating_sub(self.unread);
        let received = self.storage.as_mut().get_mut(..self.end).unwrap_or_default();
        bytes::move_to_front(received, start);
        self.end = self.unread;
    }
}
