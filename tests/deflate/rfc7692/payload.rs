//! RFC 7692 §7.2: received compressed payloads.

use barews::deflate::{CompressionContext, DeflateParams, Inflate, WindowBits};
use barews::{Config, Error, Event, Input, Kind, StorageFull};

use crate::support::bits;
use crate::support::bits::BitWriter;
use crate::support::endpoint::{Call, SIDES, Side};
use crate::support::inflated::{JUNK, Outcome, Receiver, alone, compressed, context, memory, run};

/// The examples of §7.2.3, each with its messages in order and their fragments.
const EXAMPLES: [&[&[&[u8]]]; 6] = [
    // §7.2.3.1: one block, and the same in two fragments.
    &[&[b"\xF2\x48\xCD\xC9\xC9\x07\x00"]],
    &[&[b"\xF2\x48\xCD", b"\xC9\xC9\x07\x00"]],
    // §7.2.3.2: messages that share the window.
    &[
        &[b"\xF2\x48\xCD\xC9\xC9\x07\x00"],
        &[b"\xF2\x48\xCD\xC9\xC9\x07\x00"],
        &[b"\xF2\x00\x11\x00\x00"],
        &[b"\xF2\x00\x11\x00\x00"],
    ],
    // §7.2.3.3: a stored block.
    &[&[b"\x00\x05\x00\xFA\xFFHello\x00"]],
    // §7.2.3.4: a final block.
    &[&[b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00"], &[b"\xF2\x00\x11\x00\x00"]],
    // §7.2.3.5: two blocks.
    &[&[b"\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00"]],
];

/// "Hello", and "Hello" again as a reference to the first.
const HELLO: &[u8] = EXAMPLES[0][0][0];
const AGAIN: &[u8] = EXAMPLES[2][2][0];

fn hello_messages(count: usize) -> Outcome {
    Outcome::whole(&vec![(Kind::Text, &b"Hello"[..]); count])
}

#[test]
fn p02_r7692_7_2_3_01_the_examples_with_every_split_and_output_length() {
    for (side, example) in SIDES.into_iter().flat_map(|side| EXAMPLES.map(|one| (side, one))) {
        let wire: Vec<u8> =
            example.iter().flat_map(|parts| compressed(side, Kind::Text, parts)).collect();
        let wanted = hello_messages(example.len());
        let context = context(8, true);
        for size in 1..=6 {
            for second in 0..=wire.len() {
                for first in 0..=second {
                    let seen = run(side, context, &wire, &[first, second], &[size]);
                    assert_eq!(seen, wanted, "{side:?} {first} {second} {size}");
                }
            }
            let bytes: Vec<_> = (0..wire.len()).collect();
            assert_eq!(run(side, context, &wire, &bytes, &[size]), wanted, "{side:?} {size}");
        }
    }
}

#[test]
fn r7692_7_2_3_01_the_examples_in_fragments_of_every_length() {
    for (side, example) in SIDES.into_iter().flat_map(|side| EXAMPLES.map(|one| (side, one))) {
        for len in 1..=14 {
            let mut wire = Vec::new();
            for message in example {
                let payload = message.concat();
                let parts: Vec<_> = payload.chunks(len).collect();
                wire.extend(compressed(side, Kind::Text, &parts));
            }
            for size in [1, 2, 5, 6] {
                let seen = run(side, context(8, true), &wire, &[], &[size]);
                assert_eq!(seen, hello_messages(example.len()), "{side:?} {len} {size}");
            }
        }
    }
}

#[test]
fn r7692_7_2_3_01_every_set_of_cuts() {
    let wire = compressed(Side::Client, Kind::Text, &[HELLO, b""]);
    for cuts in 0..1_u32 << (wire.len() - 1) {
        let cuts: Vec<_> = (1..wire.len()).filter(|at| cuts >> (at - 1) & 1 == 1).collect();
        for size in [1, 3, 8] {
            assert_eq!(
                run(Side::Client, context(8, true), &wire, &cuts, &[size]),
                hello_messages(1)
            );
        }
    }
}

/// §7.2.3.6: an empty message.
#[test]
fn r7692_7_2_3_01_an_empty_message_is_one_byte() {
    for (side, kind) in
        SIDES.into_iter().flat_map(|side| [(side, Kind::Text), (side, Kind::Binary)])
    {
        for parts in [&[&b"\x00"[..]][..], &[b"", b"\x00"], &[b"\x00", b""]] {
            let wire = compressed(side, kind, parts);
            let seen = run(side, context(8, true), &wire, &[], &[1]);
            assert_eq!(seen, Outcome::whole(&[(kind, b"")]));
        }
    }
}

/// §7.2.3.6: the last fragment contains only the end.
#[test]
fn r7692_7_2_3_01_the_last_fragment_can_be_one_byte() {
    for side in SIDES {
        let first = b"\xF2\x48\xCD\xC9\xC9\x07\x00\x00\x00\xFF\xFF";
        let wire = compressed(side, Kind::Text, &[first, b"\x00"]);
        assert_eq!(run(side, context(8, true), &wire, &[], &[2]), hello_messages(1));
    }
}

#[test]
fn r7692_7_2_1_02_blocks_of_all_types_including_final_ones() {
    // 9-bit codes for "a", "b" and the lengths 3 and 4, 8-bit codes for all others but one;
    // distances 1 and 2.
    let mut literals = [8; 259];
    for symbol in [b'a'.into(), b'b'.into(), 257, 258] {
        literals[symbol] = 9;
    }
    let spare = literals.iter().position(|&len| len == 8).unwrap();
    literals[spare] = 0;
    let codes = bits::codes(&literals);
    let distances = bits::codes(&[1, 1]);
    for last in 0..16_u32 {
        let last = |block: u32| last >> block & 1 == 1;
        let mut stream = BitWriter::new();
        stream.stored(last(0), b"stored ");
        if last(0) {
            stream.align();
        }
        stream.fixed(last(1)).literals(b"fixed ").repeat(3, 13).end();
        if last(1) {
            stream.align();
        }
        stream.dynamic(last(2), &literals, &[1, 1]);
        stream.code(codes[usize::from(b'a')]).code(codes[257]).code(distances[0]);
        stream.code(codes[usize::from(b'b')]).code(codes[258]).code(distances[1]);
        stream.code(codes[256]);
        if last(2) {
            stream.align();
        }
        stream.fixed(last(3)).end();
        if last(3) {
            stream.align();
        }
        let seen = alone(&stream.message());
        assert_eq!(seen, Outcome::whole(&[(Kind::Binary, b"stored fixed stoaaaababab")]));
    }
}

#[test]
fn r7692_7_2_1_02_the_window_survives_a_final_block() {
    let mut stream = BitWriter::new();
    stream.fixed(true).literals(b"abc").end().align();
    stream.fixed(true).repeat(3, 3).end().align();
    let message = stream.message();
    let wanted = (Kind::Binary, &b"abcabc"[..]);
    assert_eq!(alone(&message), Outcome::whole(&[wanted]));
    // The next message too.
    let mut stream = BitWriter::new();
    stream.fixed(true).repeat(3, 3).end().align();
    let wire = [&message, &stream.message()]
        .map(|message| compressed(Side::Client, Kind::Binary, &[message]))
        .concat();
    let seen = run(Side::Client, context(15, true), &wire, &[], &[100]);
    assert_eq!(seen, Outcome::whole(&[wanted, (Kind::Binary, b"abc")]));
}

#[test]
fn r7692_7_2_1_03_padding_after_a_final_block_is_ignored() {
    for (padding, literals) in
        (0..128).flat_map(|padding| [(padding, &b"abc"[..]), (padding, b"ab\xFF")])
    {
        let mut stream = BitWriter::new();
        stream.fixed(true).literals(literals).end();
        // 3 + 24 + 7 bits leave six free in the last byte; a 9-bit literal leaves five.
        let free = if literals == b"abc" { 6 } else { 5 };
        stream.bits(padding, free).fixed(false).literals(b"d").end();
        let wanted = [literals, b"d"].concat();
        assert_eq!(alone(&stream.message()), Outcome::whole(&[(Kind::Binary, &wanted)]));
    }
}

#[test]
fn r7692_7_2_2_01_the_four_bytes_follow_the_last_fragment_only() {
    // Fragments that end inside a stored block of 0x00 0x00 0xFF 0xFF.
    let mut stream = BitWriter::new();
    stream.stored(false, b"\x00\x00\xFF\xFF").stored(false, b"!");
    let message = stream.message();
    for cut in 0..=message.len() {
        let (first, second) = message.split_at(cut);
        let wire = compressed(Side::Server, Kind::Binary, &[first, second]);
        let seen = run(Side::Server, context(8, true), &wire, &[], &[7]);
        assert_eq!(seen, Outcome::whole(&[(Kind::Binary, b"\x00\x00\xFF\xFF!")]));
    }
}

#[test]
fn r7692_7_2_2_01_a_truncated_message_is_invalid() {
    for message in EXAMPLES.iter().flat_map(|example| example.iter()).map(|parts| parts.concat()) {
        for cut in 0..message.len() {
            let start = &message[..cut];
            // A cut at a flush or after a final block leaves a valid shorter message, nothing is an
            // empty one, and a stored block that lacks its last four bytes gets them from the tail.
            let is_whole = [
                &b""[..],
                b"\xF3\x48\xCD\xC9\xC9\x07\x00",
                b"\xF2\x48\x05\x00",
                b"\x00",
                b"\x00\x05\x00\xFA\xFFH",
            ]
            .contains(&start);
            let seen = alone(start);
            assert_eq!(seen.error.is_none(), is_whole, "{start:02X?}");
            assert!(is_whole || seen.error == Some(Error::InvalidDeflate));
        }
    }
}

/// A sender that did not remove the four bytes.
#[test]
fn r7692_7_2_2_01_four_additional_bytes_are_invalid() {
    let message = [HELLO, b"\x00\x00\xFF\xFF"].concat();
    assert_eq!(alone(&message).error, Some(Error::InvalidDeflate));
}

#[test]
fn r7692_7_2_2_02_the_window_persists_only_with_takeover() {
    for side in SIDES {
        let wire = [HELLO, AGAIN, AGAIN].map(|one| compressed(side, Kind::Text, &[one])).concat();
        assert_eq!(run(side, context(8, true), &wire, &[], &[2]), hello_messages(3));
        let seen = run(side, context(8, false), &wire, &[], &[2]);
        // The match reaches before the start of the message.
        let (open, error) = (b"H".to_vec(), Some(Error::InvalidDeflate));
        assert_eq!(seen, Outcome { open, error, ..hello_messages(1) });
        // Messages that do not refer to others are valid without takeover.
        let wire = [HELLO, HELLO].map(|one| compressed(side, Kind::Text, &[one])).concat();
        assert_eq!(run(side, context(8, false), &wire, &[], &[2]), hello_messages(2));
    }
}

#[test]
fn r7692_7_2_2_02_the_window_persists_across_messages_of_all_lengths() {
    // Each message is two literals and a match that reaches into the message before it.
    let mut wire = Vec::new();
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    let mut all = Vec::new();
    for len in 3..=258_u32 {
        let mut stream = BitWriter::new();
        stream.fixed(false).literals(&len.to_le_bytes()[..2]);
        all.extend(&len.to_le_bytes()[..2]);
        let mut message = len.to_le_bytes()[..2].to_vec();
        let distance = u32::try_from(all.len()).unwrap().min(256);
        stream.repeat(len, distance).end();
        for _ in 0..len {
            let byte = all[all.len() - usize::try_from(distance).unwrap()];
            all.push(byte);
            message.push(byte);
        }
        wire.extend(compressed(Side::Client, Kind::Binary, &[&stream.message()]));
        wanted.push(message);
    }
    let wanted: Vec<_> = wanted.iter().map(|message| (Kind::Binary, &message[..])).collect();
    for size in [1, 7, 100, 255, 256, 257, 1000] {
        let seen = run(Side::Client, context(8, true), &wire, &[], &[size]);
        assert_eq!(seen, Outcome::whole(&wanted), "{size}");
    }
}

#[test]
fn r7692_7_2_2_03_the_memory_has_the_length_of_the_negotiated_window() {
    assert_eq!(Inflate::memory(DeflateParams::DEFAULT.client()), 32_768);
    assert_eq!(Inflate::memory(DeflateParams::DEFAULT.server()), 32_768);
    for bits in 8..=15 {
        let context = context(bits, true);
        let needed = Inflate::memory(context);
        assert_eq!(needed, 1 << bits);
        let mut memory = vec![0; needed];
        assert!(Inflate::new(context, &mut memory).is_ok());
        let refused = Inflate::new(context, &mut memory[1..]).err();
        assert_eq!(refused, Some(StorageFull { needed }));
    }
}

#[test]
fn r7692_7_2_2_03_only_the_window_is_used_of_more_memory() {
    let context = context(8, true);
    let mut memory = vec![JUNK; 1000];
    let inflate = Inflate::new(context, &mut memory).unwrap();
    let mut receiver = Receiver::new(Side::Client, Config::new(), inflate);
    let mut stream = BitWriter::new();
    stream.stored(false, &[b'-'; 700]).fixed(false).repeat(3, 257);
    let wire = compressed(Side::Client, Kind::Binary, &[&stream.message()]);
    receiver.read(&wire, &mut [900].into_iter().cycle());
    assert_eq!(receiver.seen.error, Some(Error::InvalidDeflate));
    drop(receiver);
    assert!(memory[256..].iter().all(|byte| *byte == JUNK));
}

#[test]
fn r7692_10_4_the_limit_applies_to_inflated_bytes() {
    // A few bytes inflate to 1,000, which a limit on compressed bytes would not catch.
    let mut stream = BitWriter::new();
    stream.fixed(false).literals(b"a");
    for _ in 0..3 {
        stream.repeat(258, 1);
    }
    stream.repeat(225, 1).end();
    let message = stream.message();
    assert!(message.len() < 20);
    for side in SIDES {
        for limit in [0, 1, 2, 255, 999, 1000, 1001, u64::MAX] {
            let context = context(8, true);
            let mut memory = memory(context);
            let inflate = Inflate::new(context, &mut memory).unwrap().max_message_len(limit);
            let mut receiver = Receiver::new(side, Config::new(), inflate);
            receiver
                .read(&compressed(side, Kind::Binary, &[&message]), &mut [64].into_iter().cycle());
            let wanted = if limit >= 1000 {
                Outcome::whole(&[(Kind::Binary, &[b'a'; 1000])])
            } else {
                let open = vec![b'a'; usize::try_from(limit).unwrap()];
                Outcome { open, error: Some(Error::MessageTooLong), ..Outcome::default() }
            };
            assert_eq!(receiver.seen, wanted, "{limit}");
            let code = if limit >= 1000 { vec![] } else { vec![0x03, 0xF1] };
            let due = receiver.ws.sent(Call::Transmit);
            let tail = due.get(2..).unwrap_or_default();
            assert!(side == Side::Client || tail == code);
            assert_eq!(due.is_empty(), code.is_empty());
        }
    }
}

#[test]
fn the_parameters_give_the_context_of_each_side() {
    for (server, client) in [(false, true), (true, false)] {
        let [of_server, of_client] = [9, 12].map(|bits| WindowBits::new(bits).unwrap());
        assert_eq!([of_server, of_client].map(WindowBits::get), [9, 12]);
        let params = DeflateParams {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: of_server,
            client_max_window_bits: of_client,
        };
        assert_eq!(
            params.server(),
            CompressionContext { window_bits: of_server, takeover: !server }
        );
        assert_eq!(
            params.client(),
            CompressionContext { window_bits: of_client, takeover: !client }
        );
    }
}

#[test]
fn an_empty_output_gives_an_empty_piece_and_loses_nothing() {
    let context = context(15, true);
    let mut memory = memory(context);
    let mut inflate = Inflate::new(context, &mut memory).unwrap();
    let mut wire = compressed(Side::Client, Kind::Text, &[HELLO]);
    let mut ws = Side::Client.ws(Config::new().deflate(true));
    let Ok(Event::Data(mut data)) = ws.receive(&mut Input::new(&mut wire)) else { unreachable!() };
    for _ in 0..2 {
        // `None` would mean that more input is needed.
        let piece = inflate.push(&mut data, &mut []).unwrap().unwrap();
        assert!(piece.payload.is_empty() && !piece.fin);
    }
    let mut out = [0; 8];
    let piece = inflate.push(&mut data, &mut out).unwrap().unwrap();
    assert_eq!((&*piece.payload, piece.fin), (&b"Hello"[..], true));
    assert_eq!(inflate.push(&mut data, &mut []), Ok(None));
}
