//! Output that the socket has not accepted yet.

use std::ops::Range;

use crate::pool::Pool;
use crate::stats::Stats;

pub(crate) struct Output {
    buffer: Vec<u8>,
    pending: Range<usize>,
}

impl Output {
    /// The `pending` bytes of a pooled buffer. If there are none, the buffer goes back to the pool.
    pub(crate) fn new(
        buffer: Vec<u8>,
        pending: Range<usize>,
        pool: &mut Pool,
        stats: &Stats,
    ) -> Option<Box<Self>> {
        Self::or_give(Box::new(Self { buffer, pending }), pool, stats)
    }

    pub(crate) fn or_give(self: Box<Self>, pool: &mut Pool, stats: &Stats) -> Option<Box<Self>> {
        if self.len() > 0 {
            return Some(self);
        }
        pool.give(self.buffer, stats);
        None
    }

    pub(crate) fn append(
        output: &mut Option<Box<Self>>,
        bytes: &[u8],
        pool: &mut Pool,
        stats: &Stats,
    ) {
        let output =
            output.get_or_insert_with(|| Box::new(Self { buffer: Vec::new(), pending: 0..0 }));
        let needed = output.len() + bytes.len();
        if output.pending.end + bytes.len() > output.buffer.len() {
            if needed > output.buffer.len() {
                let mut longer = pool.take(needed, stats);
                longer[..output.len()].copy_from_slice(output.bytes());
                pool.give(std::mem::replace(&mut output.buffer, longer), stats);
            } else {
                output.buffer.copy_within(output.pending.clone(), 0);
            }
            output.pending = 0..output.len();
        }
        output.buffer[output.pending.end..][..bytes.len()].copy_from_slice(bytes);
        output.pending.end += bytes.len();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.pending.clone()]
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.pending.start += n;
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}
