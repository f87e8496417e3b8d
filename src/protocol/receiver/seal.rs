//! The state of the receiving direction as bytes.

use super::{Payload, ReceiveState, Receiver};
use crate::bytes::seal::{Bits, INT_LEN, Reader, UnsealError, Writer, allowed, valid};
use crate::protocol::event::Delivery;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::header_rules::{MAX_PROGRESS_LEN, MessageProgress};
use crate::protocol::look_ahead;
use crate::wire::error::Error;
use crate::wire::frame::Kind;
use crate::wire::masking_key::MaskingKey;
use crate::wire::utf8::Utf8;

/// The most bytes of [`Receiver::seal`].
pub(crate) const MAX_LEN: usize = 1 + MAX_PROGRESS_LEN + INT_LEN + 4 + look_ahead::MAX_LEN;

/// What a sealed receiver is doing, in three bits.
mod doing {
    /// At a header, no message is open, and no later header has been read.
    pub(super) const IDLE: u8 = 0;
    /// The same with a look-ahead.
    pub(super) const IDLE_AHEAD: u8 = 1;
    pub(super) const BETWEEN_FRAMES: u8 = 2;
    pub(super) const IN_FRAME: u8 = 3;
    pub(super) const FAILING: u8 = 4;
    pub(super) const CLOSED: u8 = 5;
    pub(super) const ENDED: u8 = 6;
    pub(super) const FAILED: u8 = 7;
}

/// An open message of the wire reader, in the seven bits of its first byte.
struct Open {
    kind: Kind,
    compressed: bool,
    utf8: Utf8,
    is_ahead: bool,
}

impl Open {
    fn bits(&self) -> Bits {
        let bits = Bits::new().with_flag(self.kind.is_binary()).with_flag(self.compressed);
        bits.with(3, self.utf8.number()).with_flag(self.is_ahead)
    }

    fn take(bits: &mut Bits) -> Result<Self, UnsealError> {
        let open = Self {
            kind: Kind::of(bits.take_flag()),
            compressed: bits.take_flag(),
            utf8: Utf8::from_number(bits.take(3)),
            is_ahead: bits.take_flag(),
        };
        // Only a text is checked, and a compressed one elsewhere.
        let is_checked = open.kind == Kind::Text && !open.compressed;
        valid(is_checked || open.utf8.is_boundary())?;
        Ok(open)
    }

    /// An incomplete character has a first byte, so it is not at the start of its message.
    fn check_offset(&self, offset: u64) -> Result<(), UnsealError> {
        valid(offset > 0 || self.utf8.is_boundary())
    }
}

impl Receiver {
    /// A number of three bits that tells how [`seal`](Self::seal) goes on.
    pub(crate) fn doing(&self) -> u8 {
        match self.state {
            ReceiveState::Header => match self.progress.flow {
                Fragmentation::Message(_) => doing::BETWEEN_FRAMES,
                Fragmentation::Idle if self.look_ahead.is_ahead(0) => doing::IDLE_AHEAD,
                Fragmentation::Idle => doing::IDLE,
            },
            ReceiveState::Payload => doing::IN_FRAME,
            ReceiveState::Failing(_) => doing::FAILING,
            ReceiveState::Discard => doing::CLOSED,
            ReceiveState::Ended => doing::ENDED,
            ReceiveState::Failed { .. } => doing::FAILED,
        }
    }

    /// Whether the fast path is not taken because of [`hold`](Self::hold).
    #[cfg(reseal)]
    pub(crate) fn is_held(&self) -> bool {
        self.whole_below == 0 && matches!(self.doing(), doing::IDLE | doing::IDLE_AHEAD)
    }

    pub(crate) const fn is_deflate(&self) -> bool {
        self.rules.is_deflate()
    }

    pub(crate) const fn set_deflate(&mut self, deflate: bool) {
        self.rules.set_deflate(deflate);
    }

    pub(crate) fn seal<const SERVER: bool>(&self, writer: &mut Writer<'_>) {
        let utf8 = self.utf8;
        let left = match self.state {
            ReceiveState::Header => {
                if let Fragmentation::Message(kind) = self.progress.flow {
                    let compressed = self.progress.is_compressed_message();
                    let is_ahead = self.look_ahead.is_ahead(0);
                    writer.byte(Open { kind, compressed, utf8, is_ahead }.bits().byte());
                    self.progress.seal(writer);
                }
                0
            }
            ReceiveState::Payload => {
                let Payload { kind, first, fin, compressed, key, left } = self.frame;
                let is_ahead = self.look_ahead.is_ahead(left);
                let open = Open { kind, compressed, utf8, is_ahead };
                writer.byte(open.bits().with_flag(first).with_flag(fin).byte());
                if fin {
                    writer.int(self.progress.message_len());
                } else {
                    self.progress.seal(writer);
                }
                writer.int(left);
                if SERVER {
                    writer.bytes(&key.0);
                }
                left
            }
            ReceiveState::Failed { error, ended } => {
                return writer.byte(error.number() << 1 | u8::from(ended));
            }
            ReceiveState::Failing(_) | ReceiveState::Discard | ReceiveState::Ended => return,
        };
        if self.look_ahead.is_ahead(left) {
            self.look_ahead.seal(left, writer);
        }
    }

    /// Reads the state into this one, which is new. `doing` has three bits.
    pub(crate) fn unseal<const SERVER: bool>(
        &mut self,
        doing: u8,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let (is_ahead, left) = match doing {
            doing::IDLE => (false, 0),
            doing::IDLE_AHEAD => (true, 0),
            doing::BETWEEN_FRAMES => (self.unseal_message(reader)?, 0),
            doing::IN_FRAME => self.unseal_frame::<SERVER>(reader)?,
            doing::FAILING => {
                self.stop(ReceiveState::Failing(Error::InvalidUtf8));
                return Ok(());
            }
            doing::CLOSED => {
                self.stop(ReceiveState::Discard);
                return Ok(());
            }
            doing::ENDED => {
                self.stop(ReceiveState::Ended);
                return Ok(());
            }
            _ => {
                let byte = reader.byte()?;
                let (error, ended) = (Error::from_number(byte >> 1)?, byte & 1 != 0);
                valid(ended || error != Error::UnexpectedEof)?;
                self.stop(ReceiveState::Failed { error, ended });
                return Ok(());
            }
        };
        if is_ahead {
            let least = if SERVER { 6 } else { 2 };
            self.look_ahead.unseal(left, self.progress, least, &self.rules, reader)?;
        } else {
            self.look_ahead.begin_at(left, self.progress);
        }
        Ok(())
    }

    /// Between two frames of a message. Returns whether a look-ahead follows.
    fn unseal_message(&mut self, reader: &mut Reader<'_>) -> Result<bool, UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let open = Open::take(&mut bits)?;
        bits.end()?;
        self.progress = MessageProgress::unseal(open.kind, open.compressed, &self.rules, reader)?;
        self.utf8 = open.utf8;
        self.hold(false);
        open.check_offset(self.progress.message_len())?;
        Ok(open.is_ahead)
    }

    /// Inside a frame. Returns whether a look-ahead follows, and what is left of the frame.
    fn unseal_frame<const SERVER: bool>(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<(bool, u64), UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let open = Open::take(&mut bits)?;
        let (first, fin) = (bits.take_flag(), bits.take_flag());
        let Open { kind, compressed, .. } = open;
        self.rules.allow_compressed(compressed)?;
        self.progress = if fin {
            MessageProgress::ended(reader.int()?)
        } else {
            MessageProgress::unseal(kind, compressed, &self.rules, reader)?
        };
        let (message_len, left) = (self.progress.message_len(), reader.int()?);
        let key = MaskingKey(if SERVER { reader.array()? } else { [0; 4] });
        valid(left > 0 && left <= message_len)?;
        // Nothing of a first frame was delivered, and something of any other or of a later frame.
        let is_whole = left == message_len;
        let is_only = fin || self.progress.fragments() == 1;
        valid(if first { is_whole && is_only } else { !is_whole || fin || !is_only })?;
        self.utf8 = open.utf8;
        open.check_offset(self.progress.offset(left))?;
        self.rules.allow_message(message_len)?;
        self.rules.allow_frame(left)?;
        // The rest of a frame is not a whole one.
        allowed(self.rules.delivery == Delivery::Chunks)?;
        self.frame = Payload { kind, first, fin, compressed, key, left };
        self.state = ReceiveState::Payload;
        self.hold(false);
        Ok((open.is_ahead, left))
    }
}
