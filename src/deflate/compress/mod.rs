//! Compression of messages (RFC 7692 §7.2.1).

mod bit_writer;
mod block;
mod block_writer;
mod effort;
mod hash_chain;
mod history;
mod huffman;
mod match_finder;
mod message_writer;
mod seal;
mod tokens;

pub use self::effort::Effort;
pub use self::message_writer::{Deflated, Flush};

use core::fmt;

use self::effort::Layout;
use self::message_writer::{DeflateState, MessageWriter};
use crate::buffer::StorageFull;
use crate::deflate_params::CompressionContext;

/// Compresses messages into permessage-deflate payloads (RFC 7692 §7.2.1), in storage
/// supplied by the caller: an array, `&mut [u8]`, `Vec<u8>` or pooled block.
///
/// ```
/// use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Flush};
///
/// const SERVER: CompressionContext = DeflateParams::DEFAULT.server();
/// let storage = [0; Deflate::memory(SERVER, Effort::SMALL)];
/// let mut deflate = Deflate::new(SERVER, Effort::SMALL, storage)?;
/// let mut out = [0; Deflate::max_len(5)];
/// let first = deflate.push(b"Hello", Flush::Finish, &mut out);
/// assert_eq!(out[..first.written], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
/// let second = deflate.push(b"Hello", Flush::Finish, &mut out); // refers to the first message
/// assert_eq!(out[..second.written], [0xf2, 0x00, 0x11, 0x00, 0x00]);
/// # Ok::<(), barews::StorageFull>(())
/// ```
pub struct Deflate<S> {
    storage: S,
    layout: Layout,
    effort: Effort,
    context: CompressionContext,
    state: DeflateState,
}

impl Deflate<&mut [u8]> {
    /// The length in bytes of the storage that [`Deflate::new`] requires.
    #[must_use]
    pub const fn memory(context: CompressionContext, effort: Effort) -> usize {
        effort.layout(context).memory()
    }

    /// The maximum compressed length, in bytes, of a message of `len` bytes without
    /// [`Flush::Sync`], for any [`Effort`].
    ///
    /// With `Sync`, count the parts: a part of `len` bytes takes at most `max_len(len) + 4` if
    /// `Sync` ends it, and at most `max_len(len)` if the message ends. Blocks do not continue
    /// after a `Sync`, so short parts compress less.
    #[must_use]
    pub const fn max_len(len: usize) -> usize {
        // The fixed code has at most nine bits per byte. Added to that are at most two headers
        // and ends of block, the header of the empty block, and padding: any further block
        // saves more than it costs, because all blocks but the last have at least 40 bytes.
        len.saturating_add(len.div_ceil(8)).saturating_add(3)
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Deflate<S> {
    /// Creates a compressor that uses `context`: on a server,
    /// [`DeflateParams::server`](super::DeflateParams::server); on a client,
    /// [`DeflateParams::client`](super::DeflateParams::client). Of `storage` it uses
    /// the first [`memory`](Deflate::memory) bytes.
    ///
    /// # Errors
    ///
    /// [`StorageFull`] if `storage` is shorter than that.
    pub fn new(
        context: CompressionContext,
        effort: Effort,
        mut storage: S,
    ) -> Result<Self, StorageFull> {
        let layout = effort.layout(context);
        let needed = layout.memory();
        storage.as_mut().get_mut(..needed).ok_or(StorageFull { needed })?.fill(0);
        let state = DeflateState::NEW;
        Ok(Self { storage, layout, effort, context, state })
    }

    /// Compresses the next part of a message into `out`. [`Flush::Finish`] marks the last part,
    /// which may be empty; [`Flush::Sync`] a part that the receiver can inflate before the rest.
    ///
    /// If the result is not [`done`](Deflated::done), `out` is full: call this again
    /// with the rest of `input`, the same `flush` and more room. The bytes of `out` after
    /// those written are unspecified.
    ///
    /// **Send what was written**, before the output of later messages: with context takeover,
    /// they refer to bytes of this one. A peer that has not received it inflates them to other
    /// bytes, or fails the connection. To send the message uncompressed instead, or not at all,
    /// call [`forget`](Self::forget).
    ///
    /// The compressed message depends on the places of `Sync`, but not on how `input` and `out`
    /// are otherwise split into calls.
    ///
    /// ```
    /// use barews::deflate::{Deflate, DeflateParams, Effort, Flush};
    ///
    /// let context = DeflateParams::DEFAULT.server();
    /// let storage = vec![0; Deflate::memory(context, Effort::SMALL)];
    /// let mut deflate = Deflate::new(context, Effort::SMALL, storage)?;
    /// let mut out = [0; 32];
    /// let one = deflate.push(b"part one", Flush::Sync, &mut out);
    /// assert!(out[..one.written].ends_with(&[0x00, 0x00, 0xff, 0xff]));
    /// // Send these bytes as a fragment now, and the rest when there is more.
    /// let two = deflate.push(b", part two", Flush::Finish, &mut out);
    /// assert!(one.done && two.done);
    /// # Ok::<(), barews::StorageFull>(())
    /// ```
    pub fn push(&mut self, input: &[u8], flush: Flush, out: &mut [u8]) -> Deflated {
        let Self { storage, layout, effort, context, state } = self;
        let Some(mut writer) =
            MessageWriter::new(storage.as_mut(), layout, effort, context.takeover, state)
        else {
            return Deflated { consumed: 0, written: 0, done: false };
        };
        writer.push(input, flush, out)
    }

    /// Drops the history: the next message refers to nothing before it, so the peer can inflate
    /// it without the output that was not sent. A message in progress is abandoned.
    ///
    /// The call takes constant time. The next messages are as long as those of a new compressor.
    /// If a part of the abandoned message was sent, the connection can only be closed, because
    /// the peer waits for the rest.
    ///
    /// ```
    /// use barews::deflate::{Deflate, DeflateParams, Effort, Flush};
    ///
    /// let context = DeflateParams::DEFAULT.server();
    /// let storage = vec![0; Deflate::memory(context, Effort::SMALL)];
    /// let mut deflate = Deflate::new(context, Effort::SMALL, storage)?;
    /// let (message, mut out) = (b"q8Zx0vR2", [0; Deflate::max_len(8)]);
    /// let deflated = deflate.push(message, Flush::Finish, &mut out);
    /// if deflated.written >= message.len() {
    ///     deflate.forget(); // and send the message uncompressed
    /// }
    /// # assert!(deflated.written >= message.len());
    /// # Ok::<(), barews::StorageFull>(())
    /// ```
    pub const fn forget(&mut self) {
        self.state.forget();
    }

    /// Whether a message of `len` bytes reaches the [`Effort::threshold`] for compression.
    #[must_use]
    pub const fn wants(&self, len: usize) -> bool {
        len >= self.effort.threshold
    }
}

/// Prints no bytes: the storage has those of earlier messages.
impl<S> fmt::Debug for Deflate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate")
            .field("effort", &self.effort)
            .field("takeover", &self.context.takeover)
            .finish_non_exhaustive()
    }
}
