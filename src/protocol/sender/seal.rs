//! The state of the sending direction as bytes.

use super::{OpenFrame, Sender};
use crate::bytes::seal::{Bits, INT_LEN, Reader, UnsealError, Writer, allowed, valid};
use crate::protocol::closing::Local;
use crate::protocol::config::DEFLATE;
use crate::protocol::fragmentation::Fragmentation;
use crate::protocol::role::Role;
use crate::wire::error::Error;
use crate::wire::frame::{Content, Kind, MAX_PAYLOAD_LEN};
use crate::wire::masking_key::MaskingKey;
use crate::wire::utf8::Utf8;

/// The most bytes of [`Sender::seal`].
pub(crate) const MAX_LEN: usize = 1 + INT_LEN - 1 + 4;

impl<R: Role> Sender<R> {
    pub(crate) const fn set_deflate(&mut self, deflate: bool) {
        self.deflate = deflate;
    }

    /// Whether [`seal`](Self::seal) writes anything: a frame is in progress, or a message whose next
    /// frame may be sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.in_message()
    }

    /// Whether the text of an open message is checked.
    fn is_checked(&self, content: Content) -> bool {
        self.validate && content.kind == Kind::Text && !content.compressed
    }

    pub(crate) fn seal(&self, writer: &mut Writer<'_>) {
        let content = match (&self.frame, self.flow) {
            (None, Fragmentation::Idle) => return,
            _ if !self.is_sending() => return,
            (Some(frame), _) => frame.content,
            (None, Fragmentation::Message(kind)) => {
                Content { compressed: self.compressed, ..kind.into() }
            }
        };
        let compressed = DEFLATE && content.compressed;
        let bits = Bits::new().with_flag(content.kind.is_binary()).with_flag(compressed);
        let bits = bits.with_flag(self.is_checked(content)).with(3, self.utf8.number());
        let bits = bits.with_flag(self.frame.is_some());
        let Some(OpenFrame { fin, key, left, .. }) = self.frame else {
            return writer.byte(bits.byte());
        };
        writer.byte(bits.with_flag(fin).byte());
        writer.int(left);
        if let Some(key) = key {
            writer.bytes(&key.0);
        }
    }

    /// Reads the message in progress into this direction, which is new but for what is pending.
    pub(crate) fn unseal(
        &mut self,
        error: Option<Error>,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let (kind, compressed) = (Kind::of(bits.take_flag()), bits.take_flag());
        let content = Content { compressed, ..kind.into() };
        let (is_checked, utf8) = (bits.take_flag(), Utf8::from_number(bits.take(3)));
        let (has_frame, fin) = (bits.take_flag(), bits.take_flag());
        valid(!compressed || DEFLATE && self.deflate)?;
        let is_text = kind == Kind::Text && !compressed;
        valid(
            (is_text || !is_checked) && (is_checked || utf8.is_boundary()) && (has_frame || !fin),
        )?;
        // The start of the text was checked, and the rest is not, or the reverse.
        allowed(is_checked == self.is_checked(content))?;
        let is_lost = error == Some(Error::UnexpectedEof);
        valid(match self.pending.local {
            Local::Open | Local::Held => true,
            Local::Queued => has_frame,
            Local::Closed => has_frame && is_lost,
            Local::Broken => false,
        })?;
        if has_frame {
            let left = reader.int()?;
            valid((1..=MAX_PAYLOAD_LEN).contains(&left))?;
            let key = if R::SERVER { None } else { Some(MaskingKey(reader.array()?)) };
            self.frame = Some(OpenFrame { content, fin, key, left });
        }
        self.flow = if fin { Fragmentation::Idle } else { Fragmentation::Message(kind) };
        (self.utf8, self.compressed) = (utf8, compressed);
        Ok(())
    }
}
