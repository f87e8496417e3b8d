//! A receive buffer in the caller's storage.

use core::fmt;

use super::input::Input;
use super::storage::{Storage, StorageFull, grow_over};
use crate::bytes;

/// The length in bytes of the smallest buffer that always makes progress with
/// [`Delivery::Chunks`](crate::Delivery::Chunks): it holds the longest control frame, 2 + 4 + 125
/// bytes (RFC 6455 §5.5).
pub const MIN_BUFFER_LEN: usize = 131;

/// A receive buffer in the caller's [`Storage`]: an array, a `&mut [u8]`, a pooled block, or with the
/// feature `alloc` a `Vec<u8>`, which grows as bytes arrive.
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
/// rx.read_with(|space| transport.read(space))?;
/// let mut input = rx.input();
/// assert!(matches!(ws.receive(&mut input), Ok(Event::Ping(_))));
/// assert!(matches!(ws.receive(&mut input), Ok(Event::NeedMore(n)) if n.get() == 6));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RecvBuffer<S> {
    storage: S,
    /// The unread bytes are the `len` bytes before `end`. [`Input`] lowers `len`.
    end: usize,
    len: usize,
    pub(crate) transport: Reads,
}

/// What reading from the transport has shown since a [`Session`](crate::session::Session) looked.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Reads {
    /// The number of bytes received.
    pub(crate) received: usize,
    /// The number of bytes that the session misses.
    pub(crate) wanted: usize,
    /// The last read did not fill the space offered: the transport had no more bytes.
    pub(crate) dry: bool,
    /// The caller has read, or is about to.
    pub(crate) tried: bool,
    /// The transport has ended.
    pub(crate) ended: bool,
    /// The storage has not grown when it was full.
    pub(crate) is_full: bool,
}

impl<S: Storage> RecvBuffer<S> {
    /// Creates an empty buffer. With [`Delivery::Chunks`](crate::Delivery::Chunks), a storage of
    /// [`MIN_BUFFER_LEN`] bytes suffices.
    pub const fn new(storage: S) -> Self {
        let transport = Reads {
            received: 0,
            wanted: 1,
            dry: false,
            tried: false,
            ended: false,
            is_full: false,
        };
        Self { storage, end: 0, len: 0, transport }
    }

    /// Creates a buffer whose unread bytes are the first `n` of `storage`, or all if there are fewer:
    /// those of a connection that another process has [sealed](crate::Connection::seal).
    ///
    /// They were received there: no deadline of a [`Session`](crate::session::Session) moves, as it
    /// would after a [`push`](Self::push).
    pub fn with_unread(storage: S, n: usize) -> Self {
        let end = n.min(storage.as_ref().len());
        Self { end, len: end, ..Self::new(storage) }
    }

    /// The length of the storage in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// The number of unread bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether all received bytes have been consumed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The free space after the received bytes, to read into. Then call [`advance`](Self::advance).
    ///
    /// The unread bytes are moved only if there is no space otherwise. If they fill the storage, it
    /// grows to twice its length. The space is empty if that is not possible.
    ///
    /// For a [`Session`](crate::session::Session), the call is an attempt to read. A macro such as
    /// tokio's `select!` makes the call for a disabled branch, too, unless it is in an `async` block,
    /// which is not polled then:
    ///
    /// ```text
    /// n = async { from.read(rx.spare_mut()).await }, if ws.wants_read() => rx.advance(n?),
    /// ```
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.is_empty() {
            self.end = 0;
        }
        if self.end >= self.capacity() {
            self.compact();
            if self.end >= self.capacity() {
                // A fixed storage refuses, and then there is no space.
                _ = grow_over(&mut self.storage, self.end, self.end.saturating_add(1));
            }
        }
        let spare = self.storage.as_mut().get_mut(self.end..).unwrap_or_default();
        // A read into a full buffer shows nothing of the transport.
        self.transport.is_full = spare.is_empty();
        self.transport.dry = !spare.is_empty() || self.end == 0;
        self.transport.tried = true;
        spare
    }

    /// The number of bytes that a [`Session`](crate::session::Session) misses for its next event, at
    /// least 1, like that of [`Event::NeedMore`](crate::Event::NeedMore).
    ///
    /// A pooled buffer [`reserve`](Self::reserve)s them and, if it is too short, is replaced by a
    /// longer one. The session fails if the buffer is full at two calls of `receive`, and nothing has
    /// arrived between them.
    #[must_use]
    pub const fn need_more(&self) -> usize {
        self.transport.wanted
    }

    /// Makes space for `n` more bytes, moving the unread bytes at most once.
    ///
    /// A storage that grows is at most doubled: its length follows the bytes received, not the length
    /// that a header announces.
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
        let len = self.len;
        let needed = len.saturating_add(n);
        if needed > self.storage.max_len() {
            return Err(StorageFull { needed });
        }
        if self.end.saturating_add(n) > self.capacity() || len == 0 {
            self.compact();
        }
        if needed > self.capacity() && len.saturating_mul(2) > self.capacity() {
            grow_over(&mut self.storage, len, len.saturating_add(1))?;
        }
        Ok(())
    }

    /// Marks `n` bytes of [`spare_mut`](Self::spare_mut) as received. A greater `n`
    /// counts as its length.
    ///
    /// For a [`Session`](crate::session::Session), 0 bytes are the end of the transport, as they are
    /// for a read, unless the space was empty. Where a read of 0 bytes means that nothing has arrived
    /// yet, as on a serial line, leave out the call.
    pub fn advance(&mut self, n: usize) {
        let spare = self.capacity().saturating_sub(self.end);
        let n = n.min(spare);
        self.end += n;
        self.len = self.len.saturating_add(n);
        let reads = &mut self.transport;
        reads.received = reads.received.saturating_add(n);
        reads.ended |= n == 0 && spare > 0;
        reads.dry = n < spare;
    }

    /// Reads once: lets `read` write to [`spare_mut`](Self::spare_mut), and marks the number of bytes
    /// that it returns as received. Returns that number; 0 is the end of the transport, unless the
    /// space was empty.
    ///
    /// # Errors
    ///
    /// The error of `read`, which has received nothing. It may only mean that nothing has arrived yet:
    ///
    /// ```
    /// use barews::RecvBuffer;
    /// use std::io::{self, ErrorKind, Read};
    ///
    /// fn receive(transport: &mut impl Read, rx: &mut RecvBuffer<[u8; 4096]>) -> io::Result<()> {
    ///     match rx.read_with(|space| transport.read(space)) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
    ///         read => read.map(drop),
    ///     }
    /// }
    /// # assert!(receive(&mut io::empty(), &mut RecvBuffer::new([0; 4096])).is_ok());
    /// ```
    pub fn read_with<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let n = read(self.spare_mut())?;
        self.advance(n);
        Ok(n)
    }

    /// Appends a copy of `bytes`, for a transport that delivers in pieces of its own, such as HTTP/2 or
    /// QUIC. An empty piece is not the end; call [`end`](Self::end).
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if the storage is too short and cannot grow; nothing is appended then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), StorageFull> {
        if self.capacity().saturating_sub(self.end) < bytes.len() {
            self.compact();
            let needed = self.end.saturating_add(bytes.len());
            if needed > self.capacity() {
                // All these bytes have come, so the storage may grow over them.
                grow_over(&mut self.storage, self.end, needed)?;
            }
        }
        let spare = self.storage.as_mut().get_mut(self.end..).unwrap_or_default();
        bytes::copy(bytes, bytes::part_mut(spare, ..bytes.len()));
        self.end = self.end.saturating_add(bytes.len());
        self.len = self.len.saturating_add(bytes.len());
        self.transport.received = self.transport.received.saturating_add(bytes.len());
        // More pieces may be waiting.
        (self.transport.dry, self.transport.tried) = (false, true);
        Ok(())
    }

    /// Marks the end of the transport, like [`advance`](Self::advance) with 0.
    pub const fn end(&mut self) {
        self.transport.ended = true;
    }

    /// A cursor over the unread bytes. What it consumes is consumed here.
    pub fn input(&mut self) -> Input<'_> {
        self.parts().0
    }

    /// Moves the unread bytes into `bigger` and returns the old storage. A shorter one is possible,
    /// too: it gives back the memory of a long message, which a `Vec<u8>` keeps otherwise.
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
        self.storage.as_ref().get(self.start()..self.end).unwrap_or_default()
    }

    /// Consumes `n` unread bytes, or all if there are fewer, that were read by other means than an
    /// [`input`](Self::input).
    pub fn consume(&mut self, n: usize) {
        self.len = self.len.saturating_sub(n);
    }

    /// The unread bytes, and what reading has shown.
    #[inline]
    pub(crate) fn parts(&mut self) -> (Input<'_>, &mut Reads) {
        let Self { storage, end, len, transport } = self;
        let bytes = storage.as_mut().get_mut(end.wrapping_sub(*len)..*end);
        let bytes = bytes.unwrap_or_else(bytes::nothing);
        (Input { total: bytes.len(), bytes, left: Some(len) }, transport)
    }

    /// The number of bytes that the storage can hold after it has grown, as far as is known.
    #[cfg(feature = "handshake")]
    #[inline]
    pub(crate) fn max_len(&self) -> usize {
        if self.transport.is_full { self.capacity() } else { self.storage.max_len() }
    }

    fn compact(&mut self) {
        let start = self.start();
        let received = self.storage.as_mut().get_mut(..self.end).unwrap_or_default();
        bytes::move_to_front(received, start);
        self.end = self.len;
    }

    /// Where the unread bytes start in the storage.
    const fn start(&self) -> usize {
        self.end.wrapping_sub(self.len)
    }
}

/// Prints no bytes: a request may contain credentials, and each frame of a client its masking key.
impl<S> fmt::Debug for RecvBuffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuffer").field("unread", &self.len).finish_non_exhaustive()
    }
}
