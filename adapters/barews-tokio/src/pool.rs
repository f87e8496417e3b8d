//! Memory that connections share: each has it only while it is in use.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Free objects of the process, up to a number.
pub(crate) struct Pool<T> {
    free: Mutex<Vec<T>>,
    most: usize,
}

impl<T> Pool<T> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), most }
    }

    /// A free object that is suitable.
    pub(crate) fn take(&self, is_suitable: impl Fn(&T) -> bool) -> Option<T> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.iter().rposition(is_suitable)?;
        Some(free.swap_remove(at))
    }

    /// Takes an object back. Beyond the number, another one is dropped for it, so that objects that
    /// suit nobody do not stay.
    pub(crate) fn give(&self, object: T) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = (free.len() >= self.most).then(|| free.remove(0));
        free.push(object);
        drop(free);
        drop(dropped);
    }
}

/// The least length of a buffer of the pool in bytes.
pub(crate) const BUFFER: usize = 64 << 10;

/// The greatest one: that of an output which has grown over its high mark.
const LONGEST: usize = 128 << 10;

/// Buffers of [`BUFFER`] to [`LONGEST`] bytes, at most 8 MiB. The threads keep [`LOCAL`] more each.
static BUFFERS: Pool<Vec<u8>> = Pool::new(64);

/// Buffers for longer messages, up to [`LONG`] bytes each, at most 8 MiB. Without them, most of the time
/// that such a message takes is that of new pages.
static LONG_BUFFERS: Pool<Vec<u8>> = Pool::new(4);
const LONG: usize = 2 << 20;

/// The number of buffers that each thread keeps for itself: those of one connection.
const LOCAL: usize = 2;

thread_local! {
    /// Most turns take and return their buffers here, without a lock.
    static OWN: Cell<[Option<Vec<u8>>; LOCAL]> = const { Cell::new([const { None }; LOCAL]) };
}

/// Lends the buffers of the thread. `None` while the thread ends.
fn own<U>(change: impl FnOnce(&mut [Option<Vec<u8>>; LOCAL]) -> U) -> Option<U> {
    let lent = |own: &Cell<[Option<Vec<u8>>; LOCAL]>| {
        let mut buffers = own.take();
        let result = change(&mut buffers);
        own.set(buffers);
        result
    };
    OWN.try_with(lent).ok()
}

/// A buffer of at least [`BUFFER`] bytes.
pub(crate) fn buffer() -> Vec<u8> {
    own(|buffers| buffers.iter_mut().find_map(Option::take))
        .flatten()
        .or_else(|| BUFFERS.take(|_| true))
        .unwrap_or_else(|| vec![0; BUFFER])
}

/// A buffer for a message of `len` bytes that is longer than [`BUFFER`], if one is free.
pub(crate) fn long_buffer(len: usize) -> Option<Vec<u8>> {
    LONG_BUFFERS.take(|buffer| buffer.len() >= len)
}

/// Keeps the memory of a buffer, unless it is shorter or longer than those of the pools.
pub(crate) fn keep(buffer: Vec<u8>) {
    if !(BUFFER..=LONG).contains(&buffer.len()) {
        return;
    }
    if buffer.len() > LONGEST {
        return LONG_BUFFERS.give(buffer);
    }
    let mut buffer = Some(buffer);
    _ = own(|buffers| {
        if let Some(place) = buffers.iter_mut().find(|place| place.is_none()) {
            *place = buffer.take();
        }
    });
    if let Some(buffer) = buffer {
        BUFFERS.give(buffer);
    }
}

/// A message in a buffer, which comes back to the pool once no part of the message is referenced.
pub(crate) struct Lent {
    buffer: Vec<u8>,
    len: usize,
}

impl Lent {
    pub(crate) const fn new(buffer: Vec<u8>, len: usize) -> Self {
        Self { buffer, len }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.buffer));
    }
}

impl From<Lent> for Bytes {
    fn from(lent: Lent) -> Self {
        Self::from_owner(lent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_drops_what_is_old() {
        let pool = Pool::new(2);
        for n in [1, 2, 3, 4] {
            pool.give(n);
        }
        assert_eq!(pool.take(|n| *n < 3), None);
        assert_eq!([4, 3].map(|n| pool.take(|it| *it == n)), [Some(4), Some(3)]);
        assert_eq!(pool.take(|_| true), None);
    }

    #[test]
    fn buffers_come_back_to_their_thread() {
        let (one, two) = (buffer(), buffer());
        let places = [one.as_ptr(), two.as_ptr()];
        keep(one);
        keep(two);
        keep(Vec::new());
        keep(vec![0; LONGEST + 1]);
        keep(vec![0; LONG + 1]);
        let again = [buffer(), buffer()];
        assert!(again.iter().all(|it| it.len() == BUFFER && places.contains(&it.as_ptr())));
        assert_eq!(long_buffer(LONGEST + 2), None);
        assert_eq!(long_buffer(LONGEST + 1).map(|it| it.len()), Some(LONGEST + 1));
        assert_eq!(long_buffer(1), None);

        // A message holds its buffer as long as a part of it is in use.
        let buffer = vec![7; LONG];
        let place = buffer.as_ptr();
        let message = Bytes::from(Lent::new(buffer, LONG / 2));
        assert_eq!((message.len(), message.as_ptr()), (LONG / 2, place));
        let part = message.slice(9..10);
        drop(message);
        assert_eq!((long_buffer(1), &part[..]), (None, &[7][..]));
        drop(part);
        assert_eq!(long_buffer(LONG).map(|it| it.as_ptr()), Some(place));
    }
}
