//! A literal implementation of RFC 6455 §5.2, as a model to compare events with.

/// A frame with a complete header.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    pub masked: bool,
    /// Zeros if the frame is not masked.
    pub key: [u8; 4],
    /// Where the payload starts.
    pub start: usize,
    pub len: u64,
}

impl Frame {
    /// The frame at this position of the wire; `None` if its header is incomplete.
    pub fn at(wire: &[u8], at: usize) -> Option<Self> {
        let bytes = wire.get(at..)?;
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let digits = bytes.get(2..2 + field(second))?;
        let len = match second & 0x7F {
            short @ ..126 => short.into(),
            _ => digits.iter().fold(0, |len, digit| len << 8 | u64::from(*digit)),
        };
        let masked = second & 0x80 != 0;
        let mut start = at + 2 + digits.len();
        let mut key = [0; 4];
        if masked {
            key.copy_from_slice(wire.get(start..start + 4)?);
            start += 4;
        }
        Some(Self { first, masked, key, start, len })
    }

    pub fn opcode(&self) -> u8 {
        self.first & 0x0F
    }

    pub fn is_control(&self) -> bool {
        self.first & 0x08 != 0
    }

    /// Where the frame ends, possibly beyond the end of the wire.
    pub fn end(&self) -> usize {
        self.start.saturating_add(usize::try_from(self.len).unwrap_or(usize::MAX))
    }

    /// Whether unmasking by §5.3 gives `payload`, which starts `done` bytes into the payload of the
    /// frame.
    pub fn holds(&self, wire: &[u8], done: usize, payload: &[u8]) -> bool {
        let masked = wire.get(self.start + done..).and_then(|bytes| bytes.get(..payload.len()));
        masked.is_some_and(|masked| {
            let bytes = masked.iter().zip(payload).enumerate();
            bytes.fold(0, |odd, (i, (masked, byte))| odd | masked ^ byte ^ self.key[(done + i) % 4])
                == 0
        })
    }

    /// The whole payload, unmasked.
    pub fn payload(&self, wire: &[u8]) -> Vec<u8> {
        let masked = wire[self.start..self.end()].iter().enumerate();
        masked.map(|(i, byte)| byte ^ self.key[i % 4]).collect()
    }
}

/// The number of bytes of the extended length.
fn field(second: u8) -> usize {
    match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// The smallest payload length that the received part of the header allows. `None` before byte 1 is
/// received.
pub fn least_len(wire: &[u8], at: usize) -> Option<u64> {
    let second = *wire.get(at + 1)?;
    let digits = wire[at + 2..].iter().copied().chain([0; 8]).take(field(second));
    let least = digits.fold(0, |len, digit| len << 8 | u64::from(digit));
    Some(match second & 0x7F {
        126 => least.max(126),
        127 => least.max(0x1_0000),
        short => short.into(),
    })
}

/// Whether §7.4 and the IANA registry allow this code on the wire.
pub fn is_close_code(code: u16) -> bool {
    let reports = [1004, 1005, 1006, 1015].contains(&code);
    (1000..=1014).contains(&code) && !reports || (3000..5000).contains(&code)
}

/// A close code: half of the time one close to a boundary between valid and invalid codes.
pub fn close_code(any: u16) -> u16 {
    match any {
        ..0x6000 => 995 + any % 25,
        0x6000..0x7000 => 2998 + any % 4,
        0x7000..0x8000 => 4998 + any % 4,
        _ => any,
    }
}
