//! Strategies for streams of frames, valid or with a fault.
#![allow(dead_code, reason = "each test uses part of it")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::frame::{self, header_in, xor};
use super::transcript::Rules;

/// A frame to write to the wire, valid or not.
#[derive(Clone, Debug)]
struct Frame {
    first: u8,
    masked: bool,
    key: [u8; 4],
    /// The size of the extended length field: 0, 2 or 8 bytes; `None` for the shortest.
    field: Option<usize>,
    /// Sets the top bit of an 8-byte length.
    top_bit: bool,
    payload: Vec<u8>,
}

impl Frame {
    fn wire(&self) -> Vec<u8> {
        let len = self.payload.len() as u64;
        let field = self.field.unwrap_or_default().max(frame::field(len));
        let key = self.masked.then_some(self.key);
        let mut bytes = header_in(field, self.first, key, len);
        if self.top_bit && field == 8 {
            bytes[2] |= 0x80;
        }
        let head = bytes.len();
        bytes.extend(&self.payload);
        if let Some(key) = key {
            xor(&mut bytes[head..], key);
        }
        bytes
    }
}

/// The change made to a valid stream.
#[derive(Clone, Debug)]
enum Fault {
    None,
    /// Flips bits of a first byte: FIN, reserved bits, the opcode.
    First(Index, u8),
    /// Inverts whether a frame is masked.
    Mask(Index),
    Field(Index, usize),
    TopBit(Index),
    /// Drops, repeats or inserts a frame.
    Lose(Index),
    Twice(Index),
    Insert(Index, u8),
    /// Replaces payload bytes with ones that rarely occur in text.
    Bytes(Index, Index, Vec<u8>),
    /// Cuts the end of a payload, possibly inside a character.
    Shorten(Index, usize),
    /// Inserts a Close with this body.
    Close(Index, Vec<u8>),
    /// Inserts a control frame of 126 bytes or more.
    LongControl(Index, usize),
    Truncate(Index),
    Flip(Index, u8),
}

fn fault() -> impl Strategy<Value = Fault> {
    let at = any::<Index>;
    let bits = select(vec![0x80, 0x40, 0x20, 0x10, 0x01, 0x02, 0x04, 0x08, 0x0B, 0xC0]);
    let byte = select(vec![0x80, 0xBF, 0xC0, 0xC3, 0xE0, 0xED, 0xF0, 0xF4, 0xF5, 0xFF, 0x41]);
    let long: [&[u8]; 6] = [
        b"\xC0\xAF",
        b"\xE0\x9F\xBF",
        b"\xED\xA0\x80",
        b"\xF0\x8F\xBF\xBF",
        b"\xF4\x90\x80\x80",
        b"\xE2\x82",
    ];
    let bad =
        prop_oneof![byte.prop_map(|byte| vec![byte]), select(long.map(<[u8]>::to_vec).to_vec())];
    let code =
        prop_oneof![select(vec![0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]), 990..1020_u16];
    let close = (code, vec(any::<u8>(), 0..4))
        .prop_map(|(code, reason)| [&code.to_be_bytes()[..], &reason].concat());
    let close = prop_oneof![vec(any::<u8>(), 0..3), close];
    prop_oneof![
        3 => Just(Fault::None),
        2 => (at(), bits).prop_map(|(at, bits)| Fault::First(at, bits)),
        1 => at().prop_map(Fault::Mask),
        1 => (at(), select(vec![2, 8])).prop_map(|(at, field)| Fault::Field(at, field)),
        1 => at().prop_map(Fault::TopBit),
        1 => at().prop_map(Fault::Lose),
        1 => at().prop_map(Fault::Twice),
        1 => (at(), select(vec![0x00, 0x80, 0x01, 0x81, 0x02, 0x82])).prop_map(|(at, first)| {
            Fault::Insert(at, first)
        }),
        3 => (at(), at(), bad).prop_map(|(at, byte, bad)| Fault::Bytes(at, byte, bad)),
        1 => (at(), 1..4_usize).prop_map(|(at, n)| Fault::Shorten(at, n)),
        1 => (at(), close).prop_map(|(at, body)| Fault::Close(at, body)),
        1 => (at(), 126..130_usize).prop_map(|(at, len)| Fault::LongControl(at, len)),
        1 => at().prop_map(Fault::Truncate),
        2 => (at(), 1..=255_u8).prop_map(|(at, bits)| Fault::Flip(at, bits)),
    ]
}

/// Applies `fault` and encodes the frames.
fn spoil(mut frames: Vec<Frame>, fault: Fault, server: bool) -> Vec<u8> {
    let new = |first, payload| Frame {
        first,
        masked: server,
        key: [0x12, 0x80, 0x00, 0xEF],
        field: None,
        top_bit: false,
        payload,
    };
    let len = frames.len();
    let (mut cut, mut flip) = (None, None);
    match fault {
        Fault::None => {}
        Fault::Insert(at, first) => frames.insert(at.index(len + 1), new(first, vec![0x61])),
        Fault::Close(at, body) => frames.insert(at.index(len + 1), new(0x88, body)),
        Fault::LongControl(at, n) => frames.insert(at.index(len + 1), new(0x89, vec![0x61; n])),
        Fault::Truncate(at) => cut = Some(at),
        Fault::Flip(at, bits) => flip = Some((at, bits)),
        _ if frames.is_empty() => {}
        Fault::First(at, bits) => frames[at.index(len)].first ^= bits,
        Fault::Mask(at) => frames[at.index(len)].masked ^= true,
        Fault::Field(at, field) => frames[at.index(len)].field = Some(field),
        Fault::TopBit(at) => {
            let frame = &mut frames[at.index(len)];
            (frame.field, frame.top_bit) = (Some(8), true);
        }
        Fault::Lose(at) => drop(frames.remove(at.index(len))),
        Fault::Twice(at) => frames.insert(at.index(len), frames[at.index(len)].clone()),
        Fault::Bytes(at, byte, bad) => {
            let payload = &mut frames[at.index(len)].payload;
            let place = byte.index(payload.len() + 1);
            payload.iter_mut().skip(place).zip(bad).for_each(|(byte, bad)| *byte = bad);
        }
        Fault::Shorten(at, n) => {
            let payload = &mut frames[at.index(len)].payload;
            payload.truncate(payload.len().saturating_sub(n));
        }
    }
    let mut bytes: Vec<u8> = frames.iter().flat_map(Frame::wire).collect();
    if let Some(at) = cut {
        bytes.truncate(at.index(bytes.len() + 1));
    }
    if let Some((at, bits)) = flip.filter(|_| !bytes.is_empty()) {
        let place = at.index(bytes.len());
        bytes[place] ^= bits;
    }
    bytes
}

/// Lengths: mostly short, often near a boundary of the length forms, rarely long.
fn len() -> impl Strategy<Value = usize> {
    prop_oneof![400 => 0..9_usize, 100 => 9..60_usize, 60 => 120..132_usize, 1 => 65_530..65_542_usize]
}

/// Text with characters of one to four bytes, at least `len` bytes long.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let letters = select(vec![
        "a",
        "7",
        "\u{80}",
        "ß",
        "\u{7FF}",
        "\u{800}",
        "€",
        "\u{D7FF}",
        "\u{E000}",
        "\u{FFFF}",
        "\u{10000}",
        "😀",
        "\u{10FFFF}",
        "abcdefghijklmnopqrst",
    ]);
    (len(), vec(letters, 1..8)).prop_map(|(len, letters)| {
        let letters = letters.iter().cycle().map(|letter| letter.as_bytes());
        letters
            .scan(0, |sum, letter| {
                let more = *sum < len;
                *sum += letter.len();
                more.then_some(letter)
            })
            .collect::<Vec<_>>()
            .concat()
    })
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    (len(), vec(any::<u8>(), 1..40))
        .prop_map(|(len, bytes)| bytes.into_iter().cycle().take(len).collect())
}

/// An optional Ping or Pong.
fn control() -> impl Strategy<Value = Option<(u8, Vec<u8>)>> {
    let len = prop_oneof![4 => 0..6_usize, 1 => 122..126_usize];
    let payload = (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
    prop_oneof![3 => Just(None), 2 => (select(vec![0x89, 0x8A]), payload).prop_map(Some)]
}

/// A message cut into fragments anywhere, with optional control frames before each.
fn message() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let body = prop_oneof![
        text().prop_map(|text| (0x01, text)),
        binary().prop_map(|binary| (0x02, binary)),
    ];
    let fragments = prop_oneof![2 => vec((any::<Index>(), control()), 0..1), 3 => vec((any::<Index>(), control()), 1..6)];
    (body, control(), fragments).prop_map(|((opcode, body), control, fragments)| {
        let mut cuts: Vec<usize> =
            fragments.iter().map(|(at, _)| at.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(body.len());
        let controls =
            [control].into_iter().chain(fragments.into_iter().map(|(_, control)| control));
        let (mut frames, mut start, last) = (Vec::new(), 0, cuts.len() - 1);
        for (index, (&end, control)) in cuts.iter().zip(controls).enumerate() {
            frames.extend(control);
            let fin = if index == last { 0x80 } else { 0 };
            let opcode = if index == 0 { opcode } else { 0 };
            frames.push((fin | opcode, body[start..end].to_vec()));
            start = end;
        }
        frames
    })
}

/// The bytes of a stream to one side, valid or with one fault.
pub(crate) fn stream(rules: Rules) -> impl Strategy<Value = Vec<u8>> {
    let server = rules.server;
    let reason = "[a-zä€😀]{0,30}".prop_map(String::into_bytes);
    let code = select(vec![1000_u16, 1001, 1007, 1014, 3000, 4999]);
    let close = prop_oneof![
        3 => Just(None),
        1 => Just(Some((0x88, vec![]))),
        2 => (code, reason).prop_map(|(code, reason)| {
            Some((0x88, [&code.to_be_bytes()[..], &reason].concat()))
        }),
    ];
    // What follows a Close is discarded.
    let frames =
        (vec(message(), 0..5), close, vec(message(), 0..2)).prop_map(|(messages, close, more)| {
            messages.into_iter().flatten().chain(close).chain(more.concat()).collect()
        });
    let keyed = frames.prop_flat_map(|frames: Vec<(u8, Vec<u8>)>| {
        (vec(any::<[u8; 4]>(), frames.len()), Just(frames))
    });
    (keyed, fault()).prop_map(move |((keys, frames), fault)| {
        let frames = keys.into_iter().zip(frames).map(|(key, (first, payload))| Frame {
            first,
            masked: server,
            key,
            field: None,
            top_bit: false,
            payload,
        });
        spoil(frames.collect(), fault, server)
    })
}

/// Either side, either delivery mode, and limits that are rarely reached.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    let limit = |far| {
        let near = select(vec![0, 1, 5, 8, 20, 100, 125, 126, 127, 130, 200, 65_535, 65_536]);
        prop_oneof![4 => Just(far), 1 => near, 1 => Just(u64::MAX)]
    };
    let fragments = prop_oneof![4 => Just(1 << 16), 1 => 1..6_u32];
    (any::<bool>(), any::<bool>(), limit(16 << 20), limit(64 << 20), fragments).prop_map(
        |(server, frames, max_frame_len, max_message_len, max_fragments)| Rules {
            server,
            frames,
            max_frame_len,
            max_message_len,
            max_fragments,
        },
    )
}

/// Up to 64 bytes of consecutive frame starts, most of them valid for the side.
pub(crate) fn near_valid(server: bool) -> BoxedStrategy<Vec<u8>> {
    let first = prop_oneof![
        40 => select(vec![0x81, 0x82, 0x82, 0x82, 0x89, 0x8A]),
        10 => select(vec![0x01, 0x02, 0x02, 0x00, 0x80]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let mask = prop_oneof![40 => Just(server), 1 => any::<bool>()];
    let second = prop_oneof![20 => 0..10_u8, 2 => Just(126), 1 => Just(127), 1 => 0..128_u8];
    let fits = prop::bool::weighted(0.9);
    let header = select(vec![0x89, 0x8A, 0x80, 0x81, 0x02, 0x00]);
    let byte = prop_oneof![2 => 0x20..0x7F_u8, 1 => header, 1 => any::<u8>()];
    let frame = (first, mask, second, vec(byte, 0..12), fits).prop_map(
        |(first, mask, second, rest, fits)| {
            let mut bytes = vec![first, second | if mask { 0x80 } else { 0 }];
            // Most have as many bytes as announced, and a valid length.
            match second {
                _ if !fits => bytes.extend(&rest),
                126 => bytes.extend([0, 126]),
                127 => bytes.extend([0, 0, 0, 0, 0, 1, 0, 0]),
                _ => {
                    let len = usize::from(second) + if mask { 4 } else { 0 };
                    bytes.extend(rest.iter().chain(&[0x2A]).cycle().take(len));
                }
            }
            bytes
        },
    );
    vec(frame, 0..10).prop_map(|frames| frames.concat().into_iter().take(64).collect()).boxed()
}
