//! The progress of an open message as bytes.

use super::{HeaderRules, MessageProgress};
use crate::bytes::seal::{Reader, UnsealError, Writer, allowed, valid};
use crate::protocol::config::{Config, DEFLATE};
use crate::protocol::fragmentation::Fragmentation;
use crate::wire::frame::Kind;

/// The most bytes of [`MessageProgress::seal`].
pub(crate) const MAX_PROGRESS_LEN: usize = 5 + 10;

impl Kind {
    pub(crate) const fn is_binary(self) -> bool {
        matches!(self, Self::Binary)
    }

    pub(crate) const fn of(is_binary: bool) -> Self {
        if is_binary { Self::Binary } else { Self::Text }
    }
}

impl MessageProgress {
    pub(crate) const fn is_compressed_message(&self) -> bool {
        self.compressed
    }

    /// The payload bytes of the message up to the end of the last frame that was passed.
    pub(crate) const fn message_len(&self) -> u64 {
        self.message_len
    }

    pub(crate) const fn fragments(&self) -> u32 {
        self.fragments
    }

    /// After the header of a message's last frame.
    pub(crate) const fn ended(message_len: u64) -> Self {
        Self { message_len, ..Self::new() }
    }

    /// Writes how much of the open message has passed.
    pub(crate) fn seal(&self, writer: &mut Writer<'_>) {
        writer.int(self.fragments.into());
        writer.int(self.message_len);
    }

    /// Reads the progress of a message of this kind.
    pub(crate) fn unseal(
        kind: Kind,
        compressed: bool,
        rules: &HeaderRules,
        reader: &mut Reader<'_>,
    ) -> Result<Self, UnsealError> {
        let (fragments, message_len): (u32, _) = (reader.small()?, reader.int()?);
        valid(fragments > 0)?;
        rules.allow_compressed(compressed)?;
        rules.allow_message(message_len)?;
        let most = rules.max_frame_len.saturating_mul(fragments.into());
        allowed(message_len <= most)?;
        let unlimited = rules.max_fragments == Config::UNLIMITED_FRAGMENTS;
        allowed(unlimited || fragments <= rules.max_fragments)?;
        Ok(Self { flow: Fragmentation::Message(kind), fragments, message_len, compressed })
    }
}

impl HeaderRules {
    pub(crate) const fn is_deflate(&self) -> bool {
        self.deflate
    }

    pub(crate) const fn set_deflate(&mut self, deflate: bool) {
        self.deflate = deflate;
    }

    pub(crate) fn allow_message(&self, message_len: u64) -> Result<(), UnsealError> {
        allowed(message_len <= self.max_message_len)
    }

    pub(crate) fn allow_frame(&self, len: u64) -> Result<(), UnsealError> {
        allowed(len <= self.max_frame_len)
    }

    pub(crate) fn allow_compressed(&self, compressed: bool) -> Result<(), UnsealError> {
        valid(!compressed || DEFLATE && self.deflate)
    }
}
