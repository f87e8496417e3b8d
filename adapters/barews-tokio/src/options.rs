//! What both sides of a connection can choose.

use barews::Config;
use barews::deflate::{Deflate, Effort};
use barews::keepalive::Timeouts;

/// The limits and timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub(crate) timeouts: Timeouts,
    pub(crate) effort: Effort,
    max_message_len: usize,
    max_frame_len: usize,
}

impl Options {
    /// The defaults: messages of at most 64 MiB, frames of any length, [`Effort::FAST`], and the
    /// timeouts of [`Timeouts::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            timeouts: Timeouts::new(),
            effort: Effort::FAST,
            max_message_len: 64 << 20,
            max_frame_len: usize::MAX,
        }
    }

    /// Sets the length of the longest message that is received, in bytes; for a compressed one,
    /// after it was inflated.
    #[must_use]
    pub const fn max_message_len(mut self, max_message_len: usize) -> Self {
        self.max_message_len = max_message_len;
        self
    }

    /// Sets the length of the longest frame that is received, in bytes as they are on the wire. By
    /// default only the length of its message counts.
    #[must_use]
    pub const fn max_frame_len(mut self, max_frame_len: usize) -> Self {
        self.max_frame_len = max_frame_len;
        self
    }

    /// Sets the timeouts: of the opening handshake, between a Ping and its Pong, and so on.
    #[must_use]
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets how hard the messages that are sent are compressed, if that is negotiated.
    #[must_use]
    pub const fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    pub(crate) fn config(&self, is_compressed: bool) -> Config {
        let longest = self.max_message_len;
        // Compressed bytes are limited here; `Inflate` limits the inflated ones.
        let longest = if is_compressed { Deflate::max_len(longest) } else { longest };
        let config = Config::new().max_message_len(longest as u64);
        config.max_frame_len(longest.min(self.max_frame_len) as u64)
    }

    pub(crate) const fn longest_message(&self) -> u64 {
        self.max_message_len as u64
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
