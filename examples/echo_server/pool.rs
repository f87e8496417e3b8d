//! Memory for incomplete frames and unsent output. There is one pool per thread.

use std::sync::atomic::Ordering::Relaxed;

use crate::stats::Stats;

/// The smallest buffer. Each size class is twice as large as the one before.
const LEAST: usize = 4 << 10;
/// At most this many bytes of free buffers are kept.
const KEPT: usize = 4 << 20;

#[derive(Default)]
pub(crate) struct Pool {
    /// Free buffers by size class.
    classes: Vec<Vec<Vec<u8>>>,
    kept: usize,
}

impl Pool {
    /// Returns an initialized buffer of at least `len` bytes.
    pub(crate) fn take(&mut self, len: usize, stats: &Stats) -> Vec<u8> {
        stats.buffers.fetch_add(1, Relaxed);
        let class = class(len);
        match self.classes.get_mut(class).and_then(Vec::pop) {
            Some(buffer) => {
                self.kept -= buffer.len();
                buffer
            }
            None => vec![0; LEAST << class],
        }
    }

    /// Takes back a buffer from [`take`](Self::take).
    pub(crate) fn give(&mut self, buffer: Vec<u8>, stats: &Stats) {
        if buffer.is_empty() {
            return;
        }
        stats.buffers.fetch_sub(1, Relaxed);
        if self.kept + buffer.len() <= KEPT {
            self.kept += buffer.len();
            let class = class(buffer.len());
            if self.classes.len() <= class {
                self.classes.resize_with(class + 1, Vec::new);
            }
            self.classes[class].push(buffer);
        }
    }
}

fn class(len: usize) -> usize {
    len.div_ceil(LEAST).next_power_of_two().trailing_zeros() as usize
}
