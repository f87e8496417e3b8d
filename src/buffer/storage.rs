//! The caller's memory: fixed, or growing.

use core::fmt;

/// Memory for a [`RecvBuffer`](crate::RecvBuffer), a [`SendBuffer`](crate::SendBuffer) or an
/// [`Assembler`](crate::Assembler): an array, a `&mut [u8]`, a `heapless::Vec`, and with the feature
/// `alloc` a `Vec<u8>` or a `Box<[u8]>`.
///
/// The whole of [`as_mut`](AsMut::as_mut) is used. A type that only implements the two conversions
/// has a fixed length, such as a block from a pool:
///
/// ```
/// use barews::{RecvBuffer, Storage};
///
/// struct Block(&'static mut [u8]); // and a `Drop` that returns it to the pool
///
/// impl AsRef<[u8]> for Block {
///     fn as_ref(&self) -> &[u8] {
///         self.0
///     }
/// }
///
/// impl AsMut<[u8]> for Block {
///     fn as_mut(&mut self) -> &mut [u8] {
///         self.0
///     }
/// }
///
/// impl Storage for Block {}
///
/// let rx = RecvBuffer::new(Block(Box::leak(Box::new([0; 4096]))));
/// assert_eq!(rx.capacity(), 4096);
/// ```
pub trait Storage: AsRef<[u8]> + AsMut<[u8]> {
    /// The length in bytes that [`try_grow`](Self::try_grow) can reach; `usize::MAX` if only the
    /// allocator knows.
    fn max_len(&self) -> usize {
        self.as_ref().len()
    }

    /// Makes the storage at least `len` bytes long. Its bytes stay; those added have any value.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if that is not possible. The storage is unchanged then.
    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        if len <= self.as_ref().len() { Ok(()) } else { Err(StorageFull { needed: len }) }
    }
}

impl<const N: usize> Storage for [u8; N] {}

impl Storage for [u8] {}

impl<S: Storage + ?Sized> Storage for &mut S {
    fn max_len(&self) -> usize {
        (**self).max_len()
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        (**self).try_grow(len)
    }
}

/// Grows within its capacity, so an empty one is as good as a full one.
impl<const N: usize> Storage for heapless::Vec<u8, N> {
    fn max_len(&self) -> usize {
        N
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        self.resize(len.max(self.len()), 0).map_err(|_| StorageFull { needed: len })
    }
}

/// Grows as long as the allocator has memory.
#[cfg(feature = "alloc")]
impl Storage for alloc::vec::Vec<u8> {
    fn max_len(&self) -> usize {
        usize::MAX
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        let more = len.saturating_sub(self.len());
        self.try_reserve_exact(more).map_err(|_| StorageFull { needed: len })?;
        self.resize(len.max(self.len()), 0);
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Storage for alloc::boxed::Box<[u8]> {}

/// Grows `storage` to hold `needed` bytes, of which `here` bytes have come: to twice these, as long
/// as that is enough, so that its length is paid for by what came and not by what is announced.
///
/// # Errors
///
/// [`StorageFull`] if the storage cannot hold `needed` bytes.
#[cold]
pub(crate) fn grow_over<S: Storage>(
    storage: &mut S,
    here: usize,
    needed: usize,
) -> Result<(), StorageFull> {
    if needed > storage.max_len() {
        return Err(StorageFull { needed });
    }
    let double = here.saturating_mul(2).max(LEAST).max(needed).min(storage.max_len());
    storage.try_grow(double).or_else(|_| storage.try_grow(needed))
}

/// The least length in bytes that a storage grows to.
const LEAST: usize = 1024;

/// The caller's storage is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "complete: a single number")]
pub struct StorageFull {
    /// The length of a sufficient storage in bytes.
    pub needed: usize,
}

impl fmt::Display for StorageFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the storage is too short: {} bytes are needed", self.needed)
    }
}

impl core::error::Error for StorageFull {}
