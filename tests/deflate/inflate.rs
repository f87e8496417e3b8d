//! `Inflate` on hand-made blocks: windows, blocks and codes.

use barews::{Error, Kind};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::support::bits;
use crate::support::bits::{ALL_CODE_LENGTHS, BitWriter};
use crate::support::endpoint::Side;
use crate::support::inflated::{JUNK, Outcome, alone, compressed, context, run};
use crate::support::oracles::{Verdict, miniz, zlib};

/// Inflates binary messages with a window of `window_bits`.
fn through(window_bits: u8, takeover: bool, messages: &[Vec<u8>], size: usize) -> Outcome {
    let frames = messages.iter().map(|one| compressed(Side::Client, Kind::Binary, &[one]));
    let wire: Vec<u8> = frames.flatten().collect();
    run(Side::Client, context(window_bits, takeover), &wire, &[], &[size])
}

fn refused(outcome: &Outcome) -> bool {
    assert!(matches!(outcome.error, None | Some(Error::InvalidDeflate)), "{:?}", outcome.error);
    outcome.error.is_some()
}

/// Bytes without repetitions.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from((n ^ n >> 8 ^ n >> 13) & 0xFF).unwrap()).collect()
}

const FURTHEST: usize = 1 << 15;

fn to_u32(distance: usize) -> u32 {
    distance.try_into().unwrap()
}

/// A message of stored blocks.
fn stored(bytes: &[u8]) -> BitWriter {
    let mut stream = BitWriter::new();
    for block in bytes.chunks(65_535) {
        stream.stored(false, block);
    }
    stream
}

#[test]
fn a_match_reaches_back_as_far_as_the_window_and_no_further() {
    for bits in 8..=15 {
        let window = 1_usize << bits;
        let bytes = pattern(window + 300);
        // DEFLATE has no distance over 32,768.
        for (distance, size) in (window - 1..=FURTHEST.min(window + 1))
            .flat_map(|distance| [100, window, 1 << 17].map(|size| (distance, size)))
        {
            let message = stored(&bytes).fixed(false).repeat(258, to_u32(distance)).end().message();
            let seen = through(bits, true, &[message], size);
            assert_eq!(refused(&seen), distance > window, "{bits} {distance} {size}");
            if distance <= window {
                let again = &bytes[bytes.len() - distance..];
                let again: Vec<u8> = again.iter().copied().cycle().take(258).collect();
                assert_eq!(seen.messages[0].1, [&bytes[..], &again].concat());
            } else {
                assert_eq!(seen.open, bytes);
            }
        }
    }
}

#[test]
fn the_window_is_the_same_across_messages_and_sizes_of_output() {
    for bits in [8, 9, 15] {
        let window = 1_usize << bits;
        let bytes = pattern(window);
        for size in [1, 255, 256, 257, 1 << 16] {
            let mut next = BitWriter::new();
            let next = next.fixed(false).repeat(258, to_u32(window)).end().message();
            let seen = through(bits, true, &[stored(&bytes).message(), next], size);
            let again: Vec<u8> = bytes.iter().copied().cycle().take(258).collect();
            assert!(!refused(&seen));
            assert_eq!(seen.messages[1].1, again, "{bits} {size}");
        }
    }
}

#[test]
fn no_match_reaches_before_the_start() {
    for (bits, before) in (8..=15).flat_map(|bits| [0, 1, 2, 100].map(|before| (bits, before))) {
        for distance in 1..=before + 2 {
            let bytes = pattern(before);
            let message = stored(&bytes).fixed(false).repeat(3, to_u32(distance)).end().message();
            let beyond = distance > before;
            for size in [1, 1000] {
                let seen = through(bits, true, core::slice::from_ref(&message), size);
                assert_eq!(refused(&seen), beyond, "{bits} {before} {distance}");
                assert!(!beyond || seen.open == bytes);
            }
            // Without takeover the start is that of each message.
            let mut next = BitWriter::new();
            let next = next.fixed(false).repeat(3, to_u32(distance)).end().message();
            let first = stored(&pattern(200)).message();
            assert!(refused(&through(bits, false, &[first.clone(), next.clone()], 1000)));
            assert!(!refused(&through(bits, true, &[first, next], 1000)));
        }
    }
}

/// The initial content of the memory must never reach the output. `miniz_oxide` with a ring buffer
/// does expose it: it accepts a match before the start of the data, because its caller cannot state
/// how much of the ring is valid. The window of `Inflate` tracks that.
#[test]
fn the_initial_content_of_the_memory_is_never_output() {
    let mut stream = BitWriter::new();
    let message = stream.fixed(false).repeat(258, 32_768).end().message();
    let mut ring = vec![JUNK; 1 << 15];
    let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
    let mut theirs = Box::new(DecompressorOxide::new());
    let (status, _, len) = decompress(&mut theirs, &message, &mut ring, 0, flags);
    assert_eq!((status, len), (TINFLStatus::NeedsMoreInput, 258));
    assert_eq!(ring[..258], [JUNK; 258]);

    let ours = alone(&message);
    assert_eq!((ours.error, &ours.open[..]), (Some(Error::InvalidDeflate), &b""[..]));
    // The same for a window with only a few valid bytes, at either end of the ring.
    for bits in 8..=15 {
        let window = 1_usize << bits;
        for before in [1, 2, 16, 255, window - 1] {
            let before_start = |distance: &usize| (before + 1..=FURTHEST).contains(distance);
            for distance in
                [before + 1, before + 2, window - 1, window].into_iter().filter(before_start)
            {
                let mut next = BitWriter::new();
                let next = next.fixed(false).repeat(258, to_u32(distance)).end().message();
                let seen = through(bits, true, &[stored(&vec![7; before]).message(), next], 300);
                assert!(refused(&seen) && seen.open.is_empty(), "{bits} {before} {distance}");
            }
        }
    }
}

#[test]
fn matches_of_all_lengths_and_many_distances() {
    for (len, distance) in (3..=258)
        .flat_map(|len| [1, 2, 3, 15, 16, 17, 31, 255, 256].map(|distance| (len, distance)))
    {
        let bytes = pattern(256);
        let mut stream = stored(&bytes);
        let message = stream.fixed(false).repeat(len, distance).literals(b"!").end().message();
        let [len, distance] = [len, distance].map(|n| usize::try_from(n).unwrap());
        let mut wanted = bytes;
        for _ in 0..len {
            wanted.push(wanted[wanted.len() - distance]);
        }
        wanted.push(b'!');
        for size in [1, 15, 16, 17, 255, 256, 257, 600] {
            let seen = through(8, true, core::slice::from_ref(&message), size);
            assert_eq!(seen, Outcome::whole(&[(Kind::Binary, &wanted)]), "{len} {distance} {size}");
        }
    }
}

#[test]
fn every_distance_of_32_kib() {
    let bytes = pattern(1 << 15);
    let start = stored(&bytes);
    for distance in (1..=1 << 15).step_by(37).chain([1 << 15]) {
        let message = start.clone().fixed(false).repeat(3, distance).end().message();
        let seen = through(15, true, &[message], 1 << 16);
        let at = bytes.len() - usize::try_from(distance).unwrap();
        let again: Vec<u8> = bytes[at..].iter().copied().cycle().take(3).collect();
        assert_eq!(seen.messages[0].1[1 << 15..], again, "{distance}");
    }
}

/// Adds an empty block: stored, fixed, or dynamic with only the end-of-block symbol.
fn add_empty(stream: &mut BitWriter, kind: usize) {
    match kind {
        0 => {
            stream.stored(false, b"");
        }
        1 => {
            stream.fixed(false).end();
        }
        _ => {
            let mut literals = [0; 257];
            literals[256] = 1;
            stream.dynamic(false, &literals, &[0]).bits(0, 1);
        }
    }
}

#[test]
fn empty_blocks_of_all_types_give_nothing() {
    for kinds in [&[0][..], &[1], &[2], &[0, 1, 2], &[2, 2, 1, 1, 0, 0]] {
        let mut stream = BitWriter::new();
        stream.fixed(false).literals(b"a").end();
        for &kind in kinds.iter().cycle().take(3000) {
            add_empty(&mut stream, kind);
        }
        stream.fixed(false).repeat(3, 1).end();
        for size in [1, 100] {
            let seen = through(8, true, &[stream.message()], size);
            assert_eq!(seen, Outcome::whole(&[(Kind::Binary, b"aaaa")]));
        }
    }
}

#[test]
fn a_reserved_block_type_is_invalid() {
    for last in 0..2 {
        let mut stream = BitWriter::new();
        let message = stream.fixed(false).literals(b"ab").end().bits(last | 3 << 1, 3).message();
        let seen = alone(&message);
        assert!(refused(&seen) && seen.open == b"ab");
    }
}

#[test]
fn a_stored_block_whose_lengths_differ_is_invalid() {
    for bit in 0..16 {
        let message = stored(b"abc").message();
        for byte in 1..5 {
            let mut message = message.clone();
            message[byte] ^= 1 << (bit % 8);
            assert!(refused(&alone(&message)));
        }
    }
}

#[test]
fn stored_blocks_of_all_lengths() {
    for len in [0, 1, 2, 7, 8, 9, 255, 256, 257, 4096, 65_534, 65_535] {
        let bytes = pattern(len);
        for size in [3, 4096, 1 << 17] {
            let mut stream = BitWriter::new();
            stream.fixed(false).literals(b"ab").end().stored(false, &bytes).stored(false, b"c");
            let wanted = [b"ab", &bytes[..], b"c"].concat();
            let seen = through(10, true, &[stream.message()], size);
            assert_eq!(seen, Outcome::whole(&[(Kind::Binary, &wanted)]), "{len} {size}");
        }
    }
}

#[test]
fn every_message_of_two_bytes_gives_the_verdict_of_zlib() {
    for word in 0..=u16::MAX {
        let message = word.to_le_bytes();
        let seen = alone(&message);
        let ours = Verdict { ok: !refused(&seen), bytes: bytes_of(seen) };
        assert_eq!(ours, zlib(b"", &message), "{message:02X?}");
    }
}

/// All bytes of a single message, complete or not.
fn bytes_of(seen: Outcome) -> Vec<u8> {
    seen.messages.into_iter().next().map_or(seen.open, |(_, bytes)| bytes)
}

/// The fixed codes include the lengths 286 and 287 and the distances 30 and 31, which have no
/// meaning (RFC 1951 §3.2.6).
#[test]
fn symbols_without_a_meaning_are_invalid() {
    for symbol in 257..288 {
        for distance in 0..32 {
            let mut stream = BitWriter::new();
            stream.fixed(false).literals(b"ab").fixed_symbol(symbol);
            let message = stream.code((distance, 5)).bits(0, 13).end().message();
            let wanted = zlib(b"", &message);
            for size in [1, 1000] {
                let seen = through(15, true, core::slice::from_ref(&message), size);
                let ours = Verdict { ok: !refused(&seen), bytes: bytes_of(seen) };
                assert_eq!(ours, wanted, "{symbol} {distance}");
            }
            // The other lengths take their extra bits from the distance code.
            let is_plain = matches!(symbol, 257..=264 | 285..);
            if symbol > 285 || is_plain && distance > 29 {
                assert!(!wanted.ok && wanted.bytes == b"ab", "{symbol} {distance}");
            }
        }
    }
}

/// A symbol of the code length code and the value of its extra bits.
type Item = (usize, u32);

/// Compares a message that is the head of a dynamic block with zlib's verdict, for several tails,
/// so that a valid head is followed by data. Returns zlib's verdict for each tail.
fn same_as_zlib(name: &str, head: &BitWriter) -> Vec<bool> {
    let tail = [&b""[..], &[0x00; 8], &[0xFF; 8], &[0x55; 8], b"\x00\x00\x00\x00\xFF\xFF\x00"];
    let verdict = |tail: &&[u8]| {
        let mut stream = head.clone();
        for &byte in *tail {
            stream.bits(byte.into(), 8);
        }
        let message = stream.message();
        let wanted = zlib(b"", &message);
        for size in [1, 1000] {
            let seen = through(15, true, core::slice::from_ref(&message), size);
            let ours = Verdict { ok: !refused(&seen), bytes: bytes_of(seen) };
            assert_eq!(ours, wanted, "{name}, followed by {tail:02X?}");
        }
        wanted.ok
    };
    tail.iter().map(verdict).collect()
}

/// Tests a head with these code lengths; returns true if some continuation is valid.
fn codes_are_valid(name: &str, literals: &[u8], distances: &[u8]) -> bool {
    let mut stream = BitWriter::new();
    stream.dynamic(false, literals, distances);
    // Followed by the end of the block, if the code has one.
    let ok = same_as_zlib(name, &stream);
    let mut ended = stream.clone();
    if let Some(&code) = bits::codes(literals).get(256) {
        ended.code(code);
    }
    ok.contains(&true) | same_as_zlib(name, &ended).contains(&true)
}

/// Code lengths of at least 257 symbols: `first`, zeros, the end-of-block symbol, `more`.
fn literals(first: &[u8], end: u8, more: &[u8]) -> Vec<u8> {
    let mut lengths = first.to_vec();
    lengths.resize(256, 0);
    lengths.push(end);
    lengths.extend(more);
    lengths
}

#[test]
fn invalid_code_sets() {
    let sound = literals(&[1], 1, &[]);
    assert!(codes_are_valid("sound", &sound, &[0]));
    let cases: [(&str, Vec<u8>, &[u8]); 9] = [
        ("too many literals", literals(&[1, 1], 1, &[]), &[0]),
        ("too many literals of 15 bits", literals(&[1, 2, 2], 15, &[]), &[0]),
        ("too few literals", literals(&[2], 2, &[]), &[0]),
        ("one literal of two bits", literals(&[], 2, &[]), &[0]),
        ("no end", literals(&[1, 1], 0, &[]), &[0]),
        ("no end, but lengths", literals(&[1], 0, &[1]), &[0]),
        ("too many distances", sound.clone(), &[1, 1, 1]),
        ("too few distances", sound.clone(), &[2, 2, 2]),
        ("one distance of two bits", sound.clone(), &[0, 2]),
    ];
    for (name, literals, distances) in cases {
        assert!(!codes_are_valid(name, &literals, distances), "{name}");
    }
}

#[test]
fn unusual_code_sets_are_valid() {
    let sound = literals(&[1], 1, &[]);
    let cases: [(&str, Vec<u8>, &[u8]); 6] = [
        ("one literal of one bit", literals(&[], 1, &[]), &[0]),
        ("one distance of one bit", sound.clone(), &[1]),
        ("one distance of one bit, the last", sound.clone(), &[[0; 29].as_slice(), &[1]].concat()),
        ("no distance, 30 lengths", sound, &[0; 30]),
        ("lengths without a distance", literals(&[1], 2, &[2]), &[0]),
        (
            "all of 15 bits",
            literals(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 15, &[]),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15],
        ),
    ];
    for (name, literals, distances) in cases {
        assert!(codes_are_valid(name, &literals, distances), "{name}");
    }
}

#[test]
fn code_counts_out_of_range() {
    for (literals, distances) in [(286, 30), (287, 1), (288, 1), (257, 31), (257, 32), (288, 32)] {
        let mut lengths = vec![0; literals];
        (lengths[0], lengths[256]) = (1, 1);
        let ok = codes_are_valid("counts", &lengths, &vec![0; distances]);
        assert_eq!(ok, literals <= 286 && distances <= 30, "{literals} {distances}");
    }
}

#[test]
fn code_length_codes() {
    /// A literal, then zeros up to the end.
    const START: [Item; 4] = [(1, 0), (18, 127), (18, 106), (1, 0)];
    let head = |name: &str, code: &[u8; 19], literals, distances, items: &[Item]| {
        let mut stream = BitWriter::new();
        stream.dynamic_head(false, literals, distances, code, items);
        let ok = same_as_zlib(name, &stream).contains(&true);
        // Followed by the end of the block.
        ok | same_as_zlib(name, stream.bits(1, 1)).contains(&true)
    };
    let all = &ALL_CODE_LENGTHS;
    let items = |more: &[Item]| [&START[..], more].concat();
    assert!(head("sound", all, 257, 1, &items(&[(0, 0)])));
    assert!(head("zeros from literals to distances", all, 258, 3, &items(&[(17, 1)])));
    assert!(head("the last literal again for distances", all, 257, 2, &items(&[(1, 0), (1, 0)])));
    let cases: [(&str, u32, u32, Vec<Item>); 6] = [
        ("a repeat of nothing", 257, 1, vec![(16, 0)]),
        ("two past the end", 257, 1, items(&[(16, 0)])),
        ("one past the end", 257, 2, items(&[(16, 0)])),
        ("zeros past the end", 257, 1, items(&[(17, 0)])),
        ("many zeros past the end", 257, 1, items(&[(18, 0)])),
        ("zeros past the end of all", 286, 30, items(&[(18, 127)])),
    ];
    for (name, literals, distances, items) in cases {
        assert!(!head(name, all, literals, distances, &items), "{name}");
    }
    let mut codes = [0; 19];
    assert!(!head("no code", &codes, 257, 1, &[]));
    codes[18] = 1;
    assert!(!head("one code", &codes, 257, 1, &[]));
    (codes[17], codes[16]) = (1, 1);
    assert!(!head("too many codes", &codes, 257, 1, &[]));
    codes[16] = 0;
    codes[18] = 2;
    assert!(!head("too few codes", &codes, 257, 1, &[]));
}

/// All 19 lengths of the code length code take 57 bits, one more than a refill guarantees.
#[test]
fn a_dynamic_block_at_every_bit_of_a_byte() {
    let lengths = literals(&[1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15], 2, &[]);
    let codes = bits::codes(&lengths);
    for pad in 0..16 {
        let mut stream = BitWriter::new();
        // A block of 9-bit literals shifts what follows by any number of bits.
        stream.fixed(false);
        for _ in 0..pad {
            stream.literals(b"\xFF");
        }
        stream.end().dynamic(false, &lengths, &[0]);
        for &code in &codes[..15] {
            stream.code(code);
        }
        let message = stream.code(codes[256]).message();
        let wanted = zlib(b"", &message);
        assert!(wanted.ok && wanted == miniz(b"", &message));
        let seen = alone(&message);
        assert_eq!(seen, Outcome::whole(&[(Kind::Binary, &wanted.bytes)]), "{pad}");
    }
}
