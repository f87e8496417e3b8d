//! A slow inflater for permessage-deflate payloads that refuses anything a compressor must not
//! write (RFC 1951; RFC 7692 §7.2.1) and records what it has seen.

/// Why a payload is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The input ends inside a block.
    Cut,
    /// BFINAL is set.
    Final,
    /// Block type 3, an incomplete set of lengths, an unused code, or a wrong stored length.
    Code,
    /// A distance beyond the window.
    Window,
    /// A distance before the first available byte.
    Start,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) stored: usize,
    pub(crate) fixed: usize,
    pub(crate) dynamic: usize,
    pub(crate) greatest_distance: usize,
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct StrictInflate {
    window: usize,
    takeover: bool,
    /// All bytes since the start of the connection, or of the message without takeover.
    bytes: Vec<u8>,
    pub(crate) seen: Seen,
}

impl StrictInflate {
    pub(crate) fn new(window_bits: u8, takeover: bool) -> Self {
        Self { window: 1 << window_bits, takeover, bytes: Vec::new(), seen: Seen::default() }
    }

    /// Inflates one message.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Fault> {
        if !self.takeover {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        // §7.2.2: the tail that the compressor removed.
        let payload = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let mut bits = Bits { bytes: &payload, at: 0 };
        while bits.at < payload.len() * 8 {
            self.block(&mut bits)?;
        }
        Ok(self.bytes[start..].to_vec())
    }

    fn block(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        if bits.take(1)? == 1 {
            return Err(Fault::Final);
        }
        match bits.take(2)? {
            0 => self.stored(bits),
            1 => {
                self.seen.fixed += 1;
                let mut lens = vec![8; 144];
                lens.resize(256, 9);
                lens.resize(280, 7);
                lens.resize(288, 8);
                self.symbols(bits, &Code::new(&lens)?, &Code::new(&[5; 32])?)
            }
            2 => {
                self.seen.dynamic += 1;
                let (literals, distances) = codes(bits)?;
                self.symbols(bits, &literals, &distances)
            }
            _ => Err(Fault::Code),
        }
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        bits.at = bits.at.next_multiple_of(8);
        let (len, complement) = (bits.take(16)?, bits.take(16)?);
        if len ^ complement != 0xFFFF {
            return Err(Fault::Code);
        }
        self.seen.stored += usize::from(len > 0);
        for _ in 0..len {
            let byte = bits.take(8)?;
            self.bytes.push(u8::try_from(byte).unwrap());
        }
        Ok(())
    }

    fn symbols(
        &mut self,
        bits: &mut Bits<'_>,
        literals: &Code,
        distances: &Code,
    ) -> Result<(), Fault> {
        const LENGTHS: [(usize, usize); 29] = [
            (3, 0),
            (4, 0),
            (5, 0),
            (6, 0),
            (7, 0),
            (8, 0),
            (9, 0),
            (10, 0),
            (11, 1),
            (13, 1),
            (15, 1),
            (17, 1),
            (19, 2),
            (23, 2),
            (27, 2),
            (31, 2),
            (35, 3),
            (43, 3),
            (51, 3),
            (59, 3),
            (67, 4),
            (83, 4),
            (99, 4),
            (115, 4),
            (131, 5),
            (163, 5),
            (195, 5),
            (227, 5),
            (258, 0),
        ];
        const DISTANCES: [(usize, usize); 30] = [
            (1, 0),
            (2, 0),
            (3, 0),
            (4, 0),
            (5, 1),
            (7, 1),
            (9, 2),
            (13, 2),
            (17, 3),
            (25, 3),
            (33, 4),
            (49, 4),
            (65, 5),
            (97, 5),
            (129, 6),
            (193, 6),
            (257, 7),
            (385, 7),
            (513, 8),
            (769, 8),
            (1025, 9),
            (1537, 9),
            (2049, 10),
            (3073, 10),
            (4097, 11),
            (6145, 11),
            (8193, 12),
            (12289, 12),
            (16385, 13),
            (24577, 13),
        ];
        loop {
            let symbol = literals.symbol(bits)?;
            match symbol {
                0..256 => self.bytes.push(u8::try_from(symbol).unwrap()),
                256 => return Ok(()),
                _ => {
                    let &(base, extra) = LENGTHS.get(symbol - 257).ok_or(Fault::Code)?;
                    let len = base + bits.take(extra)?;
                    let &(base, extra) =
                        DISTANCES.get(distances.symbol(bits)?).ok_or(Fault::Code)?;
                    let distance = base + bits.take(extra)?;
                    if distance > self.window {
                        return Err(Fault::Window);
                    }
                    let from = self.bytes.len().checked_sub(distance).ok_or(Fault::Start)?;
                    for at in from..from + len {
                        self.bytes.push(self.bytes[at]);
                    }
                    self.seen.greatest_distance = self.seen.greatest_distance.max(distance);
                }
            }
        }
    }
}

/// RFC 1951 §3.2.7.
fn codes(bits: &mut Bits<'_>) -> Result<(Code, Code), Fault> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances) = (bits.take(5)? + 257, bits.take(5)? + 1);
    if literals > 286 || distances > 30 {
        return Err(Fault::Code);
    }
    let mut lens = [0; 19];
    for &symbol in &ORDER[..bits.take(4)? + 4] {
        lens[symbol] = bits.take(3)?;
    }
    let code = Code::new(&lens)?;
    let mut lens = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match code.symbol(bits)? {
            16 => (*lens.last().ok_or(Fault::Code)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            len => (len, 1),
        };
        lens.extend(std::iter::repeat_n(len, times));
    }
    if lens.len() > literals + distances || lens[256] == 0 {
        return Err(Fault::Code);
    }
    Ok((Code::new(&lens[..literals])?, Code::new(&lens[literals..])?))
}

/// Symbols in the order of their codes, which are consecutive within each length (RFC 1951 §3.2.2).
struct Code {
    symbols: Vec<usize>,
    /// The number of codes of each length.
    counts: [usize; 16],
}

impl Code {
    /// Refuses incomplete codes: a compressor does not need them.
    fn new(lens: &[usize]) -> Result<Self, Fault> {
        let mut counts = [0; 16];
        let mut by_len = [const { Vec::new() }; 16];
        for (symbol, &len) in lens.iter().enumerate().filter(|(_, len)| **len > 0) {
            counts[len] += 1;
            by_len[len].push(symbol);
        }
        let taken: usize = (1..16).map(|len| counts[len] << (15 - len)).sum();
        if taken != 1 << 15 {
            return Err(Fault::Code);
        }
        Ok(Self { symbols: by_len.concat(), counts })
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<usize, Fault> {
        // The first code of this length, and the position of its symbol.
        let (mut code, mut first, mut place) = (0, 0, 0);
        for count in &self.counts[1..] {
            code = code << 1 | bits.take(1)?;
            first <<= 1;
            if code - first < *count {
                return Ok(self.symbols[place + code - first]);
            }
            first += count;
            place += count;
        }
        Err(Fault::Code)
    }
}

struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<usize, Fault> {
        let mut value = 0;
        for place in 0..count {
            let byte = *self.bytes.get(self.at / 8).ok_or(Fault::Cut)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(value)
    }
}
