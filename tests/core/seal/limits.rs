//! The limits of what is judged: one step further, the bytes are no state.

use barews::keepalive::Keepalive;
use barews::{
    Assembler, Client, Config, Connection, ControlOrder, Event, Input, SealError, Server,
    UnsealError,
};

use super::connection::{Keys, sealed};
use super::{hex, to_hex};

/// Seven bits per byte, the lowest first.
fn int(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n.to_le_bytes()[0] | 0x80);
        n >>= 7;
    }
    bytes.push(n.to_le_bytes()[0]);
    bytes
}

fn unseal(config: Config, bytes: &[u8]) -> Result<(), UnsealError> {
    let ws = Connection::unseal_server(config, bytes)?;
    assert_eq!(to_hex(&sealed(&ws)), to_hex(bytes));
    Ok(())
}

const INVALID: Result<(), UnsealError> = Err(UnsealError::Invalid);

/// Buffers of these lengths are in the programs of others.
#[test]
fn the_longest_states_are_this_long() {
    assert_eq!(Connection::<Server>::MAX_SEALED_LEN, 199);
    assert_eq!(Connection::<Client<Keys>>::MAX_SEALED_LEN, 199);
    assert_eq!(Keepalive::MAX_SEALED_LEN, 33);
}

/// Only messages without a limit are longer than 2^63 bytes.
#[test]
fn an_integer_has_up_to_64_bits() {
    for len in [1 << 14, (1 << 63) - 1, 1 << 63, u64::MAX] {
        let bytes = [hex("01 01 04 01 03"), int(len)].concat();
        assert_eq!(unseal(Config::proxy(), &bytes), Ok(()), "{len}");
    }
    assert_eq!(unseal(Config::proxy(), &hex("01 01 04 01 03 ffffffffffffffffff02")), INVALID);
}

/// What has been read ahead takes as many bytes as its frames: at least 6 each from a client.
#[test]
fn the_look_ahead_is_as_far_as_its_frames_are_long() {
    let config = Config::new();
    let cases: [(&str, u64, &str); 7] = [
        // No message is open. At the later header none is either, or one with a frame of 5 bytes.
        ("01 01 02", 6, "00"),
        ("01 01 02", 6 + 5, "01 01 05"),
        // Inside a text of one frame with 2 bytes: after a Ping, a frame with one byte more ...
        ("01 01 04 20 01 02", 6, "01 01 02"),
        ("01 01 04 20 01 02", 6 + 1, "01 02 03"),
        // ... and after its end in another message, with the same progress but another kind, with as many
        // frames but more bytes, and with fewer of both.
        ("01 01 04 20 01 02", 6 + 2 * 6 + 3, "03 02 03"),
        ("01 01 04 20 01 02", 6 + 6 + 3, "01 01 03"),
        ("01 01 04 20 02 02", 6 + 6 + 1, "01 01 01"),
    ];
    for (wire, ahead, progress) in cases {
        let at = |ahead| [hex(wire), int(ahead), hex(progress)].concat();
        assert_eq!(unseal(config, &at(ahead)), Ok(()), "{wire} {progress}");
        assert_eq!(unseal(config, &at(ahead - 1)), INVALID, "{wire} {progress}");
    }
}

/// A look-ahead that has stopped, at a fault or a Close, is as far as no frame can be, at most 2^48
/// bytes of memory beyond it. Without one, that is not allowed.
#[test]
fn a_stopped_look_ahead() {
    const STOPPED: u64 = 1 << 63;
    let ahead = Config::proxy().control_order(ControlOrder::Ahead);
    let wire = Config::proxy().control_order(ControlOrder::Wire);
    let at = |ahead| [hex("01 01 02"), int(ahead), vec![0]].concat();
    for (to, with_ahead, without) in [
        (6, Ok(()), Ok(())),
        (STOPPED - 1, Ok(()), Ok(())),
        (STOPPED, Ok(()), Err(UnsealError::Config)),
        (STOPPED + (1 << 48), Ok(()), Err(UnsealError::Config)),
        (STOPPED + (1 << 48) + 1, INVALID, INVALID),
    ] {
        assert_eq!(unseal(ahead, &at(to)), with_ahead, "{to}");
        assert_eq!(unseal(wire, &at(to)), without, "{to}");
    }
}

#[test]
fn compression_without_the_feature_is_refused() {
    let expected = if cfg!(feature = "deflate") { Ok(()) } else { Err(UnsealError::Config) };
    assert_eq!(unseal(Config::new(), &hex("01 01 01")), expected);
}

/// Fragments without a byte leave nothing delivered, although the frame is not the first one.
#[test]
fn a_frame_after_empty_fragments() {
    for state in ["01 01 06 80 03 03 00000000", "01 01 06 00 02 03 03 00000000"] {
        assert_eq!(unseal(Config::new(), &hex(state)), Ok(()), "{state}");
    }
    assert_eq!(unseal(Config::new(), &hex("01 01 06 00 01 03 03 00000000")), INVALID);
}

#[test]
fn an_assembler_is_its_bytes() {
    let mut received = *b"\x01\x03Hel";
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let Ok(Event::Data(data)) = ws.receive(&mut Input::new(&mut received)) else { panic!() };
    let mut messages = Assembler::new([0; 8]);
    assert_eq!(messages.push(&data), Ok(None));
    let mut out = [0; 8];
    assert_eq!(messages.seal(&mut out[..4]), Err(SealError::BufferTooSmall { needed: 5 }));
    assert_eq!(messages.seal(&mut out), Ok(5));
    assert_eq!(out[..5], *b"\x01\x07Hel");
    let again = Assembler::unseal(&out[..5], [0; 3]).unwrap();
    assert_eq!(again.len(), 3);
    let full = Assembler::unseal(&out[..5], [0; 2]).unwrap_err();
    assert_eq!(full, UnsealError::StorageFull { needed: 3 });
    assert_eq!(Assembler::unseal(b"\x01\x06Hel", [0; 3]).unwrap_err(), UnsealError::OtherType);
}
