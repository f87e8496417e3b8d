//! What comes out of the receiving direction.

use core::num::NonZero;
use core::ops::Deref;

use crate::wire::close::CloseFrame;
use crate::wire::frame::{Kind, MAX_CONTROL_LEN};
use crate::wire::mask;

/// What [`Connection::receive`](crate::Connection::receive) found in the bytes.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "no event may be overlooked by a wildcard arm")]
#[must_use = "the event is consumed from the input"]
pub enum Event<'b> {
    /// Bytes of a message.
    Data(Data<'b>),
    /// A Ping (5.5.2). Its Pong is due by itself, unless `auto_pong` is off.
    ///
    /// One that overtook data lies behind it in the input, and is passed over when the data before
    /// it is consumed: keep the input's bytes until then, as after any event.
    Ping(ControlPayload),
    /// A Pong (5.5.3), asked for or not.
    Pong(ControlPayload),
    /// The peer's Close, `None` without a code (then the code to report is
    /// [`CloseCode::NO_STATUS`](crate::CloseCode::NO_STATUS), 7.1.5). It is the last event but
    /// [`NeedMore`](Self::NeedMore), and its answer is due by itself.
    Close(Option<CloseFrame<'b>>),
    /// No event until this many more bytes are here; an error may come sooner.
    ///
    /// The number is exact once the header of the frame is complete, so one growth by it is enough.
    /// It passed `max_frame_len` before it is given. After a Close it is 1, and only the end of the
    /// transport is awaited.
    NeedMore(NonZero<usize>),
}

impl Event<'_> {
    /// `missing` more bytes until an event; what no buffer can hold is the most that one can.
    pub(crate) fn need_more(missing: u64) -> Self {
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        Self::NeedMore(NonZero::new(missing).unwrap_or(NonZero::<usize>::MIN))
    }
}

/// A piece of a message, unmasked in place.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Data<'b> {
    /// The kind of the message.
    pub kind: Kind,
    /// The bytes. The pieces of a text are valid UTF-8 when put together, and no byte so far makes
    /// that impossible; a piece may end inside a character.
    pub payload: &'b mut [u8],
    /// This is the first piece of its message.
    pub first: bool,
    /// This is the last piece of its message.
    pub fin: bool,
    /// How many bytes of the same frame are still to come behind this piece.
    pub frame_left: u64,
    /// The message is compressed, so the bytes are not yet those of the message, nor checked: give the
    /// piece to an `Inflate`. Only where the `Config` says that this was agreed on.
    pub compressed: bool,
}

/// The payload of a Ping or Pong: 0 to 125 bytes, owned, because it overtakes the data that lies
/// before it in the same buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlPayload(heapless::Vec<u8, MAX_CONTROL_LEN, u8>);

impl ControlPayload {
    pub(crate) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Unmasks the payload of a control frame, which has at most 125 bytes, into this empty one.
    #[inline]
    pub(crate) fn fill(&mut self, payload: &[u8], key: [u8; 4]) {
        self.0.extend_from_slice(payload).unwrap_or_default();
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

/// How the payload of data frames is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Delivery {
    /// As it comes: whatever is there is an event. The buffer never has to hold a frame.
    Chunks,
    /// Whole frames only: [`Event::NeedMore`] says how many bytes of the frame are missing.
    Frames,
}

/// Which frames may overtake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ControlOrder {
    /// Every complete Ping or Pong in the input comes before data that is still undelivered.
    Ahead,
    /// Everything comes in the order of the wire.
    Wire,
}
