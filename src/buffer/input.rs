//! A cursor over received bytes.

use core::fmt;

/// A cursor over received bytes.
///
/// [`Connection::receive`](crate::Connection::receive) advances it. Events borrow the bytes and not
/// the cursor, so several events can be alive at once. The bytes that are unread at
/// [`Event::NeedMore`](crate::Event::NeedMore) are unchanged: keep them in front of the next bytes.
///
/// ```
/// use barews::{Config, Connection, Event, Input};
///
/// let mut ws = Connection::client(Config::new(), || [0; 4]);
/// // A whole Ping, and the first byte of a message.
/// let mut bytes = [0x89, 0x00, 0x82];
/// let mut input = Input::new(&mut bytes);
/// assert!(matches!(ws.receive(&mut input)?, Event::Ping(_)));
/// assert!(matches!(ws.receive(&mut input)?, Event::NeedMore(_)));
/// assert_eq!(input.consumed(), 2);
/// assert_eq!(input.unread(), [0x82]);
/// # Ok::<(), barews::Error>(())
/// ```
pub struct Input<'b> {
    pub(super) bytes: &'b mut [u8],
    pub(super) total: usize,
    /// Where a [`RecvBuffer`](super::RecvBuffer) keeps the number of unread bytes.
    pub(super) left: Option<&'b mut usize>,
}

impl<'b> Input<'b> {
    /// Creates a cursor at the start of `bytes`.
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { total: bytes.len(), bytes, left: None }
    }

    /// The number of unread bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes have been consumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes consumed since [`new`](Self::new).
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.total.saturating_sub(self.bytes.len())
    }

    /// The unread bytes, for instance to copy them to another buffer.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.bytes
    }

    #[inline]
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Consumes and returns `n` bytes, which must be there.
    ///
    /// Cheaper than [`take`](Self::take) where the compiler knows that they are.
    #[inline(always)]
    pub(crate) fn take_exact(&mut self, n: usize) -> Option<&'b mut [u8]> {
        let (taken, rest) = core::mem::take(&mut self.bytes).split_at_mut_checked(n)?;
        self.bytes = rest;
        if let Some(left) = &mut self.left {
            **left = self.bytes.len();
        }
        Some(taken)
    }

    /// Consumes and returns `n` bytes, or all if there are fewer.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> &'b mut [u8] {
        let bytes = core::mem::take(&mut self.bytes);
        let n = n.min(bytes.len());
        let (taken, rest) = bytes.split_at_mut_checked(n).unwrap_or_default();
        self.bytes = rest;
        if let Some(left) = &mut self.left {
            **left = self.bytes.len();
        }
        taken
    }
}

/// Prints no bytes: a request may contain credentials, and each frame of a client its masking key.
impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("consumed", &self.consumed())
            .field("unread", &self.len())
            .finish()
    }
}
