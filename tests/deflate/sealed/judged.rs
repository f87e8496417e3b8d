//! Any bytes are judged.

use barews::UnsealError;
use barews::deflate::{Deflate, Effort, Inflate};

use super::digits::hex;
use super::in_message::{rest, states};
use super::{CONTEXT, sealed, unsealed};

#[test]
fn any_bytes_are_judged() {
    for what in [5, 6] {
        for body in 0..=u16::MAX {
            let [a, b] = body.to_be_bytes();
            let bytes = [1, what, a, b];
            for bytes in [&bytes[..], &bytes[..3]] {
                let storage = vec![0; 32_768];
                if bytes[1] == 5 && a % 8 == 0 {
                    let Ok(it) = Inflate::unseal(bytes, storage) else { continue };
                    let mut out = [0; 4];
                    let n = it.seal(&mut out).unwrap();
                    assert_eq!(&out[..n], bytes);
                } else if b == 0
                    && let Ok(it) = Deflate::unseal(Effort::TINY, bytes, storage)
                {
                    let mut out = [0; 3];
                    it.seal(&mut out).unwrap();
                    assert_eq!(&out, bytes);
                }
            }
        }
    }
    let refused = [
        (&b"\x01\x05"[..], UnsealError::Invalid),
        (b"\x03\x05\x08", UnsealError::Version),
        (b"\x01\x06\x08", UnsealError::OtherType),
        (b"\x01\x05\x09", UnsealError::StorageFull { needed: 512 }),
        (b"\x01\x05\x00a", UnsealError::Invalid),
        (b"\x01\x05\x20", UnsealError::Invalid),
        (b"\x01\x05\x18", UnsealError::Invalid),
        (b"\x01\x05\x18\x00", UnsealError::Invalid),
        (b"\x01\x05\x18\x10a", UnsealError::Invalid),
    ];
    for (bytes, error) in refused {
        assert_eq!(unsealed(bytes).unwrap_err(), error, "{bytes:?}");
    }
    let mut long = b"\x01\x05\x08".to_vec();
    long.extend([b'a'; 257]);
    assert_eq!(unsealed(&long).unwrap_err(), UnsealError::Invalid);
    let refused = [
        (&b"\x01\x06"[..], UnsealError::Invalid),
        (b"\x01\x06\x10", UnsealError::Invalid),
        (b"\x01\x06\x08\x00", UnsealError::Invalid),
    ];
    for (bytes, error) in refused {
        assert_eq!(Deflate::unseal(Effort::TINY, bytes, vec![0; 512]).unwrap_err(), error);
    }
    let full = Deflate::unseal(Effort::TINY, &[1, 6, 8], vec![0; 9]).unwrap_err();
    assert!(matches!(full, UnsealError::StorageFull { needed: 512 }), "{full:?}");
}

/// What unseals seals to the same bytes, and takes any rest of the message; of the storage, it reads
/// nothing but the window.
fn judge(bytes: &[u8], payload: &[u8]) -> bool {
    let after = [0x00, 0xFF].map(|junk| {
        let mut it = Inflate::unseal(bytes, vec![junk; 256]).ok()?;
        assert_eq!(sealed(&it, CONTEXT), bytes, "{bytes:02x?}");
        Some(rest(&mut it, payload))
    });
    assert_eq!(after[0], after[1], "{bytes:02x?}");
    after[0].is_some()
}

#[test]
#[cfg_attr(reseal, ignore = "states of a text go on as binary, and are no states then")]
fn p21_changed_states_inside_a_message_are_judged() {
    let mut rng = fastrand::Rng::with_seed(19);
    let mut possible = 0;
    for (_, it, _) in states() {
        let seed = sealed(&it, CONTEXT);
        for _ in 0..20_000 {
            let mut bytes = seed.clone();
            for _ in 0..rng.usize(1..4) {
                // Most of them before the codes and the window.
                let end = if rng.bool() { bytes.len() } else { bytes.len().min(20) };
                let at = rng.usize(..end);
                match rng.u8(..6) {
                    0 => bytes.insert(at, rng.u8(..)),
                    1 if bytes.len() > 3 => drop(bytes.remove(at)),
                    2 => bytes[at] = rng.u8(..),
                    3 => bytes[at] = bytes[at].wrapping_add(1),
                    _ => bytes[at] ^= 1 << rng.u8(..8),
                }
            }
            let payload: Vec<u8> = (0..rng.usize(..40)).map(|_| rng.u8(..)).collect();
            possible +=
                u32::from(bytes.get(2).is_some_and(|it| it & 0xF == 8) && judge(&bytes, &payload));
        }
    }
    assert!(possible > 20_000, "{possible}");
}

#[test]
fn a_window_is_no_longer_than_that_of_the_context() {
    for (name, it, _) in states() {
        let mut bytes = sealed(&it, CONTEXT);
        bytes.extend([b'a'; 257]);
        let refused = Inflate::unseal(&bytes, vec![0; 256]).unwrap_err();
        assert_eq!(refused, UnsealError::Invalid, "{name}");
    }
}

/// Each of them is one step away from a state.
#[test]
fn what_is_refused_inside_a_message() {
    // Codes of "end of block" and of 257, a length of 3; of the distance 2.
    let lengths = |end: &str, three: &str, two: &str| {
        let none = "00".repeat(14);
        format!("01 {} {three}{end} {none} {two}0 {none}", "00".repeat(128))
    };
    let few = lengths("1", "1", "1");
    // All code lengths have codes of four or five bits, or only 1 and 18 have one.
    let (all, ones) = ("444444444444 54 5555 05", "10 0000000000000000 01");
    let long = format!("9f{}f09f", "61".repeat(253));
    let cases = [
        ("between messages", "02 05 08".to_owned()),
        ("inside of one in version 1", "01 05 48 00 00 00".to_owned()),
        ("no such state", "02 05 68 00 00 00".to_owned()),
        ("an error", "02 05 58 10".to_owned()),
        ("an unknown bit", "02 05 c8 00 00 00".to_owned()),
        ("nothing has come", "02 05 48 08 00 00".to_owned()),
        ("a whole header", "02 05 48 00 00 03 00".to_owned()),
        ("bits beyond their number", "02 05 48 00 00 02 04".to_owned()),
        ("64 bits", "02 05 48 06 01 40 0000000000000000 00 61".to_owned()),
        ("bits after the last block", "02 05 48 08 01 01 00 61".to_owned()),
        ("a length inside a byte", "02 05 48 01 00 04 00".to_owned()),
        ("a whole length", "02 05 48 01 00 20 0500faff".to_owned()),
        ("nothing is left", "02 05 48 02 02 00 00 4865".to_owned()),
        ("too much is left", "02 05 48 02 02 00 808004 4865".to_owned()),
        ("stored inside a byte", "02 05 48 02 02 04 00 03 4865".to_owned()),
        ("whole counts", "02 05 48 03 00 0e 0000".to_owned()),
        ("256 literals", "02 05 48 04 00 00 8002 01 04 00".to_owned()),
        ("287 literals", "02 05 48 04 00 00 9f02 01 04 00".to_owned()),
        ("0 distances", "02 05 48 04 00 00 8102 00 04 00".to_owned()),
        ("31 distances", "02 05 48 04 00 00 8102 1f 04 00".to_owned()),
        ("3 code lengths", "02 05 48 04 00 00 8102 01 03 00".to_owned()),
        ("20 code lengths", "02 05 48 04 00 00 8102 01 14 00".to_owned()),
        ("all code lengths", "02 05 48 04 00 00 8102 01 04 04 0000".to_owned()),
        ("a code length of 8", "02 05 48 04 00 00 8102 01 04 01 08".to_owned()),
        ("a second value", "02 05 48 04 00 00 8102 01 04 01 17".to_owned()),
        ("all lengths", format!("02 05 48 05 00 00 8102 01 8202 {all} {}", "88".repeat(129))),
        ("a code of 8 bits", "02 05 48 05 00 00 8102 01 00 21436587080000000000".to_owned()),
        ("an incomplete code", "02 05 48 05 00 00 8102 01 00 20000000000000000000".to_owned()),
        ("a length without a code", format!("02 05 48 05 00 00 8102 01 01 {ones} 02")),
        ("too few zeros", format!("02 05 48 05 00 00 8102 01 0b {ones} 010000000000")),
        ("codes of a third kind", "02 05 48 06 03 00 02 616263".to_owned()),
        ("no end of block", format!("02 05 48 06 03 00 {} 616263", lengths("0", "1", "1"))),
        ("a whole match", "02 05 48 06 03 0c 4000 00 616263".to_owned()),
        ("nothing of a match is left", "02 05 48 07 03 00 00 01 00 616263".to_owned()),
        ("259 bytes of it are left", "02 05 48 07 03 00 8302 01 00 616263".to_owned()),
        ("at the distance 0", "02 05 48 07 03 00 03 00 00 616263".to_owned()),
        ("before the window", "02 05 48 07 03 00 03 04 00 616263".to_owned()),
        ("before the window, at its start", "02 05 48 07 03 00 02 03 00 616263".to_owned()),
        ("before the message", "02 05 40 07 03 00 03 04 00 616263".to_owned()),
        ("a length without a code", format!("02 05 48 07 03 00 04 02 {few} 616263")),
        ("a distance without a code", format!("02 05 48 07 03 00 03 01 {few} 616263")),
        ("all of the tail", "02 05 48 82 05 20 03 6162636400".to_owned()),
        ("a header in the tail", "02 05 48 80 05 02 6162636400".to_owned()),
        ("more of the message than was received", "02 05 48 00 01 00".to_owned()),
        ("less than the message", "02 05 40 00 01 00 6161".to_owned()),
        ("another character", "02 05 48 26 03 03 00 00 61e29f".to_owned()),
        ("a text that begins inside a character", format!("02 05 48 26 8002 03 00 00 {long}")),
        ("a character before the message", "02 05 48 26 01 03 00 00 f09f".to_owned()),
    ];
    for (what, text) in cases {
        let refused = unsealed(&hex(&text));
        assert_eq!(refused.unwrap_err(), UnsealError::Invalid, "{what}");
    }
    // Their neighbours.
    for (what, text) in [
        ("a length with a code", format!("02 05 48 05 00 00 8102 01 01 {ones} 01")),
        ("eleven zeros", format!("02 05 48 05 00 00 8102 01 0c {ones} 010000000000")),
        ("a match", format!("02 05 48 07 03 00 03 02 {few} 616263")),
        ("a match of which a byte was copied", format!("02 05 48 07 03 00 02 02 {few} 616263")),
        ("the last byte of a match", "02 05 48 07 03 00 01 01 00 616263".to_owned()),
        ("a character", "02 05 48 26 02 03 00 00 f09f".to_owned()),
        ("a text that began before the window", format!("02 05 48 26 8102 03 00 00 {long}")),
    ] {
        assert!(unsealed(&hex(&text)).is_ok(), "{what}");
    }
}
