//! What is measured: something that takes bytes and writes bytes.

/// From a message or payload, as the column takes it, into a slice of [`ROOM`] bytes: how many it wrote.
pub type Run = Box<dyn FnMut(&mut [u8], &mut [u8]) -> usize>;

/// More than any message or payload here has.
pub const ROOM: usize = 1 << 17;

#[derive(Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    /// A message or a payload in the form in which the column takes it; not measured.
    pub input: fn(&[u8]) -> Vec<u8>,
    /// With takeover, or without.
    pub start: fn(bool) -> Run,
}

/// What a sync flush ends with, and a payload does not (RFC 7692, section 7.2.1).
pub const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

impl Column {
    /// The most bytes that it has allocated behind a first message or payload.
    pub fn memory(&self, first: &[u8]) -> u64 {
        let (mut first, mut out) = ((self.input)(first), vec![0; ROOM]);
        allocation_counter::measure(|| {
            (self.start)(true)(&mut first, &mut out);
        })
        .bytes_max
    }
}
