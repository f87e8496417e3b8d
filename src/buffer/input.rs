//! A cursor over received bytes.

/// A cursor over received bytes that are not consumed yet.
///
/// [`Connection::receive`](crate::Connection::receive) moves it forward. Events borrow the bytes
/// and not the cursor, so two events can be alive at once. What is left when
/// [`Event::NeedMore`](crate::Event) comes stays as it was: keep it in front of the next bytes.
#[derive(Debug)]
pub struct Input<'b> {
    pub(super) bytes: &'b mut [u8],
    pub(super) total: usize,
    /// Where a [`RecvBuffer`](super::RecvBuffer) wants to know how much is left.
    pub(super) unread: Option<&'b mut usize>,
}

impl<'b> Input<'b> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { total: bytes.len(), bytes, unread: None }
    }

    /// How many bytes are not consumed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes are consumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes were consumed since [`new`](Self::new).
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.total.saturating_sub(self.bytes.len())
    }

    /// The bytes that are not consumed, for instance to copy them away.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.bytes
    }

    #[inline]
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Consumes `n` bytes, or all if there are fewer, and hands them out.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> &'b mut [u8] {
        let bytes = core::mem::take(&mut self.bytes);
        let n = n.min(bytes.len());
        let (taken, rest) = bytes.split_at_mut_checked(n).unwrap_or_default();
        self.bytes = rest;
        if let Some(unread) = &mut self.unread {
            **unread = self.bytes.len();
        }
        taken
    }
}
