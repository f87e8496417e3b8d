//! What every connection sends: the same endless sequence of numbered messages.
//!
//! A message repeats a pattern, so one of 64 MiB takes no more memory than one of 64 KiB. Short
//! messages are encoded before the measurement starts.

use barews::{Client, Config, Connection, Kind, SendError};
use fastrand::Rng;

/// Longer payloads repeat their pattern. The length is prime, so blocks of a power of two that are
/// swapped or lost always show.
const PATTERN_LEN: usize = 65_521;
/// Messages up to this length are encoded in advance.
const ENCODED_LEN: usize = 16 << 10;
/// The total length of all patterns, if that makes a reasonable number of them.
const CYCLE_LEN: usize = 256 << 10;

/// Keys from a fast generator. RFC 6455 §10.3 requires unpredictable keys to protect proxies from
/// hostile scripts; here both client and server are ours.
pub(crate) type Keys = fn() -> [u8; 4];
pub(crate) type Ws = Connection<Client<Keys>>;

/// A client without limits on what it receives.
pub(crate) fn client() -> Ws {
    let config = Config::new()
        .max_frame_len(Config::UNLIMITED)
        .max_message_len(Config::UNLIMITED)
        .max_fragments(Config::UNLIMITED_FRAGMENTS);
    Connection::client(config, || fastrand::u32(..).to_ne_bytes())
}

/// The shape of the messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// The payload's length in bytes.
    pub(crate) len: usize,
    /// The most payload bytes in a frame; 0 for one frame per message.
    pub(crate) fragment_len: usize,
    /// Every message whose number is a multiple of this has a Ping after its first frame; 0 for
    /// none.
    pub(crate) ping_every: u64,
}

pub(crate) struct Script {
    pub(crate) shape: Shape,
    patterns: Vec<Vec<u8>>,
    /// The encoded frames of one message per pattern, and where each message ends.
    wire: Vec<u8>,
    ends: Vec<usize>,
}

impl Script {
    pub(crate) fn new(shape: Shape) -> Result<Self, SendError> {
        let mut random = Rng::with_seed(6455);
        let count = (CYCLE_LEN / shape.len.max(1)).clamp(8, 1024);
        let patterns = (0..count).map(|number| pattern(&shape, number, &mut random)).collect();
        let mut script = Self { shape, patterns, wire: Vec::new(), ends: Vec::new() };
        if shape.len <= ENCODED_LEN {
            let (mut encoder, mut ends) = (Encoder::new(), Vec::new());
            let (mut wire, mut ws) = (Vec::new(), client());
            while ends.len() < count {
                encoder.step(&script, false, &mut ws, &mut wire)?;
                if ends.len() < encoder.next_number() {
                    ends.push(wire.len());
                }
            }
            (script.wire, script.ends) = (wire, ends);
        }
        Ok(script)
    }

    /// Whether this message has a Ping, whose payload is the number of the message.
    pub(crate) fn has_ping(&self, message: u64) -> bool {
        self.shape.ping_every > 0 && message.is_multiple_of(self.shape.ping_every)
    }

    /// The last message before this one that has a Ping.
    pub(crate) fn last_ping(&self, message: u64) -> Option<u64> {
        let last = message.checked_sub(1)?;
        Some(last - last.checked_rem(self.shape.ping_every)?)
    }

    /// Whether `piece` is the part of this message that starts at `at`.
    pub(crate) fn matches(&self, message: u64, mut at: usize, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            let expected = self.payload(message, at, piece.len());
            let Some(rest) = piece.strip_prefix(expected) else { return false };
            if expected.is_empty() {
                return false;
            }
            (at, piece) = (at + expected.len(), rest);
        }
        true
    }

    /// At most `most` bytes of the payload of this message from `at` on, up to the end of the
    /// pattern.
    fn payload(&self, message: u64, at: usize, most: usize) -> &[u8] {
        let pattern = &self.patterns[self.index(message)];
        let start = if at < pattern.len() { at } else { at % pattern.len().max(1) };
        let left = self.shape.len.saturating_sub(at).min(most);
        &pattern[start..pattern.len().min(start + left)]
    }

    /// The encoded messages from number `from` to at most `until`, and the number after the last.
    /// `None` if the first one has to be encoded now.
    fn encoded(&self, from: u64, until: u64) -> Option<(&[u8], u64)> {
        if self.ends.is_empty() || self.has_ping(from) {
            return None;
        }
        let first = self.index(from);
        let mut count = (until - from).min((self.ends.len() - first) as u64);
        if self.shape.ping_every > 0 {
            count = count.min(from.next_multiple_of(self.shape.ping_every) - from);
        }
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        Some((&self.wire[start..self.ends[first + count as usize - 1]], from + count))
    }

    fn index(&self, message: u64) -> usize {
        (message % self.patterns.len() as u64) as usize
    }
}

/// The payload of a message, or the part that it repeats.
fn pattern(shape: &Shape, number: usize, random: &mut Rng) -> Vec<u8> {
    let len = shape.len.min(PATTERN_LEN);
    // The number comes first, with its last digit in front, so that even very short consecutive
    // messages differ.
    let mut pattern = format!("{number:04}").into_bytes();
    pattern.reverse();
    pattern.truncate(len);
    match shape.kind {
        Kind::Binary => pattern.resize_with(len, || random.u8(..)),
        Kind::Text => {
            // A message may end inside the pattern, but not inside a character.
            let tail = shape.len % len.max(1);
            fill_text(&mut pattern, tail, random);
            fill_text(&mut pattern, len, random);
        }
    }
    pattern
}

/// Appends characters of one, two, three and four bytes until there are `len` bytes.
fn fill_text(text: &mut Vec<u8>, len: usize, random: &mut Rng) {
    let mut bytes = [0; 4];
    while text.len() < len {
        let character = match random.u8(..16) {
            0 => 'ž',
            1 => '春',
            2 => '🐎',
            n => char::from(b'a' + n),
        };
        let encoded = character.encode_utf8(&mut bytes).as_bytes();
        if encoded.len() <= len - text.len() {
            text.extend_from_slice(encoded);
        }
    }
}

/// The position of a connection in the script.
pub(crate) struct Encoder {
    /// The message in progress, or the next one.
    next: u64,
    /// How many of its payload bytes are encoded.
    at: usize,
}

impl Encoder {
    /// A step encodes at most this many bytes of payload.
    const STEP: usize = 64 << 10;

    pub(crate) const fn new() -> Self {
        Self { next: 0, at: 0 }
    }

    /// Appends queued control frames, and frames of messages before `until` until there are
    /// `enough` bytes.
    pub(crate) fn fill(
        &mut self,
        script: &Script,
        until: u64,
        enough: usize,
        ws: &mut Ws,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        transmit(ws, out)?;
        while self.next < until && out.len() < enough {
            if self.at == 0
                && ws.frame_left() == 0
                && let Some((bytes, next)) = script.encoded(self.next, until)
            {
                out.extend_from_slice(bytes);
                self.next = next;
            } else {
                self.step(script, script.has_ping(self.next), ws, out)?;
                transmit(ws, out)?;
            }
        }
        Ok(())
    }

    /// How many messages were started.
    pub(crate) fn begun(&self, ws: &Ws) -> u64 {
        self.next + u64::from(self.at > 0 || ws.frame_left() > 0)
    }

    /// How many messages are completely encoded, and how many payload bytes of the next one.
    pub(crate) const fn encoded(&self) -> (u64, usize) {
        (self.next, self.at)
    }

    fn next_number(&self) -> usize {
        self.next as usize
    }

    /// Encodes a part of a frame.
    fn step(
        &mut self,
        script: &Script,
        ping: bool,
        ws: &mut Ws,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let Shape { kind, len, fragment_len, .. } = script.shape;
        let frame_len = if fragment_len == 0 { len } else { fragment_len };
        if ws.frame_left() == 0 {
            let n = frame_len.min(len - self.at);
            let header = ws.begin_frame(kind, self.at + n == len, n as u64)?;
            out.extend_from_slice(&header);
        }
        let most = Self::STEP.min(usize::try_from(ws.frame_left()).unwrap_or(usize::MAX));
        if most > 0 {
            let piece = script.payload(self.next, self.at, most);
            let start = out.len();
            out.extend_from_slice(piece);
            ws.mask_next(&mut out[start..])?;
            self.at += piece.len();
        }
        if ws.frame_left() == 0 {
            if ping && self.at <= frame_len {
                let mut frame = [0; barews::MIN_BUFFER_LEN * 2];
                let n = ws.send_ping(&self.next.to_be_bytes(), &mut frame)?;
                out.extend_from_slice(&frame[..n]);
            }
            if self.at == len {
                (self.next, self.at) = (self.next + 1, 0);
            }
        }
        Ok(())
    }
}

/// Appends the queued control frame, if there is one.
fn transmit(ws: &mut Ws, out: &mut Vec<u8>) -> Result<(), SendError> {
    if ws.wants_write() {
        let mut frame = [0; barews::MIN_BUFFER_LEN];
        let n = ws.transmit(&mut frame)?;
        out.extend_from_slice(&frame[..n]);
    }
    Ok(())
}
