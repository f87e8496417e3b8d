//! A column of the tables: a compressor or a decompressor.

/// Processes an input into a slice of [`ROOM`] bytes. Returns the number of bytes written.
pub type Run = Box<dyn FnMut(&mut [u8], &mut [u8]) -> usize>;

/// More than the length of any message or payload.
pub const ROOM: usize = 1 << 17;

#[derive(Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    /// Converts a message or payload to the input of the column; not measured.
    pub input: fn(&[u8]) -> Vec<u8>,
    /// Creates a runner, with or without context takeover.
    pub start: fn(bool) -> Run,
}

/// The end of a sync flush, which is removed from a payload (RFC 7692 §7.2.1).
pub const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

impl Column {
    /// The maximum number of bytes allocated to process a first message or payload.
    pub fn memory(&self, first: &[u8]) -> u64 {
        let (mut first, mut out) = ((self.input)(first), vec![0; ROOM]);
        allocation_counter::measure(|| {
            (self.start)(true)(&mut first, &mut out);
        })
        .bytes_max
    }
}
