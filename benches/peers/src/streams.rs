//! The rows: the streams to receive or send, and the expected results.

use std::fmt;

/// 64 % of the bytes are not ASCII.
const CJK: &str = "Grüße aus 東京とソウル (Seoul): 今日は晴れ、気温は二十三度です。漢字とカナ ok (42), naïve café, déjà vu at nine; ";
const ASCII: &str =
    r#"{"id":1048576,"user":"ada","tags":["a","b"],"price":19.99,"ok":true,"note":"hello world"},"#;

/// The result of one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of messages, without control frames.
    pub messages: u64,
    /// Payload bytes received, or bytes written.
    pub bytes: u64,
}

impl Tally {
    /// Counts a whole message, and passes it to `black_box`.
    #[inline]
    pub fn message(&mut self, payload: &[u8]) {
        self.piece(payload, true);
    }

    /// Counts a piece of a message, and passes it to `black_box`.
    #[inline]
    pub fn piece(&mut self, payload: &[u8], last: bool) {
        self.bytes += std::hint::black_box(payload).len() as u64;
        self.messages += u64::from(last);
    }

    /// Counts a written frame.
    #[inline]
    pub fn frame(&mut self, written: usize) {
        self.bytes += std::hint::black_box(written) as u64;
        self.messages += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages, {} bytes", self.messages, self.bytes)
    }
}

/// The role of the measured side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// The work of one pass.
#[derive(Debug)]
pub enum Work {
    /// Receive all of `bytes`, at most `Row::read` of them at a time.
    Decode { role: Role, bytes: Vec<u8> },
    /// Write `count` messages, one at a time, into one output buffer.
    Send { role: Role, payload: Vec<u8>, count: u64 },
    /// Encode only the header of a server's message.
    Header { payload: Vec<u8>, count: u64 },
    /// Encode the header of a client's message, and mask its payload in place.
    InPlace { payload: Vec<u8>, count: u64 },
    /// Read an opening handshake and write the response.
    Accept { request: Vec<u8>, count: u64 },
    /// Receive compressed messages as a server, and echo them compressed.
    #[cfg(feature = "deflate")]
    Echo(crate::echo::Echo),
}

/// One row of the tables.
#[derive(Debug)]
pub struct Row {
    /// `server/bin/16`, for instance.
    pub name: String,
    /// The maximum number of bytes per read; 0 if nothing is read.
    pub read: usize,
    /// The longest message in bytes.
    pub size: usize,
    pub work: Work,
    pub truth: Tally,
    /// For rows of texts: the same row with a text that is not UTF-8.
    pub spoiled: Vec<&'static Self>,
}

pub const SIZES: [usize; 5] = [16, 125, 1024, 16384, 1 << 20];
pub const READS: [usize; 3] = [4096, 8192, 65536];

const REQUEST: &[u8] = b"GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: */*\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n\
    Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\nCookie: session=0123456789abcdef\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n";

/// The response must contain this.
pub const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// All rows, in the order of the tables. They are leaked, because some crates require `'static`
/// payloads.
pub fn rows() -> Vec<&'static Row> {
    let mut rows = Vec::new();
    for role in [Role::Server, Role::Client] {
        for kind in [Kind::Bin, Kind::Ascii, Kind::Cjk] {
            for size in SIZES {
                rows.extend(decode(role, kind, size));
            }
        }
    }
    rows.extend(mix());
    for size in SIZES {
        for role in [Role::Server, Role::Client] {
            rows.push(send(role, size));
        }
        let bytes = |key, count| (header_len(size) + key) as u64 * count;
        let payload = || random(size, 9);
        let count = batch(0);
        rows.push(Row {
            name: format!("send/header/{size}"),
            read: 0,
            size,
            work: Work::Header { payload: payload(), count },
            truth: Tally { messages: count, bytes: bytes(0, count) },
            spoiled: Vec::new(),
        });
        let count = batch(size);
        rows.push(Row {
            name: format!("send/client-in-place/{size}"),
            read: 0,
            size,
            work: Work::InPlace { payload: payload(), count },
            truth: Tally { messages: count, bytes: bytes(4, count) },
            spoiled: Vec::new(),
        });
    }
    rows.push(Row {
        name: "handshake/accept".into(),
        read: 0,
        size: REQUEST.len(),
        work: Work::Accept { request: REQUEST.to_vec(), count: 50 },
        truth: Tally { messages: 50, bytes: 50 * ACCEPT.len() as u64 },
        spoiled: Vec::new(),
    });
    #[cfg(feature = "deflate")]
    rows.extend(crate::echo::rows());
    rows.into_iter().map(leak).collect()
}

fn leak(row: Row) -> &'static Row {
    Box::leak(Box::new(row))
}

#[derive(Clone, Copy)]
enum Kind {
    Bin,
    Ascii,
    Cjk,
}

fn decode(role: Role, kind: Kind, size: usize) -> impl Iterator<Item = Row> {
    let name = match kind {
        Kind::Bin => "bin",
        Kind::Ascii => "ascii",
        Kind::Cjk => "cjk",
    };
    let mut wire = Wire::new(role);
    let count = if size >= 1 << 20 { 2 } else { (512 << 10) / (size + 6) };
    for i in 0..count {
        match kind {
            Kind::Bin => wire.message(0x82, &random(size, i as u64)),
            Kind::Ascii => wire.message(0x81, text(ASCII, size, i).as_bytes()),
            Kind::Cjk => wire.message(0x81, text(CJK, size, i).as_bytes()),
        }
    }
    wire.rows(format!("{}/{name}/{size}", role.name()), size)
}

/// A mix of all kinds of frames to a server. The last frame ends a message, so that columns that
/// receive message by message reach the end.
fn mix() -> impl Iterator<Item = Row> {
    let mut wire = Wire::new(Role::Server);
    let mut i = 0;
    while wire.bytes.len() < 512 << 10 {
        for _ in 0..4 {
            wire.message(0x81, text(ASCII, 40, i).as_bytes());
            i += 1;
        }
        let fragmented = text(CJK, 300, i);
        // Both cuts are inside a character.
        let cut = |near: usize| (near..).find(|&at| !fragmented.is_char_boundary(at)).unwrap();
        let (first, second) = (cut(100), cut(200));
        wire.frame(0x01, &fragmented.as_bytes()[..first]);
        wire.frame(0x89, b"still there?");
        wire.frame(0x00, &fragmented.as_bytes()[first..second]);
        wire.frame(0x89, b"and now?");
        wire.message(0x80, &fragmented.as_bytes()[second..]);
        wire.truth.bytes += second as u64;
        wire.message(0x82, &random(125, i as u64));
        wire.message(0x82, &random(4096, i as u64));
        wire.frame(0x8A, b"pong");
        wire.message(0x81, text(CJK, 300, i).as_bytes());
    }
    wire.rows("mix".into(), 4096)
}

fn send(role: Role, size: usize) -> Row {
    let count = batch(size);
    let key = if role == Role::Client { 4 } else { 0 };
    let frame = header_len(size) + key + size;
    Row {
        name: format!("send/{}/{size}", role.name()),
        read: 0,
        size,
        work: Work::Send { role, payload: random(size, 9), count },
        truth: Tally { messages: count, bytes: frame as u64 * count },
        spoiled: Vec::new(),
    }
}

/// The number of messages to send in one pass.
fn batch(size: usize) -> u64 {
    ((256 << 10) / size.max(1) as u64).clamp(1, 2000)
}

/// The length in bytes of a header without a masking key.
fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..126 => 2,
        126..65536 => 4,
        _ => 10,
    }
}

fn random(len: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(len).collect()
}

/// At most `size` bytes of the repeated `pattern`, cut at a character boundary. `shift` selects the
/// first character.
fn text(pattern: &str, size: usize, shift: usize) -> String {
    let skip = shift % pattern.chars().count();
    let mut text = String::new();
    for character in pattern.chars().cycle().skip(skip) {
        if text.len() + character.len_utf8() > size {
            break;
        }
        text.push(character);
    }
    text
}

/// Frames from the peer of `role`.
pub struct Wire {
    pub role: Role,
    keys: fastrand::Rng,
    pub bytes: Vec<u8>,
    truth: Tally,
    /// The unfragmented texts: the range of the frame, and the last byte.
    texts: Vec<(std::ops::Range<usize>, u8)>,
}

impl Wire {
    pub fn new(role: Role) -> Self {
        Self {
            role,
            keys: fastrand::Rng::with_seed(7),
            bytes: Vec::new(),
            truth: Tally::default(),
            texts: Vec::new(),
        }
    }

    /// Appends the last or only frame of a message.
    pub fn message(&mut self, first: u8, payload: &[u8]) {
        let start = self.bytes.len();
        self.frame(first, payload);
        if let (0x81, Some(&last)) = (first, payload.last()) {
            self.texts.push((start..self.bytes.len(), last));
        }
        self.truth.message(payload);
    }

    pub fn frame(&mut self, first: u8, payload: &[u8]) {
        let masked = self.role == Role::Server;
        let mask_bit = if masked { 0x80 } else { 0 };
        self.bytes.push(first);
        match payload.len() {
            len @ 0..126 => self.bytes.push(mask_bit | len as u8),
            len @ 126..65536 => {
                self.bytes.push(mask_bit | 126);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                self.bytes.push(mask_bit | 127);
                self.bytes.extend((len as u64).to_be_bytes());
            }
        }
        let key = if masked { self.keys.u32(1..).to_ne_bytes() } else { [0; 4] };
        if masked {
            self.bytes.extend(key);
        }
        self.bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// The same stream for each read size.
    fn rows(self, name: String, size: usize) -> impl Iterator<Item = Row> {
        let Self { role, bytes, truth, texts, .. } = self;
        READS.into_iter().map(move |read| {
            let row = |bytes, spoiled| Row {
                name: name.clone(),
                read,
                size,
                work: Work::Decode { role, bytes },
                truth,
                spoiled,
            };
            // The first text that is not split by a read, and the first that is.
            let is_cut =
                |range: &std::ops::Range<usize>| range.start / read < (range.end - 1) / read;
            let find = |cut| texts.iter().find(|(range, _)| is_cut(range) == cut);
            let spoil = |(range, last): &(std::ops::Range<usize>, u8)| {
                let mut bytes = bytes.clone();
                // This changes `last` to 0xFF, masked or not. UTF-8 never contains 0xFF.
                bytes[range.end - 1] ^= last ^ 0xFF;
                leak(row(bytes, Vec::new()))
            };
            let spoiled = [false, true].into_iter().filter_map(find).map(spoil).collect();
            row(bytes.clone(), spoiled)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ASCII, CJK};

    #[test]
    fn texts_are_what_the_readme_says() {
        let share = CJK.bytes().filter(|byte| !byte.is_ascii()).count() as f64 / CJK.len() as f64;
        assert_eq!((share * 100.0).round(), 64.0);
        assert!(ASCII.is_ascii());
    }
}
