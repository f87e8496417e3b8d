//! What the receiving direction returns (RFC 6455 §5.5, §5.6).

use core::num::NonZero;
use core::ops::Deref;

use crate::wire::close::CloseFrame;
use crate::wire::frame::{Kind, MAX_CONTROL_LEN};
use crate::wire::mask;

/// The result of [`Connection::receive`](crate::Connection::receive).
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "no event may be overlooked by a wildcard arm")]
#[must_use = "the event is consumed from the input"]
pub enum Event<'b> {
    /// A chunk of a message.
    Data(Data<'b>),
    /// A Ping (RFC 6455 §5.5.2). Its Pong is queued automatically, unless
    /// [`auto_pong`](crate::Config::auto_pong) is off.
    ///
    /// A Ping delivered ahead of data stays in the input after that data, and is skipped when the
    /// data has been consumed. As after any event, keep the unread bytes.
    Ping(ControlPayload),
    /// A Pong (RFC 6455 §5.5.3), solicited or not.
    Pong(ControlPayload),
    /// The peer's Close. Its reply is queued automatically, unless
    /// [`auto_close`](crate::Config::auto_close) is off. `None` is a Close without a code, to be
    /// reported as [`CloseCode::NO_STATUS`](crate::CloseCode::NO_STATUS) (RFC 6455 §7.1.5). Only
    /// [`NeedMore`](Self::NeedMore) follows.
    Close(Option<CloseFrame<'b>>),
    /// At least this many more bytes are needed for the next event; an error may come sooner.
    ///
    /// The number is exact once the header of the frame is complete, and within the limits of the
    /// [`Config`](crate::Config), so the buffer has to grow only once. After a Close it is 1: only
    /// the end of the transport is left to come.
    NeedMore(NonZero<usize>),
}

impl Event<'_> {
    /// `NeedMore` for `missing` bytes, or for the most that a `usize` can hold.
    pub(crate) fn need_more(missing: u64) -> Self {
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        Self::NeedMore(NonZero::new(missing).unwrap_or(NonZero::<usize>::MIN))
    }
}

/// A chunk of a message, unmasked in place.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a chunk")]
pub struct Data<'b> {
    /// The kind of the message.
    pub kind: Kind,
    /// The bytes. The chunks of a text are valid UTF-8 when joined: each chunk is checked as it
    /// arrives, but may end inside a character.
    pub payload: &'b mut [u8],
    /// Whether this is the first chunk of its message.
    pub first: bool,
    /// Whether this is the last chunk of its message.
    pub fin: bool,
    /// The position in its message of the chunk's first byte.
    pub offset: u64,
    /// The number of bytes of the same frame that follow this chunk. 0 if the chunk comes out of an
    /// `Inflate`.
    pub frame_left: u64,
    /// The FIN bit of the frame to which this chunk belongs (RFC 6455 §5.2). Unlike
    /// [`fin`](Self::fin), it is the same for all chunks of the frame, so a proxy can
    /// [begin](crate::Connection::begin_frame) the same frame before all of it has arrived. If the
    /// chunk comes out of an `Inflate`, it equals `fin`.
    pub frame_fin: bool,
    /// Whether the message is compressed. Its chunks go to an `Inflate`; a compressed text is not
    /// checked for UTF-8 here. Always `false` unless the `Config` enables compression.
    pub compressed: bool,
}

/// The payload of a Ping or Pong, 0 to 125 bytes. It is owned, because it may be delivered ahead of
/// data in the same buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlPayload(heapless::Vec<u8, MAX_CONTROL_LEN, u8>);

impl ControlPayload {
    pub(crate) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Unmasks the payload of a control frame (at most 125 bytes) into this one, which is empty.
    #[inline]
    pub(crate) fn fill(&mut self, payload: &[u8], key: [u8; 4]) {
        let fits = self.0.extend_from_slice(payload);
        debug_assert!(fits.is_ok(), "a control frame has at most 125 bytes");
        mask::mask(&mut self.0, key);
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for ControlPayload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl core::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ControlPayload").field(&self.as_ref()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ControlPayload {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(self.as_ref(), f);
    }
}

/// How the payload of data frames is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Delivery {
    /// As it arrives: the bytes at hand are one event. The buffer never has to hold a whole frame.
    Chunks,
    /// As whole frames: [`Event::NeedMore`] gives the number of bytes missing from the frame.
    Frames,
}

/// Whether a Ping or Pong may be delivered ahead of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ControlOrder {
    /// A complete Ping or Pong in the input is delivered before data that precedes it.
    Ahead,
    /// All frames are delivered in wire order.
    Wire,
}
