//! Any bytes: no panic, no state that cannot be reached, and one encoding of each.

use barews::keepalive::{Keepalive, Timeouts};
use barews::{Config, Connection, ControlOrder, SealError, UnsealError};
use std::num::NonZero;
use std::time::Duration;

use super::connection::{key, sealed};
use super::{hex, to_hex};

/// Options that allow all states.
fn any_config() -> [Config; 2] {
    let config = Config::proxy().control_order(ControlOrder::Ahead);
    [config, config.validate_sent_text(false)]
}

fn judge(bytes: &[u8]) -> bool {
    let mut is_state = false;
    for config in any_config() {
        if let Ok(ws) = Connection::unseal_server(config, bytes) {
            assert_eq!(to_hex(&sealed(&ws)), to_hex(bytes));
            is_state = true;
        }
        if let Ok(ws) = Connection::unseal_client(config, key, bytes) {
            assert_eq!(to_hex(&sealed(&ws)), to_hex(bytes));
            is_state = true;
        }
    }
    let timeouts = Timeouts::none().message_rate(NonZero::<u32>::MAX);
    let now = Duration::from_millis(1 << 50);
    if let Ok(keepalive) = Keepalive::unseal(timeouts, bytes, now) {
        let mut out = [0; Keepalive::MAX_SEALED_LEN];
        let n = keepalive.seal(now, &mut out).unwrap();
        assert_eq!(to_hex(&out[..n]), to_hex(bytes));
        is_state = true;
    }
    is_state
}

#[test]
fn every_short_string_is_judged() {
    let mut states = 0;
    for what in 0..=7 {
        for body in 0..=u16::MAX {
            let [a, b] = body.to_be_bytes();
            states += u32::from(judge(&[1, what, a, b]));
            if b == 0 {
                states += u32::from(judge(&[1, what, a]));
            }
        }
    }
    // Many of them are compressed.
    let least = if cfg!(feature = "deflate") { 500 } else { 400 };
    assert!(states > least, "{states}");
}

/// Sealed states of version 1, with a few bytes changed, inserted or removed.
#[test]
fn every_mutation_is_judged() {
    let seeds = [
        "010106 08 01ac02 a902 06070805",
        "010106 81 03 02 06070805",
        "010114 20 01 01 0d 01 02 02 00",
        "0101 12 0e 00 01 70",
        "0101 87 42 01 02 01 00000000 02",
        "0100 80 44 04 02030401",
        "0101 16 30 03 8080808010 01 00000000 ffffffffffffffff7f 07 ffffffff0f 80808080808080807f 02 6162",
        "0104 11 07 e0d403 c0a907 8827 05",
    ];
    let mut rng = fastrand::Rng::with_seed(19);
    let mut states = 0;
    for seed in seeds {
        for _ in 0..20_000 {
            let mut bytes = hex(seed);
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..bytes.len());
                match rng.u8(..6) {
                    0 => bytes.insert(at, rng.u8(..)),
                    1 if bytes.len() > 3 => drop(bytes.remove(at)),
                    2 => bytes[at] = rng.u8(..),
                    3 => bytes[at] = bytes[at].wrapping_add(1),
                    _ => bytes[at] ^= 1 << rng.u8(..8),
                }
            }
            states += u32::from(judge(&bytes));
        }
    }
    assert!(states > 10_000, "{states}");
}

#[test]
fn what_is_refused() {
    use UnsealError::{Config as Unsupported, Invalid, OtherType, Version};
    let in_compressed_text = if cfg!(feature = "deflate") { Invalid } else { Unsupported };
    let cases = [
        ("", Invalid),
        ("01", Invalid),
        ("00 01 00", Version),
        ("02 01 00", Version),
        ("01 00 00", OtherType),
        ("01 03 00", OtherType),
        ("01 01", Invalid),
        ("01 01 00 00", Invalid),
        // The same integer in more bytes, and one beyond 64 bits.
        ("01 01 06 81 8300 02 00000000", Invalid),
        ("01 01 06 81 ffffffffffffffffff02 02 00000000", Invalid),
        ("01 01 06 81 ffffffffffffffffffff01 02 00000000", Invalid),
        // Nothing of the frame is left, or more than its message.
        ("01 01 06 81 03 00 00000000", Invalid),
        ("01 01 06 81 03 04 00000000", Invalid),
        // The first chunk was delivered, or was not.
        ("01 01 06 c1 03 02 00000000", Invalid),
        ("01 01 06 01 0103 03 00000000", Invalid),
        ("01 01 06 41 0203 03 00000000", Invalid),
        // A character without bytes, in binary data, or in compressed text.
        ("01 01 06 88 03 03 00000000", Invalid),
        ("01 01 04 09 01 02", Invalid),
        ("01 01 05 0a 01 02", in_compressed_text),
        ("01 01 04 00 00 00", Invalid),
        // Compression was not negotiated.
        ("01 01 04 02 01 02", Invalid),
        ("01 01 80 02", Invalid),
        // The look-ahead is inside a frame, or beyond all lengths.
        ("01 01 02 05 00", Invalid),
        ("01 01 02 08 01 01 05", Invalid),
        ("01 01 02 06 02", Invalid),
        ("01 01 06 a1 03 02 00000000 ffffffffffffffffff01 00", Invalid),
        // The peer's error, and no Close; the end, and a Close; a code that nobody sends.
        ("01 01 0e 0c", Invalid),
        ("01 01 4e 24", Invalid),
        ("01 01 3e 25", Invalid),
        ("01 01 2e 25", Invalid),
        ("01 01 4e 26", Invalid),
        ("01 01 3a ed07", Invalid),
        ("01 01 30", Invalid),
        ("01 01 20", Invalid),
        ("01 01 60", Invalid),
        // A server needs no key.
        ("01 01 50", Invalid),
        // A Pong of 126 bytes, or cut.
        ("01 01 10 7e", Invalid),
        ("01 01 10 02 61", Invalid),
        // A message that cannot go on; a frame without a byte, too long; FIN without a frame.
        ("01 01 c0 41 05", Invalid),
        ("01 01 80 41 00", Invalid),
        ("01 01 80 41 80808080808080808001", Invalid),
        ("01 01 80 81", Invalid),
        ("01 01 80 05", Invalid),
        ("01 01 80 08", Invalid),
        ("01 01 ba 00 01", Invalid),
    ];
    for (text, error) in cases {
        let refused = Connection::unseal_server(Config::proxy(), &hex(text)).unwrap_err();
        assert_eq!(refused, error, "{text}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    for (error, text) in [
        (UnsealError::Version, "the sealed state has an unknown version"),
        (UnsealError::OtherType, "the sealed state is that of another type or role"),
        (UnsealError::Invalid, "the sealed state is invalid"),
        (UnsealError::Config, "the sealed state does not comply with the options"),
        (UnsealError::StorageFull { needed: 9 }, "the storage is too short: 9 bytes are needed"),
    ] {
        assert_eq!(error.to_string(), text);
    }
    for (error, text) in [
        (
            SealError::BufferTooSmall { needed: 9 },
            "the output slice is too short: 9 bytes are needed",
        ),
        (SealError::NotOpen, "the session is not open"),
        (SealError::MessageInProgress, "a message is being compressed"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
