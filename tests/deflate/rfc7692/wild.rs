//! Payloads that implementations send although RFC 7692 §7.2.1 makes others, and what follows them.

use std::iter::repeat_n;

use barews::deflate::{Deflate, DeflateParams, Effort, Flush};
use barews::{Error, Kind};

use crate::support::bits::BitWriter;
use crate::support::endpoint::{SIDES, Side};
use crate::support::inflated::{Outcome, alone, compressed, context, run};
use crate::support::oracles::{Level, Zlib, miniz, zlib};
use crate::support::strict_inflate::StrictInflate;

/// "Hello" in a block that is not final, in a final one, and as a reference to an earlier one.
const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
const FINISHED: &[u8] = b"\xF3\x48\xCD\xC9\xC9\x07\x00";
const AGAIN: &[u8] = b"\xF2\x00\x11\x00\x00";
/// The reference in a final block.
const AGAIN_FINISHED: &[u8] = b"\xF3\x00\x11\x00";

/// Receives messages in any fragments, at every cut and for some output lengths.
#[track_caller]
fn receives(messages: &[(&[&[u8]], &[u8])], takeover: bool) {
    for kind in [Kind::Text, Kind::Binary] {
        let wanted: Vec<_> = messages.iter().map(|(_, bytes)| (kind, *bytes)).collect();
        let wanted = Outcome::whole(&wanted);
        for side in SIDES {
            let wire: Vec<u8> =
                messages.iter().flat_map(|(parts, _)| compressed(side, kind, parts)).collect();
            for size in [1, 4, 5, 6, 100] {
                for cut in 0..=wire.len() {
                    let seen = run(side, context(15, takeover), &wire, &[cut], &[size]);
                    assert_eq!(seen, wanted, "{side:?} {cut} {size}");
                }
                let bytes: Vec<_> = (0..wire.len()).collect();
                assert_eq!(run(side, context(15, takeover), &wire, &bytes, &[size]), wanted);
            }
        }
    }
}

/// Mojolicious compresses an empty message to nothing.
#[test]
fn r7692_7_2_2_04_an_empty_compressed_payload_is_an_empty_message() {
    for takeover in [true, false] {
        for parts in [&[&b""[..]][..], &[b"", b""], &[b"", b"", b""]] {
            receives(&[(parts, b"")], takeover);
            receives(&[(parts, b""), (parts, b""), (&[HELLO], b"Hello"), (parts, b"")], takeover);
            receives(&[(&[b"\x00"], b""), (parts, b""), (&[HELLO], b"Hello")], takeover);
        }
    }
    // The window is that of the messages before.
    receives(&[(&[HELLO], b"Hello"), (&[b""], b""), (&[AGAIN], b"Hello")], true);
}

/// A server that ends each stream of zlib with `Z_FINISH`; the other implementations deliver it.
#[test]
fn r7692_7_2_1_07_a_final_block_ends_a_message() {
    for takeover in [true, false] {
        receives(
            &[(&[FINISHED], b"Hello"), (&[FINISHED], b"Hello"), (&[HELLO], b"Hello")],
            takeover,
        );
        for cut in 0..=FINISHED.len() {
            let (first, second) = FINISHED.split_at(cut);
            receives(&[(&[first, second], b"Hello"), (&[HELLO], b"Hello")], takeover);
            receives(&[(&[first, b"", second, b""], b"Hello"), (&[b""], b"")], takeover);
        }
        // A block before it, a block after it in the next fragment, and an empty stored one.
        receives(
            &[(&[b"\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCB\xC9\xC9\x07\x00"], b"Hello")],
            takeover,
        );
        receives(&[(&[FINISHED, HELLO], b"HelloHello"), (&[HELLO], b"Hello")], takeover);
        receives(
            &[(&[FINISHED, FINISHED], b"HelloHello"), (&[FINISHED, b"\x00"], b"Hello")],
            takeover,
        );
        receives(&[(&[b"\x01\x00\x00\xFF\xFF"], b""), (&[b"\x03\x00"], b"")], takeover);
        receives(&[(&[b"\x01\x05\x00\xFA\xFFHello"], b"Hello"), (&[HELLO], b"Hello")], takeover);
    }
    // With takeover, later messages may refer to it, from final blocks as well.
    receives(&[(&[FINISHED], b"Hello"), (&[AGAIN], b"Hello"), (&[AGAIN], b"Hello")], true);
    let again = (&[AGAIN_FINISHED][..], &b"Hello"[..]);
    receives(&[(&[HELLO], b"Hello"), again, again, (&[b""], b""), again], true);
}

/// All block types, at every alignment of the end of the block.
#[test]
fn r7692_7_2_1_07_the_padding_after_a_final_block_does_not_matter() {
    for (len, padding) in (0..9).flat_map(|len| (0..256_u32).map(move |padding| (len, padding))) {
        let text: Vec<u8> = repeat_n(b'\xFF', len).collect();
        let mut stream = BitWriter::new();
        // 3 bits, 9 for each literal, and 7.
        stream.fixed(true).literals(&text).end();
        let free = u32::try_from((8 - (10 + 9 * len) % 8) % 8).unwrap();
        stream.bits(padding & ((1 << free) - 1), free);
        assert_eq!(alone(&stream.bytes()), Outcome::whole(&[(Kind::Binary, &text)]));
    }
}

/// What C zlib writes, at every level.
#[test]
fn r7692_7_2_1_07_what_zlib_finishes_is_received() {
    let texts = ["", "a", "Z_FINISH as it is", &"a long text, ".repeat(500)];
    for level in 0..=9 {
        let mut peer = Zlib::new(Level { level, window_bits: 15 });
        let mut messages = Vec::new();
        for text in texts {
            messages.push((peer.finished(text.as_bytes()), text));
            messages.push((Vec::new(), ""));
        }
        let wire: Vec<u8> = messages
            .iter()
            .flat_map(|(payload, _)| compressed(Side::Client, Kind::Text, &[payload]))
            .collect();
        let wanted: Vec<_> =
            messages.iter().map(|(_, text)| (Kind::Text, text.as_bytes())).collect();
        for takeover in [true, false] {
            let seen = run(Side::Client, context(15, takeover), &wire, &[], &[77]);
            assert_eq!(seen, Outcome::whole(&wanted));
        }
    }
}

/// Only these two ends are accepted besides that of the RFC: whatever else is missing is an error.
#[test]
fn r7692_7_2_1_07_an_end_after_any_other_block_is_an_error() {
    for message in [
        // An empty stored block with its four bytes, which the sender has not removed.
        &b"\xF2\x48\xCD\xC9\xC9\x07\x00\x00\x00\xFF\xFF"[..],
        b"\x00\x00\x00\xFF\xFF",
        b"\x00\x05\x00\xFA\xFFHello",
        // A final block, and then one that is not.
        b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00\x05\x00\xFA\xFFHello",
        // A final block, and then a part of one.
        b"\xF3\x48\xCD\xC9\xC9\x07\x00\xF3\x48",
        b"\x03",
    ] {
        assert_eq!(alone(message).error, Some(Error::InvalidDeflate), "{message:02X?}");
        assert!(!zlib(b"", message).ok && !miniz(b"", message).ok, "{message:02X?}");
    }
}

/// The strict inflater accepts no final block and no missing end.
#[test]
fn r7692_7_2_1_07_this_crate_ends_its_messages_as_in_the_rfc() {
    let server = DeflateParams::DEFAULT.server();
    for effort in [Effort::TINY, Effort::SMALL, Effort::FAST, Effort::BEST] {
        let memory = vec![0; Deflate::memory(server, effort)];
        let mut deflate = Deflate::new(server, effort, memory).unwrap();
        let mut strict = StrictInflate::new(15, true);
        for message in [&b""[..], b"a", b"", b"Hello, hello, hello", b""] {
            let mut out = [0; 64];
            let len = deflate.push(message, Flush::Finish, &mut out).written;
            assert!(len > 0);
            assert_eq!(strict.message(&out[..len]).unwrap(), message);
        }
    }
}
