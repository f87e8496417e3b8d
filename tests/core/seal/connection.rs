//! Connections in each state, and their bytes.

use barews::{
    Client, CloseCode, Config, Connection, Error, Event, Input, Kind, MaskKeys, NoKey, Role,
    SealError, Server, State, UnsealError,
};

use super::{Golden, hex, to_hex};

pub(super) type Keys = fn() -> [u8; 4];

pub(crate) fn key() -> [u8; 4] {
    [1, 2, 3, 4]
}

pub(crate) fn sealed<R: Role>(ws: &Connection<R>) -> Vec<u8> {
    let mut out = [0xAA; 200];
    let len = ws.seal(&mut out).unwrap();
    assert!(len <= Connection::<R>::MAX_SEALED_LEN && out[len..].iter().all(|byte| *byte == 0xAA));
    for room in 0..len {
        assert_eq!(ws.seal(&mut out[..room]), Err(SealError::BufferTooSmall { needed: len }));
    }
    out[..len].to_vec()
}

/// Receives all of `bytes` from which an event comes, and returns the rest.
pub(crate) fn receive<R: Role>(ws: &mut Connection<R>, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    while !matches!(ws.receive(&mut input), Ok(Event::NeedMore(_)) | Err(_)) {}
    input.unread().to_vec()
}

/// A server with these options after a call.
fn server(config: Config, call: impl FnOnce(&mut Connection<Server>)) -> Vec<u8> {
    let mut ws = Connection::server(config);
    call(&mut ws);
    sealed(&ws)
}

fn client(config: Config, call: impl FnOnce(&mut Connection<Client<Keys>>)) -> Vec<u8> {
    let mut ws = Connection::client(config, key as Keys);
    call(&mut ws);
    sealed(&ws)
}

struct NoKeys;

impl MaskKeys for NoKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        Err(NoKey)
    }
}

/// A server's connection in each state, and its bytes in version 1. These never change: an older
/// build has sealed connections with them.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_server_of_version_1() {
    let on = Config::new();
    let off = on.auto_close(false).auto_fail(false).validate_sent_text(false);
    let mut out = [0; 300];
    let cases = [
        ("idle", on, server(on, |_| ()), "01 01 00"),
        (
            "idle after a message",
            on,
            server(on, |ws| drop(receive(ws, b"\x81\x81\0\0\0\0a"))),
            "01 01 00",
        ),
        (
            "inside the first frame of a text, inside a character",
            on,
            server(on, |ws| drop(receive(ws, b"\x01\xFE\x01\x2C\x05\x06\x07\x08ab\xE6"))),
            "01 01 06 08 01 ac02 a902 08050607",
        ),
        (
            "inside a message in one frame",
            on,
            server(on, |ws| drop(receive(ws, b"\x82\x83\x05\x06\x07\x08a"))),
            "01 01 06 81 03 02 06070805",
        ),
        (
            "after the header of a message",
            on,
            server(on, |ws| drop(receive(ws, b"\x82\x83\x05\x06\x07\x08"))),
            "01 01 06 c1 03 03 05060708",
        ),
        (
            "between two fragments",
            on,
            server(on, |ws| drop(receive(ws, b"\x02\x82\0\0\0\0ab\0\x80\0\0\0\0"))),
            "01 01 04 01 02 02",
        ),
        (
            "a Ping ahead of data",
            on,
            server(on, |ws| {
                let mut bytes = *b"\x81\x81\0\0\0\0a\x89\x81\0\0\0\0p";
                let mut input = Input::new(&mut bytes);
                assert!(matches!(ws.receive(&mut input), Ok(Event::Ping(_))));
            }),
            "01 01 12 0e 00 01 70",
        ),
        (
            "a Ping ahead of data, and of the second fragment",
            on,
            server(on, |ws| {
                let mut bytes = *b"\x01\x81\0\0\0\0a\0\x81\0\0\0\0b\x89\x80\0\0\0\0";
                let mut input = Input::new(&mut bytes);
                assert!(matches!(ws.receive(&mut input), Ok(Event::Ping(_))));
                assert!(matches!(ws.receive(&mut input), Ok(Event::Data(_))));
            }),
            "01 01 14 20 01 01 0d 01 02 02 00",
        ),
        (
            "invalid text, not reported",
            on,
            server(on, |ws| {
                let mut bytes = *b"\x81\x82\0\0\0\0a\xFF";
                assert!(matches!(ws.receive(&mut Input::new(&mut bytes)), Ok(Event::Data(_))));
            }),
            "01 01 08",
        ),
        ("failed", on, server(on, |ws| drop(receive(ws, b"\x81\x01a"))), "01 01 3e 0c"),
        (
            "failed, and the Close is held",
            off,
            server(off, |ws| drop(receive(ws, b"\x81\x01a"))),
            "01 01 2e 0c",
        ),
        (
            "failed, and the Close is sent",
            on,
            server(on, |ws| {
                _ = receive(ws, b"\x81\x01a");
                ws.transmit(&mut [0; 9]).unwrap();
            }),
            "01 01 4e 0c",
        ),
        (
            "the transport has ended",
            on,
            server(on, |ws| assert_eq!(ws.receive_eof(), Err(Error::UnexpectedEof))),
            "01 01 4e 25",
        ),
        (
            "the peer's Close",
            on,
            server(on, |ws| drop(receive(ws, b"\x88\x82\0\0\0\0\x03\xE9"))),
            "01 01 3a e907",
        ),
        (
            "the peer's Close without a code, and the end",
            on,
            server(on, |ws| {
                _ = receive(ws, b"\x88\x80\0\0\0\0");
                ws.receive_eof().unwrap();
            }),
            "01 01 3c 00",
        ),
        (
            "the peer's Close, and the caller replies",
            off,
            server(off, |ws| drop(receive(ws, b"\x88\x80\0\0\0\0"))),
            "01 01 0a",
        ),
        (
            "closed",
            on,
            server(on, |ws| {
                ws.send_close(CloseCode::NORMAL, "", &mut [0; 9]).unwrap();
                _ = receive(ws, b"\x88\x80\0\0\0\0");
            }),
            "01 01 4a",
        ),
        (
            "this side's Close is sent",
            on,
            server(on, |ws| _ = ws.send_close(CloseCode::NORMAL, "", &mut [0; 9])),
            "01 01 40",
        ),
        (
            "a text to send, inside a character",
            on,
            server(on, |ws| _ = ws.send_fragment(Kind::Text, false, b"a\xC3", &mut [0; 9])),
            "01 01 80 0c",
        ),
        (
            "a text to send that is not checked",
            off,
            server(off, |ws| _ = ws.send_fragment(Kind::Text, false, b"a\xC3", &mut [0; 9])),
            "01 01 80 00",
        ),
        (
            "a frame to send",
            on,
            server(on, |ws| _ = ws.begin_frame(Kind::Binary, true, 300)),
            "01 01 80 c1 ac02",
        ),
    ];
    let mut states = Golden::default();
    for (name, config, bytes, golden) in cases {
        states.check(name, &bytes, golden);
        let again = Connection::unseal_server(config, &bytes).expect(name);
        assert_eq!(sealed(&again), bytes, "{name}");
    }
    states.end();
    let mut ws = Connection::unseal_server(on, &hex("01 01 12 0e 00 01 70")).unwrap();
    let n = ws.transmit(&mut out).unwrap();
    assert_eq!(out[..n], *b"\x8A\x01p");
}

#[test]
fn a_client_of_version_1() {
    let on = Config::new();
    let cases = [
        ("idle", client(on, |_| ()), "01 00 00"),
        ("inside a frame", client(on, |ws| drop(receive(ws, b"\x82\x03a"))), "01 00 06 81 03 02"),
        (
            "a frame to send",
            client(on, |ws| {
                ws.begin_frame(Kind::Text, false, 5).unwrap();
                ws.mask_next(&mut [b'a']).unwrap();
            }),
            "01 00 80 44 04 02030401",
        ),
    ];
    let mut states = Golden::default();
    for (name, bytes, golden) in cases {
        states.check(name, &bytes, golden);
        let again = Connection::unseal_client(on, key as Keys, &bytes).expect(name);
        assert_eq!(sealed(&again), bytes, "{name}");
    }
    states.end();
    let mut broken = Connection::client(on, NoKeys);
    _ = receive(&mut broken, b"\x89\x01p");
    broken.transmit(&mut [0; 20]).unwrap_err();
    assert_eq!(to_hex(&sealed(&broken)), "010050");
    let mut again = Connection::unseal_client(on, NoKeys, &hex("01 00 50")).unwrap();
    assert!(!again.wants_write() && again.state() == State::Open);
    again.transmit(&mut [0; 20]).unwrap_err();
}

#[cfg(feature = "deflate")]
#[test]
fn compression_is_negotiated_once() {
    use barews::frame::Compressed;

    let config = Config::new().deflate(true);
    let bytes = server(config, |ws| {
        _ = receive(ws, b"\x41\x82\0\0\0\0a");
        _ = ws.send_fragment(Compressed(Kind::Text), false, b"\xFF", &mut [0; 9]);
    });
    assert_eq!(to_hex(&bytes), to_hex(&hex("01 01 87 02 01 02 01 00000000 02")));
    // It is known from the sealed state.
    let mut again = Connection::unseal_server(Config::new(), &bytes).unwrap();
    assert_eq!(sealed(&again), bytes);
    assert!(again.send_fragment(Compressed(Kind::Text), true, b"", &mut [0; 9]).is_ok());
    let idle = server(config, |_| ());
    assert_eq!(to_hex(&idle), "010101");
}

#[test]
fn an_idle_connection_is_3_bytes_and_the_longest_200() {
    assert_eq!(sealed(&Connection::server(Config::new())).len(), 3);
    const { assert!(Connection::<Server>::MAX_SEALED_LEN <= 200) }

    // A Pong of 125 bytes, a long frame in each direction, and a Ping far ahead.
    let config = Config::proxy().control_order(barews::ControlOrder::Ahead).auto_pong(true);
    let mut bytes = b"\x02\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0".to_vec();
    let mut ws = Connection::server(config);
    ws.begin_frame(Kind::Binary, false, u64::MAX >> 1).unwrap();
    bytes.push(b'a');
    _ = receive(&mut ws, &bytes);
    let len = sealed(&ws).len();
    assert!((20..60).contains(&len), "{len}");
}

/// A limit that the state exceeds is an error, and so is a Close that nobody would send.
#[test]
fn the_new_options_are_checked() {
    let on = Config::new();
    let in_frame = hex("01 01 06 81 03 02 06070805");
    let between = hex("01 01 04 01 02 02");
    let ahead = hex("01 01 14 20 01 01 0d 01 02 02 00");
    let cases = [
        (&in_frame, on.max_message_len(2)),
        (&in_frame, on.max_frame_len(1)),
        (&in_frame, on.delivery(barews::Delivery::Frames)),
        (&between, on.max_fragments(1)),
        (&between, on.max_message_len(1)),
        (&between, on.max_frame_len(0)),
        (&ahead, on.max_fragments(1)),
        (&hex("01 01 0a"), on),
        (&hex("01 01 2e 0c"), on),
        (&hex("01 01 80 00"), on),
        (&hex("01 01 80 0c"), on.validate_sent_text(false)),
    ];
    for (bytes, config) in cases {
        let error = Connection::unseal_server(config, bytes).unwrap_err();
        assert_eq!(error, UnsealError::Config, "{}", to_hex(bytes));
    }
    let least = on.max_message_len(3).max_frame_len(2);
    assert!(Connection::unseal_server(least, &in_frame).is_ok());
    let least = on.max_message_len(2).max_frame_len(1).max_fragments(2);
    assert!(Connection::unseal_server(least, &between).is_ok());
    assert!(Connection::unseal_server(on.max_fragments(u32::MAX), &between).is_ok());
}

/// No more of a message can be sent after the Close, so it is not part of the state.
#[test]
fn a_message_that_a_close_has_cut_off_is_forgotten() {
    let closed = |begin: &[u8]| {
        server(Config::new(), |ws| {
            let mut out = [0; 64];
            if !begin.is_empty() {
                ws.send_fragment(Kind::Text, false, begin, &mut out).unwrap();
            }
            ws.send_close(CloseCode::NORMAL, "", &mut out).unwrap();
        })
    };
    assert_eq!(to_hex(&closed(b"cut off")), to_hex(&closed(b"")));
    let restored = Connection::unseal_server(Config::new(), &closed(b"cut off")).unwrap();
    assert_eq!(restored.state(), State::LocalClosed);
    assert!(!restored.is_sending_message());
}
