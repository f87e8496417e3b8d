//! A decompressor inside a message.

use barews::deflate::{CompressionContext, Deflate, Inflate};
use barews::{Config, Connection, Error, Event, Input, Kind};
use flate2::FlushCompress;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{CONTEXT, LONGEST, inflate, sealed, unsealed};
use crate::roundtrip;
use crate::support::bits::BitWriter;
use crate::support::endpoint::Side;
use crate::support::frame::{BINARY, CONTINUATION, FIN, TEXT, frame};
use crate::support::inflated::{JUNK, RSV1, compressed, context};
use crate::support::oracles::{Level, Zlib, miniz_message};

/// What came out: whole messages, the start of another one, and the error.
type Received = (Vec<Vec<u8>>, Vec<u8>, Option<Error>);

/// Pushes a server's frames into slices of these lengths in a cycle, and calls `before` each push.
pub(super) fn receive(
    it: &mut Inflate<Vec<u8>>,
    frames: &[u8],
    sizes: &[usize],
    mut before: impl FnMut(&mut Inflate<Vec<u8>>),
) -> Received {
    let config = Config::new().deflate(true).max_fragments(Config::UNLIMITED_FRAGMENTS);
    let mut ws = Connection::client(config, || [0; 4]);
    let mut bytes = frames.to_vec();
    let mut input = Input::new(&mut bytes);
    let (mut messages, mut open, mut is_open) = (Vec::new(), Vec::new(), false);
    let mut sizes = sizes.iter().copied().cycle();
    while let Ok(Event::Data(mut data)) = ws.receive(&mut input) {
        loop {
            before(it);
            let mut out = vec![JUNK; sizes.next().unwrap()];
            match it.push(&mut data, &mut out) {
                Ok(None) => break,
                Ok(Some(chunk)) => {
                    assert_eq!(chunk.first, !is_open);
                    open.extend_from_slice(chunk.payload);
                    is_open = !chunk.fin;
                    if chunk.fin {
                        messages.push(std::mem::take(&mut open));
                    }
                }
                Err(error) => return (messages, open, Some(error)),
            }
        }
    }
    (messages, open, None)
}

/// Seals and unseals, with other bytes where no window is.
fn reseal(it: &mut Inflate<Vec<u8>>, context: CompressionContext) {
    let mut bytes = vec![0; Inflate::max_sealed_len(context)];
    let len = it.seal(&mut bytes).unwrap();
    bytes.truncate(len);
    *it = Inflate::unseal(&bytes, vec![JUNK; Inflate::memory(context)]).unwrap();
    assert_eq!(sealed(it, context), bytes);
}

/// Both ways, without and with seals before each push, and compares.
fn check(context: CompressionContext, frames: &[u8], sizes: &[usize]) -> Received {
    let plain = receive(&mut inflate(context), frames, sizes, |_| {});
    let resealed = receive(&mut inflate(context), frames, sizes, |it| reseal(it, context));
    assert_eq!(resealed, plain, "{context:?} {sizes:?} {frames:02X?}");
    plain
}

/// Codes of all literals, lengths and distances.
fn all_codes() -> (Vec<u8>, Vec<u8>) {
    let literals = (0..286).map(|symbol| if symbol < 226 { 8 } else { 9 }).collect();
    let distances = (0..30).map(|symbol| if symbol < 2 { 4 } else { 5 }).collect();
    (literals, distances)
}

/// A dynamic block whose codes are those of [`all_codes`].
fn dynamic(stream: &mut BitWriter) -> &mut BitWriter {
    let (literals, distances) = all_codes();
    stream.dynamic(false, &literals, &distances)
}

/// The code of a symbol of [`all_codes`].
fn symbol(stream: &mut BitWriter, at: usize) -> &mut BitWriter {
    stream.code(crate::support::bits::codes(&all_codes().0)[at])
}

fn distance(stream: &mut BitWriter, at: usize) -> &mut BitWriter {
    stream.code(crate::support::bits::codes(&all_codes().1)[at])
}

/// Messages with each kind of block and of end.
fn streams() -> Vec<Vec<u8>> {
    let text = "Grüße aus Köln, 你好, 🦀; ".repeat(4);
    let mut all = Vec::new();
    // An empty block after a flush, all kinds of blocks, and matches that overlap.
    let mut each = BitWriter::new();
    each.stored(false, b"").stored(false, text.as_bytes());
    each.fixed(false).literals("Ü".as_bytes()).repeat(258, 1).repeat(3, 4).end();
    dynamic(&mut each);
    for byte in "aé".bytes() {
        symbol(&mut each, byte.into());
    }
    // 258 as 227 and 31; 7 at distance 2.
    symbol(&mut each, 284).bits(31, 5);
    distance(&mut each, 1);
    symbol(&mut each, 261);
    distance(&mut each, 1);
    symbol(&mut each, 256);
    each.fixed(false).end();
    all.push(each.message());
    // Final blocks.
    let mut last = BitWriter::new();
    last.fixed(true).literals(b"Hello").end().align();
    last.stored(true, b"stored").fixed(true).literals(b"!").end();
    all.push(last.bytes());
    // The tail belongs to a stored block, or is four literals.
    let mut stored = BitWriter::new();
    stored.stored(false, b"ab\0\0\xFF\xFF");
    let stored = stored.bytes();
    all.push(stored[..stored.len() - 4].to_vec());
    all.push(Zlib::new(Level { level: 9, window_bits: 15 }).message(&[
        (text.as_bytes(), FlushCompress::Sync),
        (b"", FlushCompress::Sync),
        (text.as_bytes(), FlushCompress::Sync),
    ]));
    all.push(miniz_message(1, 0, text.repeat(3).as_bytes()));
    all.push(Vec::new());
    all
}

#[test]
fn p21_a_message_goes_on_from_every_cut() {
    for takeover in [true, false] {
        let context = CompressionContext { takeover, ..CONTEXT };
        for stream in streams() {
            for kind in [Kind::Binary, Kind::Text] {
                let bytes: Vec<&[u8]> = stream.chunks(1).chain([&[][..]]).collect();
                let one_by_one = compressed(Side::Client, kind, &bytes);
                let whole = compressed(Side::Client, kind, &[&stream]);
                let twice = [&one_by_one[..], b"\x82\x02ab", &whole].concat();
                let expected = check(context, &twice, &[1 << 12]);
                for size in [1, 2, 7, 300] {
                    let seen = check(context, &twice, &[size]);
                    if kind == Kind::Binary {
                        assert_eq!(seen, expected);
                    }
                }
            }
        }
    }
}

/// A message that is not compressed, in chunks and fragments.
#[test]
fn inside_a_message_that_is_not_compressed() {
    let mut it = inflate(CONTEXT);
    let frames = b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\x01\x03abc\x00\x00\x80\x01d\xC1\x05\xF2\x00\x11\x00\x00";
    for sizes in [&[1][..], &[2], &[64]] {
        let messages = vec![b"Hello".to_vec(), b"abcd".to_vec(), b"Hello".to_vec()];
        assert_eq!(check(CONTEXT, frames, sizes), (messages, Vec::new(), None));
    }
    receive(&mut it, &frames[..14], &[64], |_| {});
    assert_eq!(sealed(&it, CONTEXT), b"\x02\x05\x28Hello");
    receive(&mut it, &frames[..9], &[64], |_| {});
    assert_eq!(sealed(&it, CONTEXT), b"\x01\x05\x08HelloHello");
}

/// Gives the rest of a message to a decompressor that is inside of it.
pub(super) fn rest(it: &mut Inflate<Vec<u8>>, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    // The first frame of the message is not pushed again.
    let mut frames = [&b"\x42\x00"[..], &frame(FIN | CONTINUATION, None, payload)].concat();
    let mut input = Input::new(&mut frames);
    assert!(matches!(ws.receive(&mut input), Ok(Event::Data(_))));
    let Ok(Event::Data(mut data)) = ws.receive(&mut input) else { panic!("no frame") };
    let (mut text, mut out) = (Vec::new(), [JUNK; 64]);
    while let Some(chunk) = it.push(&mut data, &mut out)? {
        text.extend_from_slice(chunk.payload);
        // A bomb ends, too.
        if text.len() > 1 << 16 {
            break;
        }
    }
    Ok(text)
}

/// With a limit that the message has exceeded already.
#[test]
fn the_limit_of_the_new_process_holds() {
    let mut it = inflate(CONTEXT);
    receive(&mut it, b"\x42\x0A\x00\x05\x00\xFA\xFFHello", &[64], |_| {});
    let bytes = sealed(&it, CONTEXT);
    let more = BitWriter::new().fixed(false).literals(b"!").end().message();
    for (limit, outcome) in
        [(6, Ok(b"!".to_vec())), (5, Err(Error::MessageTooLong)), (4, Err(Error::MessageTooLong))]
    {
        let mut again = unsealed(&bytes).unwrap().max_message_len(limit);
        assert_eq!(rest(&mut again, &more), outcome, "{limit}");
    }
}

/// A decompressor after pushes of one frame into slices of these lengths.
fn after(first: u8, payload: &[u8], sizes: &[usize]) -> Inflate<Vec<u8>> {
    let mut it = inflate(CONTEXT);
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut bytes = frame(first, None, payload);
    let mut input = Input::new(&mut bytes);
    let Ok(Event::Data(mut data)) = ws.receive(&mut input) else { panic!("no frame") };
    for size in sizes {
        it.push(&mut data, &mut vec![JUNK; *size]).unwrap();
    }
    it
}

/// States of version 2, each with its name and its bytes.
pub(super) fn states() -> Vec<(&'static str, Inflate<Vec<u8>>, String)> {
    // The lengths of all_codes().
    let all = ["88".repeat(113), "99".repeat(30), "44".to_owned(), "55".repeat(14)].concat();
    let fixed = |text: &[u8]| BitWriter::new().fixed(false).literals(text).clone();
    let mut three_empty = BitWriter::new();
    for _ in 0..3 {
        three_empty.fixed(false).end();
    }
    let with_match = fixed(b"abc").repeat(258, 3).literals(b"d").bytes();
    let dynamic_block = dynamic(&mut BitWriter::new()).clone();
    let code_lengths =
        BitWriter::new().bits(4, 3).bits(0, 5).bits(1, 5).bits(15, 4).bits(0b101_011, 6).bytes();
    let lengths = |items: &[(usize, u32)]| {
        let code = [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5];
        BitWriter::new().dynamic_head(false, 286, 30, &code, items).bytes()
    };
    let mut with_dynamic_match = dynamic_block.clone();
    symbol(&mut with_dynamic_match, b'a'.into());
    symbol(&mut with_dynamic_match, 284).bits(31, 5);
    distance(&mut with_dynamic_match, 0);
    let in_tail = [&b"\x00\x08\x00\xF7\xFF"[..], b"abcd"].concat();
    let binary = RSV1 | BINARY;
    vec![
        (
            "empty flush",
            after(binary, b"\x00\x00\x00\xFF\xFF", &[9]),
            "0205 48 00 00 00".to_owned(),
        ),
        (
            "two bits",
            after(binary, &three_empty.bits(2, 2).bytes(), &[9]),
            "0205 48 00 00 02 02".to_owned(),
        ),
        (
            "after a final block",
            after(binary, &BitWriter::new().fixed(true).literals(b"a").end().bytes(), &[9, 9]),
            "0205 48 08 01 00 61".to_owned(),
        ),
        (
            "stored length",
            after(binary, b"\x00\x05\x00\xFA", &[9]),
            "0205 48 01 00 18 0500fa".to_owned(),
        ),
        (
            "stored",
            after(binary, b"\x00\x05\x00\xFA\xFFHe", &[9, 9]),
            "0205 48 02 02 00 03 4865".to_owned(),
        ),
        (
            "stored, no space",
            after(binary, b"\x00\x05\x00\xFA\xFFHello", &[1]),
            "0205 48 02 01 20 656c6c6f 04 48".to_owned(),
        ),
        ("counts", after(binary, b"\x04\x1E", &[9]), "0205 48 03 00 0d c003".to_owned()),
        (
            "code lengths",
            after(binary, &code_lengths, &[9]),
            "0205 48 04 00 01 00 8102 02 13 02 53".to_owned(),
        ),
        (
            "lengths",
            after(binary, &lengths(&[(8, 0), (16, 3), (0, 0), (18, 3)]), &[9]),
            "0205 48 05 00 03 00 9e02 1e 16 444444444444 54 5555 05 88888808 00000000000000"
                .to_owned(),
        ),
        (
            "fixed",
            after(binary, &fixed(b"abc").bytes(), &[9, 9]),
            "0205 48 06 03 05 00 00 616263".to_owned(),
        ),
        (
            "fixed, no space",
            after(binary, &fixed(b"Hello").bytes(), &[1]),
            "0205 48 06 01 25 a93939f900 00 48".to_owned(),
        ),
        (
            "fixed match",
            after(binary, &with_match, &[100]),
            format!("0205 48 07 64 08 29 a10103 00 {}61", "616263".repeat(33)),
        ),
        (
            "dynamic",
            after(binary, &symbol(&mut dynamic_block.clone(), b'a'.into()).bytes(), &[9, 9]),
            format!("0205 48 06 01 06 00 01 {all} 61"),
        ),
        (
            "dynamic match",
            after(binary, &with_dynamic_match.bytes(), &[3]),
            format!("0205 48 07 03 04 00 8002 01 01 {all} 616161"),
        ),
        (
            "in the tail",
            after(FIN | binary, &in_tail, &[5]),
            "0205 48 82 05 18 03 61626364 00".to_owned(),
        ),
        (
            "inside a character",
            after(RSV1 | TEXT, &fixed(b"a\xF0\x9F").bytes(), &[9, 9]),
            "0205 48 26 03 03 00 00 61f09f".to_owned(),
        ),
        ("not compressed", after(BINARY, b"ab", &[1]), "0205 28".to_owned()),
    ]
}

#[test]
fn states_of_version_2() {
    let mut golden = super::Golden::default();
    for (name, it, expected) in states() {
        let bytes = sealed(&it, CONTEXT);
        golden.check(name, &bytes, &expected);
        let again = unsealed(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(sealed(&again, CONTEXT), bytes, "{name}");
    }
    golden.end();
}

/// The longest state has all code lengths but one, and an offset of ten bytes.
#[test]
fn states_take_at_most_200_bytes_more_than_the_window() {
    assert_eq!(Inflate::max_sealed_len(CONTEXT), 256 + LONGEST);
    const { assert!(LONGEST <= 200) };
}

fn parts() -> impl Strategy<Value = Vec<Vec<usize>>> {
    vec(vec(0_usize..400, 1..8), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any cut of a stream into fragments, with any space for the output: a seal and an unseal before
    /// each push change nothing.
    #[test]
    fn p21_any_cut_sealed_before_each_push_gives_the_same_output(
        texts in vec(prop_oneof![".{0,300}", "[ab]{0,300}", "(Grüße, ){0,60}"], 1..4),
        cuts in parts(),
        sizes in vec(1_usize..400, 1..6),
        (bits, takeover, level) in (8_u8..=15, any::<bool>(), 0..5),
        flip in proptest::option::of((any::<prop::sample::Index>(), 0..8)),
    ) {
        let context = context(bits, takeover);
        let effort = roundtrip::EFFORTS[usize::try_from(level).unwrap() % 4];
        let mut memory = roundtrip::memory(context, effort);
        let mut deflate = Deflate::new(context, effort, &mut memory).unwrap();
        let mut frames = Vec::new();
        for (text, cuts) in texts.iter().zip(cuts.iter().cycle()) {
            let mut message = if level == 4 && bits == 15 && !takeover {
                miniz_message(6, 0, text.as_bytes())
            } else {
                roundtrip::whole(&mut deflate, text.as_bytes())
            };
            if let Some((at, bit)) = &flip && !message.is_empty() {
                let at = at.index(message.len());
                message[at] ^= 1_u8 << bit;
            }
            let mut parts = Vec::new();
            let mut left = &message[..];
            for cut in cuts {
                let (part, later) = left.split_at((*cut).min(left.len()));
                parts.push(part);
                left = later;
            }
            parts.push(left);
            frames.extend(compressed(Side::Client, Kind::Text, &parts));
            frames.extend(frame(FIN | BINARY, None, b"between"));
        }
        let (messages, ..) = check(context, &frames, &sizes);
        if flip.is_none() {
            let seen: Vec<&[u8]> = messages.iter().step_by(2).map(Vec::as_slice).collect();
            let sent: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            prop_assert_eq!(seen, sent);
        }
    }
}
