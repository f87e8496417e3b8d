//! `Inflate` at its limits: long messages, decompression bombs and invalid text.

use barews::deflate::Inflate;
use barews::{Config, Error, Event, Input, Kind};
use flate2::FlushCompress;

use crate::support::bits::BitWriter;
use crate::support::endpoint::{SIDES, Side};
use crate::support::frame::{BINARY, CONTINUATION, FIN, TEXT};
use crate::support::inflated::{JUNK, Outcome, RSV1, Receiver, compressed, context, memory, run};
use crate::support::oracles::{Level, Zlib};

/// Inflates binary `wire` with this limit and output slices of `size` bytes, and checks that
/// nothing is written past the limit. Returns the lengths of the messages and the error.
fn limited(wire: &[u8], limit: usize, size: usize) -> (Vec<usize>, Option<Error>) {
    let context = context(15, true);
    let mut memory = memory(context);
    let mut inflate = Inflate::new(context, &mut memory).unwrap();
    inflate = inflate.max_message_len(limit.try_into().unwrap());
    let mut ws =
        Side::Client.ws(Config::new().deflate(true).max_fragments(Config::UNLIMITED_FRAGMENTS));
    let mut bytes = wire.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut out = vec![JUNK; size];
    let (mut lens, mut len) = (Vec::new(), 0);
    while let Event::Data(mut data) = ws.receive(&mut input).unwrap() {
        loop {
            let room = size.min(limit - len);
            let piece = match inflate.push(&mut data, &mut out) {
                Ok(Some(piece)) => (piece.payload.len(), piece.fin),
                Ok(None) => break,
                Err(error) => {
                    assert!(out[room..].iter().all(|byte| *byte == JUNK));
                    lens.push(len);
                    return (lens, Some(error));
                }
            };
            assert!(out[room..].iter().all(|byte| *byte == JUNK), "written past the limit");
            len += piece.0;
            // Restores the junk in the part that could have been written.
            out[..room].fill(JUNK);
            if piece.1 {
                lens.push(core::mem::take(&mut len));
            }
        }
    }
    (lens, None)
}

/// The same bytes as three messages: of matches, stored, of literals.
fn three_encodings(len: u32) -> [BitWriter; 3] {
    let mut matches = BitWriter::new();
    matches.fixed(false);
    let mut left = len;
    if left > 0 {
        matches.literals(b"z");
        left -= 1;
    }
    while left >= 3 {
        // Leaves no rest of one or two bytes, and varies the distance.
        let n = left.min(if left > 260 { 258 } else { left });
        let n = if n > 258 { n - 3 } else { n };
        matches.repeat(n, 1 + (len - left) % 20 % (len - left));
        left -= n;
    }
    for _ in 0..left {
        matches.literals(b"z");
    }
    matches.end();
    let bytes = vec![b'z'; len.try_into().unwrap()];
    let (mut stored, mut literals) = (BitWriter::new(), BitWriter::new());
    for chunk in bytes.chunks(100) {
        stored.stored(false, chunk);
    }
    literals.fixed(false).literals(&bytes).end();
    [matches, stored, literals]
}

#[test]
fn p13_a_message_of_the_limit_passes_and_one_byte_more_fails() {
    for (len, encoding) in [0, 1, 2, 15, 16, 17, 258, 259, 1000, 5000]
        .map(three_encodings)
        .iter()
        .zip([0_u32, 1, 2, 15, 16, 17, 258, 259, 1000, 5000])
        .flat_map(|(encodings, len)| {
            encodings.iter().map(move |encoding| (len, encoding.message()))
        })
    {
        let len = usize::try_from(len).unwrap();
        let parts: Vec<_> = encoding.chunks(encoding.len().div_ceil(7)).collect();
        // Twice, because the limit applies to each message.
        for wire in [
            compressed(Side::Client, Kind::Binary, &[&encoding]).repeat(2),
            compressed(Side::Client, Kind::Binary, &parts).repeat(2),
        ] {
            for size in [1, 7, 16, 1000, 10_000] {
                assert_eq!(limited(&wire, len, size), (vec![len, len], None), "{len} {size}");
                assert_eq!(limited(&wire, len + 1, size), (vec![len, len], None));
                if let Some(less) = len.checked_sub(1) {
                    let wanted = (vec![less], Some(Error::MessageTooLong));
                    assert_eq!(limited(&wire, less, size), wanted, "{len} {size}");
                }
            }
        }
    }
}

#[test]
fn errors_after_the_limit_are_not_reported_but_at_the_limit_they_are() {
    for size in [1, 5, 9, 10, 11, 100] {
        // Ten bytes, then a block of the reserved type.
        let mut stream = BitWriter::new();
        stream.fixed(false).literals(b"0123456789").end().bits(3 << 1, 3);
        let wire = compressed(Side::Client, Kind::Binary, &[&stream.message()]);
        assert_eq!(limited(&wire, 10, size), (vec![10], Some(Error::InvalidDeflate)));
        assert_eq!(limited(&wire, 11, size), (vec![10], Some(Error::InvalidDeflate)));
        assert_eq!(limited(&wire, 9, size), (vec![9], Some(Error::MessageTooLong)));
        // A match before the start is reported before the limit.
        let mut stream = BitWriter::new();
        stream.fixed(false).literals(b"0123456789").repeat(258, 11);
        let wire = compressed(Side::Client, Kind::Binary, &[&stream.message()]);
        assert_eq!(limited(&wire, 10, size), (vec![10], Some(Error::InvalidDeflate)));
    }
}

#[test]
fn a_bomb_of_1032_to_1_stops_at_the_limit() {
    let level = Level { level: 9, window_bits: 15 };
    let zeros = vec![0; 16 << 20];
    let message = Zlib::new(level).message(&[(&zeros, FlushCompress::None)]);
    assert!(zeros.len() / message.len() > 1000, "{} bytes", message.len());
    let wire = compressed(Side::Client, Kind::Binary, &[&message]);
    for size in [1 << 10, 1 << 16, 32 << 20] {
        assert_eq!(limited(&wire, zeros.len(), size), (vec![zeros.len()], None));
        let wanted = (vec![1 << 20], Some(Error::MessageTooLong));
        assert_eq!(limited(&wire, 1 << 20, size), wanted);
        // Invalid data at and after the limit.
        let mut bad = message[..message.len() / 16].to_vec();
        bad.extend([0xFF; 40]);
        let wire = compressed(Side::Client, Kind::Binary, &[&bad]);
        let (lens, error) = limited(&wire, 32 << 20, size);
        assert_eq!(error, Some(Error::InvalidDeflate));
        assert_eq!(limited(&wire, lens[0], size), (lens.clone(), error));
        let wanted = (vec![lens[0] - 1], Some(Error::MessageTooLong));
        assert_eq!(limited(&wire, lens[0] - 1, size), wanted);
    }
}

/// A fixed block of matches of 258 bytes, each of 13 bits.
fn matches(count: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    stream.fixed(false).literals(b"-");
    for _ in 0..count {
        stream.repeat(258, 1);
    }
    stream.end().message()
}

#[test]
fn a_bomb_in_a_million_fragments_stops_at_the_limit() {
    let count = 600_000;
    let message = matches(count);
    let parts: Vec<_> = message.chunks(1).collect();
    assert!(parts.len() > 900_000);
    let wire = compressed(Side::Client, Kind::Binary, &parts);
    let limit = 16 << 20;
    let wanted = (vec![limit], Some(Error::MessageTooLong));
    assert_eq!(limited(&wire, limit, 4096), wanted);
    assert_eq!(limited(&wire, 258 * count + 1, 4096), (vec![258 * count + 1], None));
}

#[test]
fn a_million_empty_fragments_and_blocks_give_an_empty_message() {
    let mut parts = vec![&b"\x00\x00\x00\xFF\xFF"[..], b""];
    for _ in 0..500_000 {
        parts.extend([&b""[..], b"\x00\x00\x00\xFF\xFF"]);
    }
    parts.push(b"\x00");
    let wire = compressed(Side::Client, Kind::Binary, &parts);
    assert_eq!(limited(&wire, 0, 16), (vec![0], None));
    let wire = compressed(Side::Client, Kind::Binary, &[&parts.concat()]);
    assert_eq!(limited(&wire, 0, 16), (vec![0], None));
}

#[test]
fn a_message_over_64_mib_exceeds_the_default_limit() {
    let limit = 64 << 20;
    // 258 bytes per match, and one literal.
    let count = limit / 258 + 1;
    let context = context(8, true);
    for (count, error) in [(count - 1, None), (count, Some(Error::MessageTooLong))] {
        let mut memory = memory(context);
        let inflate = Inflate::new(context, &mut memory).unwrap();
        let mut receiver = Receiver::new(Side::Client, Config::new(), inflate);
        let wire = compressed(Side::Client, Kind::Binary, &[&matches(count)]);
        receiver.read(&wire, &mut [1 << 20].into_iter().cycle());
        assert_eq!(receiver.seen.error, error);
        if error.is_some() {
            assert_eq!(receiver.seen.open.len(), limit);
        }
    }
}

#[test]
fn p09_an_error_is_permanent_and_also_refuses_uncompressed_data() {
    let context = context(8, true);
    let mut memory = memory(context);
    let mut inflate = Inflate::new(context, &mut memory).unwrap();
    let side = Side::Client;
    let mut ws = side.ws(Config::new().deflate(true));
    let mut bytes = [
        compressed(side, Kind::Binary, &[b"\x07"]),
        side.frame(FIN | TEXT, b"plain"),
        compressed(side, Kind::Text, &[b"\xF2\x48\xCD\xC9\xC9\x07\x00"]),
    ]
    .concat();
    let mut input = Input::new(&mut bytes);
    for _ in 0..3 {
        let Ok(Event::Data(mut data)) = ws.receive(&mut input) else { panic!() };
        let len = data.payload.len();
        for call in 0..3 {
            let mut out = [JUNK; 16];
            assert_eq!(inflate.push(&mut data, &mut out), Err(Error::InvalidDeflate));
            assert_eq!(out, [JUNK; 16]);
            assert!(
                len == 1 || call > 0 || data.payload.len() == len,
                "the error consumes nothing"
            );
        }
    }
}

/// Without takeover, a caller may discard the rest of a message.
#[test]
fn a_discarded_message_does_not_affect_the_next() {
    let side = Side::Client;
    let hello = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
    for cut in 0..hello.len() {
        let context = context(8, false);
        let mut memory = memory(context);
        let mut inflate = Inflate::new(context, &mut memory).unwrap();
        let mut ws = side.ws(Config::new().deflate(true));
        let mut bytes = [
            compressed(side, Kind::Text, &[&hello[..cut], &hello[cut..]]),
            compressed(side, Kind::Text, &[hello]),
        ]
        .concat();
        let mut input = Input::new(&mut bytes);
        let mut out = [0; 16];
        let Ok(Event::Data(mut first)) = ws.receive(&mut input) else { panic!() };
        while inflate.push(&mut first, &mut out).unwrap().is_some() {}
        assert!(matches!(ws.receive(&mut input), Ok(Event::Data(_))));
        let Ok(Event::Data(mut next)) = ws.receive(&mut input) else { panic!() };
        let piece = inflate.push(&mut next, &mut out).unwrap().unwrap();
        assert_eq!((&*piece.payload, piece.first, piece.fin), (&b"Hello"[..], true, true), "{cut}");
    }
}

#[test]
fn uncompressed_data_passes_unchanged_in_pieces() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for side in SIDES {
        let wire = [
            side.frame(FIN | BINARY, &bytes),
            side.frame(BINARY, &bytes[..300]),
            side.frame(CONTINUATION, b""),
            side.frame(CONTINUATION, &bytes[300..301]),
            side.frame(FIN | CONTINUATION, &bytes[301..]),
            side.frame(BINARY, &bytes),
            side.frame(FIN | CONTINUATION, b""),
        ]
        .concat();
        for size in [1, 2, 255, 256, 257, 999, 1000, 1001] {
            let seen = run(side, context(8, true), &wire, &[], &[size]);
            assert_eq!(seen, Outcome::whole(&[(Kind::Binary, &bytes[..]); 3]), "{size}");
        }
    }
}

/// The text as a compressed message: stored, of literals, and compressed by zlib.
fn messages(text: &[u8]) -> [Vec<u8>; 3] {
    let (mut stored, mut literals) = (BitWriter::new(), BitWriter::new());
    stored.stored(false, text);
    literals.fixed(false).literals(text).end();
    let level = Level { level: 9, window_bits: 15 };
    let zlib = Zlib::new(level).message(&[(text, FlushCompress::None)]);
    [stored.message(), literals.message(), zlib]
}

#[test]
fn characters_may_be_split_by_pieces_fragments_and_reads() {
    let text = "aß€😀\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}ß€😀ß€😀ß€😀";
    for message in messages(text.as_bytes()) {
        for len in 1..=message.len() {
            let parts: Vec<_> = message.chunks(len).collect();
            for side in SIDES {
                let wire = compressed(side, Kind::Text, &parts).repeat(2);
                let cuts: Vec<_> = (0..wire.len()).step_by(len + 1).collect();
                for size in [1, 2, 3, 4, 5, 100] {
                    let seen = run(side, context(15, true), &wire, &cuts, &[size]);
                    assert_eq!(seen, Outcome::whole(&[(Kind::Text, text.as_bytes()); 2]));
                }
            }
        }
    }
}

#[test]
fn invalid_text_gives_its_valid_start_and_then_the_error() {
    let starts = ["", "a", "aß€😀", "------------------------------------------------"];
    let bad: [(&[u8], usize); 7] = [
        // The bytes, and how many of them may start a character.
        (b"\xFF", 0),
        (b"\x80", 0),
        (b"\xC0\x80", 0),
        (b"\xE2\x82a", 2),
        (b"\xED\xA0\x80", 1),
        (b"\xF4\x90\x80\x80", 1),
        (b"\xF0\x9F\x98\xE2", 3),
    ];
    for (start, (bad, good)) in starts.iter().flat_map(|start| bad.map(|bad| (start, bad))) {
        let open = [start.as_bytes(), &bad[..good]].concat();
        let wanted = Outcome { open, error: Some(Error::InvalidUtf8), ..Outcome::default() };
        for message in
            messages(&[start.as_bytes(), bad, b" and more".repeat(9).as_slice()].concat())
        {
            let wire = compressed(Side::Server, Kind::Text, &[&message]);
            for size in [1, 2, 3, 7, 1000] {
                for cut in 0..wire.len() {
                    let seen = run(Side::Server, context(15, true), &wire, &[cut], &[size]);
                    assert_eq!(seen, wanted, "{start} {bad:02X?} {cut} {size}");
                }
            }
        }
    }
}

/// The error is reported before the rest of the message arrives.
#[test]
fn invalid_text_is_refused_as_soon_as_it_arrives() {
    for side in SIDES {
        let mut wire = side.frame(RSV1 | TEXT, b"\x00\xFF\x00\x00\xFFab\xFF");
        let seen = run(side, context(8, true), &wire, &[], &[100]);
        let error = Some(Error::InvalidUtf8);
        assert_eq!(seen, Outcome { open: b"ab".to_vec(), error, ..Outcome::default() });
        // Invalid text is reported before a later DEFLATE error, but not before an earlier one.
        for (order, error) in [(b"\xFF", Error::InvalidUtf8), (b"a", Error::InvalidDeflate)] {
            let mut stream = BitWriter::new();
            stream.fixed(false).literals(order).end().bits(3 << 1, 3).bits(0xFF, 8);
            wire = compressed(side, Kind::Text, &[&stream.message()]);
            for size in [1, 100] {
                let seen = run(side, context(8, true), &wire, &[], &[size]);
                assert_eq!(seen.error, Some(error));
            }
        }
    }
}

/// An incomplete character is only detected at the end of the message, when its first bytes may
/// have been delivered already. So they are always delivered.
#[test]
fn a_text_that_ends_inside_a_character_gives_the_same_for_every_cut() {
    for text in [&b"ab\xE2\x82"[..], b"ab\xF0\x9F\x98", b"\xC3", b"\xE2"] {
        let wanted =
            Outcome { open: text.to_vec(), error: Some(Error::InvalidUtf8), ..Outcome::default() };
        for message in messages(text) {
            for at in 0..=message.len() {
                let (first, second) = message.split_at(at);
                for parts in [&[&message[..]][..], &[first, second], &[first, second, b""]] {
                    let wire = compressed(Side::Client, Kind::Text, parts);
                    for cut in 0..=wire.len() {
                        for size in [1, 2, 3, 4, 5, 9] {
                            let seen = run(Side::Client, context(8, true), &wire, &[cut], &[size]);
                            assert_eq!(seen, wanted, "{text:02X?} {at} {cut} {size}");
                        }
                    }
                }
            }
        }
    }
}

/// RFC 6455 §10.4: the default limit is finite, and the same as for uncompressed messages.
#[test]
fn p13_the_default_limit_of_a_message_is_64_mib() {
    for (len, error) in [(64 << 20, None), ((64 << 20) + 1, Some(Error::MessageTooLong))] {
        let mut zlib = Zlib::new(Level { level: 1, window_bits: 15 });
        let payload = zlib.message(&[(&vec![0; len], FlushCompress::None)]);
        let mut wire = compressed(Side::Client, Kind::Binary, &[&payload]);
        let context = context(15, true);
        let mut inflate = Inflate::new(context, memory(context)).unwrap();
        let mut ws = Side::Client.ws(Config::new().deflate(true));
        let mut input = Input::new(&mut wire);
        let Event::Data(mut data) = ws.receive(&mut input).unwrap() else { panic!() };
        let (mut out, mut inflated) = (vec![0; 1 << 16], 0);
        let end = loop {
            match inflate.push(&mut data, &mut out) {
                Ok(Some(piece)) => inflated += piece.payload.len(),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert_eq!((inflated, end), (64 << 20, error));
    }
}
